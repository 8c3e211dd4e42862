//! Bridges to the compilers of the rules room.

use crate::language::{Error, Words};
use crate::rules::condition::Test;
use crate::rules::{Condition, Context, Expression, LogFormat, Rule};

pub fn expression(_: &mut Words<'_>, _: &mut Context<'_>) -> Result<Expression, Error> {
    Err(Error::not_implemented("expression"))
}

pub fn condition(_: &mut Words<'_>, _: &mut Context<'_>) -> Result<Condition, Error> {
    Err(Error::not_implemented("condition"))
}

pub fn log_format(text: &str, context: &mut Context<'_>) -> Result<LogFormat, Error> {
    LogFormat::compile(text, context, |_, _| Err(Error::not_implemented("expression")))
}

pub fn rule(_: &mut Words<'_>, _: &mut Context<'_>) -> Result<Rule, Error> {
    Err(Error::not_implemented("rule"))
}

pub fn acl(_: &mut Words<'_>, _: &mut Context<'_>) -> Result<(String, Test), Error> {
    Err(Error::not_implemented("acl"))
}
