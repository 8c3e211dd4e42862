//! The hash of what a request is balanced by (manual 4.2, `balance` and `hash-type`).

use crate::http::{header, uri};
use crate::plan::balance::{HashFunction, HashType, UriHash};
use lb_common::hash;
use std::net::IpAddr;

/// Hashes the value of a parameter, header, cookie or expression.
pub fn of_bytes(kind: HashType, key: &[u8]) -> u32 {
    let hash = match kind.function {
        HashFunction::Sdbm => hash::sdbm(key),
        HashFunction::Djb2 => hash::djb2(key),
        HashFunction::Wt6 => hash::wt6(key),
        HashFunction::Crc32 => hash::crc32(key),
    };
    finish(kind, hash)
}

/// Hashes a source address: its 32-bit words in network order, exclusive-ored. `hash-type`'s function is not used.
pub fn of_address(kind: HashType, address: IpAddr) -> u32 {
    let hash = match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => (0..4).fold(0, |hash, word| hash ^ (address.to_bits() >> (32 * word)) as u32),
    };
    finish(kind, hash)
}

fn finish(kind: HashType, hash: u32) -> u32 {
    if kind.avalanche { hash::avalanche(hash) } else { hash }
}

/// The part of a request target that `balance uri` hashes. `None` where `path-only` finds no path.
pub fn uri_part<'a>(what: &UriHash, target: &'a [u8]) -> Option<&'a [u8]> {
    let target = if what.path_only { uri::pathq(target)? } else { target };
    let limit = if what.length == 0 {
        target.len()
    } else {
        what.length.min(target.len())
    };
    let mut slashes = 0;
    let end = target[..limit].iter().position(|&byte| match byte {
        b'/' => {
            slashes += 1;
            what.depth > 0 && slashes > what.depth
        }
        b'?' => !what.whole,
        _ => false,
    });
    Some(&target[..end.unwrap_or(limit)])
}

/// The value of the first parameter `name` of a query or a posted form, which may be empty.
pub fn parameter<'a>(name: &[u8], form: &'a [u8]) -> Option<&'a [u8]> {
    let mut fields = form.split(|&byte| byte == b'&');
    fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(b"="))
}

/// The first element of a header field's value, without the blanks around it. `None` where it is empty.
pub fn first_element(value: &[u8]) -> Option<&[u8]> {
    header::elements(value).next().filter(|element| !element.is_empty())
}

/// The value of an RDP cookie, which a client sends in the clear in its X.224 connection request (MS-RDPBCGR 2.2.1.1):
/// `Cookie: name=value` and CRLF after eleven bytes of headers. `None` where it is not there, cut short or empty.
pub fn rdp_cookie<'a>(name: &[u8], request: &'a [u8]) -> Option<&'a [u8]> {
    const LABEL: &[u8] = b"Cookie:";
    let (label, rest) = request.get(11..)?.split_at_checked(LABEL.len())?;
    let rest = rest.trim_ascii_start();
    let (found, rest) = rest.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b"=")?;
    let end = memchr::memmem::find(value, b"\r\n")?;
    let is_it = label.eq_ignore_ascii_case(LABEL) && found.eq_ignore_ascii_case(name);
    (is_it && end > 0).then_some(&value[..end])
}

/// The part of a host name before its top-level domain (`use_domain_only`): `1wt` of `haproxy.1wt.eu`.
pub fn domain(host: &[u8]) -> &[u8] {
    let dot_before = |end: usize| host.get(..end)?.iter().rposition(|&byte| byte == b'.');
    match dot_before(host.len()) {
        None | Some(0) => host,
        Some(end) => &host[dot_before(end - 1).map_or(0, |dot| dot + 1)..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the peer was seen to hash of each target.
    const TARGETS: &[(&str, &str, Option<&str>)] = &[
        ("", "/a/b/c/d.html?x=1&y=/z", Some("/a/b/c/d.html")),
        ("", "//a//b", Some("//a//b")),
        ("", "*", Some("*")),
        ("", "http://uri/a/b?c", Some("http://uri/a/b")),
        ("whole", "/a/b/c/d.html?x=1&y=/z", Some("/a/b/c/d.html?x=1&y=/z")),
        ("len 5", "/a/b/c/d.html?x=1&y=/z", Some("/a/b/")),
        ("len 5", "/?q", Some("/")),
        ("whole len 8", "/a;p=1/b?x", Some("/a;p=1/b")),
        ("depth 1", "/a/b/c/d.html?x=1&y=/z", Some("/a")),
        ("depth 1", "/abc/", Some("/abc")),
        ("depth 1", "//a//b", Some("/")),
        ("depth 1", "http://d1/a/b?c", Some("http:/")),
        ("depth 2", "/a/b/c/d.html?x=1&y=/z", Some("/a/b")),
        ("depth 2", "/abc/", Some("/abc/")),
        ("depth 3", "//a//b", Some("//a/")),
        ("depth 2 len 4", "/url1", Some("/url")),
        ("whole depth 2", "/?q", Some("/?q")),
        ("path-only", "http://po/a/b?c", Some("/a/b")),
        ("path-only", "*", None),
        ("path-only whole", "http://pow/a/b?c", Some("/a/b?c")),
    ];

    #[test]
    fn the_hashed_part_of_a_uri_is_the_peers() {
        for (options, target, expected) in TARGETS {
            let mut what = UriHash::default();
            let mut words = options.split_whitespace();
            while let Some(word) = words.next() {
                let mut number = || words.next().and_then(|number| number.parse().ok()).unwrap_or_default();
                match word {
                    "whole" => what.whole = true,
                    "path-only" => what.path_only = true,
                    "len" => what.length = number(),
                    _ => what.depth = number(),
                }
            }
            let part = uri_part(&what, target.as_bytes());
            assert_eq!(part, expected.map(str::as_bytes), "{options} {target}");
        }
    }

    #[test]
    fn the_domain_of_a_host_is_the_peers() {
        for (host, expected) in [
            ("www.example.com", "example"),
            ("example.com", "example"),
            ("a.b.c.example.co.uk", "co"),
            ("example", "example"),
            ("127.0.0.1", "0"),
            ("www.example.com:8080", "example"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("a.", "a"),
            ("1wt.eu.", "eu"),
            (".", "."),
            ("..", "."),
            ("...", "."),
            (".com", ".com"),
            ("..com", "."),
            ("a..b", "a."),
            (".a.b.", "b"),
            ("x..y..z", "y."),
            ("", ""),
        ] {
            assert_eq!(domain(host.as_bytes()), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn a_header_gives_its_first_element() {
        for (value, expected) in [
            ("v1,v2", Some("v1")),
            ("a.b , c.d", Some("a.b")),
            (",a", None),
            (",", None),
            ("", None),
        ] {
            assert_eq!(first_element(value.as_bytes()), expected.map(str::as_bytes), "{value}");
        }
    }

    #[test]
    fn an_rdp_cookie_is_found_as_by_the_peer() {
        for (name, text, expected) in [
            ("mstshash", "Cookie: mstshash=alice\r\n", Some("alice")),
            ("mstshash", "cookie:MSTSHASH=alice\r\nxx", Some("alice")),
            ("mstshash", "Cookie:   mstshash= al ice \r\n", Some(" al ice ")),
            ("foo", "Cookie: foo=bar; mstshash=x\r\n", Some("bar; mstshash=x")),
            ("foo", "Cookie: a=b; foo=bar\r\n", None),
            ("mstshash", "Cookie: msts=123.456.0000\r\n", None),
            ("mstshash", "Cookie: mstshash=\r\n", None),
            ("mstshash", "Cookie: mstshash=alice\n", None),
            ("mstshash", "Cookie: mstshash=alice", None),
            ("mstshash", "", None),
        ] {
            let request = [b"\x03\0\0\x23\x1e\xe0\0\0\0\0\0", text.as_bytes()].concat();
            let cookie = rdp_cookie(name.as_bytes(), &request);
            assert_eq!(cookie, expected.map(str::as_bytes), "{name} {text:?}");
        }
        assert_eq!(rdp_cookie(b"mstshash", b"GET / HTTP/1.0\r\n\r\n"), None);
    }

    #[test]
    fn a_parameter_is_the_first_with_a_value() {
        for (query, expected) in [
            ("k=abc", Some("abc")),
            ("K=abc", None),
            ("a=1&k=abc&k=def", Some("abc")),
            ("a=1;k=abc", None),
            ("k=", Some("")),
            ("k", None),
            ("k&k=a", Some("a")),
            ("ak=1&k=%41", Some("%41")),
            ("k=a;b=c", Some("a;b=c")),
            ("x?k=abc", None),
            ("k=abc?k=2", Some("abc?k=2")),
        ] {
            assert_eq!(
                parameter(b"k", query.as_bytes()),
                expected.map(str::as_bytes),
                "{query}"
            );
        }
    }

    /// Addresses, and which of 101 equal servers of a static map the peer chose, without and with `avalanche`.
    #[test]
    fn addresses_hash_as_the_peers() {
        for (address, plain, avalanched) in [
            ("10.0.0.1", 51, 86),
            ("192.168.1.77", 18, 3),
            ("255.1.2.3", 60, 36),
            ("2001:db8::1", 24, 79),
            ("fe80::1:2:3:4", 91, 40),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let wt6 = HashType {
                function: HashFunction::Wt6,
                ..HashType::default()
            };
            assert_eq!(of_address(wt6, address) % 101, plain, "{address}");
            let kind = HashType {
                avalanche: true,
                ..HashType::default()
            };
            assert_eq!(of_address(kind, address) % 101, avalanched, "{address}");
        }
    }
}
