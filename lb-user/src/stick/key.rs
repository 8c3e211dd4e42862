//! Keys of stick tables: a sample's bytes in the table's type (manual 4.2 `stick-table`).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

use super::spec::{KeyType, StickTable};

/// A key as the table stores it: addresses and integers in network order, strings cut to the table's length, binaries
/// cut or padded with zeroes to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(SmallVec<[u8; 22]>);

impl Key {
    /// The key that these bytes are: those of an address or a number in network order, a string's or a binary's.
    pub fn new(table: &StickTable, bytes: &[u8]) -> Key {
        let mut key: SmallVec<[u8; 22]> = SmallVec::from_slice(bytes.get(..table.key_length).unwrap_or(bytes));
        if table.key == KeyType::Binary {
            key.resize(table.key_length, 0);
        }
        Key(key)
    }

    /// Reads a key that an operator wrote; `None` where it is none of the table's type. Binary keys cannot be written.
    pub fn parse(table: &StickTable, text: &str) -> Option<Key> {
        Some(match table.key {
            KeyType::Ip => Key::new(table, &text.parse::<Ipv4Addr>().ok()?.octets()),
            KeyType::Ipv6 => Key::new(table, &text.parse::<Ipv6Addr>().ok()?.octets()),
            KeyType::Integer => Key::new(table, &text.parse::<u32>().ok()?.to_be_bytes()),
            KeyType::String => Key::new(table, text.as_bytes()),
            KeyType::Binary => return None,
        })
    }

    /// The key's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as `show table` prints it.
    pub fn display(&self, kind: KeyType) -> impl fmt::Display + '_ {
        Shown { bytes: &self.0, kind }
    }
}

struct Shown<'a> {
    bytes: &'a [u8],
    kind: KeyType,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.bytes) {
            (KeyType::Ip, &[a, b, c, d]) => write!(f, "{}", Ipv4Addr::new(a, b, c, d)),
            (KeyType::Integer, &[a, b, c, d]) => write!(f, "{}", u32::from_be_bytes([a, b, c, d])),
            (KeyType::Ipv6, bytes) => match <[u8; 16]>::try_from(bytes) {
                Ok(octets) => write!(f, "{}", Ipv6Addr::from(octets)),
                Err(_) => Ok(()),
            },
            (KeyType::Binary, bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}")),
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

    #[test]
    fn written_keys_are_read_strictly() {
        for (kind, text, shown) in [
            (KeyType::Ip, "10.0.0.1", Some("10.0.0.1")),
            (KeyType::Ip, "::1", None),
            (KeyType::Ipv6, "::1", Some("::1")),
            (KeyType::Ipv6, "127.0.0.1", None),
            (KeyType::Integer, "12", Some("12")),
            (KeyType::Integer, "-1", None),
            (KeyType::Integer, "4294967296", None),
            (KeyType::Integer, "abc", None),
            (KeyType::String, "abc", Some("abc")),
            (KeyType::Binary, "abc", None),
        ] {
            let key = Key::parse(&StickTable::new("t", kind, 100), text).map(|key| key.display(kind).to_string());
            assert_eq!(key.as_deref(), shown, "{text}");
        }
    }
}
