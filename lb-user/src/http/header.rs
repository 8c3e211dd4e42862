//! Header values that are lists, numbers or addresses, as the language's fetches read them (2.4 manual, section 7.3.6).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::message::Head;

/// The elements of a comma-separated list: trimmed, empty ones included, commas between double quotes kept
/// (`req.hdr`).
pub fn elements(value: &[u8]) -> Elements<'_> {
    Elements {
        rest: Some(value),
        separator: b',',
    }
}

/// Iterates over the parts between separators that are not quoted.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Elements<'a> {
    pub(super) fn split_at(value: &'a [u8], separator: u8) -> Elements<'a> {
        Elements {
            rest: Some(value),
            separator,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (element, after) = cut(self.rest?, [self.separator; 2]);
        self.rest = after;
        Some(trim(element))
    }
}

/// Cuts a value at the first of two separators outside double quotes; what follows is `None` where there is none.
pub(super) fn cut(value: &[u8], separators: [u8; 2]) -> (&[u8], Option<&[u8]>) {
    let end = unquoted(value, separators);
    (value.get(..end).unwrap_or(value), value.get(end + 1..))
}

/// The position of the first separator outside double quotes, or the end. A backslash escapes inside quotes only.
fn unquoted(value: &[u8], separators: [u8; 2]) -> usize {
    if memchr::memchr(b'"', value).is_none() {
        return memchr::memchr2(separators[0], separators[1], value).unwrap_or(value.len());
    }
    let mut quoted = false;
    let mut escaped = false;
    let found = value.iter().position(|&octet| {
        quoted ^= octet == b'"' && !escaped;
        escaped = quoted && octet == b'\\' && !escaped;
        separators.contains(&octet) && !quoted
    });
    found.unwrap_or(value.len())
}

/// The text without the white space around it, which is blanks and what folded lines leave of their ends; other
/// control characters belong to the text.
pub fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let Some((last, rest)) = text.split_last()
        && is_space(last)
    {
        text = rest;
    }
    text
}

/// The text without the white space before it.
pub fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some((first, rest)) = text.split_first()
        && is_space(first)
    {
        text = rest;
    }
    text
}

fn is_space(octet: &u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// The elements of a list of tokens: no quotes, empty ones left out.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&octet| octet == b',')
        .map(trim)
        .filter(|token| !token.is_empty())
}

/// Every comma-separated value of the fields called `name`, or of all fields, in order (`req.hdr`).
pub fn list<'a, 'n>(head: &'a Head, name: Option<&'n [u8]>) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
    lines(head, name).flat_map(elements)
}

/// Every whole value of the fields called `name`, or of all fields, in order (`req.fhdr`).
pub fn lines<'a, 'n>(head: &'a Head, name: Option<&'n [u8]>) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
    head.headers()
        .filter(move |(candidate, _)| name.is_none_or(|name| candidate.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
}

/// The one value that an occurrence number names: 1 is the first, -1 the last, as 0 is.
pub fn occurrence<'a>(mut values: impl Iterator<Item = &'a [u8]> + Clone, number: i64) -> Option<&'a [u8]> {
    if number > 0 {
        return values.nth(usize::try_from(number - 1).ok()?);
    }
    let back = usize::try_from(number.unsigned_abs().max(1)).ok()?;
    values.clone().nth(values.clone().count().checked_sub(back)?)
}

/// A decimal number of digits alone that fits in 63 bits, so that lengths can be added without overflow.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |number, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    (number <= i64::MAX as u64).then_some(number)
}

/// An IPv6 address, or an IPv4 one that a port may follow, which is dropped (`req.hdr_ip`).
pub fn address(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?;
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(address.into());
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if let Some(port) = port {
        decimal(port.as_bytes()).filter(|&port| port <= 65535)?;
    }
    ipv4(host).map(IpAddr::from)
}

/// Four decimal numbers below 256, leading zeros allowed.
pub fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(decimal(parts.next()?.as_bytes())?).ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Version;

    fn text(values: impl Iterator<Item = &'static [u8]>) -> Vec<&'static str> {
        values.map(|value| std::str::from_utf8(value).unwrap()).collect()
    }

    #[test]
    fn lists_split_at_commas_outside_quotes() {
        let cases: &[(&str, &[&str])] = &[
            ("a, b ,c", &["a", "b", "c"]),
            (r#""a,b",c"#, &[r#""a,b""#, "c"]),
            ("a,,b", &["a", "", "b"]),
            ("", &[""]),
            (",", &["", ""]),
            ("a,", &["a", ""]),
            (r#""a\",b",c"#, &[r#""a\",b""#, "c"]),
            (r#""a\\",b"#, &[r#""a\\""#, "b"]),
            (r#"\"a,b"#, &[r#"\"a,b"#]),
            ("'a,b'", &["'a", "b'"]),
            (r#""open, b"#, &[r#""open, b"#]),
            (r#"a ;q="x,y" , b"#, &[r#"a ;q="x,y""#, "b"]),
        ];
        for (value, expected) in cases {
            assert_eq!(text(elements(value.as_bytes())), *expected, "{value}");
        }
    }

    #[test]
    fn occurrences_count_from_both_ends() {
        let mut head = Head::request(b"GET", b"/", Version::Http11);
        head.add(b"X", b"a");
        head.add(b"y", b"z");
        head.add(b"x", b"b, c");
        let cases: &[(i64, Option<&[u8]>)] = &[
            (1, Some(b"a")),
            (2, Some(b"b")),
            (3, Some(b"c")),
            (4, None),
            (0, Some(b"c")),
            (-1, Some(b"c")),
            (-3, Some(b"a")),
            (-4, None),
            (i64::MIN, None),
            (i64::MAX, None),
        ];
        for (number, expected) in cases {
            let values: Vec<_> = list(&head, Some(b"x")).collect();
            assert_eq!(occurrence(values.into_iter(), *number), *expected, "{number}");
        }
        assert_eq!(list(&head, None).count(), 4);
        assert_eq!(lines(&head, Some(b"X")).collect::<Vec<_>>(), [&b"a"[..], b"b, c"]);
    }

    #[test]
    fn numbers_are_digits_alone() {
        let cases: &[(&str, Option<u64>)] = &[
            ("0", Some(0)),
            ("007", Some(7)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("99999999999999999999999", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("0x1", None),
        ];
        for (digits, expected) in cases {
            assert_eq!(decimal(digits.as_bytes()), *expected, "{digits}");
        }
    }

    #[test]
    fn addresses_are_read_as_the_peer_reads_them() {
        let cases = [
            ("1.2.3.4", Some("1.2.3.4")),
            ("001.2.3.4", Some("1.2.3.4")),
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("1.2.3.4:0", Some("1.2.3.4")),
            ("1.2.3.4:", None),
            ("1.2.3.4:65536", None),
            ("1.2.3.4:8x", None),
            ("1.2.3", None),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("::1", Some("::1")),
            ("::ffff:1.2.3.4", Some("::ffff:1.2.3.4")),
            ("[::1]", None),
            ("[::1]:80", None),
            ("fe80::1%eth0", None),
            ("\"1.2.3.4\"", None),
            ("unknown", None),
            ("", None),
        ];
        for (value, expected) in cases {
            assert_eq!(
                address(value.as_bytes()),
                expected.map(|text| text.parse().unwrap()),
                "{value}"
            );
        }
    }
}
