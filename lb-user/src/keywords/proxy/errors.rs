//! What replaces the built-in error messages.

use std::sync::Arc;

use super::{ANY, Draft, ErrorLine, ProxyRow, works};
use crate::keywords::reply::{Described, Description};
use crate::keywords::{Reading, reply};
use crate::language::{Error, Scope, Words};
use crate::plan::proxy::ErrorReply;
use crate::rules::Context;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["errorfile"],
        "<code> <file>",
        ANY,
        "The file, a raw HTTP response, that replaces an error message.",
        "errorfile 503 /dev/null",
        |keyword, words, draft, reading| {
            let (status, reply) = reply::errorfile(keyword, words, reading)?;
            draft.errors.push(ErrorLine::Message { status, reply });
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
        |keyword, words, draft, _| redirect(keyword, 302, words, draft),
    ),
    works(
        &["errorloc303"],
        "<code> <url>",
        ANY,
        "The same with 303, so that the client asks with GET.",
        "errorloc303 503 http://example.com/sorry",
        |keyword, words, draft, _| redirect(keyword, 303, words, draft),
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
    draft.errors.push(ErrorLine::Section {
        name: name.to_owned(),
        statuses,
        location: reading.location.clone(),
    });
    Ok(())
}

fn redirect(keyword: &str, status: u16, words: &mut Words<'_>, draft: &mut Draft) -> Result<(), Error> {
    let (Some(code), Some(url)) = (words.next(), words.next()) else {
        return Err(Error::new(format!(
            "{keyword} : expects <status_code> and <url> as arguments."
        )));
    };
    let replaced = reply::status(code).map_err(|error| error.within(keyword))?;
    words.end(keyword)?;
    let location = url.to_owned();
    draft.errors.push(ErrorLine::Message {
        status: replaced,
        reply: ErrorReply::Redirect { status, location },
    });
    Ok(())
}

fn http_error(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut context = reading.compiler(draft, Scope::HTTP_REQUEST);
    let line = described(words, &mut context).map_err(|error| error.within(keyword))?;
    draft.errors.push(line);
    Ok(())
}

/// Reads the arguments of `http-error`.
fn described(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<ErrorLine, Error> {
    let mut description = Description::default();
    description.read(words, context)?;
    if let Some(word) = words.next() {
        return Err(Error::new(format!("unknown keyword '{word}'.")));
    }
    let status = description.status;
    let described = description.finish(status.unwrap_or_default(), context)?;
    let status = status.ok_or_else(|| Error::new("expects at least a <status> as arguments."))?;
    let status = reply::handled(status)?;
    let message = |reply| ErrorLine::Message { status, reply };
    Ok(match described {
        Described::Defaults => ErrorLine::Default(status),
        Described::File(reply) => message(reply::error_reply(reply)),
        Described::Section(name) => ErrorLine::Section {
            name: name.to_owned(),
            statuses: vec![status],
            location: context.location.clone(),
        },
        Described::Written(format) => message(match format.constant() {
            Some(reply) => ErrorReply::Reply(Arc::new(reply)),
            None => ErrorReply::Format(Arc::new(format)),
        }),
    })
}
