//! Samples as keys of stick tables.

use super::value::{Kind, Value};
use crate::stick::{Key, KeyType, StickTable};

/// The type that a sample is cast to before it is a key.
pub fn kind(key: KeyType) -> Kind {
    match key {
        KeyType::Ip => Kind::Ipv4,
        KeyType::Ipv6 => Kind::Ipv6,
        KeyType::Integer => Kind::Int,
        KeyType::String => Kind::Str,
        KeyType::Binary => Kind::Bin,
    }
}

/// The key that `value` is in a table; `None` where the value has no such form.
pub fn of(table: &StickTable, value: Value<'_>) -> Option<Key> {
    Some(match value.cast(kind(table.key))? {
        Value::Ipv4(ip) => Key::new(table, &ip.octets()),
        Value::Ipv6(ip) => Key::new(table, &ip.octets()),
        Value::Int(number) => Key::new(table, &(number as u32).to_be_bytes()),
        Value::Bool(set) => Key::new(table, &u32::from(set).to_be_bytes()),
        Value::Str(text) | Value::Bin(text) | Value::Method(text) => Key::new(table, &text),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn table(key: KeyType, key_length: usize) -> StickTable {
        StickTable {
            key_length,
            ..StickTable::new("t", key, 100)
        }
    }

    #[test]
    fn values_become_keys_of_the_tables_type() {
        for (kind, length, value, shown) in [
            (KeyType::Ip, 4, Value::Ipv4(Ipv4Addr::LOCALHOST), "127.0.0.1"),
            (KeyType::Ip, 4, Value::str(b"10.0.0.1"), "10.0.0.1"),
            (KeyType::Ipv6, 16, Value::Ipv4(Ipv4Addr::LOCALHOST), "::ffff:127.0.0.1"),
            (KeyType::Integer, 4, Value::Int(-1), "4294967295"),
            (KeyType::String, 5, Value::str(b"abcdefgh"), "abcde"),
            (KeyType::String, 5, Value::str(b"a b\x01"), "a\\ b\\x01"),
            (KeyType::Binary, 4, Value::bin(b"abcdef"), "61626364"),
            (KeyType::Binary, 4, Value::bin(b"a"), "61000000"),
        ] {
            let key = of(&table(kind, length), value).expect("castable");
            assert_eq!(key.display(kind).to_string(), shown);
        }
        assert_eq!(of(&table(KeyType::Ip, 4), Value::Ipv6(Ipv6Addr::LOCALHOST)), None);
    }
}
