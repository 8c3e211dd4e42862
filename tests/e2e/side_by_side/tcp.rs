//! Streams of bytes.
use anyhow::Result;
use lab::Client;

use super::{Scene, Server, both, compare};

const STREAM: Scene = Scene {
    frontend: "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"",
    backend: "    mode tcp\n    server s1 SERVER",
    clients: &["hello"],
    server: &["world"],
    lines: 1,
    ..Scene::HTTP
};

#[test]
fn timeouts_end_streams_from_the_side_that_is_silent() -> Result<()> {
    let silent = |name, frontend, backend| Scene {
        name,
        frontend,
        backend,
        ..STREAM
    };
    compare(&[
        silent(
            "client",
            "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"\n    timeout client 300ms",
            "    mode tcp\n    server s1 SERVER",
        ),
        silent(
            "server",
            "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"",
            "    mode tcp\n    timeout server 300ms\n    server s1 SERVER",
        ),
        silent(
            "tunnel",
            "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"",
            "    mode tcp\n    timeout tunnel 300ms\n    server s1 SERVER",
        ),
        silent(
            "tunnel with a short server",
            "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"",
            "    mode tcp\n    timeout tunnel 600ms\n    timeout server 300ms\n    server s1 SERVER",
        ),
    ])
}

#[test]
fn half_closed_streams_have_timeouts_of_their_own() -> Result<()> {
    let closed = |name, frontend, backend| Scene {
        name,
        frontend,
        backend,
        server: &["worldFIN"],
        ..STREAM
    };
    compare(&[
        closed(
            "client-fin",
            "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"\n    timeout client-fin 300ms",
            "    mode tcp\n    server s1 SERVER",
        ),
        closed(
            "client-fin before tunnel",
            "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"\n    timeout client-fin 300ms",
            "    mode tcp\n    timeout tunnel 1h\n    server s1 SERVER",
        ),
        Scene {
            clients: &["helloFIN"],
            server: &["world"],
            ..closed(
                "server-fin",
                "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"",
                "    mode tcp\n    timeout server-fin 300ms\n    timeout tunnel 1h\n    server s1 SERVER",
            )
        },
    ])
}

#[test]
fn a_stream_is_logged_once_its_server_is_reached() -> Result<()> {
    compare(&[Scene {
        name: "logasap",
        frontend: "    mode tcp\n    option logasap\n    log-format \"LINE %b/%s %ts %rc %B %Tt\"",
        server: &["worldCLOSE"],
        ..STREAM
    }])
}

#[test]
fn sessions_end_when_their_server_goes_or_a_better_one_comes() -> Result<()> {
    for (backend, command) in [
        (
            "    mode tcp\n    server s1 SERVER on-marked-down shutdown-sessions",
            "disable server back/s1",
        ),
        (
            "    mode tcp\n    server s0 127.0.0.1:1 disabled on-marked-up shutdown-backup-sessions\n    server s1 SERVER backup",
            "enable server back/s0",
        ),
    ] {
        let scene = Scene { backend, ..STREAM };
        let story = |program: Option<&str>| -> Result<String> {
            let server = Server::start(scene.server)?;
            let balancer = scene.balancer(program, server.address)?;
            let mut client = Client::connect(balancer.address("web")?)?;
            client.send("hello")?;
            client.exactly("world".len())?;
            balancer.ask(command)?;
            // Whether by an orderly end or a reset.
            let _ = client.to_end();
            balancer.log_line(&["LINE back/s1"])
        };
        if let Some([ours, peers]) = both(story)? {
            assert_eq!(ours, peers, "{command}");
        }
    }
    Ok(())
}
