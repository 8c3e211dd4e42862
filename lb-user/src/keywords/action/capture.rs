//! `capture`: expressions whose values are kept for logs and rules, in the slots of captured headers.

use std::sync::Arc;

use super::{expression, rule_set, works};
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::context::Promise;
use crate::rules::effect::Await;
use crate::rules::expression::Fetched;
use crate::rules::facts::Side;
use crate::rules::{Action, ActionRow, Context, Effect, Expression, Facts};

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["capture"],
        "<sample> [ len <length> | id <id> ]",
        Scope::HTTP_REQUEST,
        "Keep an expression's value in a slot of its own, or in a declared one.",
        "mode http\nhttp-request capture path len 32",
        of_request,
    ),
    works(
        &["capture"],
        "<sample> id <id>",
        Scope::HTTP_RESPONSE,
        "Keep an expression's value in a declared slot.",
        "mode http\ndeclare capture response len 32\nhttp-response capture status id 0",
        of_response,
    ),
    works(
        &["capture"],
        "<sample> len <length>",
        Scope::TCP_CONTENT,
        "Keep an expression's value in a slot of its own.",
        "tcp-request content capture src len 16",
        of_content,
    ),
];

struct Capture {
    expression: Expression,
    side: Side,
    slot: usize,
}

impl Action for Capture {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let value = match self.expression.evaluate(facts) {
            Fetched::Value(value) | Fetched::SoFar(value) => value.into_text().into_owned(),
            Fetched::Wait => return Effect::Wait(Await::Data),
            Fetched::Missing => return Effect::Continue,
        };
        let slot = self.slot;
        match self.side {
            Side::Request => Effect::CaptureRequest { slot, value },
            Side::Response => Effect::CaptureResponse { slot, value },
        }
    }
}

/// How many arguments stand before the condition.
fn count(words: &Words<'_>) -> usize {
    let mut words = words.clone();
    std::iter::from_fn(|| argument(&mut words)).count()
}

fn of_request(_: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    if count(words) < 3 {
        return Err(Error::new("expects <expression> [ 'len' <length> | id <idx> ]"));
    }
    let expression = expression(words, context, None)?;
    let slot = match argument(words).unwrap_or_default() {
        "len" => declare(words, context)?,
        "id" => declared(Side::Request, words, context)?,
        other => return Err(Error::new(format!("expects 'len' or 'id', found '{other}'"))),
    };
    Ok(Arc::new(Capture {
        expression,
        side: Side::Request,
        slot,
    }))
}

fn of_response(_: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    if count(words) < 3 {
        return Err(Error::new("expects <expression> id <idx>"));
    }
    let expression = expression(words, context, None)?;
    match argument(words).unwrap_or_default() {
        "id" => {}
        other => return Err(Error::new(format!("expects 'id', found '{other}'"))),
    }
    let slot = declared(Side::Response, words, context)?;
    Ok(Arc::new(Capture {
        expression,
        side: Side::Response,
        slot,
    }))
}

fn of_content(name: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let rule = format!("'{} {name}'", rule_set(context));
    let within = |error: Error| error.within(&rule);
    let expression = expression(words, context, None).map_err(within)?;
    if !words.take("len") {
        return Err(within(Error::new("a positive 'len' argument is mandatory")));
    }
    let slot = declare(words, context).map_err(within)?;
    Ok(Arc::new(Capture {
        expression,
        side: Side::Request,
        slot,
    }))
}

/// Reads the length of a slot that this rule declares.
fn declare(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<usize, Error> {
    let length = argument(words).and_then(|word| word.parse().ok());
    let length = length
        .filter(|length| *length > 0)
        .ok_or_else(|| Error::new("length must be > 0"))?;
    if !context.capabilities().meets(Scope::FRONTEND) {
        let name = context.proxy_name;
        return Err(Error::new(format!("proxy '{name}' has no frontend capability")));
    }
    context.new_capture = Some(length);
    Ok(context.request_captures)
}

/// Reads the number of a slot that another line declares.
fn declared(side: Side, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<usize, Error> {
    let word = argument(words).unwrap_or_default();
    let slot = word
        .parse()
        .map_err(|_| Error::new(format!("cannot parse id '{word}'")))?;
    context.promises.push(Promise::Capture {
        side,
        slot,
        rule: rule_set(context),
    });
    Ok(slot)
}
