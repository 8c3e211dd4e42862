//! Log formats (manual 8.2.4), also used by every action that builds a string.

use super::expression::Expression;

/// A compiled format: literal text, variables and expressions in order.
#[derive(Clone, Default)]
pub struct LogFormat {
    pub nodes: Vec<Node>,
    /// The text it was compiled from.
    pub text: Box<str>,
}

/// One piece of a format.
#[derive(Clone)]
pub enum Node {
    Text(Box<[u8]>),
    Variable {
        name: &'static str,
        show: fn(&super::Facts<'_>, Flags, &mut Vec<u8>),
        flags: Flags,
    },
    Expression {
        expression: Expression,
        flags: Flags,
    },
}

/// `%{+Q}o` and its like: quoting, hexadecimal addresses, RFC 5424 escapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub quote: bool,
    pub hex: bool,
    pub escape: bool,
}
