//! The accept loop of one listening socket in one worker.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use lb_common::steer::Destination;
use tokio::sync::watch;

use super::judge::Admission;
use super::limits::Gate;
use super::secure;
use super::worker::Phase;
use crate::backend::connect;
use crate::kernel::placement::Endpoint;
use crate::kernel::steer::Table;
use crate::l4;
use crate::plan::proxy::Mode;
use crate::plan::{Bind, Proxy};
use crate::rules::{Session, Variables};
use crate::runtime::calendar::LogDate;
use crate::runtime::clock;
use crate::runtime::incoming::{is_exhaustion, unmapped};
use crate::runtime::{self, Connection, Incoming, Socket, Timer, executor};
use crate::state::{Admitted, ListenerId};
use crate::stream::{Client, Engine, client};

/// A bound, listening socket and which `bind` addresses it serves.
pub struct Listener {
    pub addresses: Addresses,
    pub socket: OwnedFd,
}

/// The `bind` addresses of a frontend that one socket serves.
#[derive(Clone)]
pub struct Addresses {
    /// The one that the socket is bound to.
    own: ListenerId,
    /// The positions of all, where the kernel steers other addresses' connections here.
    steered: Option<Arc<Table>>,
}

impl Addresses {
    /// The address that the socket is bound to, with those that are steered to it.
    pub fn new(own: ListenerId, steered: &[(ListenerId, SocketAddr)]) -> Addresses {
        let mut table = Table::default();
        for (listener, address) in steered {
            table.steer(Endpoint::new(*address, false), listener.index);
        }
        Addresses {
            own,
            steered: (!steered.is_empty()).then(|| Arc::new(table)),
        }
    }

    /// The one that a connection came to.
    fn of(&self, socket: &Socket) -> ListenerId {
        let found = self
            .steered
            .as_ref()
            .and_then(|table| Some(table.find(socket.local_address()?)));
        match found {
            Some(Destination::Listener(index)) => ListenerId { index, ..self.own },
            _ => self.own,
        }
    }
}

/// How long accepting pauses when the process is out of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Accepts connections until the process drains or stops, and serves each in a task of this worker.
pub async fn run(engine: &'static Engine, listener: Listener, mut phase: watch::Receiver<Phase>) {
    let Some(frontend) = engine.plan.proxies.get(listener.addresses.own.frontend.index()) else {
        return;
    };
    let gate = Gate::new(engine, frontend.id);
    loop {
        match phase.wait_for(|phase| *phase != Phase::Paused).await {
            Ok(phase) if *phase == Phase::Serving => {}
            _ => return,
        }
        gate.open().await;
        // A socket that was shut and listens again is a new one to the runtime.
        let Ok(incoming) = listener.socket.try_clone().and_then(Incoming::new) else {
            return;
        };
        tokio::select! {
            () = accept(engine, frontend, &listener.addresses, &gate, &incoming) => {}
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
        }
    }
}

/// Accepts until the socket is shut.
async fn accept(
    engine: &'static Engine,
    frontend: &'static Proxy,
    addresses: &Addresses,
    gate: &Gate,
    incoming: &Incoming,
) {
    let mut row = Row::new(engine.plan.global.tune.max_accept);
    let mut is_exhausted = false;
    loop {
        gate.open().await;
        match row.accept(incoming).await {
            Ok(accepted) => {
                is_exhausted = false;
                let id = addresses.of(&accepted.0);
                if let Some(admitted) = gate.admit(id) {
                    open(engine, frontend, id, accepted, admitted);
                }
            }
            Err(error) if is_exhaustion(&error) => {
                if !std::mem::replace(&mut is_exhausted, true) {
                    log_exhaustion(engine, frontend, &error);
                }
                runtime::sleep(EXHAUSTED).await;
            }
            // Its frontend was paused.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return,
            // The client left before it was accepted.
            Err(_) => {}
        }
    }
}

/// Tells the frontend's log, once, what keeps clients waiting.
fn log_exhaustion(engine: &Engine, frontend: &Proxy, error: &io::Error) {
    /// The system is unusable, as syslog has it.
    const EMERGENCY: u8 = 0;
    let (limit, advice) = match error.raw_os_error() {
        Some(libc::EMFILE) => ("process FD", "Please check 'ulimit-n' and restart."),
        Some(libc::ENFILE) => ("system FD", "Please check system tunables."),
        _ => ("system memory", "Please check system tunables."),
    };
    let text = format!("Proxy {} reached {limit} limit. {advice}", frontend.name);
    let logger = engine.loggers.proxy(frontend.id);
    logger.send(clock::date(), EMERGENCY, &[], text.as_bytes());
}

/// Connections accepted without a pause, which leave the worker's other tasks waiting (`tune.maxaccept`).
struct Row {
    longest: u32,
    length: u32,
}

impl Row {
    fn new(max_accept: i32) -> Row {
        Row {
            longest: u32::try_from(max_accept).unwrap_or(u32::MAX).max(1),
            length: 0,
        }
    }

    /// The next connection, once the other tasks had their turn if the row is as long as it may be.
    async fn accept(&mut self, incoming: &Incoming) -> io::Result<(Socket, Option<SocketAddr>)> {
        if self.length >= self.longest {
            self.length = 0;
            tokio::task::yield_now().await;
        }
        self.length += 1;
        let mut accepting = pin!(incoming.accept());
        poll_fn(|cx| {
            let accepted = accepting.as_mut().poll(cx);
            if accepted.is_pending() {
                self.length = 1;
            }
            accepted
        })
        .await
    }
}

/// Makes a client of a connection, unless a rule refuses it.
fn open(
    engine: &'static Engine,
    frontend: &'static Proxy,
    id: ListenerId,
    (socket, source): (Socket, Option<SocketAddr>),
    admitted: Admitted,
) {
    let mut client = Box::new(Client {
        session: session(engine, frontend, id, &socket, source),
        connection: Connection::new(socket),
        timer: Timer::default(),
        engine,
        frontend,
        requests: 0,
        idle_since: clock::ticks(),
        own_servers: Vec::new(),
        _admitted: admitted,
    });
    if client.judge_connection() == Admission::Refused {
        return;
    }
    client.prepare_socket();
    let Some(bind) = frontend.binds.get(id.index as usize) else {
        return;
    };
    if bind.options.accept_proxy || bind.acceptor.is_some() {
        executor::spawn(open_layers(client, bind));
    } else if client.judge_session() == Admission::Admitted {
        match frontend.mode {
            Mode::Http => executor::spawn(client::serve(client)),
            Mode::Tcp => executor::spawn(l4::serve(client)),
        }
    }
}

/// Serves a session after what comes before its own bytes: a PROXY header, then a TLS handshake.
async fn open_layers(mut client: Box<Client>, bind: &'static Bind) {
    if bind.options.accept_proxy && client.read_proxy_header().await.is_err() {
        return client.connection.socket.reset_on_close();
    }
    if let Some(acceptor) = &bind.acceptor {
        client = match Box::pin(secure::shake_hands(client, acceptor)).await {
            Ok(client) => client,
            Err((client, failure)) => return client.log_failure(failure.explain()),
        };
    }
    if client.judge_session() == Admission::Admitted {
        match client.frontend.mode {
            Mode::Http => client::serve(client).await,
            Mode::Tcp => l4::serve(client).await,
        }
    }
}

fn session(engine: &Engine, frontend: &Proxy, id: ListenerId, socket: &Socket, source: Option<SocketAddr>) -> Session {
    let options = frontend.binds.get(id.index as usize).map(|bind| &bind.options);
    Session {
        source: source.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)),
        destination: socket.local_address().map(unmapped),
        is_unix: source.is_none(),
        frontend: frontend.id,
        listener: id,
        listener_puid: engine.process.listener(id).map_or(0, |listener| listener.puid),
        listener_name: options.and_then(|options| options.name.as_deref()).map(Into::into),
        accepted: clock::date(),
        variables: Variables::default(),
        counters: None,
        proxied: None,
        tls: None,
    }
}

impl Client {
    /// The log line of a connection that never became a session.
    fn log_failure(&self, failure: &str) {
        let logger = self.engine.loggers.proxy(self.frontend.id);
        if !logger.is_active() || self.frontend.options.dontlognull {
            return;
        }
        let (now, session) = (clock::date(), &self.session);
        let name = session.listener_name.as_deref();
        let listener = name.map_or_else(|| session.listener_puid.to_string(), str::to_owned);
        let source = match session.is_unix {
            true => "unix:1".to_owned(),
            false => format!("{}:{}", session.source.ip(), session.source.port()),
        };
        let (date, frontend) = (LogDate(session.accepted), &self.frontend.name);
        let line = format!("{source} [{date}] {frontend}/{listener}: {failure}");
        logger.send(now, 6, &[], line.as_bytes());
    }

    /// Socket options that the frontend asks for.
    fn prepare_socket(&self) {
        if self.session.is_unix {
            return;
        }
        let socket = socket2::SockRef::from(&self.connection.socket);
        // A socket that refuses an option still works.
        let _ = socket.set_tcp_nodelay(true);
        let options = &self.frontend.options;
        if options.clitcpka {
            connect::keep_alive(&socket, &options.client_keepalive);
        }
        if options.tcp_smart_accept {
            let _ = socket.set_tcp_quickack(false);
        }
        if options.nolinger {
            self.connection.socket.reset_on_close();
        }
    }
}
