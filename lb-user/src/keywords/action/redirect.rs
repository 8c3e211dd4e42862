//! `redirect`, as a rule of requests and of responses (manual 4.2 `redirect`).

use std::borrow::Cow;
use std::sync::Arc;

use super::{HTTP_BOTH, format, works};
use crate::http::reply::{CookieOption, Redirect, Target};
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::effect::Answer;
use crate::rules::{Action, ActionRow, Context, Effect, Facts, LogFormat};

pub(super) const ROWS: &[ActionRow] = &[works(
    &["redirect"],
    "{ location | prefix | scheme } <to> [ code <code> ] [ drop-query ] [ append-slash ] [ set-cookie <name>[=<value>] | clear-cookie <name>[=] ]",
    HTTP_BOTH,
    "Send the client elsewhere.",
    "mode http\nhttp-request redirect scheme https code 301",
    redirect,
)];

/// What the format given makes of the request's target.
#[derive(Clone, Copy)]
enum Kind {
    Location,
    Prefix,
    Scheme,
}

/// A cookie to set, or to clear.
struct Cookie {
    text: Box<[u8]>,
    clear: bool,
}

struct Elsewhere {
    kind: Kind,
    to: LogFormat,
    status: u16,
    drop_query: bool,
    append_slash: bool,
    cookie: Option<Cookie>,
}

impl Action for Elsewhere {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let Some(request) = facts.request else {
            return Effect::Fail;
        };
        let to = self.to.string(facts);
        let redirect = Redirect {
            target: match self.kind {
                Kind::Location => Target::Location(&to),
                Kind::Prefix => Target::Prefix(&to),
                Kind::Scheme => Target::Scheme(&to),
            },
            status: self.status,
            drop_query: self.drop_query,
            append_slash: self.append_slash,
            cookie: self.cookie.as_ref().map(|cookie| match cookie.clear {
                true => CookieOption::Clear(&cookie.text),
                false => CookieOption::Set(&cookie.text),
            }),
        };
        Effect::Return(Answer::Reply(Cow::Owned(redirect.answer(request))))
    }
}

fn redirect(_: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let (mut target, mut status, mut cookie) = (None, 302, None);
    let (mut drop_query, mut append_slash) = (false, false);
    while let Some(word) = argument(words) {
        let mut value = || argument(words).ok_or_else(|| Error::new(format!("missing argument for '{word}'")));
        match word {
            "location" => target = Some((Kind::Location, value()?)),
            "prefix" => target = Some((Kind::Prefix, value()?)),
            "scheme" => target = Some((Kind::Scheme, value()?)),
            "code" => status = code(value()?)?,
            "set-cookie" => {
                cookie = Some(Cookie {
                    text: value()?.as_bytes().into(),
                    clear: false,
                });
            }
            "clear-cookie" => {
                cookie = Some(Cookie {
                    text: value()?.as_bytes().into(),
                    clear: true,
                });
            }
            "drop-query" => drop_query = true,
            "append-slash" => append_slash = true,
            other => {
                return Err(Error::new(format!(
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query' or 'append-slash' (was '{other}')"
                )));
            }
        }
    }
    let (kind, to) =
        target.ok_or_else(|| Error::new("redirection type expected ('prefix', 'location', or 'scheme')"))?;
    if context.place.meets(Scope::HTTP_RESPONSE) && !matches!(kind, Kind::Location) {
        return Err(Error::new("response only supports redirect type 'location'"));
    }
    Ok(Arc::new(Elsewhere {
        kind,
        to: format(to, context)?,
        status,
        drop_query,
        append_slash,
        cookie,
    }))
}

fn code(text: &str) -> Result<u16, Error> {
    match text {
        "301" => Ok(301),
        "302" => Ok(302),
        "303" => Ok(303),
        "307" => Ok(307),
        "308" => Ok(308),
        other => Err(Error::new(format!(
            "'code': unsupported HTTP code '{other}' (must be one of 301, 302, 303, 307 or 308)"
        ))),
    }
}
