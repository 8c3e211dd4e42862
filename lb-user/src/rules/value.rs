//! Sample values and the casts between their types (manual 7.1 and 7.3).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type of a sample. `Address` is what a fetch declares when it may give either family.
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
    pub fn str(bytes: &'a [u8]) -> Value<'a> {
        Value::Str(Cow::Borrowed(bytes))
    }

    pub fn string(bytes: Vec<u8>) -> Value<'a> {
        Value::Str(Cow::Owned(bytes))
    }

    pub fn bin(bytes: &'a [u8]) -> Value<'a> {
        Value::Bin(Cow::Borrowed(bytes))
    }

    pub fn address(ip: IpAddr) -> Value<'a> {
        match ip {
            IpAddr::V4(ip) => Value::Ipv4(ip),
            IpAddr::V6(ip) => Value::Ipv6(ip),
        }
    }

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
}

impl<'a> Value<'a> {
    /// The value as `kind`, or `None` where the language knows no such cast.
    pub fn cast(self, kind: Kind) -> Option<Value<'a>> {
        Some(match (self, kind) {
            (value, Kind::Any) => value,
            (value, kind) if value.kind() == kind => value,
            (Value::Bool(b), Kind::Int) => Value::Int(b.into()),
            (Value::Int(i), Kind::Bool) => Value::Bool(i != 0),
            (value @ (Value::Ipv4(_) | Value::Ipv6(_)), Kind::Address) => value,
            (Value::Ipv4(ip), Kind::Ipv6) => Value::Ipv6(ip.to_ipv6_mapped()),
            (Value::Ipv6(ip), Kind::Ipv4) => Value::Ipv4(ip.to_ipv4_mapped()?),
            (Value::Ipv4(ip), Kind::Int) => Value::Int(u32::from(ip).into()),
            (Value::Int(i), Kind::Ipv4 | Kind::Address) => Value::Ipv4(Ipv4Addr::from(i as u32)),
            (Value::Int(i), Kind::Ipv6) => Value::Ipv6(Ipv4Addr::from(i as u32).to_ipv6_mapped()),
            (Value::Ipv4(ip), Kind::Bin) => Value::Bin(Cow::Owned(ip.octets().to_vec())),
            (Value::Ipv6(ip), Kind::Bin) => Value::Bin(Cow::Owned(ip.octets().to_vec())),
            (Value::Int(i), Kind::Bin) => Value::Bin(Cow::Owned(i.to_be_bytes().to_vec())),
            (Value::Bool(b), Kind::Bin) => Value::Bin(Cow::Owned(i64::from(b).to_be_bytes().to_vec())),
            (Value::Str(s) | Value::Method(s), Kind::Bin) => Value::Bin(s),
            (Value::Bin(s) | Value::Method(s), Kind::Str) => Value::Str(s),
            (Value::Str(s), Kind::Method) => Value::Method(s),
            (Value::Str(s), Kind::Int) => Value::Int(leading_int(&s)?),
            (Value::Str(s), Kind::Bool) => Value::Bool(leading_int(&s)? != 0),
            (Value::Str(s), Kind::Address) => Value::address(text(&s)?.parse().ok()?),
            (Value::Str(s), Kind::Ipv4) => Value::Ipv4(text(&s)?.parse().ok()?),
            (Value::Str(s), Kind::Ipv6) => Value::Ipv6(text(&s)?.parse().ok()?),
            (value, Kind::Str) => Value::Str(value.into_text()?),
            _ => return None,
        })
    }

    /// The value as the bytes of a string, the way a header or a log shows it. Binary stays as it is.
    pub fn into_text(self) -> Option<Cow<'a, [u8]>> {
        Some(match self {
            Value::Str(s) | Value::Bin(s) | Value::Method(s) => s,
            Value::Bool(b) => Cow::Borrowed(if b { b"1" } else { b"0" }),
            Value::Int(i) => Cow::Owned(i.to_string().into_bytes()),
            Value::Ipv4(ip) => Cow::Owned(ip.to_string().into_bytes()),
            Value::Ipv6(ip) => Cow::Owned(ip.to_string().into_bytes()),
        })
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The integer a string opens with (`12ab` is 12), `None` where there are no digits.
fn leading_int(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let mut value: Option<i64> = None;
    for digit in digits.iter().map_while(|b| char::from(*b).to_digit(10)) {
        value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit.into()));
    }
    value.map(|value| if negative { -value } else { value })
}
