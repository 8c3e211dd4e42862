//! Driving probes over sockets: one task for each checked server.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::farm::{self, Farm};
use super::probe::{Effect, Event, Probe, Refusal};
use super::request::StateHeader;
use super::result::Outcome;
use super::schedule;
use crate::backend::connect::{self, Destination, Manner};
use crate::backend::proxy_protocol;
use crate::backend::secure::Handshake;
use crate::plan::check::CheckKind;
use crate::plan::server::ProxyVersion;
use crate::plan::{Proxy, Server};
use crate::runtime::Socket;
use crate::runtime::clock::{self, Ticks};
use crate::state::ServerId;

/// How often the weights of warming servers grow.
const WARM_UP: Duration = Duration::from_secs(1);

/// Bytes read of an answer at a time.
const READ: usize = 4096;

/// Starts all checks, as local tasks of a thread that does not carry traffic.
pub fn start(farm: &'static Farm) {
    let checked: Vec<(ServerId, Duration)> = farm::servers(farm.plan)
        .filter(|(_, server)| server.check.enabled)
        .map(|(id, server)| (id, server.check.inter))
        .collect();
    let smallest = checked.iter().map(|(_, inter)| *inter).min().unwrap_or_default();
    for (position, (id, _)) in checked.iter().enumerate() {
        let limit = farm.plan.global.max_spread_checks;
        let delay = schedule::first(position, checked.len(), smallest, limit);
        tokio::task::spawn_local(watch(farm, *id, delay));
    }
    if farm::servers(farm.plan).any(|(_, server)| server.slowstart.is_some()) {
        tokio::task::spawn_local(warm_up(farm));
    }
}

async fn warm_up(farm: &'static Farm) {
    loop {
        tokio::time::sleep(WARM_UP).await;
        farm.warm();
    }
}

/// Checks one server for ever.
async fn watch(farm: &'static Farm, id: ServerId, delay: Duration) {
    tokio::time::sleep(delay).await;
    loop {
        while !is_due(farm, id) {
            farm.changed(id).await;
        }
        let Some(outcome) = check(farm, id).await else { return };
        farm.checked(id, &outcome);
        pause(farm, id).await;
    }
}

/// Are the checks of this server on, and is it not in maintenance?
fn is_due(farm: &Farm, id: ServerId) -> bool {
    let is_enabled = farm
        .process
        .server(id)
        .is_some_and(|state| state.check.enabled.load(Relaxed));
    is_enabled && farm.standing(id).is_some_and(|standing| !standing.is_in_maintenance())
}

/// Waits as long as the server's standing says, which may change meanwhile.
async fn pause(farm: &Farm, id: ServerId) {
    let ended = clock::ticks();
    let draw = ended.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    loop {
        let (Some((_, server)), Some(standing)) = (farm.plan_of(id), farm.standing(id)) else {
            return;
        };
        let interval = schedule::interval(&server.check, &standing);
        let interval = schedule::spread(interval, farm.plan.global.spread_checks, draw as u32);
        let next = clock::after(ended, Some(interval));
        tokio::select! {
            () = tokio::time::sleep_until(clock::instant(next)) => return,
            () = farm.changed(id) => {}
        }
    }
}

/// One run of the check; `None` where there is no such server.
async fn check(farm: &Farm, id: ServerId) -> Option<Outcome> {
    let (proxy, server) = farm.plan_of(id)?;
    let standing = farm.standing(id)?;
    let patience = schedule::patience(&server.check, proxy.timeouts.connect, proxy.timeouts.check);
    let sends_state = matches!(&proxy.check, CheckKind::Http(check) if check.send_state);
    let state = if sends_state { state_header(farm, id) } else { None };
    let mut probe = Probe::new(
        &proxy.check,
        patience,
        is_secured(server),
        !standing.is_down(),
        state.as_deref(),
        clock::ticks(),
    );
    let mut connection = None;
    loop {
        let effect = probe.poll_effect();
        let deadline = probe.poll_timeout();
        match (effect, &mut connection) {
            (Some(Effect::Finish(outcome)), _) => return Some(outcome),
            (Some(Effect::Connect), _) => match within(deadline, connect(farm, id, proxy, server)).await {
                Some(Ok(socket)) => {
                    // A check leaves nothing worth an orderly end, nor a port in TIME_WAIT.
                    socket.reset_on_close();
                    connection = Some(socket);
                    probe.handle(Event::Connected, clock::ticks());
                }
                Some(Err(refusal)) => probe.handle(Event::Refused(refusal), clock::ticks()),
                None => probe.handle(Event::TimedOut, clock::ticks()),
            },
            (Some(Effect::Secure), held) => {
                let socket = held.take()?;
                let event = match within(deadline, secure(socket, server)).await {
                    Some(Ok(socket)) => {
                        *held = Some(socket);
                        Event::Secured
                    }
                    Some(Err(_)) => Event::Refused(Refusal::Tls("SSL handshake failure".to_owned())),
                    None => Event::TimedOut,
                };
                probe.handle(event, clock::ticks());
            }
            (Some(Effect::Send(bytes)), Some(socket)) => match within(deadline, send(socket, &bytes)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => probe.handle(Event::Broken(words(&error)), clock::ticks()),
                None => probe.handle(Event::TimedOut, clock::ticks()),
            },
            (None, Some(socket)) => {
                let mut room = [0; READ];
                let received = within(deadline, poll_fn(|cx| socket.poll_read(cx, &mut room))).await;
                let event = match &received {
                    Some(Ok(0)) => Event::Ended,
                    Some(Ok(length)) => Event::Received(room.get(..*length).unwrap_or_default()),
                    Some(Err(error)) => Event::Broken(words(error)),
                    None => Event::TimedOut,
                };
                probe.handle(event, clock::ticks());
            }
            // Without a connection there is nothing to wait for.
            (Some(Effect::Send(_)) | None, None) => return None,
        }
    }
}

/// Shakes hands with a server that checks speak TLS with.
async fn secure(socket: Socket, server: &Server) -> io::Result<Socket> {
    let tls = &server.tls;
    let connector = tls.connector.as_ref().ok_or(io::ErrorKind::NotConnected)?;
    let name = tls.check_sni.as_deref().map(str::as_bytes);
    let mut handshake = Handshake::new(socket, connector, name)?;
    poll_fn(|cx| handshake.poll(cx)).await
}

/// Do checks speak TLS: because `check-ssl` says so, or because they go where the sessions go, which do?
fn is_secured(server: &Server) -> bool {
    let elsewhere = server.check.port.is_some() || server.check.address.is_some();
    server.tls.checks || (server.tls.enabled && !elsewhere)
}

async fn within<T>(deadline: Ticks, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(clock::instant(deadline), work).await.ok()
}

async fn connect(farm: &Farm, id: ServerId, proxy: &Proxy, server: &Server) -> Result<Socket, Refusal> {
    let state = farm.process.server(id);
    let server_destination = state.and_then(|state| connect::destination(server, state, None));
    let destination = match server_destination {
        Some(Destination::Inet(mut address)) => {
            let check = state.map(|state| &state.check);
            if let Some(ip) = check.and_then(|check| *check.address.read().ok()?) {
                address.set_ip(ip);
            }
            match check.map_or(0, |check| check.port.load(Relaxed)) {
                0 => {}
                port => address.set_port(port),
            }
            Destination::Inet(address)
        }
        Some(unix) => unix,
        None => return Err(Refusal::Local("no address to connect to".to_owned())),
    };
    let is_unix = matches!(destination, Destination::Unix(_));
    let manner = Manner {
        delay_ack: matches!(proxy.check, CheckKind::Connect),
        ..Manner::of(proxy, Some(server), &farm.plan.global.tune)
    };
    let mut socket = connect::connect(&destination, manner)
        .await
        .map_err(|error| refusal(&error, is_unix))?;
    if let Some(header) = proxy_header(server, &socket, &destination) {
        send(&mut socket, &header)
            .await
            .map_err(|error| refusal(&error, is_unix))?;
    }
    Ok(socket)
}

/// What a check says first: `check-send-proxy`, or the server's own `send-proxy` where checks go where sessions go.
fn proxy_header(server: &Server, socket: &Socket, to: &Destination) -> Option<Vec<u8>> {
    let check = &server.check;
    let is_elsewhere = check.port.is_some() || check.address.is_some();
    if !check.send_proxy && (is_elsewhere || server.send_proxy.is_none()) {
        return None;
    }
    Some(match (server.send_proxy, to) {
        (Some(ProxyVersion::V2), _) => proxy_protocol::write_v2(None),
        (_, Destination::Inet(to)) => proxy_protocol::write_v1(socket.local_address().map(|from| (from, *to))),
        (_, Destination::Unix(_)) => proxy_protocol::write_v1(None),
    })
}

fn refusal(error: &io::Error, is_unix: bool) -> Refusal {
    match error.kind() {
        _ if is_unix => Refusal::Unix(words(error)),
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::TimedOut => Refusal::Remote(words(error)),
        _ => Refusal::Local(words(error)),
    }
}

/// The system's words for an error, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

async fn send(socket: &mut Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = poll_fn(|cx| socket.poll_write(cx, bytes)).await?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// What the server is told of itself.
fn state_header(farm: &Farm, id: ServerId) -> Option<String> {
    let (proxy, server) = farm.plan_of(id)?;
    let state = farm.process.server(id)?;
    let backend = &farm.process.proxy(id.backend)?.backend;
    let address = state.address().filter(|_| state.unix_path.is_none());
    let scale = crate::backend::live::weight_scale(&proxy.balance.algorithm).max(1);
    let header = StateHeader {
        address: &address.map_or("unix".to_owned(), |address| address.ip().to_string()),
        port: &address.map_or("unix".to_owned(), |address| address.port().to_string()),
        backend: &proxy.name,
        server: &server.name,
        node: &farm.process.node,
        weight: (
            state.effective_weight.load(Relaxed).div_ceil(scale),
            backend.total_weight.load(Relaxed).div_ceil(scale),
        ),
        sessions: (state.sessions.get(), backend.connections.get()),
        queued: state.queue.get(),
    };
    Some(header.value(&farm.standing(id)?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::super::result::Status;
    use super::super::testing::{checked, id, lab_with};
    use super::*;
    use crate::plan::check::HttpCheck;
    use crate::plan::server::ServerAddress;

    /// Runs the check once against a server at `port`.
    fn check_once(kind: CheckKind, port: u16) -> Outcome {
        let mut server = checked("s1");
        server.address = ServerAddress::Inet(([127, 0, 0, 1], port).into());
        server.check.inter = Duration::from_millis(200);
        let lab = lab_with(vec![vec![server]], |proxy| proxy.check = kind.clone());
        runtime().block_on(check(lab.farm, id(0, 0))).expect("an outcome")
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    /// A server that answers one connection, or none at all where `answer` is none, and tells what it was asked.
    fn origin(answer: Option<&'static [u8]>) -> (u16, std::thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut asked = vec![0; 1000];
            let length = client.read(&mut asked).unwrap_or(0);
            asked.truncate(length);
            match answer {
                Some(answer) => client.write_all(answer).unwrap(),
                // Until the check gives up.
                None => while client.read(&mut [0; 10]).is_ok_and(|length| length > 0) {},
            }
            asked
        });
        (port, serving)
    }

    #[test]
    fn a_listening_port_passes_layer_4() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let outcome = check_once(CheckKind::Connect, listener.local_addr().unwrap().port());
        assert_eq!((outcome.status, outcome.info), (Status::L4Ok, None));
    }

    /// A server with a limit of connections is not to lose one to checks.
    #[test]
    fn a_server_does_not_see_layer_4_checks() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        check_once(CheckKind::Connect, listener.local_addr().unwrap().port());
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_shut_port_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let outcome = check_once(CheckKind::Connect, port);
        assert_eq!(outcome.status, Status::L4Connection);
        assert_eq!(outcome.info.as_deref(), Some("Connection refused"));
    }

    #[test]
    fn http_servers_are_asked_and_judged() {
        let http = || {
            CheckKind::Http(HttpCheck {
                send_state: true,
                ..HttpCheck::default()
            })
        };
        let (port, serving) = origin(Some(b"HTTP/1.0 503 Busy\r\n\r\n"));
        let outcome = check_once(http(), port);
        assert_eq!((outcome.status, outcome.code), (Status::L7Status, Some(503)));
        assert_eq!(outcome.info.as_deref(), Some("Busy"));
        let state = format!("UP 1/3; address=127.0.0.1; port={port}; name=be0/s1; node=; weight=1/1; scur=0/0; qcur=0");
        let expected = format!("OPTIONS / HTTP/1.0\r\nx-haproxy-server-state: {state}\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&serving.join().unwrap()), expected);
        let (port, serving) = origin(None);
        assert_eq!(check_once(http(), port).status, Status::L7Timeout);
        serving.join().unwrap();
    }

    /// As the peer does: version 1 tells the check's own connection, version 2 that it is the balancer's own.
    #[test]
    fn checks_open_with_the_servers_proxy_header() {
        const V2: &str = "\r\n\r\n\0\r\nQUIT\n \0\0\0";
        for (sends, forced, elsewhere, expected) in [
            (None, false, false, ""),
            (None, true, false, "PROXY TCP4 127.0.0.1 127.0.0.1 "),
            (Some(ProxyVersion::V1), false, false, "PROXY TCP4 127.0.0.1 127.0.0.1 "),
            (Some(ProxyVersion::V1), false, true, ""),
            (Some(ProxyVersion::V1), true, true, "PROXY TCP4 127.0.0.1 127.0.0.1 "),
            (Some(ProxyVersion::V2), false, false, V2),
        ] {
            let (port, serving) = origin(Some(b"HTTP/1.0 200 OK\r\n\r\n"));
            let mut server = checked("s1");
            server.address = ServerAddress::Inet(([127, 0, 0, 1], port).into());
            server.send_proxy = sends;
            server.check.send_proxy = forced;
            server.check.port = elsewhere.then_some(port);
            let lab = lab_with(vec![vec![server]], |proxy| {
                proxy.check = CheckKind::Http(HttpCheck::default());
            });
            runtime().block_on(check(lab.farm, id(0, 0))).expect("an outcome");
            let asked = serving.join().unwrap();
            let asked = String::from_utf8_lossy(&asked);
            assert!(asked.starts_with(expected), "{asked}");
            assert_eq!(expected.is_empty(), asked.starts_with("OPTIONS"), "{asked}");
        }
    }

    #[test]
    fn servers_are_watched() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = checked("s1");
        server.address = ServerAddress::Inet(listener.local_addr().unwrap());
        server.check.inter = Duration::from_millis(10);
        let lab = lab_with(vec![vec![server]], |proxy| proxy.options.log_health_checks = true);
        let farm = lab.farm;
        let watching = std::thread::spawn(move || {
            let tasks = tokio::task::LocalSet::new();
            runtime().block_on(tasks.run_until(async {
                start(farm);
                while farm.standing(id(0, 0)).is_some_and(|standing| !standing.is_down()) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }));
        });
        let [first] = lab.lines();
        assert!(
            first.starts_with("5 Health check for server be0/s1 succeeded, reason: Layer4 check passed"),
            "{first}"
        );
        drop(listener);
        watching.join().unwrap();
        let [_, _, _, down, lost] = lab.lines();
        assert!(down.starts_with("1 Server be0/s1 is DOWN. 0 active"), "{down}");
        assert_eq!(lost, "0 backend be0 has no server available!");
    }
}
