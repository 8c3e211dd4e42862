//! Log formats (manual 8.2.4), also used by every action that builds a string.

use super::expression::Expression;
use super::facts::Facts;
use crate::language::Row;

mod parse;
pub mod write;

/// The format of `option tcplog` (manual 8.2.2).
pub const TCP: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
/// The format of `option httplog` (manual 8.2.3).
pub const HTTP: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq \
                        %hr %hs %{+Q}r";
/// The format of `option httplog clf` (manual 8.2.4).
pub const CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac \
                       %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

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
    /// A space between what was and what comes, if both show anything.
    Space,
    Variable {
        name: &'static str,
        show: ShowVariable,
        flags: Flags,
    },
    Expression {
        expression: Expression,
        flags: Flags,
    },
}

/// Appends a variable to a line.
pub type ShowVariable = fn(&Facts<'_>, Flags, &mut Vec<u8>);

/// A log-format variable. One whose scope is `HTTP_REQUEST_KEPT` is for HTTP mode alone.
pub type LogVariableRow = Row<ShowVariable>;

/// `%{+Q}o` and its like, and what shows where there is nothing to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `Q`: between double quotes.
    pub quote: bool,
    /// `X`: addresses and some numbers in hexadecimal.
    pub hex: bool,
    /// `E`: a backslash before `"`, `\` and `]` (RFC 5424 section 6.3.3).
    pub escape: bool,
    /// A dash stands for what is not there.
    pub dash: bool,
    /// Control characters of samples as `%` and two hexadecimal digits: what is built here may become a header.
    pub percent: bool,
}

/// How the text of a format is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Spaces only separate, and are merged.
    pub merge_spaces: bool,
    /// A dash stands for what is not there.
    pub dash: bool,
    /// Variables of HTTP mode may be used.
    pub http: bool,
}

impl Style {
    /// `log-format` and `log-format-sd` of a proxy in HTTP mode or not.
    pub fn log(http: bool) -> Style {
        Style {
            merge_spaces: true,
            dash: true,
            http,
        }
    }

    /// `unique-id-format`.
    pub fn unique_id(http: bool) -> Style {
        Style {
            dash: false,
            ..Style::log(http)
        }
    }

    /// The strings of actions.
    pub const TEXT: Style = Style {
        merge_spaces: false,
        dash: false,
        http: true,
    };
}

impl LogFormat {
    /// The format that shows this text as it is.
    pub fn literal(text: &[u8]) -> LogFormat {
        let nodes = match text.is_empty() {
            true => Vec::new(),
            false => vec![Node::Text(text.into())],
        };
        LogFormat {
            nodes,
            text: String::from_utf8_lossy(text).into(),
        }
    }

    /// Appends the line that the format makes of these facts.
    pub fn evaluate(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        for node in &self.nodes {
            match node {
                Node::Text(text) => out.extend_from_slice(text),
                Node::Space => {
                    if out.len() > start && out.last() != Some(&b' ') {
                        out.push(b' ');
                    }
                }
                Node::Variable { show, flags, .. } => show(facts, *flags, out),
                Node::Expression { expression, flags } => {
                    // The strings of actions quote variables, but not samples.
                    let flags = Flags {
                        quote: flags.quote && !flags.percent,
                        ..*flags
                    };
                    match expression.value(facts) {
                        Some(value) => write::value(out, flags, &value),
                        None => write::nothing(out, flags),
                    }
                }
            }
        }
    }

    /// The line as a new string.
    pub fn string(&self, facts: &Facts<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.evaluate(facts, &mut out);
        out
    }

    /// The text of a format that shows the same whatever the facts.
    pub fn constant(&self) -> Option<&[u8]> {
        match self.nodes.as_slice() {
            [] => Some(b""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }
}
