//! Servers and clients that break off, in each phase.
use anyhow::Result;

use super::{Scene, compare};

const LOG: &str = "    mode http\n    log-format \"LINE %b/%s %ST %tsc %rc %{+Q}r\"";

const SERVED: Scene = Scene {
    frontend: LOG,
    backend: "    mode http\n    server s1 SERVER",
    ..Scene::HTTP
};

#[test]
fn a_server_that_breaks_off_is_told_of() -> Result<()> {
    let served = |name, server| Scene { name, server, ..SERVED };
    compare(&[
        served("nothing", &["CLOSE"]),
        served("reset", &["RESET"]),
        served("half a status line", &["HTTP/1.1 20CLOSE"]),
        served("half a head", &["HTTP/1.1 200 OK\r\nserver: xCLOSE"]),
        served("half a head, reset", &["HTTP/1.1 200 OK\r\nserver: xRESET"]),
        served("half a body", &["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nokCLOSE"]),
        served(
            "no last chunk",
            &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nCLOSE"],
        ),
        served("end of body by closing", &["HTTP/1.1 200 OK\r\n\r\nokCLOSE"]),
        served("100 and no more", &["HTTP/1.1 100 Continue\r\n\r\nCLOSE"]),
        served("no HTTP", &["SSH-2.0-OpenSSH\r\nCLOSE"]),
        served("a bad status", &["HTTP/1.1 2x0 OK\r\n\r\nCLOSE"]),
        served("a bad header", &["HTTP/1.1 200 OK\r\nbad header: x\r\n\r\nCLOSE"]),
        served(
            "two lengths",
            &["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nokCLOSE"],
        ),
        Scene {
            backend: "    mode http\n    server s1 127.0.0.1:1",
            ..served("refused", &[])
        },
        Scene {
            backend: "    mode http\n    timeout server 300ms\n    server s1 SERVER",
            ..served("silence", &["HTTP/1.1 20"])
        },
        Scene {
            backend: "    mode http\n    timeout server 300ms\n    server s1 SERVER",
            ..served(
                "silence in the body",
                &["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok"],
            )
        },
    ])
}

#[test]
fn a_client_that_breaks_off_is_told_of() -> Result<()> {
    let asked = |name, clients| Scene {
        name,
        clients,
        ..SERVED
    };
    compare(&[
        asked("half a line", &["GET / HTFIN"]),
        asked("half a head", &["GET / HTTP/1.1\r\nhost: lFIN"]),
        asked("no HTTP", &["\u{1}\u{2}\u{3}\r\n\r\n"]),
        asked("a bad version", &["GET / HTTP/9.9.9\r\n\r\n"]),
        asked("a space before the colon", &["GET / HTTP/1.1\r\nhost : lab\r\n\r\n"]),
        asked("no host", &["GET / HTTP/1.1\r\nconnection: close\r\n\r\n"]),
        asked(
            "a bad length",
            &["POST / HTTP/1.1\r\nhost: lab\r\ncontent-length: x\r\n\r\n"],
        ),
        asked(
            "end before the answer",
            &["GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\nFIN"],
        ),
    ])
}

/// Every connection of `accept-proxy` opens with a header; what does not is reset.
#[test]
fn proxy_headers_are_read_or_refused() -> Result<()> {
    const GET: &str = "GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n";
    macro_rules! get {
        ($header:literal) => {
            concat!(
                $header,
                "GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n"
            )
        };
    }
    let proxied = |name, clients| Scene {
        name,
        bind: "accept-proxy",
        frontend: "    mode http\n    log-format \"LINE %ci:%cp %b/%s %ST %tsc %rc %{+Q}r\"",
        clients,
        ..SERVED
    };
    let refused = |name, clients| Scene {
        lines: 0,
        server: &[],
        ..proxied(name, clients)
    };
    compare(&[
        proxied("v1", &[get!("PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n")]),
        proxied("v1 IPv6", &[get!("PROXY TCP6 2001:db8::1 2001:db8::2 1000 80\r\n")]),
        refused("none", &[GET]),
        refused(
            "v1 of another family",
            &[get!("PROXY TCP6 192.0.2.1 192.0.2.2 1000 80\r\n")],
        ),
        refused("v1 without ports", &[get!("PROXY TCP4 192.0.2.1 192.0.2.2\r\n")]),
        refused("v1 without an end", &["PROXY TCP4 192.0.2.1 192.0.2.2 1000 80FIN"]),
        refused("another word", &[get!("PROXZ TCP4 192.0.2.1 192.0.2.2 1000 80\r\n")]),
        refused("v2 of another version", &["\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0FIN"]),
        refused("v2 cut short", &["\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c1234FIN"]),
    ])
}
