//! `bind` lines (manual 5.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::language::Location;
use crate::tls;

/// One address of a `bind` line with the line's options. A port range makes one for each port.
#[derive(Clone, Debug)]
pub struct Bind {
    pub address: BindAddress,
    pub options: BindOptions,
    pub location: Location,
    /// Who answers TLS clients, where the line says `ssl`; made when all is read.
    pub acceptor: Option<Arc<tls::Acceptor>>,
}

/// Where to listen (manual section 11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindAddress {
    Inet(SocketAddr),
    Unix(String),
    /// A name in Linux' abstract namespace.
    Abstract(String),
    /// An inherited descriptor, already bound and perhaps listening.
    Descriptor(i32),
}

/// TLS of a `bind` line, as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindTls {
    /// `ssl`
    pub enabled: bool,
    pub line: tls::Line,
    /// The certificates in the line's order, the first of which is the default.
    pub certificates: Vec<tls::Entry>,
}

/// What stands after the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindOptions {
    pub name: Option<String>,
    pub id: Option<u32>,
    pub accept_proxy: bool,
    pub backlog: Option<u32>,
    pub max_connections: Option<u32>,
    pub defer_accept: bool,
    pub interface: Option<String>,
    pub mss: Option<i32>,
    pub namespace: Option<String>,
    pub nice: i32,
    pub tcp_user_timeout: Option<Duration>,
    /// `proto h1`: an HTTP/2 preface is not taken as an upgrade.
    pub http1_only: bool,
    pub tfo: bool,
    pub transparent: bool,
    pub v4v6: bool,
    pub v6only: bool,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// Permission bits of a unix socket.
    pub mode: Option<u32>,
    pub level: Option<super::global::CliLevel>,
    /// Prefix CLI lines with the severity, as a number or a word.
    pub severity_output: Option<SeverityOutput>,
    pub expose_listeners: bool,
    pub tls: BindTls,
}

/// How a message's severity is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeverityOutput {
    Number,
    Text,
}

impl BindAddress {
    /// The IP address, where there is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            BindAddress::Inet(address) => Some(address.ip()),
            _ => None,
        }
    }
}

/// As messages show it.
impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindAddress::Inet(address) => write!(f, "{}:{}", address.ip(), address.port()),
            BindAddress::Unix(path) => f.write_str(path),
            BindAddress::Abstract(name) => write!(f, "abns@{name}"),
            BindAddress::Descriptor(fd) => write!(f, "fd@{fd}"),
        }
    }
}
