//! Answers that the configuration describes: error files, which are raw HTTP responses (manual 4.2 `errorfile`), and
//! the arguments of `http-request return` and its like.

use std::sync::Arc;

use super::Reading;
use crate::http::h1::Limits;
use crate::http::reply::{Reply, STATUSES, parse_errorfile};
use crate::language::{Error, Words};
use crate::plan::proxy::ErrorReply;
use crate::rules::log_format::Style;
use crate::rules::reply::ReplyFormat;
use crate::rules::{Context, LogFormat};

/// Reads `<code> <file>`.
pub fn errorfile(keyword: &str, words: &mut Words<'_>, reading: &mut Reading<'_>) -> Result<(u16, ErrorReply), Error> {
    let (Some(code), Some(file)) = (words.next(), words.next()) else {
        return Err(Error::new(format!(
            "{keyword} : expects <status_code> and <file> as arguments."
        )));
    };
    let status = status(code).map_err(|error| error.within(keyword))?;
    words.end(keyword)?;
    let reply = parse(file, reading.read_file).map_err(|error| Error::new(format!("{keyword} : {error}.")))?;
    Ok((status, error_reply(reply)))
}

/// One of the status codes whose messages can be replaced.
pub fn status(text: &str) -> Result<u16, Error> {
    handled(text.parse().unwrap_or(0))
}

/// The same of a number.
pub fn handled(number: u16) -> Result<u16, Error> {
    match STATUSES.contains(&number) {
        true => Ok(number),
        false => Err(Error::new(format!("status code '{number}' not handled."))),
    }
}

/// What takes the place of an error message. An empty file means that nothing is sent.
pub fn error_reply(reply: Reply) -> ErrorReply {
    match reply.is_silent() {
        true => ErrorReply::Silence,
        false => ErrorReply::Reply(Arc::new(reply)),
    }
}

type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

fn contents(file: &str, read_file: ReadFile<'_>) -> Result<Vec<u8>, Error> {
    read_file(file).map_err(|_| Error::new(format!("error opening file '{file}'")))
}

/// Reads an error file.
fn parse(file: &str, read_file: ReadFile<'_>) -> Result<Reply, Error> {
    parse_errorfile(&contents(file, read_file)?, &Limits::default())
        .map_err(|refused| Error::new(format!("'{file}': {refused}")))
}

/// The arguments that describe an answer (manual 4.2 `http-request return`).
#[derive(Default)]
pub struct Description<'w> {
    pub status: Option<u16>,
    content_type: Option<&'w str>,
    /// With the argument that names it.
    payload: Option<(&'w str, Payload<'w>)>,
    headers: Vec<(Box<[u8]>, LogFormat)>,
}

/// Where the answer or its body comes from.
enum Payload<'w> {
    Defaults,
    File(Reply),
    Section(&'w str),
    Raw(LogFormat),
    Format(LogFormat),
}

/// The answer that was described.
pub enum Described<'w> {
    /// The error message that the proxy has for the status.
    Defaults,
    /// A whole answer that a file holds.
    File(Reply),
    /// The message of an `http-errors` section.
    Section(&'w str),
    Written(ReplyFormat),
}

impl<'w> Description<'w> {
    /// Means the error message of the status.
    pub fn set_defaults(&mut self) {
        self.payload = Some(("default-errorfiles", Payload::Defaults));
    }

    /// Reads the status itself.
    pub fn read_status(&mut self, words: &mut Words<'_>) -> Result<(), Error> {
        let text = argument(words).ok_or_else(|| Error::new("'status' expects <status_code> as argument"))?;
        let number = text.parse().unwrap_or(0);
        if !(200..=599).contains(&number) {
            return Err(Error::new(format!("Unexpected status code '{number}'")));
        }
        self.status = Some(number);
        Ok(())
    }

    /// Reads arguments up to a word that is none.
    pub fn read(&mut self, words: &mut Words<'w>, context: &mut Context<'_>) -> Result<(), Error> {
        while let Some(word) = words.next() {
            match word {
                "status" => self.read_status(words)?,
                "content-type" => {
                    let expects = || Error::new("'content-type' expects <ctype> as argument");
                    self.content_type = Some(argument(words).ok_or_else(expects)?);
                }
                "hdr" => {
                    let expects = || Error::new("'hdr' expects <name> and <value> as arguments");
                    let name = argument(words).ok_or_else(expects)?;
                    let value = argument(words).ok_or_else(expects)?;
                    self.headers.push((name.as_bytes().into(), format(value, context)?));
                }
                "default-errorfiles" | "errorfile" | "errorfiles" | "file" | "lf-file" | "string" | "lf-string" => {
                    if let Some((other, _)) = &self.payload {
                        return Err(Error::new(format!(
                            "unexpected '{word}' argument, '{other}' already defined"
                        )));
                    }
                    self.payload = Some((word, payload(word, words, context)?));
                }
                _ => {
                    words.back();
                    break;
                }
            }
        }
        Ok(())
    }

    /// The answer with this status. Arguments that do not matter for it are warned of.
    pub fn finish(self, status: u16, context: &mut Context<'_>) -> Result<Described<'w>, Error> {
        let whole = match self.payload {
            None => {
                if let Some(ignored) = self.content_type {
                    let why = "because neither errorfile nor payload defined";
                    ignore(&format!("content-type '{ignored}'"), why, context);
                }
                return Ok(written(status, None, self.headers, LogFormat::default()));
            }
            Some((_, Payload::Raw(body) | Payload::Format(body))) if self.content_type.is_some() => {
                if matches!(status, 204 | 304) && body.constant() != Some(b"") {
                    return Err(Error::new(format!("No body expected for {status} responses")));
                }
                return Ok(written(status, self.content_type, self.headers, body));
            }
            Some((_, Payload::Raw(body))) if body.constant() == Some(b"") => {
                return Ok(written(status, None, self.headers, body));
            }
            Some((_, Payload::Raw(_))) => {
                return Err(Error::new(
                    "a content type must be defined when non-empty payload is configured",
                ));
            }
            Some((_, Payload::Format(_))) => {
                return Err(Error::new("a content type must be defined with a log-format payload"));
            }
            Some((_, Payload::Defaults)) => Described::Defaults,
            Some((_, Payload::File(reply))) => Described::File(reply),
            Some((_, Payload::Section(name))) => Described::Section(name),
        };
        let why = "when used with an errorfile";
        if let Some(ignored) = self.content_type {
            ignore(&format!("content-type '{ignored}'"), why, context);
        }
        if !self.headers.is_empty() {
            ignore("hdr parameters", why, context);
        }
        Ok(whole)
    }
}

fn ignore(what: &str, why: &str, context: &mut Context<'_>) {
    let text = format_args!("{what} ignored by the http reply {why}.");
    context.diagnostics.warn(context.location, text);
}

fn written<'w>(
    status: u16,
    content_type: Option<&str>,
    headers: Vec<(Box<[u8]>, LogFormat)>,
    body: LogFormat,
) -> Described<'w> {
    Described::Written(ReplyFormat {
        status,
        content_type: content_type.map(|text| text.as_bytes().into()),
        headers,
        body,
    })
}

/// Takes a word that has to be there.
fn argument<'w>(words: &mut Words<'w>) -> Option<&'w str> {
    crate::rules::action::argument(words).filter(|word| !word.is_empty())
}

fn format(text: &str, context: &mut Context<'_>) -> Result<LogFormat, Error> {
    LogFormat::parse(text, Style::TEXT, context)
}

fn payload<'w>(word: &str, words: &mut Words<'w>, context: &mut Context<'_>) -> Result<Payload<'w>, Error> {
    if word == "default-errorfiles" {
        return Ok(Payload::Defaults);
    }
    let what = match word {
        "errorfile" | "lf-string" => "<fmt>",
        "errorfiles" => "<name>",
        "file" | "lf-file" => "<file>",
        _ => "<str>",
    };
    let value = argument(words).ok_or_else(|| Error::new(format!("'{word}' expects {what} as argument")))?;
    let read_file = context.read_file;
    Ok(match word {
        "errorfile" => Payload::File(parse(value, read_file)?),
        "errorfiles" => Payload::Section(value),
        "file" => Payload::Raw(LogFormat::literal(&contents(value, read_file)?)),
        "lf-file" => {
            let text = contents(value, read_file)?;
            Payload::Format(format(&String::from_utf8_lossy(&text), context)?)
        }
        "string" => Payload::Raw(LogFormat::literal(value.as_bytes())),
        _ => Payload::Format(format(value, context)?),
    })
}
