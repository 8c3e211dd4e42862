//! The PROXY protocol, versions 1 and 2: who a forwarded connection is from (proxy-protocol.txt section 2).
//!
//! Pure: headers are read from and written to bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What opens a version 2 header.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest version 1 header, its line end included.
const LONGEST_V1: usize = 107;

/// A header read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes it took.
    pub length: usize,
    /// Source and destination; `None` for a connection of the proxy's own, or of a family that is not IP.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
    /// Type-length-value fields of version 2, as they came.
    pub fields: Vec<u8>,
}

/// Type of the field that tells the host name asked for (section 2.2.2).
pub const AUTHORITY: u8 = 0x02;

/// Type of the field that tells the connection's unique id (section 2.2.5).
pub const UNIQUE_ID: u8 = 0x05;

impl Header {
    /// The value of the first field of this type.
    pub fn field(&self, kind: u8) -> Option<&[u8]> {
        let mut rest = self.fields.as_slice();
        while let [found, high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let value = after.get(..length)?;
            if *found == kind {
                return Some(value);
            }
            rest = after.get(length..)?;
        }
        None
    }
}

/// The bytes are no PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads a header from the beginning of `input`. `None`: more bytes are needed.
pub fn read(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let shared = input.iter().zip(SIGNATURE).take_while(|(a, b)| a == b).count();
    if shared == SIGNATURE.len() {
        return read_v2(input);
    }
    if shared == input.len() {
        return Ok(None);
    }
    read_v1(input)
}

fn read_v1(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let start = input.get(..6.min(input.len())).unwrap_or_default();
    if !b"PROXY ".starts_with(start) {
        return Err(Malformed);
    }
    let window = input.get(..LONGEST_V1.min(input.len())).unwrap_or_default();
    let Some(end) = memchr::memmem::find(window, b"\r\n") else {
        return if window.len() == LONGEST_V1 {
            Err(Malformed)
        } else {
            Ok(None)
        };
    };
    let line = std::str::from_utf8(window.get(..end).unwrap_or_default()).map_err(|_| Malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    let addresses = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => None,
        [
            "PROXY",
            family @ ("TCP4" | "TCP6"),
            source,
            destination,
            source_port,
            destination_port,
        ] => {
            let v4 = *family == "TCP4";
            Some((
                address(v4, source, source_port)?,
                address(v4, destination, destination_port)?,
            ))
        }
        _ => return Err(Malformed),
    };
    Ok(Some(Header {
        length: end + 2,
        addresses,
        fields: Vec::new(),
    }))
}

fn address(v4: bool, ip: &str, port: &str) -> Result<SocketAddr, Malformed> {
    let ip: IpAddr = ip.parse().map_err(|_| Malformed)?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().map_err(|_| Malformed)?;
    if ip.is_ipv4() != v4 || !digits {
        return Err(Malformed);
    }
    Ok(SocketAddr::new(ip, port))
}

fn read_v2(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some(&[command, family, high, low]) = input.get(12..16).and_then(|bytes| <&[u8; 4]>::try_from(bytes).ok())
    else {
        return Ok(None);
    };
    let length = 16 + usize::from(u16::from_be_bytes([high, low]));
    let proxied = match command {
        0x20 => false,
        0x21 => true,
        _ => return Err(Malformed),
    };
    let Some(body) = input.get(16..length) else {
        return Ok(None);
    };
    let (addresses, taken) = match family >> 4 {
        1 => (Some(v4_pair(body).ok_or(Malformed)?), 12),
        2 => (Some(v6_pair(body).ok_or(Malformed)?), 36),
        0 | 3 => (None, body.len()),
        _ => return Err(Malformed),
    };
    Ok(Some(Header {
        length,
        addresses: addresses.filter(|_| proxied),
        fields: body.get(taken..).unwrap_or_default().to_vec(),
    }))
}

fn v4_pair(body: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(body.get(at..at + 4)?).ok()?));
    Some(((ip(0)?, port(body, 8)?).into(), (ip(4)?, port(body, 10)?).into()))
}

fn v6_pair(body: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let ip = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(body.get(at..at + 16)?).ok()?));
    Some(((ip(0)?, port(body, 32)?).into(), (ip(16)?, port(body, 34)?).into()))
}

fn port(body: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?))
}

/// A version 1 header for a connection between these addresses; `None`: unknown.
pub fn write_v1(addresses: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((source, destination)) = addresses.map(same_family) else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    format!(
        "PROXY {family} {from} {to} {} {}\r\n",
        source.port(),
        destination.port()
    )
    .into_bytes()
}

/// A version 2 header for a connection between these addresses; `None`: one of the balancer's own.
pub fn write_v2(addresses: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    let Some((source, destination)) = addresses.map(same_family) else {
        out.extend_from_slice(&[0x20, 0, 0, 0]);
        return out;
    };
    out.push(0x21);
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend_from_slice(&[0x11, 0, 12]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        }
        (from, to) => {
            out.extend_from_slice(&[0x21, 0, 36]);
            out.extend_from_slice(&mapped(from).octets());
            out.extend_from_slice(&mapped(to).octets());
        }
    }
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&destination.port().to_be_bytes());
    out
}

/// Where the families differ, both addresses as IPv6.
fn same_family((source, destination): (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let as_v6 = |address: SocketAddr| SocketAddr::new(mapped(address.ip()).into(), address.port());
    (as_v6(source), as_v6(destination))
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(source: &str, destination: &str) -> Option<(SocketAddr, SocketAddr)> {
        Some((source.parse().ok()?, destination.parse().ok()?))
    }

    #[test]
    fn what_is_written_is_read_again_however_it_is_cut() {
        let pairs = [
            pair("192.0.2.1:4711", "198.51.100.2:443"),
            pair("[2001:db8::1]:1", "[2001:db8::2]:65535"),
            None,
        ];
        for addresses in pairs {
            for header in [write_v1(addresses), write_v2(addresses)] {
                let mut input = header.clone();
                input.extend_from_slice(b"GET /");
                let read_back = read(&input).expect("a header").expect("a whole one");
                assert_eq!((read_back.length, read_back.addresses), (header.len(), addresses));
                for cut in 0..header.len() {
                    assert_eq!(read(&header[..cut]), Ok(None), "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn fields_are_found_by_type() {
        let fields = [&[0x05, 0, 2][..], b"id", &[0x02, 0, 4], b"host", &[0x04, 0, 9], b"x"].concat();
        let header = Header {
            length: 0,
            addresses: None,
            fields,
        };
        assert_eq!(header.field(UNIQUE_ID), Some(&b"id"[..]));
        assert_eq!(header.field(AUTHORITY), Some(&b"host"[..]));
        assert_eq!(header.field(0x04), None);
    }

    #[test]
    fn mixed_families_meet_in_ipv6() {
        let header = write_v1(pair("192.0.2.1:1", "[2001:db8::2]:2"));
        assert_eq!(header, b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n");
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat();
        let short_v2 = [SIGNATURE, &[0x21, 0x11, 0, 2, 1, 2]].concat();
        let bad_command = [SIGNATURE, &[0x2f, 0x11, 0, 0]].concat();
        for bad in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
            b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
            b"PROXY TCP5 a b 1 2\r\n",
            &long,
            &short_v2,
            &bad_command,
        ] {
            assert_eq!(read(bad), Err(Malformed), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
