//! Actions that answer in the server's place: `return`, `deny`, `tarpit`, `auth`.

use std::borrow::Cow;
use std::sync::Arc;

use super::{HTTP_BOTH, works};
use crate::http::reply::{Reply, STATUSES};
use crate::keywords::reply::{Described, Description};
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::context::Promise;
use crate::rules::effect::Answer;
use crate::rules::reply::ReplyFormat;
use crate::rules::{Action, ActionRow, Context, Effect, Facts};

const ARGS: &str = "[ status <code> ] [ content-type <type> ] [ { default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> } ] [ hdr <name> <fmt> ]*";

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["return"],
        ARGS,
        HTTP_BOTH,
        "Answer with this in place of the server.",
        "mode http\nhttp-request return status 200 content-type text/plain string pong if { path /ping }",
        |_, words, context| {
            let answer = source(200, Description::default(), words, context)?;
            Ok(Arc::new(Answering {
                how: How::Return,
                answer,
            }))
        },
    ),
    works(
        &["deny"],
        ARGS,
        HTTP_BOTH,
        "Refuse the message and answer with an error, 403 for a request and 502 for a response by default.",
        "mode http\nhttp-request deny deny_status 429 if { src 192.0.2.0/24 }",
        |_, words, context| {
            let of_response = context.place.meets(Scope::HTTP_RESPONSE);
            let answer = denial(if of_response { 502 } else { 403 }, words, context)?;
            Ok(Arc::new(Answering { how: How::Deny, answer }))
        },
    ),
    works(
        &["tarpit"],
        ARGS,
        Scope::HTTP_REQUEST,
        "Let the client wait for `timeout tarpit`, then answer with an error, 500 by default.",
        "mode http\ntimeout tarpit 10s\nhttp-request tarpit if { src 192.0.2.0/24 }",
        |_, words, context| {
            let answer = denial(500, words, context)?;
            Ok(Arc::new(Answering {
                how: How::Tarpit,
                answer,
            }))
        },
    ),
    works(
        &["auth"],
        "[ realm <realm> ]",
        Scope::HTTP_REQUEST,
        "Ask the client for credentials; the realm is the proxy's name by default.",
        "mode http\nhttp-request auth realm staff unless { src 127.0.0.0/8 }",
        auth,
    ),
];

/// What the answer is made from.
enum Source {
    /// The error message of this status.
    Status(u16),
    /// The message of an `http-errors` section.
    Section {
        section: u32,
        status: u16,
    },
    Reply(Reply),
    Format(ReplyFormat),
}

/// In which way an answer ends the exchange.
enum How {
    Return,
    Deny,
    Tarpit,
}

/// An action that ends the exchange with an answer.
struct Answering {
    how: How,
    answer: Source,
}

impl Action for Answering {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let answer = match &self.answer {
            Source::Status(status) => Answer::Status(*status),
            Source::Section { section, status } => Answer::Section {
                section: *section,
                status: *status,
            },
            Source::Reply(reply) => Answer::Reply(Cow::Borrowed(reply)),
            Source::Format(format) => Answer::Reply(Cow::Owned(format.reply(facts))),
        };
        match self.how {
            How::Return => Effect::Return(answer),
            How::Deny => Effect::Deny(answer),
            How::Tarpit => Effect::Tarpit(answer),
        }
    }
}

/// `deny` and `tarpit`: a status alone, given as `deny_status`, means the error message of that status.
fn denial(default: u16, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Source, Error> {
    let given = words.peek() == Some("deny_status");
    let after = words.rest().get(if given { 2 } else { 0 }).map(String::as_str);
    let mut description = Description::default();
    if words.take("deny_status") {
        description.read_status(words)?;
    }
    if matches!(after, None | Some("if" | "unless")) {
        description.set_defaults();
    }
    source(default, description, words, context)
}

/// Reads what describes the answer, whose status is `default` unless another one is given.
fn source<'w>(
    default: u16,
    mut description: Description<'w>,
    words: &mut Words<'w>,
    context: &mut Context<'_>,
) -> Result<Source, Error> {
    description.read(words, context)?;
    let status = description.status.unwrap_or(default);
    Ok(match description.finish(status, context)? {
        Described::Defaults if !STATUSES.contains(&status) => {
            return Err(Error::new(format!(
                "status code '{status}' not handled by default with 'default-errorfiles' argument"
            )));
        }
        Described::Defaults => Source::Status(status),
        Described::File(reply) => Source::Reply(reply),
        Described::Section(name) => {
            let section = *context.names.http_errors.get(name).ok_or_else(|| {
                Error::new(format!(
                    "unknown http-errors section '{name}' referenced by an http reply"
                ))
            })?;
            context.promises.push(Promise::ErrorMessage { section, status });
            Source::Section { section, status }
        }
        Described::Written(format) => match format.constant() {
            Some(reply) => Source::Reply(reply),
            None => Source::Format(format),
        },
    })
}

struct Auth {
    realm: Box<[u8]>,
}

impl Action for Auth {
    fn run<'p, 'a>(&'p self, _: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::Return(Answer::Challenge { realm: &self.realm })
    }
}

fn auth(_: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let realm = match words.take("realm") {
        true => argument(words).ok_or_else(|| Error::new("missing realm value.\n"))?,
        false => context.proxy_name,
    };
    // It is put between quotes.
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(Arc::new(Auth {
        realm: quoted.as_bytes().into(),
    }))
}
