//! Actions that change the first line of a message.

use std::borrow::Cow;
use std::sync::Arc;

use super::{arguments, format, only_arguments, regex, works};
use crate::http::uri;
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::regex::Regex;
use crate::rules::{Action, ActionRow, Context, Effect, Facts, LogFormat};

/// A row that sets a part of the request line to a format.
macro_rules! set {
    ($name:literal, $effect:path, $doc:literal, $example:literal) => {
        works(
            &[$name],
            "<fmt>",
            Scope::HTTP_REQUEST,
            $doc,
            $example,
            |_, words, context| {
                let [text] = only_arguments(words, "expects exactly 1 argument <format>")?;
                Ok(Arc::new(Set {
                    value: format(text, context)?,
                    effect: |value| $effect(value),
                }))
            },
        )
    };
}

/// A row that rewrites a part of the target with a regular expression.
macro_rules! replace {
    ($name:literal, $part:expr, $effect:path, $doc:literal, $example:literal) => {
        works(
            &[$name],
            "<match-regex> <replace-fmt>",
            Scope::HTTP_REQUEST,
            $doc,
            $example,
            |_, words, context| {
                let expects = "expects exactly 2 arguments <match-regex> and <replace-format>";
                let [pattern, template] = only_arguments(words, expects)?;
                let regex = regex(pattern).map_err(|error| error.within("failed to parse the regex"))?;
                Ok(Arc::new(Replace {
                    part: |uri| $part(uri),
                    regex,
                    template: format(template, context)?,
                    effect: |value| $effect(value),
                }))
            },
        )
    };
}

pub(super) const ROWS: &[ActionRow] = &[
    set!(
        "set-method",
        Effect::SetMethod,
        "Replace the request's method.",
        "mode http\nhttp-request set-method POST"
    ),
    set!(
        "set-path",
        Effect::SetPath,
        "Replace the path, and leave the query alone.",
        "mode http\nhttp-request set-path /%[req.hdr(host)]%[path]"
    ),
    set!(
        "set-pathq",
        Effect::SetPathQuery,
        "Replace the path together with the query.",
        "mode http\nhttp-request set-pathq /search?q=1"
    ),
    set!(
        "set-query",
        Effect::SetQuery,
        "Replace the query, and leave the path alone.",
        "mode http\nhttp-request set-query lang=en"
    ),
    set!(
        "set-uri",
        Effect::SetUri,
        "Replace the whole target of the request.",
        "mode http\nhttp-request set-uri /index.html"
    ),
    replace!(
        "replace-path",
        uri::path,
        Effect::SetPath,
        "Rewrite the path where it matches.",
        "mode http\nhttp-request replace-path /old/(.*) /new/\\1"
    ),
    replace!(
        "replace-pathq",
        uri::pathq,
        Effect::SetPathQuery,
        "Rewrite the path and query where they match.",
        "mode http\nhttp-request replace-pathq ([^?]*).* \\1"
    ),
    replace!(
        "replace-uri",
        Some,
        Effect::SetUri,
        "Rewrite the target where it matches.",
        "mode http\nhttp-request replace-uri ^http://(.*) https://\\1"
    ),
    works(
        &["set-status"],
        "<status> [ reason <str> ]",
        Scope::HTTP_RESPONSE.or(Scope::HTTP_AFTER_RESPONSE),
        "Replace the response's status and reason.",
        "mode http\nhttp-response set-status 503 reason \"Slow Down\"",
        set_status,
    ),
];

struct Set {
    value: LogFormat,
    effect: for<'a> fn(Cow<'a, [u8]>) -> Effect<'a, 'a>,
}

impl Action for Set {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        (self.effect)(self.value.string(facts).into())
    }
}

struct Replace {
    /// The part of a target that is looked at.
    part: for<'u> fn(&'u [u8]) -> Option<&'u [u8]>,
    regex: Regex,
    template: LogFormat,
    effect: for<'a> fn(Cow<'a, [u8]>) -> Effect<'a, 'a>,
}

impl Action for Replace {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let Some(part) = facts.request.and_then(|request| (self.part)(request.uri())) else {
            return Effect::Continue;
        };
        let mut value = Vec::new();
        match self.regex.expand(part, &self.template.string(facts), &mut value) {
            true => (self.effect)(value.into()),
            false => Effect::Continue,
        }
    }
}

struct SetStatus {
    status: u16,
    reason: Option<Box<[u8]>>,
}

impl Action for SetStatus {
    fn run<'p, 'a>(&'p self, _: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::SetStatus {
            status: self.status,
            reason: self.reason.as_deref().map(Cow::Borrowed),
        }
    }
}

fn set_status(_: &str, words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let [status] = arguments(
        words,
        "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>",
    )?;
    let status = status.parse().ok().filter(|status| (100..=999).contains(status));
    let status = status.ok_or_else(|| Error::new("expects an integer status code between 100 and 999"))?;
    let with_reason = words.rest().len() > 1 && words.take("reason");
    let reason = with_reason.then(|| argument(words)).flatten();
    Ok(Arc::new(SetStatus {
        status,
        reason: reason.map(|text| text.as_bytes().into()),
    }))
}
