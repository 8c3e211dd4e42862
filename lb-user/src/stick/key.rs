//! Keys of stick tables: a sample's bytes in the table's type (manual 4.2 `stick-table`).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

use crate::plan::StickTable;
use crate::rules::{Kind, Value};

/// A key as the table stores it: addresses and integers in network order, strings cut to the table's length, binaries
/// cut or padded with zeroes to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(SmallVec<[u8; 22]>);

impl Key {
    /// The key that `value` is in this table; `None` where the value has no such form.
    pub fn from_value(table: &StickTable, value: Value<'_>) -> Option<Key> {
        let mut bytes: SmallVec<[u8; 22]> = match value.cast(table.key)? {
            Value::Ipv4(ip) => SmallVec::from_slice(&ip.octets()),
            Value::Ipv6(ip) => SmallVec::from_slice(&ip.octets()),
            Value::Int(number) => SmallVec::from_slice(&(number as u32).to_be_bytes()),
            Value::Bool(set) => SmallVec::from_slice(&u32::from(set).to_be_bytes()),
            Value::Str(text) | Value::Bin(text) | Value::Method(text) => {
                SmallVec::from_slice(text.get(..table.key_length).unwrap_or(&text))
            }
        };
        if table.key == Kind::Bin {
            bytes.resize(table.key_length, 0);
        }
        Some(Key(bytes))
    }

    /// Reads a key that an operator wrote; `None` where it is none of the table's type. Binary keys cannot be written.
    pub fn parse(table: &StickTable, text: &str) -> Option<Key> {
        let value = match table.key {
            Kind::Ipv4 => Value::Ipv4(text.parse().ok()?),
            Kind::Ipv6 => Value::Ipv6(text.parse().ok()?),
            Kind::Int => Value::Int(text.parse::<u32>().ok()?.into()),
            Kind::Str => Value::str(text.as_bytes()),
            _ => return None,
        };
        Key::from_value(table, value)
    }

    /// The key's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as `show table` prints it.
    pub fn display(&self, kind: Kind) -> impl fmt::Display + '_ {
        Shown { bytes: &self.0, kind }
    }
}

struct Shown<'a> {
    bytes: &'a [u8],
    kind: Kind,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.bytes) {
            (Kind::Ipv4, &[a, b, c, d]) => write!(f, "{}", Ipv4Addr::new(a, b, c, d)),
            (Kind::Int, &[a, b, c, d]) => write!(f, "{}", u32::from_be_bytes([a, b, c, d])),
            (Kind::Ipv6, bytes) => match <[u8; 16]>::try_from(bytes) {
                Ok(octets) => write!(f, "{}", Ipv6Addr::from(octets)),
                Err(_) => Ok(()),
            },
            (Kind::Bin, bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}")),
            (_, bytes) => bytes.iter().try_for_each(|byte| match byte {
                b' ' | b'\\' => write!(f, "\\{}", char::from(*byte)),
                0x21..=0x7e => write!(f, "{}", char::from(*byte)),
                byte => write!(f, "\\x{byte:02x}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::tests::spec;

    #[test]
    fn values_become_keys_of_the_tables_type() {
        for (kind, length, value, shown) in [
            (Kind::Ipv4, 4, Value::Ipv4(Ipv4Addr::LOCALHOST), "127.0.0.1"),
            (Kind::Ipv4, 4, Value::str(b"10.0.0.1"), "10.0.0.1"),
            (Kind::Ipv6, 16, Value::Ipv4(Ipv4Addr::LOCALHOST), "::ffff:127.0.0.1"),
            (Kind::Int, 4, Value::Int(-1), "4294967295"),
            (Kind::Str, 5, Value::str(b"abcdefgh"), "abcde"),
            (Kind::Str, 5, Value::str(b"a b\x01"), "a\\ b\\x01"),
            (Kind::Bin, 4, Value::bin(b"abcdef"), "61626364"),
            (Kind::Bin, 4, Value::bin(b"a"), "61000000"),
        ] {
            let table = spec(kind, length);
            let key = Key::from_value(&table, value).expect("castable");
            assert_eq!(key.display(kind).to_string(), shown);
        }
        assert_eq!(
            Key::from_value(&spec(Kind::Ipv4, 4), Value::Ipv6(Ipv6Addr::LOCALHOST)),
            None
        );
    }

    #[test]
    fn written_keys_are_read_strictly() {
        for (kind, text, shown) in [
            (Kind::Ipv4, "10.0.0.1", Some("10.0.0.1")),
            (Kind::Ipv4, "::1", None),
            (Kind::Ipv6, "::1", Some("::1")),
            (Kind::Ipv6, "127.0.0.1", None),
            (Kind::Int, "12", Some("12")),
            (Kind::Int, "-1", None),
            (Kind::Int, "4294967296", None),
            (Kind::Int, "abc", None),
            (Kind::Str, "abc", Some("abc")),
            (Kind::Bin, "abc", None),
        ] {
            let key = Key::parse(&spec(kind, 32), text).map(|key| key.display(kind).to_string());
            assert_eq!(key.as_deref(), shown, "{text}");
        }
    }
}
