//! The text of an expression: `fetch(args),converter(args),…` (manual 7.3).

use super::{ConvertRow, Expression, FetchRow, Step};
use crate::language::row::{Does, Row, find};
use crate::language::{Error, Words};
use crate::rules::args::{Owner, parse_list, refused};
use crate::rules::context::Context;

impl Expression {
    /// Reads an expression from the words of a line. Converters may also follow as words of their own.
    pub fn parse(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Expression, Error> {
        let first = words.taken().len();
        let text = words.next().unwrap_or_default();
        let (row, name) = fetch_row(text, context)?;
        let owner = Owner::Fetch(name);
        let (mut expression, mut rest) = Expression::start(row, owner, text, context)?;
        rest = expression.convert_all(rest, owner, context)?;
        loop {
            if !rest.is_empty() && rest != "," {
                return Err(expression.missing_comma());
            }
            let Some(word) = words.peek() else { break };
            if find(context.registry.converters, name_of(word)).is_none() {
                break;
            }
            words.next();
            rest = expression.convert(word, owner, context)?;
            rest = expression.convert_all(rest, owner, context)?;
        }
        if rest == "," {
            return Err(Error::new("unknown converter ''"));
        }
        expression.text = words.taken().get(first..).unwrap_or_default().join(" ").into();
        Ok(expression)
    }

    /// Reads the expression that opens `text` and gives what follows it.
    pub fn parse_text<'t>(text: &'t str, context: &mut Context<'_>) -> Result<(Expression, &'t str), Error> {
        let (row, name) = fetch_row(text, context)?;
        let owner = Owner::Fetch(name);
        let (mut expression, mut rest) = Expression::start(row, owner, text, context)?;
        while let Some(next) = rest.strip_prefix(',') {
            rest = expression.convert(next, owner, context)?;
        }
        expression.text = text.strip_suffix(rest).unwrap_or(text).into();
        Ok((expression, rest))
    }

    /// Reads the expression of an ACL, which is one word. `row` is the fetch that its keyword stands for.
    pub(in crate::rules) fn parse_acl(
        row: &'static FetchRow,
        owner: Owner<'_>,
        text: &str,
        context: &mut Context<'_>,
    ) -> Result<Expression, Error> {
        let (mut expression, rest) = Expression::start(row, owner, text, context)?;
        match expression.convert_all(rest, owner, context)? {
            "" => Ok(expression),
            "," => Err(Error::new("unknown converter ''")),
            _ => Err(expression.missing_comma()),
        }
    }

    /// Reads the fetch and its arguments.
    fn start<'t>(
        row: &'static FetchRow,
        owner: Owner<'_>,
        text: &'t str,
        context: &mut Context<'_>,
    ) -> Result<(Expression, &'t str), Error> {
        let name = name_of(text);
        let Does::Works(fetch) = &row.does else {
            return Err(Error::new(format!(
                "fetch method '{name}' is not implemented in this version"
            )));
        };
        let list = text.get(name.len()..).unwrap_or_default();
        let (mut args, rest) = parse_list(fetch.args_of(name), owner, list, context)?;
        if let Some(check) = fetch.check {
            check(&mut args, context).map_err(|error| refused(owner, error))?;
        }
        let expression = Expression {
            row,
            fetch,
            name: spelling(row, name),
            args,
            converters: Vec::new(),
            text: text.into(),
        };
        Ok((expression, rest))
    }

    /// Reads converters as long as a comma and more text lead to one.
    fn convert_all<'t>(
        &mut self,
        mut rest: &'t str,
        owner: Owner<'_>,
        context: &mut Context<'_>,
    ) -> Result<&'t str, Error> {
        while let Some(next) = rest.strip_prefix(',').filter(|next| !next.is_empty()) {
            rest = self.convert(next, owner, context)?;
        }
        Ok(rest)
    }

    /// Reads one converter and gives what follows it.
    fn convert<'t>(&mut self, text: &'t str, of: Owner<'_>, context: &mut Context<'_>) -> Result<&'t str, Error> {
        let name = name_of(text);
        let row: &'static ConvertRow =
            find(context.registry.converters, name).ok_or_else(|| Error::new(format!("unknown converter '{name}'")))?;
        let Does::Works(convert) = &row.does else {
            return Err(Error::new(format!(
                "converter '{name}' is not implemented in this version"
            )));
        };
        let owner = Owner::Converter(name, &of);
        let list = text.get(name.len()..).unwrap_or_default();
        let (mut args, rest) = parse_list(convert.args, owner, list, context)?;
        if !self.out().casts_to(convert.input) {
            return Err(Error::new(format!("converter '{name}' cannot be applied")));
        }
        if let Some(check) = convert.check {
            check(&mut args, context).map_err(|error| refused(owner, error))?;
        }
        self.converters.push(Step { row, convert, args });
        Ok(rest)
    }

    fn missing_comma(&self) -> Error {
        match self.converters.last() {
            None => Error::new(format!("missing comma after fetch keyword '{}'", self.name)),
            Some(step) => Error::new(format!("missing comma after converter '{}'", step.row.name())),
        }
    }
}

/// The row of the fetch that opens `text`.
pub(in crate::rules) fn fetch_row<'t>(
    text: &'t str,
    context: &Context<'_>,
) -> Result<(&'static FetchRow, &'t str), Error> {
    let name = name_of(text);
    if name.is_empty() {
        return Err(Error::new("missing fetch method"));
    }
    let row = find(context.registry.fetches, name);
    let row = row.ok_or_else(|| Error::new(format!("unknown fetch method '{name}'")))?;
    Ok((row, name))
}

/// The name that opens `text`.
pub(in crate::rules) fn name_of(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !"._-+".contains(c))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The row's own copy of a name.
fn spelling<T>(row: &'static Row<T>, name: &str) -> &'static str {
    let known = row.names.iter().find(|known| **known == name);
    known.copied().unwrap_or_else(|| row.name())
}
