//! `server` lines (manual 5.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::check::CheckSettings;
use crate::language::Location;
use crate::rules::Expression;
use crate::state::ServerId;
use crate::tls;

/// One server as configured. `default-server` fills one that each server starts from.
#[derive(Clone, Debug)]
pub struct Server {
    pub name: String,
    pub address: ServerAddress,
    pub location: Location,
    pub id: Option<u32>,
    pub weight: u32,
    pub backup: bool,
    pub disabled: bool,
    pub cookie: Option<String>,
    pub max_connections: u32,
    pub min_connections: u32,
    pub max_queue: u32,
    pub max_reuse: Option<u32>,
    pub pool_low: u32,
    /// Idle connections kept at most; `None`: no limit.
    pub pool_max: Option<u32>,
    pub pool_purge_delay: Duration,
    pub slowstart: Option<Duration>,
    pub non_stick: bool,
    pub redirect: Option<String>,
    /// `[backend/]server` whose checks this one follows.
    pub track: Option<String>,
    /// The server that `track` names.
    pub tracks: Option<ServerId>,
    pub send_proxy: Option<ProxyVersion>,
    pub tcp_user_timeout: Option<Duration>,
    pub tfo: bool,
    pub source: Option<SocketAddr>,
    pub interface: Option<String>,
    pub namespace: Option<String>,
    pub shutdown_sessions_when_down: bool,
    pub shutdown_backups_when_up: bool,
    pub check: CheckSettings,
    /// `init-addr`: where the address comes from at start, in this order.
    pub initial_address: Vec<InitialAddress>,
    pub tls: ServerTls,
}

/// TLS of a `server` line.
#[derive(Clone, Debug, Default)]
pub struct ServerTls {
    /// `ssl`
    pub enabled: bool,
    /// `check-ssl`: checks speak TLS although the traffic may not.
    pub checks: bool,
    pub verify: Option<tls::Verify>,
    pub line: tls::ServerLine,
    /// The server name asked for.
    pub sni: Option<Arc<Expression>>,
    /// The server name that checks ask for.
    pub check_sni: Option<String>,
    /// Who shakes hands, made when all is read.
    pub connector: Option<Arc<tls::Connector>>,
}

/// One method of `init-addr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialAddress {
    /// The server state file.
    Last,
    /// The system's resolver.
    Libc,
    /// Start without an address, down.
    None,
    /// This address until a better one is known.
    Ip(std::net::IpAddr),
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    Inet(SocketAddr),
    /// The port comes from the client's connection plus this offset (`server s 10.0.0.1:+1000`, or no port at all).
    MappedPort {
        ip: std::net::IpAddr,
        offset: i32,
    },
    Unix(String),
    Abstract(String),
    /// A name that was not resolved at start.
    Name {
        host: String,
        port: u16,
    },
}

/// PROXY protocol version sent to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    V1,
    V2,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            name: String::new(),
            address: ServerAddress::Name {
                host: String::new(),
                port: 0,
            },
            location: Location::default(),
            id: None,
            weight: 1,
            backup: false,
            disabled: false,
            cookie: None,
            max_connections: 0,
            min_connections: 0,
            max_queue: 0,
            max_reuse: None,
            pool_low: 0,
            pool_max: None,
            pool_purge_delay: Duration::from_secs(5),
            slowstart: None,
            non_stick: false,
            redirect: None,
            track: None,
            tracks: None,
            send_proxy: None,
            tcp_user_timeout: None,
            tfo: false,
            source: None,
            interface: None,
            namespace: None,
            shutdown_sessions_when_down: false,
            shutdown_backups_when_up: false,
            check: CheckSettings::default(),
            initial_address: vec![InitialAddress::Last, InitialAddress::Libc],
            tls: ServerTls::default(),
        }
    }
}
