//! What keywords ask of the compilers of the rules room.

use crate::language::{Error, Scope, Words};
use crate::rules::condition::Test;
use crate::rules::log_format::Style;
use crate::rules::{Acl, Condition, Context, Expression, LogFormat, Rule};

/// Reads an expression from the words of a line.
pub fn expression(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Expression, Error> {
    Expression::parse(words, context)
}

/// Reads `if …` or `unless …` to the end of the line.
pub fn condition(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Condition, Error> {
    Condition::parse(words, context)
}

/// Compiles the text of a log format.
pub fn log_format(text: &str, style: Style, context: &mut Context<'_>) -> Result<LogFormat, Error> {
    LogFormat::parse(text, style, context)
}

/// Reads a rule of the set `set` to the end of the line.
pub fn rule(set: Scope, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Rule, Error> {
    Rule::parse(set, words, context)
}

/// Reads an `acl` line: the name and the test that it adds.
pub fn acl(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<(String, Test), Error> {
    Acl::declare(words, context)
}
