//! Sample values and the casts between their types (manual 7.1 and 7.3).

use std::borrow::Cow;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::http::header;

/// The type of a sample. `Address` is what a fetch declares when it may give either family, `Any` when it may give
/// everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Any,
    Bool,
    Int,
    Address,
    Ipv4,
    Ipv6,
    Str,
    Bin,
    Method,
}

impl Kind {
    /// The short name that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Bool => "bool",
            Kind::Int => "sint",
            Kind::Address => "addr",
            Kind::Ipv4 => "ipv4",
            Kind::Ipv6 => "ipv6",
            Kind::Str => "str",
            Kind::Bin => "bin",
            Kind::Method => "meth",
        }
    }

    /// Does the language know a cast from this type to `to`? A cast that exists may still fail for a value.
    pub fn casts_to(self, to: Kind) -> bool {
        use Kind::{Address, Any, Bin, Bool, Int, Ipv4, Ipv6, Method, Str};
        match (self, to) {
            (Any, _) | (_, Any | Str | Bin) | (Str, _) => true,
            (Bool, to) => matches!(to, Bool | Int),
            (Int, to) => to != Method,
            (Address | Ipv4, to) => matches!(to, Int | Address | Ipv4 | Ipv6),
            (Ipv6, to) => matches!(to, Address | Ipv4 | Ipv6),
            (Bin, _) => false,
            (Method, to) => to == Method,
        }
    }
}

/// A sample. Strings and binaries borrow from the message or the plan wherever they can.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Bool(bool),
    Int(i64),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Str(Cow<'a, [u8]>),
    Bin(Cow<'a, [u8]>),
    /// An HTTP method's name.
    Method(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// A string that borrows its bytes.
    pub fn str(bytes: &'a [u8]) -> Value<'a> {
        Value::Str(Cow::Borrowed(bytes))
    }

    /// A string that owns its bytes.
    pub fn string(bytes: Vec<u8>) -> Value<'a> {
        Value::Str(Cow::Owned(bytes))
    }

    /// A binary that borrows its bytes.
    pub fn bin(bytes: &'a [u8]) -> Value<'a> {
        Value::Bin(Cow::Borrowed(bytes))
    }

    /// A binary that this value owns.
    pub fn binary(bytes: Vec<u8>) -> Value<'a> {
        Value::Bin(Cow::Owned(bytes))
    }

    /// An address of either family.
    pub fn address(ip: IpAddr) -> Value<'a> {
        match ip {
            IpAddr::V4(ip) => Value::Ipv4(ip),
            IpAddr::V6(ip) => Value::Ipv6(ip),
        }
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Ipv4(_) => Kind::Ipv4,
            Value::Ipv6(_) => Kind::Ipv6,
            Value::Str(_) => Kind::Str,
            Value::Bin(_) => Kind::Bin,
            Value::Method(_) => Kind::Method,
        }
    }

    /// The same value, owning its bytes.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(b) => Value::Bool(b),
            Value::Int(i) => Value::Int(i),
            Value::Ipv4(ip) => Value::Ipv4(ip),
            Value::Ipv6(ip) => Value::Ipv6(ip),
            Value::Str(s) => Value::Str(Cow::Owned(s.into_owned())),
            Value::Bin(s) => Value::Bin(Cow::Owned(s.into_owned())),
            Value::Method(s) => Value::Method(Cow::Owned(s.into_owned())),
        }
    }

    /// The value seen through a borrow: its bytes are not copied.
    pub fn borrowed(&'a self) -> Value<'a> {
        match self {
            Value::Bool(b) => Value::Bool(*b),
            Value::Int(i) => Value::Int(*i),
            Value::Ipv4(ip) => Value::Ipv4(*ip),
            Value::Ipv6(ip) => Value::Ipv6(*ip),
            Value::Str(s) => Value::Str(Cow::Borrowed(s)),
            Value::Bin(s) => Value::Bin(Cow::Borrowed(s)),
            Value::Method(s) => Value::Method(Cow::Borrowed(s)),
        }
    }
}

impl<'a> Value<'a> {
    /// The value as `kind`, or `None` where the language knows no such cast or this value cannot make it.
    pub fn cast(self, kind: Kind) -> Option<Value<'a>> {
        Some(match (self, kind) {
            (value, Kind::Any) => value,
            (value, kind) if value.kind() == kind => value,
            (value, Kind::Str) => Value::Str(value.into_text()),
            (value, Kind::Bin) => Value::Bin(value.into_bytes()),
            (Value::Bool(b), Kind::Int) => Value::Int(b.into()),
            (Value::Int(i), Kind::Bool) => Value::Bool(i != 0),
            (value @ (Value::Ipv4(_) | Value::Ipv6(_)), Kind::Address) => value,
            (Value::Ipv4(ip), Kind::Ipv6) => Value::Ipv6(ip.to_ipv6_mapped()),
            (Value::Ipv6(ip), Kind::Ipv4) => Value::Ipv4(ip.to_ipv4_mapped()?),
            (Value::Ipv4(ip), Kind::Int) => Value::Int(u32::from(ip).into()),
            (Value::Int(i), Kind::Ipv4 | Kind::Address) => Value::Ipv4(Ipv4Addr::from(i as u32)),
            (Value::Int(i), Kind::Ipv6) => Value::Ipv6(Ipv4Addr::from(i as u32).to_ipv6_mapped()),
            (Value::Str(s), Kind::Method) => Value::Method(s),
            (Value::Str(s), Kind::Int) => Value::Int(leading_int(&s)?),
            (Value::Str(s), Kind::Bool) => Value::Bool(leading_int(&s)? != 0),
            (Value::Str(s), Kind::Address) => Value::address(address(&s)?),
            (Value::Str(s), Kind::Ipv4) => Value::Ipv4(header::ipv4(text(&s)?)?),
            (Value::Str(s), Kind::Ipv6) => Value::Ipv6(text(&s)?.parse().ok()?),
            _ => return None,
        })
    }

    /// The value as a number, if it has one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Bool(b) => Some((*b).into()),
            Value::Int(i) => Some(*i),
            Value::Ipv4(ip) => Some(u32::from(*ip).into()),
            Value::Str(s) => leading_int(s),
            Value::Ipv6(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// The value as the bytes of a string, the way a header or a log shows it. A binary is cut at its first zero byte.
    pub fn into_text(self) -> Cow<'a, [u8]> {
        match self {
            Value::Str(s) | Value::Method(s) => s,
            Value::Bin(s) => cut_at_zero(s),
            Value::Bool(b) => Cow::Borrowed(if b { b"1" } else { b"0" }),
            other => {
                let mut shown = Vec::with_capacity(40);
                other.write(&mut shown);
                Cow::Owned(shown)
            }
        }
    }

    /// The value as a binary: numbers as eight bytes and addresses as four or sixteen, in network order.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Value::Str(s) | Value::Bin(s) | Value::Method(s) => s,
            Value::Bool(b) => Cow::Owned(i64::from(b).to_be_bytes().to_vec()),
            Value::Int(i) => Cow::Owned(i.to_be_bytes().to_vec()),
            Value::Ipv4(ip) => Cow::Owned(ip.octets().to_vec()),
            Value::Ipv6(ip) => Cow::Owned(ip.octets().to_vec()),
        }
    }

    /// Appends the value as a string shows it.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = match self {
            Value::Str(s) | Value::Method(s) => out.write_all(s),
            Value::Bin(s) => out.write_all(before_zero(s)),
            Value::Bool(b) => out.write_all(if *b { b"1" } else { b"0" }),
            Value::Int(i) => write!(out, "{i}"),
            Value::Ipv4(ip) => write!(out, "{ip}"),
            Value::Ipv6(ip) => match ip.segments() {
                // The C library's spelling of an IPv4-compatible address.
                [0, 0, 0, 0, 0, 0, high, _] if high != 0 => write!(out, "::{}", Ipv4Addr::from(u128::from(*ip) as u32)),
                _ => write!(out, "{ip}"),
            },
        };
    }
}

fn before_zero(bytes: &[u8]) -> &[u8] {
    memchr::memchr(0, bytes)
        .and_then(|end| bytes.get(..end))
        .unwrap_or(bytes)
}

fn cut_at_zero(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match (memchr::memchr(0, &bytes), bytes) {
        (None, bytes) => bytes,
        (Some(end), Cow::Borrowed(bytes)) => Cow::Borrowed(bytes.get(..end).unwrap_or(bytes)),
        (Some(end), Cow::Owned(mut bytes)) => {
            bytes.truncate(end);
            Cow::Owned(bytes)
        }
    }
}

/// The address that a string is, without a port.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let text = text(bytes)?;
    match header::ipv4(text) {
        Some(ip) => Some(ip.into()),
        None => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The integer a string opens with (`12ab` is 12, `ab` is 0), at most what 64 bits hold; `None` for an empty string.
pub fn leading_int(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [] => return None,
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let digits = digits.iter().map_while(|b| char::from(*b).to_digit(10));
    Some(digits.fold(0i64, |value, digit| {
        let value = value.saturating_mul(10);
        if negative {
            value.saturating_sub(digit.into())
        } else {
            value.saturating_add(digit.into())
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 9] = [
        Kind::Any,
        Kind::Bool,
        Kind::Int,
        Kind::Address,
        Kind::Ipv4,
        Kind::Ipv6,
        Kind::Str,
        Kind::Bin,
        Kind::Method,
    ];

    /// What a value becomes as a string, after a first cast.
    fn shown(value: Value<'_>, kind: Kind) -> Option<String> {
        let mut out = Vec::new();
        let cast = value.cast(kind)?;
        cast.write(&mut out);
        assert_eq!(cast.into_text(), out);
        String::from_utf8(out).ok()
    }

    #[test]
    fn casts_give_what_the_peer_gives() {
        let cases = [
            (Value::Bool(true), Kind::Str, Some("1")),
            (Value::Int(16_909_060), Kind::Address, Some("1.2.3.4")),
            (Value::Ipv4(Ipv4Addr::new(1, 2, 3, 4)), Kind::Int, Some("16909060")),
            (
                Value::Ipv4(Ipv4Addr::new(1, 2, 3, 4)),
                Kind::Ipv6,
                Some("::ffff:1.2.3.4"),
            ),
            (Value::Ipv6(Ipv6Addr::LOCALHOST), Kind::Int, None),
            (Value::str(b"1.2.3.4"), Kind::Address, Some("1.2.3.4")),
            (Value::str(b"1.2.3"), Kind::Address, None),
            (Value::str(b"01.2.3.4"), Kind::Ipv4, Some("1.2.3.4")),
            (Value::Ipv6("::1:2".parse().unwrap()), Kind::Str, Some("::0.1.0.2")),
            (Value::Ipv6(Ipv6Addr::LOCALHOST), Kind::Str, Some("::1")),
            (Value::str(b"2001:DB8::1"), Kind::Address, Some("2001:db8::1")),
            (Value::str(b"12ab"), Kind::Int, Some("12")),
            (Value::str(b"ab"), Kind::Int, Some("0")),
            (Value::str(b" 12"), Kind::Int, Some("0")),
            (Value::str(b""), Kind::Int, None),
            (Value::str(b"-12"), Kind::Int, Some("-12")),
            (
                Value::str(b"99999999999999999999"),
                Kind::Int,
                Some("9223372036854775807"),
            ),
            (
                Value::str(b"-99999999999999999999"),
                Kind::Int,
                Some("-9223372036854775808"),
            ),
            (Value::str(b"true"), Kind::Bool, Some("0")),
            (Value::bin(b"ab\0cd"), Kind::Str, Some("ab")),
            (Value::bin(b"12"), Kind::Int, None),
            (Value::Method(b"GET"[..].into()), Kind::Str, Some("GET")),
        ];
        for (value, kind, expected) in cases {
            let name = format!("{value:?} as {kind:?}");
            assert_eq!(shown(value, kind).as_deref(), expected, "{name}");
        }
        assert_eq!(Value::Int(5).into_bytes().as_ref(), [0, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn a_cast_that_is_not_known_never_gives_a_value() {
        let values = [
            Value::Bool(true),
            Value::Int(1),
            Value::Ipv4(Ipv4Addr::LOCALHOST),
            Value::Ipv6(Ipv6Addr::LOCALHOST),
            Value::str(b"1"),
            Value::bin(b"1"),
            Value::Method(b"GET"[..].into()),
        ];
        for value in values {
            for kind in KINDS {
                if !value.kind().casts_to(kind) {
                    assert_eq!(value.clone().cast(kind), None, "{value:?} as {kind:?}");
                }
            }
        }
    }
}
