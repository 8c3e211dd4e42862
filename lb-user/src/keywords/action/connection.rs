//! Actions on the client's connection: its addresses, and marks on its packets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{HTTP_BOTH, TCP_REQUEST, arguments, expression, works};
use crate::language::{Error, Scope, Words};
use crate::rules::value::{Kind, Value};
use crate::rules::{Action, ActionRow, Effect, Expression, Facts};

const REQUEST: Scope = TCP_REQUEST.or(Scope::HTTP_REQUEST);
const BOTH: Scope = Scope::TCP_RULES.or(HTTP_BOTH);

/// A row that sets one half of an address.
macro_rules! set {
    ($name:literal, $part:expr, $doc:literal, $example:literal) => {
        works(&[$name], "<expr>", REQUEST, $doc, $example, |_, words, context| {
            let expression = expression(words, context, None)?;
            Ok(Arc::new(SetAddress {
                part: $part,
                expression,
            }))
        })
    };
}

pub(super) const ROWS: &[ActionRow] = &[
    set!(
        "set-src",
        Part::SourceIp,
        "Replace the source address that rules, logs and servers see.",
        "mode http\nhttp-request set-src src,ipmask(24)"
    ),
    set!(
        "set-src-port",
        Part::SourcePort,
        "Replace the source port.",
        "mode http\nhttp-request set-src-port int(4000)"
    ),
    set!(
        "set-dst",
        Part::DestinationIp,
        "Replace the destination address.",
        "mode http\nhttp-request set-dst dst,ipmask(24)"
    ),
    set!(
        "set-dst-port",
        Part::DestinationPort,
        "Replace the destination port.",
        "mode http\nhttp-request set-dst-port int(4000)"
    ),
    works(
        &["set-tos"],
        "<tos>",
        BOTH,
        "Set the type-of-service byte of packets to the client.",
        "mode http\nhttp-request set-tos 0x08",
        |_, words, _| {
            let tos = number(words)?;
            Ok(Arc::new(move |_: &Facts<'_>| Effect::SetTos(tos)))
        },
    ),
    works(
        &["set-mark"],
        "<mark>",
        BOTH,
        "Set the netfilter mark of packets to the client.",
        "mode http\nhttp-request set-mark 0x1",
        |_, words, _| {
            let mark = number(words)?;
            Ok(Arc::new(move |_: &Facts<'_>| Effect::SetMark(mark)))
        },
    ),
];

/// A number in C's notation: decimal, `0x` hexadecimal, `0` octal; a negative one wraps around.
fn number(words: &mut Words<'_>) -> Result<u32, Error> {
    let [text] = arguments(words, "expects exactly 1 argument (integer/hex value)")?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (number, rest) = digits.split_at(end);
    let number = u32::from_str_radix(number, radix).ok().filter(|_| rest.is_empty());
    let number = number.ok_or_else(|| {
        let at = if end == 0 { text } else { rest };
        Error::new(format!(
            "invalid character starting at '{at}' (integer/hex value expected)"
        ))
    })?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

#[derive(Clone, Copy)]
enum Part {
    SourceIp,
    SourcePort,
    DestinationIp,
    DestinationPort,
}

struct SetAddress {
    part: Part,
    expression: Expression,
}

impl Action for SetAddress {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let value = self.expression.value(facts);
        let changed = match self.part {
            Part::SourceIp => ip(value).map(|ip| Effect::SetSource(with_ip(source(facts), ip))),
            Part::SourcePort => port(value).map(|port| Effect::SetSource(with_port(source(facts), port))),
            Part::DestinationIp => ip(value).map(|ip| Effect::SetDestination(with_ip(facts.session.destination, ip))),
            Part::DestinationPort => {
                port(value).map(|port| Effect::SetDestination(with_port(facts.session.destination, port)))
            }
        };
        changed.unwrap_or(Effect::Continue)
    }
}

/// The client's address; a unix socket has none.
fn source(facts: &Facts<'_>) -> Option<SocketAddr> {
    (!facts.session.is_unix).then_some(facts.session.source)
}

/// The same port at another address.
fn with_ip(address: Option<SocketAddr>, ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, address.map_or(0, |address| address.port()))
}

/// The same address with another port.
fn with_port(address: Option<SocketAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(
        address.map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip()),
        port,
    )
}

fn ip(value: Option<Value<'_>>) -> Option<IpAddr> {
    match value?.cast(Kind::Address)? {
        Value::Ipv4(ip) => Some(ip.into()),
        Value::Ipv6(ip) => Some(ip.into()),
        _ => None,
    }
}

fn port(value: Option<Value<'_>>) -> Option<u16> {
    match value?.cast(Kind::Int)? {
        Value::Int(port) => u16::try_from(port).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Location;

    #[test]
    fn marks_are_read_as_c_reads_them() {
        for (text, expected) in [
            ("0x10", Ok(16)),
            ("010", Ok(8)),
            ("0", Ok(0)),
            ("300", Ok(300)),
            ("-1", Ok(u32::MAX)),
            (
                "x",
                Err("invalid character starting at 'x' (integer/hex value expected)"),
            ),
            (
                "1x",
                Err("invalid character starting at 'x' (integer/hex value expected)"),
            ),
        ] {
            let words = [text.to_owned()];
            let location = Location::default();
            let found = number(&mut Words::new(&words, &location)).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        }
    }
}
