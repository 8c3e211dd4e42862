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

/// Rules over a stream's bytes may ask for what an HTTP message would have (manual 7.3.6).
#[test]
fn content_rules_see_http_in_raw_bytes() -> Result<()> {
    macro_rules! content {
        ($rules:literal) => {
            concat!(
                "    mode tcp\n    log-format \"LINE %b/%s %ts %rc\"\n    tcp-request inspect-delay 400ms\n",
                $rules
            )
        };
    }
    const GET: &str = "GET /path?a=b HTTP/1.1\r\nHost: lab\r\nX: 1, 2\r\nCookie: c=d\r\n\r\n";
    let front = |name, frontend, clients| Scene {
        name,
        frontend,
        clients,
        server: &["worldCLOSE"],
        ..STREAM
    };
    let refused = |name, frontend, clients| Scene {
        server: &[],
        ..front(name, frontend, clients)
    };
    compare(&[
        refused(
            "path",
            content!("    tcp-request content reject if { path /path }"),
            &[GET],
        ),
        front(
            "another path",
            content!("    tcp-request content reject if { path /other }"),
            &[GET],
        ),
        refused("method", content!("    tcp-request content reject if METH_GET"), &[GET]),
        refused(
            "header",
            content!("    tcp-request content reject if { req.hdr(x) 2 }"),
            &[GET],
        ),
        refused(
            "hdr",
            content!("    tcp-request content reject if { hdr(host) lab }"),
            &[GET],
        ),
        refused(
            "url",
            content!("    tcp-request content reject if { url /path?a=b }"),
            &[GET],
        ),
        refused(
            "parameter",
            content!("    tcp-request content reject if { urlp(a) b }"),
            &[GET],
        ),
        refused(
            "cookie",
            content!("    tcp-request content reject if { req.cook(c) d }"),
            &[GET],
        ),
        refused("protocol", content!("    tcp-request content reject if HTTP"), &[GET]),
        refused(
            "version",
            content!("    tcp-request content reject if HTTP_1.1"),
            &[GET],
        ),
        front(
            "no HTTP",
            content!("    tcp-request content reject unless { path -m found }"),
            &["\0\u{1}binary\r\n\r\n"],
        ),
        front(
            "half a head",
            content!("    tcp-request content accept if { path /path }\n    tcp-request content reject"),
            &["GET /path HTTP/1.1\r\nHost"],
        ),
        front(
            "half a head, closed",
            content!("    tcp-request content accept if { path /path }\n    tcp-request content reject"),
            &["GET /path HTTP/1.1\r\nHostFIN"],
        ),
        Scene {
            backend: "    mode tcp\n    server s1 SERVER\nbackend none\n    mode tcp",
            server: &[],
            ..front(
                "a backend for a path",
                content!("    tcp-request content accept if HTTP\n    use_backend none if { path /path }"),
                &[GET],
            )
        },
        Scene {
            backend: "    mode tcp\n    balance hdr(host)\n    use-server s2 if { path /path }\n    server s1 SERVER\n    server s2 SERVER",
            ..front(
                "a server for a path",
                content!("    tcp-request content accept if HTTP"),
                &[GET],
            )
        },
        Scene {
            backend: "    mode tcp\n    tcp-response inspect-delay 400ms\n    tcp-response content reject if { status 404 }\n    server s1 SERVER",
            server: &["HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\nCLOSE"],
            ..front("status", content!("    tcp-request content accept"), &[GET])
        },
        Scene {
            backend: "    mode tcp\n    tcp-response inspect-delay 400ms\n    tcp-response content reject if { res.hdr(x) y }\n    server s1 SERVER",
            server: &["HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 0\r\n\r\nCLOSE"],
            ..front("response header", content!("    tcp-request content accept"), &[GET])
        },
    ])
}
