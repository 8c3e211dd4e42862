//! Log formats (manual 8.2.4), also used by every action that builds a string.

use super::context::{Context, LogVariable, Registry};
use super::expression::Expression;
use super::facts::Facts;
use crate::language::{Error, row, suggest};

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
    /// One space, however many were written; none after another one that nothing followed.
    Space,
    Variable {
        name: &'static str,
        show: LogVariable,
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
    /// Percent-encode what a URI may not hold (the locations of redirects).
    pub uri: bool,
}

/// Compiles the text between brackets.
pub type CompileExpression = fn(&str, &mut Context<'_>) -> Result<Expression, Error>;

impl LogFormat {
    /// Compiles `text`, whose expressions must be able to answer in `context`.
    pub fn compile(text: &str, context: &mut Context<'_>, expression: CompileExpression) -> Result<LogFormat, Error> {
        Compiler {
            nodes: Vec::new(),
            defaults: Flags::default(),
            context,
            expression,
        }
        .compile(text)
    }

    /// The same for a redirect's location: what expressions give is percent-encoded where a URI needs it.
    pub fn compile_uri(
        text: &str,
        context: &mut Context<'_>,
        expression: CompileExpression,
    ) -> Result<LogFormat, Error> {
        let defaults = Flags {
            uri: true,
            ..Flags::default()
        };
        Compiler {
            nodes: Vec::new(),
            defaults,
            context,
            expression,
        }
        .compile(text)
    }

    /// A format of nothing but `text`.
    pub fn literal(text: &str) -> LogFormat {
        LogFormat {
            nodes: vec![Node::Text(text.as_bytes().into())],
            text: text.into(),
        }
    }

    /// The text, if the format is nothing else.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.nodes.as_slice() {
            [] => Some(b""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Writes the line.
    pub fn evaluate(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        let mut spaced = out.len();
        for node in &self.nodes {
            match node {
                Node::Text(text) => out.extend_from_slice(text),
                Node::Space if out.len() == spaced => {}
                Node::Space => {
                    out.push(b' ');
                    spaced = out.len();
                }
                Node::Variable { show, flags, .. } => show(facts, *flags, out),
                Node::Expression { expression, flags } => match expression.text(facts) {
                    Some(value) => flags.write(&value, out),
                    // An absent value leaves no trace in a string that is not a log line.
                    None if flags.uri => {}
                    None => flags.write(b"", out),
                },
            }
        }
    }

    /// The line as a new string.
    pub fn string(&self, facts: &Facts<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.evaluate(facts, &mut out);
        out
    }
}

impl Flags {
    /// Writes text the way the flags want it; nothing at all shows as `-`, or as an empty pair of quotes.
    pub fn write_or_dash(self, text: Option<&[u8]>, out: &mut Vec<u8>) {
        match text {
            Some(text) if !text.is_empty() => self.write(text, out),
            _ if self.quote => out.extend_from_slice(b"\"\""),
            _ => out.push(b'-'),
        }
    }

    /// Writes text the way the flags want it.
    pub fn write(self, text: &[u8], out: &mut Vec<u8>) {
        if self.quote {
            out.push(b'"');
        }
        for &byte in text {
            match byte {
                b'"' | b'\\' | b']' if self.escape => out.extend_from_slice(&[b'\\', byte]),
                _ if self.uri && must_encode(byte) => push_hex(b'%', byte, out),
                _ => out.push(byte),
            }
        }
        if self.quote {
            out.push(b'"');
        }
    }
}

/// Bytes that a location may not hold as they are.
fn must_encode(byte: u8) -> bool {
    !(0x21..0x7f).contains(&byte) || matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// Appends `mark` and two hexadecimal digits.
pub fn push_hex(mark: u8, byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[mark, DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// Reads a format from left to right.
struct Compiler<'c, 'x> {
    nodes: Vec<Node>,
    /// Flags that `%{…}o` has set for what follows.
    defaults: Flags,
    expression: CompileExpression,
    context: &'c mut Context<'x>,
}

impl Compiler<'_, '_> {
    fn compile(mut self, text: &str) -> Result<LogFormat, Error> {
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            self.literal(&rest[..at]);
            rest = self.variable(&rest[at + 1..])?;
        }
        self.literal(rest);
        Ok(LogFormat {
            nodes: self.nodes,
            text: text.into(),
        })
    }

    fn literal(&mut self, text: &str) {
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 && !matches!(self.nodes.last(), Some(Node::Space)) {
                self.nodes.push(Node::Space);
            }
            match self.nodes.last_mut() {
                _ if word.is_empty() => {}
                Some(Node::Text(before)) => *before = [before, word.as_bytes()].concat().into(),
                _ => self.nodes.push(Node::Text(word.as_bytes().into())),
            }
        }
    }

    /// Reads what follows a `%` and returns the rest.
    fn variable<'t>(&mut self, text: &'t str) -> Result<&'t str, Error> {
        if let Some(rest) = text.strip_prefix('%') {
            self.literal("%");
            return Ok(rest);
        }
        let (flags, text) = match text.strip_prefix('{') {
            Some(inside) => {
                let (words, rest) = inside
                    .split_once('}')
                    .ok_or_else(|| Error::new("missing '}' in log-format"))?;
                (self.flags(words)?, rest)
            }
            None => (self.defaults, text),
        };
        if let Some(inside) = text.strip_prefix('[') {
            let end = expression_end(inside).ok_or_else(|| Error::new("missing ']' in log-format"))?;
            let expression = (self.expression)(&inside[..end], self.context)?;
            self.nodes.push(Node::Expression { expression, flags });
            return Ok(&inside[end + 1..]);
        }
        let name_end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        self.named(&text[..name_end], flags)?;
        Ok(&text[name_end..])
    }

    fn named(&mut self, name: &str, flags: Flags) -> Result<(), Error> {
        if name == "o" {
            self.defaults = flags;
            return Ok(());
        }
        let Registry { log_variables, .. } = *self.context.registry;
        let Some(row) = row::find(log_variables, name) else {
            let hint = suggest::nearest(name, row::names(log_variables));
            let hint = hint
                .map(|known| format!("; did you mean '{known}' maybe ?"))
                .unwrap_or_default();
            return Err(Error::new(format!("no such format variable '{name}'{hint}")));
        };
        match row.does {
            crate::language::Does::Works(show) => {
                self.nodes.push(Node::Variable {
                    name: row.name(),
                    show,
                    flags,
                });
                Ok(())
            }
            crate::language::Does::Refused => Err(Error::not_implemented(&format!("%{name}"))),
        }
    }

    /// `+Q,-X`: changes to the flags in force.
    fn flags(&self, words: &str) -> Result<Flags, Error> {
        let mut flags = self.defaults;
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let (on, letter) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(letter), _) => (true, letter),
                (_, Some(letter)) => (false, letter),
                _ => (true, word),
            };
            match letter {
                "Q" => flags.quote = on,
                "X" => flags.hex = on,
                "E" => flags.escape = on,
                _ => return Err(Error::new(format!("unknown log-format flag '{letter}'"))),
            }
        }
        Ok(flags)
    }
}

/// Where the `]` is that closes an expression: outside of quotes and parentheses.
fn expression_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', None | Some('"')) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) if depth > 0 => quote = Some(c),
            ('(', None) => depth += 1,
            (')', None) => depth = depth.saturating_sub(1),
            (']', None) if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_ends_at_its_own_bracket() {
        for (text, end) in [
            ("src]x", Some(3)),
            ("a(b]c)]", Some(6)),
            ("a(\")]\")]", Some(7)),
            ("src", None),
        ] {
            assert_eq!(expression_end(text), end, "{text}");
        }
    }

    #[test]
    fn flags_shape_text() {
        let shown = |flags: Flags, text: &[u8]| {
            let mut out = Vec::new();
            flags.write_or_dash(Some(text), &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        let (plain, quote) = (
            Flags::default(),
            Flags {
                quote: true,
                ..Flags::default()
            },
        );
        assert_eq!(shown(plain, b"a\"b"), "a\"b");
        assert_eq!(shown(plain, b""), "-");
        assert_eq!(shown(quote, b""), "\"\"");
        assert_eq!(shown(Flags { escape: true, ..quote }, b"a\"]"), "\"a\\\"\\]\"");
        assert_eq!(shown(Flags { uri: true, ..plain }, b"/a b"), "/a%20b");
    }
}
