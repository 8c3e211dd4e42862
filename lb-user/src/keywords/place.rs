//! Addresses of `bind`, `server`, `log` and their like, resolved.

use std::net::{IpAddr, SocketAddr};

use super::reading::Reading;
use crate::language::Error;
use crate::language::address::{self, Accepts, Family, Host, Port, Target};
use crate::plan::BindAddress;
use crate::plan::server::ServerAddress;

/// The listeners that one address of a `bind` line stands for: one for each port of its range.
pub fn bind(text: &str, reading: &Reading<'_>) -> Result<Vec<BindAddress>, Error> {
    let target = address::parse(text, Accepts::BIND, reading.variable)?.target;
    Ok(match target {
        Target::Unix(path) => vec![BindAddress::Unix(path)],
        Target::Abstract(name) => vec![BindAddress::Abstract(name)],
        Target::Descriptor(fd) => vec![BindAddress::Descriptor(fd)],
        Target::SocketPair(_) => return Err(Error::not_implemented("sockpair@")),
        Target::Inet { family, host, port } => {
            let ip = ip_of(&host, family, text, reading)?;
            let (low, high) = match port {
                Port::One(port) => (port, port),
                Port::Range(low, high) => (low, high),
                Port::None | Port::Offset(_) => (0, 0),
            };
            let at = |port| BindAddress::Inet(SocketAddr::new(ip, port));
            (low..=high).map(at).collect()
        }
    })
}

/// One address and port, the name in it resolved. `None` for the port where none was given.
pub fn inet(text: &str, accepts: Accepts, reading: &Reading<'_>) -> Result<(IpAddr, Option<u16>), Error> {
    match address::parse(text, accepts, reading.variable)?.target {
        Target::Inet { family, host, port } => {
            let port = match port {
                Port::One(port) => Some(port),
                _ => None,
            };
            Ok((ip_of(&host, family, text, reading)?, port))
        }
        _ => Err(Error::new(format!("'{text}' : an IP address is expected here"))),
    }
}

/// The place of a server. A name that cannot be resolved stays a name.
pub fn server(text: &str, reading: &Reading<'_>) -> Result<ServerAddress, Error> {
    Ok(match address::parse(text, Accepts::SERVER, reading.variable)?.target {
        Target::Unix(path) => ServerAddress::Unix(path),
        Target::Abstract(name) => ServerAddress::Abstract(name),
        Target::Descriptor(_) | Target::SocketPair(_) => {
            return Err(Error::new(format!(
                "'{text}' : file descriptors are not acceptable for a server"
            )));
        }
        Target::Inet { family, host, port } => {
            let ip = match &host {
                Host::Ip(ip) => Some(*ip),
                Host::Name(name) => resolve(name, family, reading),
            };
            match (ip, port, host) {
                (Some(ip), Port::One(port), _) if port != 0 => ServerAddress::Inet(SocketAddr::new(ip, port)),
                (Some(ip), Port::Offset(offset), _) => ServerAddress::MappedPort { ip, offset },
                (Some(ip), _, _) => ServerAddress::MappedPort { ip, offset: 0 },
                (None, port, Host::Name(host)) => {
                    let port = match port {
                        Port::One(port) => port,
                        _ => 0,
                    };
                    ServerAddress::Name { host, port }
                }
                (None, _, Host::Ip(_)) => return Err(unresolved(text)),
            }
        }
    })
}

/// A host's address, resolved within the family.
pub fn ip_of(host: &Host, family: Family, text: &str, reading: &Reading<'_>) -> Result<IpAddr, Error> {
    match host {
        Host::Ip(ip) => Ok(*ip),
        Host::Name(name) => {
            resolve(name, family, reading).ok_or_else(|| Error::new(format!("invalid address: '{name}' in '{text}'")))
        }
    }
}

/// A network namespace that can be entered.
pub fn namespace(name: String, reading: &Reading<'_>) -> Result<String, Error> {
    match reading.host.has_namespace(&name) {
        true => Ok(name),
        false => Err(Error::new(format!("Cannot open namespace '{name}'."))),
    }
}

fn unresolved(text: &str) -> Error {
    Error::new(format!("could not resolve address '{text}'."))
}

fn resolve(name: &str, family: Family, reading: &Reading<'_>) -> Option<IpAddr> {
    reading.host.resolve(name).into_iter().find(|ip| match family {
        Family::Any => true,
        Family::V4 => ip.is_ipv4(),
        Family::V6 => ip.is_ipv6(),
    })
}
