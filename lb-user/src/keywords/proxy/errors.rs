//! What replaces the built-in error messages.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ANY, Draft, ErrorSection, ProxyRow, works};
use crate::http::reply::Reply;
use crate::keywords::{Reading, reply};
use crate::language::{Error, Words, raw};
use crate::plan::proxy::ErrorReply;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["errorfile"],
        "<code> <file>",
        ANY,
        "The file, a raw HTTP response, that replaces an error message.",
        "errorfile 503 /dev/null",
        |keyword, words, draft, reading| {
            let (status, reply) = reply::errorfile(keyword, words, reading)?;
            draft.proxy.errors.insert(status, reply);
            Ok(())
        },
    ),
    works(
        &["errorfiles"],
        "<name> [<code> ...]",
        ANY,
        "The `http-errors` section whose messages are used.",
        "errorfiles site 503",
        errorfiles,
    ),
    works(
        &["errorloc", "errorloc302"],
        "<code> <url>",
        ANY,
        "Answer with a redirect (302) in place of an error message.",
        "errorloc302 503 http://example.com/sorry",
        |keyword, words, draft, _| redirect(keyword, 302, words, &mut draft.proxy.errors),
    ),
    works(
        &["errorloc303"],
        "<code> <url>",
        ANY,
        "The same with 303, so that the client asks with GET.",
        "errorloc303 503 http://example.com/sorry",
        |keyword, words, draft, _| redirect(keyword, 303, words, &mut draft.proxy.errors),
    ),
    works(
        &["http-error"],
        "status <code> [content-type <type>] [ { default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | string <str> } ] [ hdr <name> <value> ]*",
        ANY,
        "The message that replaces an error message, put together here.",
        "http-error status 503 content-type text/plain string sorry",
        http_error,
    ),
];

fn errorfiles(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let name = words
        .next()
        .ok_or_else(|| Error::new(format!("{keyword} : expects <name> as argument.")))?;
    let statuses = words
        .take_rest()
        .iter()
        .map(|word| reply::status(word).map_err(|error| error.within(keyword)))
        .collect::<Result<Vec<u16>, Error>>()?;
    draft.error_sections.push(ErrorSection {
        name: name.to_owned(),
        statuses,
        location: reading.location.clone(),
    });
    Ok(())
}

fn redirect(
    keyword: &str,
    status: u16,
    words: &mut Words<'_>,
    errors: &mut HashMap<u16, ErrorReply>,
) -> Result<(), Error> {
    let (Some(code), Some(url)) = (words.next(), words.next()) else {
        return Err(Error::new(format!(
            "{keyword} : expects <status_code> and <url> as arguments."
        )));
    };
    let replaced = reply::status(code).map_err(|error| error.within(keyword))?;
    words.end(keyword)?;
    let location = url.to_owned();
    errors.insert(replaced, ErrorReply::Redirect { status, location });
    Ok(())
}

/// Where the body of `http-error` comes from.
enum Payload {
    None,
    Defaults,
    Message(ErrorReply),
    Section(String),
    Body(Vec<u8>),
}

fn http_error(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let (mut status, mut content_type, mut payload) = (None, None, Payload::None);
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let fail = |text: &str| Error::new(format!("{keyword} : {text}"));
    while let Some(word) = words.next() {
        let mut value = |what: &str| {
            let missing = || fail(&format!("'{word}' expects {what} as argument."));
            words.next().ok_or_else(missing)
        };
        match word {
            "status" => status = Some(reply::status(value("<status_code>")?).map_err(|error| error.within(keyword))?),
            "content-type" => content_type = Some(value("<ctype>")?),
            "default-errorfiles" => payload = Payload::Defaults,
            "errorfile" => {
                let read = reply::read(value("<file>")?, reading).map_err(|error| error.within(keyword))?;
                payload = Payload::Message(read);
            }
            "errorfiles" => payload = Payload::Section(value("<name>")?.to_owned()),
            "file" => {
                let file = value("<file>")?;
                let bytes = (reading.read_file)(file)
                    .map_err(|error| fail(&format!("failed to open the file '{file}' ({error}).")))?;
                payload = Payload::Body(bytes);
            }
            "string" => payload = Payload::Body(raw::bytes(value("<str>")?).into_owned()),
            "hdr" => {
                let (name, text) = (value("<name>")?, value("<fmt>")?);
                if text.contains('%') {
                    return Err(Error::not_implemented("http-error … hdr <name> <fmt>"));
                }
                headers.push((name.into(), text.into()));
            }
            "lf-file" | "lf-string" => return Err(Error::not_implemented(&format!("{keyword} … {word}"))),
            other => return Err(fail(&format!("unexpected argument '{other}'."))),
        }
    }
    let Some(status) = status else {
        return Err(fail("expects at least a <status> as arguments."));
    };
    let body = match payload {
        Payload::Defaults => {
            draft.proxy.errors.remove(&status);
            return Ok(());
        }
        Payload::Message(message) => {
            draft.proxy.errors.insert(status, message);
            return Ok(());
        }
        Payload::Section(name) => {
            draft.error_sections.push(ErrorSection {
                name,
                statuses: vec![status],
                location: reading.location.clone(),
            });
            return Ok(());
        }
        Payload::None => Vec::new(),
        Payload::Body(body) => body,
    };
    if content_type.is_none() && !body.is_empty() {
        return Err(fail("content type must be defined when the payload is not empty."));
    }
    let reply = Reply::returned(status, headers, content_type.map(str::as_bytes), body);
    draft.proxy.errors.insert(status, ErrorReply::Reply(Arc::new(reply)));
    Ok(())
}
