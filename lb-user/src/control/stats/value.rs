//! Typed values: what a field is, and what it says of one object (management manual 9.2).

use serde_json::json;

/// How monitoring should treat a value: origin, nature and scope, one letter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags(pub &'static str);

/// The type a value is announced with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    U32,
    U64,
    S32,
    Str,
}

/// What a field says of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The object has no such thing.
    None,
    Unsigned(u64),
    Signed(i64),
    /// A number of seconds with its fraction, for `show info float`.
    Float(f64),
    Text(String),
}

impl Tags {
    /// The tags in words, for JSON.
    pub fn json(self) -> serde_json::Value {
        let mut letters = self.0.chars();
        let origin = match letters.next() {
            Some('M') => "Metric",
            Some('S') => "Status",
            Some('K') => "Key",
            Some('C') => "Config",
            _ => "Product",
        };
        let nature = match letters.next() {
            Some('A') => "Age",
            Some('a') => "Avg",
            Some('C') => "Counter",
            Some('D') => "Duration",
            Some('G') => "Gauge",
            Some('L') => "Limit",
            Some('M') => "Max",
            Some('m') => "Min",
            Some('N') => "Name",
            Some('R') => "Rate",
            Some('T') => "Time",
            _ => "Output",
        };
        let scope = match letters.next() {
            Some('C') => "Cluster",
            Some('S') => "Service",
            Some('s') => "System",
            _ => "Process",
        };
        json!({ "origin": origin, "nature": nature, "scope": scope })
    }
}

impl Kind {
    /// The type's name in typed output.
    pub fn name(self) -> &'static str {
        match self {
            Kind::U32 => "u32",
            Kind::U64 => "u64",
            Kind::S32 => "s32",
            Kind::Str => "str",
        }
    }
}

impl Value {
    /// Is there nothing to print?
    pub fn is_none(&self) -> bool {
        *self == Value::None
    }

    /// The value as text, empty where there is none.
    pub fn text(&self) -> String {
        match self {
            Value::None => String::new(),
            Value::Unsigned(number) => number.to_string(),
            Value::Signed(number) => number.to_string(),
            Value::Float(number) => format!("{number:.6}"),
            Value::Text(text) => text.clone(),
        }
    }

    /// Type and value, for JSON.
    pub fn json(&self, kind: Kind) -> serde_json::Value {
        match self {
            Value::None => serde_json::Value::Null,
            Value::Unsigned(number) => json!({ "type": kind.name(), "value": number }),
            Value::Signed(number) => json!({ "type": kind.name(), "value": number }),
            Value::Float(number) => json!({ "type": "flt", "value": number }),
            Value::Text(text) => json!({ "type": kind.name(), "value": text }),
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Unsigned(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Unsigned(number.into())
    }
}

impl From<bool> for Value {
    fn from(set: bool) -> Value {
        Value::Unsigned(set.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Signed(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}
