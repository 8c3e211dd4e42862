//! Opening a connection to a server.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Type};

use crate::plan::global::Tune;
use crate::plan::options::TcpKeepalive;
use crate::plan::server::ServerAddress;
use crate::plan::{self};
use crate::runtime::{BareSocket, Socket, namespace};
use crate::state;

/// Where a connection to `server` goes; `client_port` is the port that the client asked for, which mapped ports follow.
pub fn destination(plan: &plan::Server, server: &state::Server, client_port: Option<u16>) -> Option<Destination> {
    match &plan.address {
        ServerAddress::Unix(path) => Some(Destination::Unix(path.clone())),
        ServerAddress::Abstract(name) => Some(Destination::Unix(format!("\0{name}"))),
        ServerAddress::MappedPort { offset, .. } => {
            let ip = server.address()?.ip();
            let port = i32::from(client_port?).checked_add(*offset)?;
            Some(Destination::Inet(SocketAddr::new(ip, u16::try_from(port).ok()?)))
        }
        ServerAddress::Inet(_) | ServerAddress::Name { .. } => server.address().map(Destination::Inet),
    }
}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Inet(SocketAddr),
    /// A path, or a name in the abstract namespace after a NUL.
    Unix(String),
}

/// How to connect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner<'a> {
    /// The address to connect from.
    pub source: Option<SocketAddr>,
    pub interface: Option<&'a str>,
    pub namespace: Option<&'a str>,
    /// How long sent data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
    /// Send the first data in the first packet (TCP Fast Open).
    pub fast_open: bool,
    /// The kernel probes the connection while it is quiet.
    pub keepalive: Option<&'a TcpKeepalive>,
    pub receive_buffer: Option<u32>,
    pub send_buffer: Option<u32>,
    /// Leave the handshake's last packet to the first data. A connection that is reset instead of used then never
    /// reaches the server's accept queue, as befits a check that only asks whether one could connect.
    pub delay_ack: bool,
}

impl<'a> Manner<'a> {
    /// What the configuration says of connections to `server`, or to `dispatch` where there is none.
    pub fn of(proxy: &'a plan::Proxy, server: Option<&'a plan::Server>, tune: &Tune) -> Manner<'a> {
        let options = &proxy.options;
        let interface = server.and_then(|server| server.interface.as_deref());
        Manner {
            source: server.and_then(|server| server.source).or(proxy.source),
            interface: interface.or(proxy.source_interface.as_deref()),
            namespace: server.and_then(|server| server.namespace.as_deref()),
            user_timeout: server.and_then(|server| server.tcp_user_timeout),
            fast_open: server.is_some_and(|server| server.tfo),
            keepalive: options.srvtcpka.then_some(&options.server_keepalive),
            receive_buffer: tune.receive_buffer_server,
            send_buffer: tune.send_buffer_server,
            delay_ack: false,
        }
    }

    fn prepare(&self, socket: SockRef<'_>) -> io::Result<()> {
        if self.delay_ack {
            socket.set_tcp_quickack(false)?;
        }
        if let Some(interface) = self.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        if let Some(source) = self.source {
            bind_source(&socket, source)?;
        }
        if let Some(keepalive) = self.keepalive {
            keep_alive(&socket, keepalive);
        }
        // The connection works without these, too.
        if self.user_timeout.is_some() {
            let _ = socket.set_tcp_user_timeout(self.user_timeout);
        }
        if self.fast_open {
            let _ = set_on(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT);
        }
        if let Some(size) = self.receive_buffer {
            let _ = socket.set_recv_buffer_size(size as usize);
        }
        if let Some(size) = self.send_buffer {
            let _ = socket.set_send_buffer_size(size as usize);
        }
        Ok(())
    }
}

/// Has the kernel probe a quiet connection; a socket that refuses still works.
pub fn keep_alive(socket: &SockRef<'_>, how: &TcpKeepalive) {
    let mut probes = socket2::TcpKeepalive::new();
    if let Some(idle) = how.idle {
        probes = probes.with_time(idle);
    }
    if let Some(interval) = how.interval {
        probes = probes.with_interval(interval);
    }
    if let Some(count) = how.count {
        probes = probes.with_retries(count);
    }
    let _ = socket.set_tcp_keepalive(&probes);
}

/// Connects.
pub async fn connect(to: &Destination, manner: Manner<'_>) -> io::Result<Socket> {
    let socket = match to {
        Destination::Inet(address) => {
            let socket = namespace::within(manner.namespace, || open(Domain::for_address(*address)))?;
            manner.prepare(SockRef::from(&socket))?;
            socket.set_tcp_nodelay(true)?;
            begin(socket, &(*address).into())?
        }
        Destination::Unix(path) => begin(open(Domain::UNIX)?, &SockAddr::unix(path)?)?,
    };
    poll_fn(|cx| socket.poll_connected(cx)).await?;
    Ok(Socket::Bare(socket))
}

fn open(domain: Domain) -> io::Result<socket2::Socket> {
    socket2::Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None)
}

fn begin(socket: socket2::Socket, to: &SockAddr) -> io::Result<BareSocket> {
    match socket.connect(to) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => BareSocket::new(socket.into()),
    }
}

fn bind_source(socket: &SockRef<'_>, source: SocketAddr) -> io::Result<()> {
    if source.port() == 0 {
        // Leave the port to the time of connecting, when the destination is known: many more fit then.
        set_on(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&source.into())
}

/// Switches a socket's option on that nothing safe knows.
fn set_on(socket: &SockRef<'_>, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is a c_int that lives across the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_connection_is_made_in_the_manner_configured() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = Destination::Inet(listener.local_addr().unwrap());
        let second = Duration::from_secs(1);
        let mut proxy = plan::Proxy::default();
        proxy.options.srvtcpka = true;
        proxy.options.server_keepalive = TcpKeepalive {
            count: Some(3),
            idle: Some(9 * second),
            interval: Some(5 * second),
        };
        proxy.source_interface = Some("lo".to_owned());
        proxy.source = Some(([127, 0, 0, 9], 0).into());
        let server = plan::Server {
            source: Some(([127, 0, 0, 7], 0).into()),
            tcp_user_timeout: Some(7 * second),
            tfo: true,
            ..plan::Server::default()
        };
        let tune = Tune {
            receive_buffer_server: Some(20_000),
            send_buffer_server: Some(30_000),
            ..Tune::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let manner = Manner::of(&proxy, Some(&server), &tune);
        let socket = runtime.block_on(connect(&to, manner)).expect("a connection");
        let options = SockRef::from(&socket);
        assert_eq!(
            socket.local_address().map(|address| address.ip()),
            Some([127, 0, 0, 7].into())
        );
        assert_eq!(options.device().unwrap(), Some(b"lo".to_vec()));
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(7 * second));
        assert!(options.keepalive().unwrap());
        assert_eq!(options.tcp_keepalive_retries().unwrap(), 3);
        assert_eq!(options.tcp_keepalive_time().unwrap(), 9 * second);
        assert_eq!(options.tcp_keepalive_interval().unwrap(), 5 * second);
        // The kernel doubles what it is told.
        assert_eq!(options.recv_buffer_size().unwrap(), 40_000);
        assert_eq!(options.send_buffer_size().unwrap(), 60_000);
    }

    #[test]
    fn a_namespace_that_is_not_there_is_an_error() {
        let manner = Manner {
            namespace: Some("there is no such namespace"),
            ..Manner::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let to = Destination::Inet(([127, 0, 0, 1], 1).into());
        let error = runtime.block_on(connect(&to, manner)).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
