//! Addresses as statements write them (manual section 11). Names are not resolved here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Error;

/// Longest path of a unix socket; room is left for the suffix of a temporary name.
const MAX_PATH: usize = 97;
/// Longest name in the abstract namespace.
const MAX_ABSTRACT: usize = 107;

/// An address with the transport that its prefix forces, if it forces one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub transport: Option<Transport>,
    pub target: Target,
}

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Stream,
    Datagram,
}

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Inet {
        family: Family,
        host: Host,
        port: Port,
    },
    Unix(String),
    /// A name in Linux' abstract namespace.
    Abstract(String),
    /// A descriptor inherited from the parent, already bound.
    Descriptor(i32),
    /// A descriptor over which connections arrive as descriptors.
    SocketPair(i32),
}

/// The IP version that a prefix forces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

/// A host by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Ip(IpAddr),
    /// To be resolved within the family.
    Name(String),
}

/// What stands after the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    None,
    One(u16),
    /// First and last, in order.
    Range(u16, u16),
    /// `+n` or `-n`, relative to the port of the client's connection.
    Offset(i32),
}

/// What a statement takes.
#[derive(Clone, Copy, Debug)]
pub struct Accepts {
    pub stream: bool,
    pub datagram: bool,
    pub port_required: bool,
    pub port_range: bool,
    pub port_offset: bool,
}

impl Accepts {
    /// `bind`: a port or a range of them, over streams.
    pub const BIND: Accepts = Accepts {
        stream: true,
        datagram: false,
        port_required: true,
        port_range: true,
        port_offset: false,
    };
    /// `server`: a port, an offset or none, over streams.
    pub const SERVER: Accepts = Accepts {
        stream: true,
        datagram: false,
        port_required: false,
        port_range: false,
        port_offset: true,
    };
    /// `log`: a port or none, over either transport.
    pub const LOG: Accepts = Accepts {
        stream: true,
        datagram: true,
        port_required: false,
        port_range: false,
        port_offset: false,
    };
}

/// The prefixes, with what they say of transport and family.
const PREFIXES: [(&str, Option<Transport>, Kind); 15] = [
    ("abns@", None, Kind::Abstract),
    ("fd@", None, Kind::Descriptor),
    ("ip@", None, Kind::Inet(Family::Any)),
    ("ipv4@", None, Kind::Inet(Family::V4)),
    ("ipv6@", None, Kind::Inet(Family::V6)),
    ("sockpair@", None, Kind::SocketPair),
    ("unix@", None, Kind::Unix),
    ("uxst@", Some(Transport::Stream), Kind::Unix),
    ("uxdg@", Some(Transport::Datagram), Kind::Unix),
    ("tcp@", Some(Transport::Stream), Kind::Inet(Family::Any)),
    ("tcp4@", Some(Transport::Stream), Kind::Inet(Family::V4)),
    ("tcp6@", Some(Transport::Stream), Kind::Inet(Family::V6)),
    ("udp@", Some(Transport::Datagram), Kind::Inet(Family::Any)),
    ("udp4@", Some(Transport::Datagram), Kind::Inet(Family::V4)),
    ("udp6@", Some(Transport::Datagram), Kind::Inet(Family::V6)),
];

#[derive(Clone, Copy)]
enum Kind {
    Inet(Family),
    Unix,
    Abstract,
    Descriptor,
    SocketPair,
}

/// The addresses of a comma-separated list. A comma at the end adds none.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix(',').unwrap_or(text).split(',')
}

/// Reads one address. Environment variables count in it without quotes, too; `lookup` gives their values.
pub fn parse(text: &str, accepts: Accepts, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Address, Error> {
    let written = text;
    let text = expand(text, lookup);
    if text.is_empty() {
        return Err(Error::new(format!(
            "'{written}' resolves to an empty address (environment variable missing?)"
        )));
    }
    let (transport, kind, rest) = prefix(&text);
    let refused = match transport {
        Some(Transport::Stream) if !accepts.stream => Some("stream"),
        Some(Transport::Datagram) if !accepts.datagram => Some("dgram"),
        _ => None,
    };
    if let Some(refused) = refused {
        return Err(Error::new(format!("{refused}-type address not acceptable in '{text}'")));
    }
    let target = match kind {
        Kind::Inet(family) => inet(family, rest, &text, accepts)?,
        Kind::Unix => Target::Unix(path(rest, &text, MAX_PATH)?),
        Kind::Abstract => Target::Abstract(path(rest, &text, MAX_ABSTRACT)?),
        Kind::Descriptor => Target::Descriptor(descriptor(rest, &text)?),
        Kind::SocketPair => Target::SocketPair(descriptor(rest, &text)?),
    };
    Ok(Address { transport, target })
}

fn prefix(text: &str) -> (Option<Transport>, Kind, &str) {
    let (forced, text) = match (text.strip_prefix("stream+"), text.strip_prefix("dgram+")) {
        (Some(rest), _) => (Some(Transport::Stream), rest),
        (_, Some(rest)) => (Some(Transport::Datagram), rest),
        _ => (None, text),
    };
    if text.starts_with('/') {
        return (forced, Kind::Unix, text);
    }
    for (prefix, transport, kind) in PREFIXES {
        if let Some(rest) = text.strip_prefix(prefix) {
            return (forced.or(transport), kind, rest);
        }
    }
    (forced, Kind::Inet(Family::Any), text)
}

fn inet(family: Family, text: &str, whole: &str, accepts: Accepts) -> Result<Target, Error> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let port = port_of(port, whole, accepts)?;
    let bare = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) if family != Family::V4 => inside,
        _ => host,
    };
    let invalid = || Error::new(format!("invalid address: '{host}' in '{whole}'"));
    let host = match (bare, family, bare.parse::<IpAddr>()) {
        ("" | "*", Family::V6, _) => Host::Ip(Ipv6Addr::UNSPECIFIED.into()),
        ("" | "*", _, _) => Host::Ip(Ipv4Addr::UNSPECIFIED.into()),
        (_, Family::V4, Ok(IpAddr::V6(_))) | (_, Family::V6, Ok(IpAddr::V4(_))) => return Err(invalid()),
        (_, _, Ok(ip)) => Host::Ip(ip),
        (name, _, Err(_)) if is_name(name) => Host::Name(name.to_owned()),
        _ => return Err(invalid()),
    };
    Ok(Target::Inet { family, host, port })
}

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn port_of(text: &str, whole: &str, accepts: Accepts) -> Result<Port, Error> {
    if text.is_empty() {
        return match accepts.port_required {
            true => Err(Error::new(format!("missing port specification in '{whole}'"))),
            false => Ok(Port::None),
        };
    }
    if text.starts_with(['+', '-']) {
        if !accepts.port_offset {
            return Err(Error::new(format!("port offset not permitted here in '{whole}'")));
        }
        let offset = text.parse().map_err(|_| bad_port(text))?;
        return Ok(Port::Offset(offset));
    }
    if let Some(bad) = text.chars().find(|letter| !letter.is_ascii_digit() && *letter != '-') {
        return Err(Error::new(format!(
            "invalid character '{bad}' in port number '{text}' in '{whole}'"
        )));
    }
    let number = |text: &str| match text.parse() {
        Ok(port @ 1..) => Ok(port),
        Ok(0) if !accepts.port_required => Ok(0),
        _ => Err(bad_port(text)),
    };
    let Some((low, high)) = text.split_once('-') else {
        return number(text).map(Port::One);
    };
    if !accepts.port_range {
        return Err(Error::new(format!("port range not permitted here in '{whole}'")));
    }
    match (number(low)?, number(high)?) {
        (low, high) if low > high => Err(Error::new(format!("invalid port range '{text}'"))),
        (low, high) => Ok(Port::Range(low, high)),
    }
}

fn bad_port(text: &str) -> Error {
    Error::new(format!("invalid port '{text}'"))
}

fn path(path: &str, whole: &str, max: usize) -> Result<String, Error> {
    if path.len() > max {
        return Err(Error::new(format!("socket path '{whole}' too long (max {max})")));
    }
    Ok(path.to_owned())
}

fn descriptor(text: &str, whole: &str) -> Result<i32, Error> {
    text.parse()
        .ok()
        .filter(|fd| *fd >= 0)
        .ok_or_else(|| Error::new(format!("file descriptor '{text}' is not a valid integer in '{whole}'")))
}

/// Replaces `$NAME` and `${NAME}`.
fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (name, after) = braced.unwrap_or_else(|| {
            let letters = after
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                .count();
            after.split_at(letters)
        });
        result.push_str(&lookup(name).unwrap_or_default());
        rest = after;
    }
    result.push_str(rest);
    result
}

/// Is `ip` in the network of `bits` bits? Networks of the other family contain nothing.
pub fn contains(network: IpAddr, bits: u8, ip: IpAddr) -> bool {
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "X" => Some("1.2.3.4".to_owned()),
            "FD" => Some("5".to_owned()),
            _ => None,
        }
    }

    fn bind(text: &str) -> Result<Address, String> {
        parse(text, Accepts::BIND, &lookup).map_err(|error| error.to_string())
    }

    fn inet(family: Family, ip: &str, port: Port) -> Target {
        let host = match ip.parse() {
            Ok(ip) => Host::Ip(ip),
            Err(_) => Host::Name(ip.to_owned()),
        };
        Target::Inet { family, host, port }
    }

    #[test]
    fn what_bind_takes() {
        use Family::{Any, V4, V6};
        for (text, target) in [
            (":80", inet(Any, "0.0.0.0", Port::One(80))),
            ("*:80", inet(Any, "0.0.0.0", Port::One(80))),
            (":80-90", inet(Any, "0.0.0.0", Port::Range(80, 90))),
            ("1.2.3.4:00080", inet(Any, "1.2.3.4", Port::One(80))),
            (":::80", inet(Any, "::", Port::One(80))),
            ("::1:80", inet(Any, "::1", Port::One(80))),
            ("[::1]:80", inet(Any, "::1", Port::One(80))),
            ("localhost:80", inet(Any, "localhost", Port::One(80))),
            ("1.2.3:80", inet(Any, "1.2.3", Port::One(80))),
            ("ipv4@:80", inet(V4, "0.0.0.0", Port::One(80))),
            ("ipv6@:80", inet(V6, "::", Port::One(80))),
            ("ipv6@::1:80", inet(V6, "::1", Port::One(80))),
            ("${X}:80", inet(Any, "1.2.3.4", Port::One(80))),
            ("$X:80", inet(Any, "1.2.3.4", Port::One(80))),
            ("fd@${FD}", Target::Descriptor(5)),
            ("sockpair@7", Target::SocketPair(7)),
            ("/tmp/x", Target::Unix("/tmp/x".to_owned())),
            ("unix@tmp/x", Target::Unix("tmp/x".to_owned())),
            ("abns@name", Target::Abstract("name".to_owned())),
        ] {
            let address = Address {
                transport: None,
                target,
            };
            assert_eq!(bind(text), Ok(address), "{text}");
        }
        assert_eq!(bind("tcp6@:80").unwrap().transport, Some(Transport::Stream));
        assert_eq!(bind("stream+ipv4@:80").unwrap().transport, Some(Transport::Stream));
    }

    #[test]
    fn what_bind_refuses() {
        for (text, message) in [
            ("", "'' resolves to an empty address (environment variable missing?)"),
            (
                "$UNSET",
                "'$UNSET' resolves to an empty address (environment variable missing?)",
            ),
            ("80", "missing port specification in '80'"),
            ("1.2.3.4:", "missing port specification in '1.2.3.4:'"),
            ("[::1]", "missing port specification in '[::1]'"),
            ("*:*", "invalid character '*' in port number '*' in '*:*'"),
            (":80x", "invalid character 'x' in port number '80x' in ':80x'"),
            (":90-80", "invalid port range '90-80'"),
            (":80-", "invalid port ''"),
            (":0", "invalid port '0'"),
            (":65536", "invalid port '65536'"),
            (":+80", "port offset not permitted here in ':+80'"),
            ("::1", "invalid address: ':' in '::1'"),
            ("ipv4@::1:80", "invalid address: '::1' in 'ipv4@::1:80'"),
            ("ipv4@[::1]:80", "invalid address: '[::1]' in 'ipv4@[::1]:80'"),
            ("ipv6@1.2.3.4:80", "invalid address: '1.2.3.4' in 'ipv6@1.2.3.4:80'"),
            ("foo@:80", "invalid address: 'foo@' in 'foo@:80'"),
            ("fd@", "file descriptor '' is not a valid integer in 'fd@'"),
            ("fd@-1", "file descriptor '-1' is not a valid integer in 'fd@-1'"),
            ("udp@:80", "dgram-type address not acceptable in 'udp@:80'"),
            ("uxdg@/x", "dgram-type address not acceptable in 'uxdg@/x'"),
        ] {
            assert_eq!(bind(text), Err(message.to_owned()), "{text}");
        }
        let long = format!("/{}", "a".repeat(97));
        assert_eq!(bind(&long), Err(format!("socket path '{long}' too long (max 97)")));
    }

    #[test]
    fn ports_of_servers() {
        for (text, expected) in [
            ("10.0.0.1", Port::None),
            ("10.0.0.1:+100", Port::Offset(100)),
            ("10.0.0.1:-5", Port::Offset(-5)),
            ("10.0.0.1:0", Port::One(0)),
        ] {
            let Target::Inet { port, .. } = parse(text, Accepts::SERVER, &lookup).unwrap().target else {
                panic!("{text}");
            };
            assert_eq!(port, expected, "{text}");
        }
    }

    #[test]
    fn a_list_may_end_in_a_comma() {
        assert_eq!(list(":80,:81,").collect::<Vec<_>>(), [":80", ":81"]);
        assert_eq!(list(",:80").collect::<Vec<_>>(), ["", ":80"]);
    }
}
