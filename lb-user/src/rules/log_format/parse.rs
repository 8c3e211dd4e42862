//! The text of a log format: `%var`, `%{flags}var`, `%[expression]`, `%%`, text (manual 8.2.4).

use super::{Flags, LogFormat, Node, Style};
use crate::language::row::{Does, find};
use crate::language::{Error, Scope, raw};
use crate::rules::context::Context;
use crate::rules::expression::Expression;

impl LogFormat {
    /// Compiles a format.
    pub fn parse(text: &str, style: Style, context: &mut Context<'_>) -> Result<LogFormat, Error> {
        let mut reader = Reader {
            style,
            defaults: Flags {
                dash: style.dash,
                percent: !style.dash,
                ..Flags::default()
            },
            literal: Vec::new(),
            nodes: Vec::new(),
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            rest = if c == '%' {
                reader.read_item(after, context)?
            } else {
                reader.push(c);
                after
            };
        }
        reader.flush();
        Ok(LogFormat {
            nodes: reader.nodes,
            text: text.into(),
        })
    }
}

struct Reader {
    style: Style,
    /// What `%o` set for all that follows.
    defaults: Flags,
    literal: Vec<u8>,
    nodes: Vec<Node>,
}

impl Reader {
    fn push(&mut self, c: char) {
        if c == ' ' && self.style.merge_spaces {
            self.flush();
            if !matches!(self.nodes.last(), Some(Node::Space)) {
                self.nodes.push(Node::Space);
            }
            return;
        }
        self.literal.extend_from_slice(&raw::bytes(c.encode_utf8(&mut [0; 4])));
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.nodes.push(Node::Text(std::mem::take(&mut self.literal).into()));
        }
    }

    /// Reads what follows a percent sign and gives the rest.
    fn read_item<'t>(&mut self, text: &'t str, context: &mut Context<'_>) -> Result<&'t str, Error> {
        if text.is_empty() {
            return Err(Error::new("truncated line after '%'"));
        }
        let (flags, item) = match text.strip_prefix('{') {
            None => (self.defaults, text),
            Some(arguments) => {
                let (arguments, item) = arguments
                    .split_once('}')
                    .ok_or_else(|| Error::new(format!("truncated line after '{arguments}'")))?;
                if !item.starts_with(|c: char| c == '[' || c.is_ascii_alphabetic()) {
                    return Err(Error::new(format!(
                        "parse argument modifier without variable name near '%{{{arguments}}}'"
                    )));
                }
                (changed(self.defaults, arguments), item)
            }
        };
        if let Some(expression) = item.strip_prefix('[') {
            return self.read_expression(expression, flags, context);
        }
        let end = item.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(item.len());
        let (name, rest) = item.split_at(end);
        if name.is_empty() {
            // The percent sign of anything else is dropped, and of two only one is meant.
            let mut literal = item.chars();
            literal.next().into_iter().for_each(|c| self.push(c));
            return Ok(literal.as_str());
        }
        self.flush();
        if name == "o" {
            self.defaults = flags;
        } else {
            self.add_variable(name, flags, context)?;
        }
        Ok(rest)
    }

    fn add_variable(&mut self, name: &str, flags: Flags, context: &Context<'_>) -> Result<(), Error> {
        let unknown = || {
            Error::new(format!(
                "no such format variable '{name}'. If you wanted to emit the '%' character verbatim, you need to use '%%'"
            ))
        };
        let row = find(context.registry.log_variables, name).ok_or_else(unknown)?;
        if !self.style.http && row.scope.meets(Scope::HTTP_REQUEST_KEPT) {
            return Err(Error::new(format!(
                "format variable '{name}' is reserved for HTTP mode"
            )));
        }
        let Does::Works(show) = &row.does else {
            return Err(Error::new(format!(
                "format variable '{name}' is not implemented in this version"
            )));
        };
        self.nodes.push(Node::Variable {
            name: row.name(),
            show: *show,
            flags,
        });
        Ok(())
    }

    fn read_expression<'t>(
        &mut self,
        text: &'t str,
        flags: Flags,
        context: &mut Context<'_>,
    ) -> Result<&'t str, Error> {
        self.flush();
        let (expression, rest) = Expression::parse_text(text, context)
            .map_err(|error| error.within(format_args!("failed to parse sample expression <{text}>")))?;
        let shown = &expression.text;
        let rest = match rest.chars().next() {
            Some(']') => rest.get(1..).unwrap_or_default(),
            Some(found) => {
                return Err(Error::new(format!("expected ']' after '{shown}', but found '{found}'")));
            }
            None => return Err(Error::new(format!("missing ']' after '{shown}'"))),
        };
        if let Some(needed) = expression.lacks(context.place | context.capabilities()) {
            return Err(Error::new(format!(
                "sample fetch <{text}> may not be reliably used here because it needs '{needed}' which is not available here"
            )));
        }
        self.nodes.push(Node::Expression { expression, flags });
        Ok(rest)
    }
}

/// The flags after `+Q,-X` and the like. Letters that mean nothing are passed over, as the peer does.
fn changed(mut flags: Flags, arguments: &str) -> Flags {
    for argument in arguments.split(',') {
        let (on, letter) = match argument.trim().split_at_checked(1) {
            Some(("+", letter)) => (true, letter),
            Some(("-", letter)) => (false, letter),
            _ => continue,
        };
        match letter {
            "Q" => flags.quote = on,
            "X" => flags.hex = on,
            "E" => flags.escape = on,
            _ => {}
        }
    }
    flags
}
