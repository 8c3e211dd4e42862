//! Actions of rules (manual 4.2: `tcp-request`, `tcp-response`, `http-request`, `http-response`,
//! `http-after-response`).

mod capture;
mod connection;
mod header;
mod normalize;
mod pattern;
mod redirect;
mod refused;
mod reply;
mod request_line;
mod stream;
mod table;
mod variable;
mod verdict;

use std::sync::Arc;

use crate::language::{Does, Error, Scope, Words};
use crate::rules::action::{ActionRow, ParseAction, argument};
use crate::rules::log_format::{LogFormat, Style};
use crate::rules::regex::Regex;
use crate::rules::{Action, Context, Effect, Expression, Facts, place};

/// All actions, by file.
pub const ROWS: &[&[ActionRow]] = &[
    verdict::ROWS,
    stream::ROWS,
    reply::ROWS,
    redirect::ROWS,
    header::ROWS,
    request_line::ROWS,
    normalize::ROWS,
    pattern::ROWS,
    capture::ROWS,
    variable::ROWS,
    connection::ROWS,
    table::ROWS,
    refused::ROWS,
];

/// The rule sets of messages.
const HTTP: Scope = Scope::HTTP_REQUEST
    .or(Scope::HTTP_RESPONSE)
    .or(Scope::HTTP_AFTER_RESPONSE);
/// The rule sets that may still refuse a message.
const HTTP_BOTH: Scope = Scope::HTTP_REQUEST.or(Scope::HTTP_RESPONSE);
/// The rule sets of a connection's request side.
const TCP_REQUEST: Scope = Scope::TCP_CONNECTION.or(Scope::TCP_SESSION).or(Scope::TCP_CONTENT);

/// A row that works.
const fn works(
    names: &'static [&'static str],
    args: &'static str,
    scope: Scope,
    doc: &'static str,
    example: &'static str,
    parse: ParseAction,
) -> ActionRow {
    ActionRow {
        names,
        args,
        scope,
        doc,
        example,
        does: Does::Works(parse),
    }
}

/// An action that wants the same whatever the facts.
fn always(effect: fn() -> Effect<'static, 'static>) -> Arc<dyn Action> {
    Arc::new(move |_: &Facts<'_>| effect())
}

/// Takes so many arguments as there are in the result, or says what is expected.
fn arguments<'w, const N: usize>(words: &mut Words<'w>, expects: &str) -> Result<[&'w str; N], Error> {
    let mut taken = [""; N];
    for word in &mut taken {
        *word = argument(words)
            .filter(|word| !word.is_empty())
            .ok_or_else(|| Error::new(expects))?;
    }
    Ok(taken)
}

/// The same where nothing but a condition may follow.
fn only_arguments<'w, const N: usize>(words: &mut Words<'w>, expects: &str) -> Result<[&'w str; N], Error> {
    let taken = arguments(words, expects)?;
    match argument(words) {
        None => Ok(taken),
        Some(_) => Err(Error::new(expects)),
    }
}

/// Compiles the format of a string.
fn format(text: &str, context: &mut Context<'_>) -> Result<LogFormat, Error> {
    LogFormat::parse(text, Style::TEXT, context)
}

/// Compiles a regular expression that is case sensitive.
fn regex(text: &str) -> Result<Regex, Error> {
    Regex::new(text, false)
}

/// Reads an expression that must have something to work on where the rule stands. `blamed` is what a message names
/// instead of the expression.
pub(super) fn expression(
    words: &mut Words<'_>,
    context: &mut Context<'_>,
    blamed: Option<&str>,
) -> Result<Expression, Error> {
    let expression = Expression::parse(words, context)?;
    match expression.lacks(context.place) {
        None => Ok(expression),
        Some(needed) => {
            let blamed = blamed.unwrap_or(&expression.text);
            Err(Error::new(format!(
                "fetch method '{blamed}' extracts information from '{needed}', none of which is available here"
            )))
        }
    }
}

/// How messages call the rule set being read, without its kind: `http-request`, `tcp-request content`.
fn rule_set(context: &Context<'_>) -> &'static str {
    place::describe_rule(context.place)
}
