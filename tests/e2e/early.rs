//! Responses that come before the request's body has ended.
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Result, ensure};
use lab::{Client, Setup};

const HEAD: &str = "POST /early HTTP/1.1\r\nhost: lab\r\n";
const SECOND: &str = "GET /second HTTP/1.1\r\nhost: lab\r\n\r\n";

/// What the client does once it has the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Sends what is left of the body, then another request.
    Sends(&'static str),
    /// Sends something that is not what is left of the body.
    Breaks(&'static str),
    /// Neither sends nor closes.
    Waits,
    Closes,
}

/// What the server does once it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    ReadsOn,
    Closes,
}

struct Case {
    /// The request's header and the part of the body that comes first.
    begun: &'static str,
    then: Then,
    answer: &'static str,
    server: Server,
    /// The termination state in the log.
    state: &'static str,
}

const SIZED: &str = "content-length: 10\r\n\r\n01234";
const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n5\r\n01234\r\n";
const CHUNKS: &str = "5\r\n56789\r\n0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const REFUSED: &str = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

#[rustfmt::skip]
const CASES: [Case; 10] = [
    Case { begun: SIZED, then: Then::Sends("56789"), answer: OK, server: Server::ReadsOn, state: "----" },
    Case { begun: SIZED, then: Then::Sends("56789"), answer: REFUSED, server: Server::ReadsOn, state: "----" },
    Case { begun: SIZED, then: Then::Sends("56789"), answer: REFUSED, server: Server::Closes, state: "----" },
    Case { begun: CHUNKED, then: Then::Sends(CHUNKS), answer: OK, server: Server::ReadsOn, state: "----" },
    Case { begun: CHUNKED, then: Then::Sends(CHUNKS), answer: OK, server: Server::Closes, state: "----" },
    Case { begun: SIZED, then: Then::Waits, answer: REFUSED, server: Server::Closes, state: "cD--" },
    Case { begun: CHUNKED, then: Then::Waits, answer: OK, server: Server::Closes, state: "cD--" },
    Case { begun: SIZED, then: Then::Closes, answer: OK, server: Server::ReadsOn, state: "CD--" },
    Case { begun: CHUNKED, then: Then::Closes, answer: OK, server: Server::ReadsOn, state: "CD--" },
    Case { begun: CHUNKED, then: Then::Breaks("zz\r\n"), answer: OK, server: Server::ReadsOn, state: "PD--" },
];

#[test]
fn what_is_left_of_the_request_is_forwarded_before_the_next_one() -> Result<()> {
    for case in &CASES {
        let label = format!("{:?} after {:?}, server {:?}", case.then, case.begun, case.server);
        play(case).map_err(|error| error.context(label))?;
    }
    Ok(())
}

fn play(case: &Case) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let lb = Setup::new(configuration(listener.local_addr()?))
        .listen("web")?
        .start()?;
    let (answer, server) = (case.answer, case.server);
    // It ends with the balancer's last connection, or with the test.
    thread::spawn(move || serve(&listener, answer, server));
    let mut client = Client::connect(lb.address("web")?)?;
    client.send(format!("{HEAD}{}", case.begun))?;
    let response = client.response()?;
    ensure!(response.text() == "ok", "answered {response:?}");
    match case.then {
        Then::Sends(rest) => {
            client.send(format!("{rest}{SECOND}"))?;
            ensure!(client.response()?.text() == "two", "the second request");
        }
        Then::Breaks(rest) => client.send(rest)?,
        Then::Closes => client.finish()?,
        Then::Waits => {}
    }
    let line = lb.log_line(&["POST /early"])?;
    ensure!(line.contains(case.state), "{} in {line}", case.state);
    if !matches!(case.then, Then::Sends(_)) {
        ensure!(client.to_end()?.is_empty(), "more than one response");
    }
    Ok(())
}

fn configuration(server: SocketAddr) -> String {
    format!(
        "global
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 500ms
    timeout server 5s
listen web
    bind \"fd@${{web}}\"
    server only {server}"
    )
}

/// Answers early to the first request, and in time to the second, whichever connection that comes on.
fn serve(listener: &TcpListener, answer: &str, server: Server) -> Result<()> {
    loop {
        let (mut connection, _) = listener.accept()?;
        // A connection that the balancer resets has said what it had to.
        let _ = converse(&mut connection, answer, server);
    }
}

fn converse(connection: &mut TcpStream, answer: &str, server: Server) -> Result<()> {
    let mut received = Vec::new();
    let mut room = [0; 1024];
    let mut is_answered = false;
    loop {
        let length = connection.read(&mut room)?;
        if length == 0 {
            return Ok(());
        }
        received.extend_from_slice(&room[..length]);
        let has = |part: &str| received.windows(part.len()).any(|window| window == part.as_bytes());
        if has("GET /second") {
            return Ok(connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo")?);
        }
        if has("01234") && !is_answered {
            connection.write_all(answer.as_bytes())?;
            is_answered = true;
            if server == Server::Closes {
                return Ok(connection.shutdown(Shutdown::Both)?);
            }
        }
    }
}
