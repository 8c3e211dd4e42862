//! Actions that answer in the server's place: `return`, `deny`, `tarpit`, `auth`.

use std::borrow::Cow;
use std::sync::Arc;

use super::{HTTP_BOTH, format, works};
use crate::http::h1::Limits;
use crate::http::reply::{Reply, STATUSES, parse_errorfile};
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::context::Promise;
use crate::rules::effect::Answer;
use crate::rules::{Action, ActionRow, Context, Effect, Facts, LogFormat};

const ARGS: &str = "[ status <code> ] [ content-type <type> ] [ { default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | lf-file <file> | string <str> | lf-string <fmt> } ] [ hdr <name> <fmt> ]*";

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["return"],
        ARGS,
        HTTP_BOTH,
        "Answer with this in place of the server.",
        "mode http\nhttp-request return status 200 content-type text/plain string pong if { path /ping }",
        |_, words, context| {
            let answer = Source::parse(200, words, context)?;
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
    Formatted(Formatted),
}

/// An answer whose text depends on the facts.
struct Formatted {
    status: u16,
    content_type: Option<Box<[u8]>>,
    headers: Vec<(Box<[u8]>, LogFormat)>,
    body: LogFormat,
}

impl Formatted {
    fn reply(&self, facts: &Facts<'_>) -> Reply {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_vec(), value.string(facts)));
        Reply::returned(
            self.status,
            headers.collect(),
            self.content_type.as_deref(),
            self.body.string(facts),
        )
    }

    fn is_constant(&self) -> bool {
        let mut formats = self.headers.iter().map(|(_, value)| value).chain([&self.body]);
        formats.all(|format| format.constant().is_some())
    }
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
            Source::Formatted(formatted) => Answer::Reply(Cow::Owned(formatted.reply(facts))),
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
    let plain = match words.peek() {
        None | Some("if" | "unless") => true,
        Some("deny_status") => {
            let after = words.rest().get(2).map(String::as_str);
            matches!(after, None | Some("if" | "unless"))
        }
        _ => false,
    };
    let mut draft = Draft::new(default);
    if words.take("deny_status") {
        draft.status = status(words)?;
    }
    if plain {
        draft.payload = Some(("default-errorfiles", Payload::Defaults));
    }
    draft.read(words, context)?;
    draft.finish(context)
}

impl Source {
    /// Reads the arguments of `return`.
    fn parse(default: u16, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Source, Error> {
        let mut draft = Draft::new(default);
        draft.read(words, context)?;
        draft.finish(context)
    }
}

/// What the body comes from.
enum Payload {
    Defaults,
    /// A whole answer that a file holds.
    Whole(Reply),
    Section(u32),
    Text(LogFormat),
}

/// An answer whose arguments are being read.
struct Draft<'w> {
    status: u16,
    content_type: Option<&'w str>,
    /// With the argument that named it.
    payload: Option<(&'w str, Payload)>,
    headers: Vec<(Box<[u8]>, LogFormat)>,
}

fn status(words: &mut Words<'_>) -> Result<u16, Error> {
    let text = argument(words).ok_or_else(|| Error::new("'status' expects <status_code> as argument"))?;
    let number = text.parse().unwrap_or(0);
    match (200..=599).contains(&number) {
        true => Ok(number),
        false => Err(Error::new(format!("Unexpected status code '{number}'"))),
    }
}

/// The contents of a file, as bytes.
fn contents(file: &str, context: &Context<'_>) -> Result<Vec<u8>, Error> {
    (context.read_file)(file).map_err(|_| Error::new(format!("error opening file '{file}'")))
}

impl<'w> Draft<'w> {
    fn new(status: u16) -> Draft<'w> {
        Draft {
            status,
            content_type: None,
            payload: None,
            headers: Vec::new(),
        }
    }

    fn read(&mut self, words: &mut Words<'w>, context: &mut Context<'_>) -> Result<(), Error> {
        while let Some(word) = words.peek() {
            match word {
                "status" => {
                    words.next();
                    self.status = status(words)?;
                }
                "content-type" => {
                    words.next();
                    let expects = || Error::new("'content-type' expects <ctype> as argument");
                    self.content_type = Some(argument(words).ok_or_else(expects)?);
                }
                "hdr" => {
                    words.next();
                    let expects = || Error::new("'hdr' expects <name> and <value> as arguments");
                    let name = argument(words).ok_or_else(expects)?;
                    let value = argument(words).ok_or_else(expects)?;
                    self.headers.push((name.as_bytes().into(), format(value, context)?));
                }
                "default-errorfiles" | "errorfile" | "errorfiles" | "file" | "lf-file" | "string" | "lf-string" => {
                    words.next();
                    if let Some((other, _)) = &self.payload {
                        return Err(Error::new(format!(
                            "unexpected '{word}' argument, '{other}' already defined"
                        )));
                    }
                    self.payload = Some((word, payload(word, words, context)?));
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn finish(self, context: &mut Context<'_>) -> Result<Source, Error> {
        let Draft { status, .. } = self;
        match self.payload {
            None => {
                if let Some(ignored) = self.content_type {
                    context.diagnostics.warn(
                        context.location,
                        format_args!(
                            "content-type '{ignored}' ignored by the http reply because neither errorfile nor payload defined."
                        ),
                    );
                }
                Ok(written(status, None, self.headers, LogFormat::default()))
            }
            Some((_, Payload::Text(body))) => {
                let is_empty = body.constant().is_some_and(<[u8]>::is_empty);
                if !is_empty && self.content_type.is_none() {
                    return Err(Error::new(
                        "a content type must be defined when non-empty payload is configured",
                    ));
                }
                if !is_empty && matches!(status, 204 | 304) {
                    return Err(Error::new(format!("No body expected for {status} responses")));
                }
                Ok(written(status, self.content_type, self.headers, body))
            }
            Some((_, whole)) => {
                let mut ignored = Vec::new();
                if let Some(content_type) = self.content_type {
                    ignored.push(format!("content-type '{content_type}'"));
                }
                if !self.headers.is_empty() {
                    ignored.push("hdr parameters".to_owned());
                }
                for what in ignored {
                    let text = format_args!("{what} ignored by the http reply when used with an errorfile.");
                    context.diagnostics.warn(context.location, text);
                }
                whole.source(status, context)
            }
        }
    }
}

impl Payload {
    /// The answer that is not put together here.
    fn source(self, status: u16, context: &mut Context<'_>) -> Result<Source, Error> {
        Ok(match self {
            Payload::Defaults if !STATUSES.contains(&status) => {
                return Err(Error::new(format!(
                    "status code '{status}' not handled by default with 'default-errorfiles' argument"
                )));
            }
            Payload::Defaults => Source::Status(status),
            Payload::Whole(reply) => Source::Reply(reply),
            Payload::Section(section) => {
                context.promises.push(Promise::ErrorMessage { section, status });
                Source::Section { section, status }
            }
            Payload::Text(body) => written(status, None, Vec::new(), body),
        })
    }
}

/// The answer put together here, at once where nothing of it depends on the facts.
fn written(status: u16, content_type: Option<&str>, headers: Vec<(Box<[u8]>, LogFormat)>, body: LogFormat) -> Source {
    let formatted = Formatted {
        status,
        content_type: content_type.map(|text| text.as_bytes().into()),
        headers,
        body,
    };
    if !formatted.is_constant() {
        return Source::Formatted(formatted);
    }
    let text = |format: &LogFormat| format.constant().unwrap_or_default().to_vec();
    let headers = formatted.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_vec(), text(value)));
    Source::Reply(Reply::returned(
        status,
        headers.collect(),
        formatted.content_type.as_deref(),
        text(&formatted.body),
    ))
}

fn payload(word: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Payload, Error> {
    if word == "default-errorfiles" {
        return Ok(Payload::Defaults);
    }
    let what = match word {
        "errorfile" | "lf-string" => "<fmt>",
        "errorfiles" => "<name>",
        "file" | "lf-file" => "<file>",
        _ => "<str>",
    };
    let value = argument(words)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Error::new(format!("'{word}' expects {what} as argument")))?;
    Ok(match word {
        "errorfile" => {
            let reply = parse_errorfile(&contents(value, context)?, &Limits::default());
            Payload::Whole(reply.map_err(|refused| Error::new(format!("'{value}': {refused}")))?)
        }
        "errorfiles" => match context.names.http_errors.get(value) {
            Some(section) => Payload::Section(*section),
            None => {
                return Err(Error::new(format!(
                    "unknown http-errors section '{value}' referenced by an http reply"
                )));
            }
        },
        "file" => Payload::Text(LogFormat::literal(&contents(value, context)?)),
        "lf-file" => {
            let text = contents(value, context)?;
            Payload::Text(format(&String::from_utf8_lossy(&text), context)?)
        }
        "string" => Payload::Text(LogFormat::literal(value.as_bytes())),
        _ => Payload::Text(format(value, context)?),
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
