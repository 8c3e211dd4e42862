//! Error files: raw HTTP responses that the configuration names (manual 4.2 `errorfile`).

use std::sync::Arc;

use super::Reading;
use crate::http::h1::Limits;
use crate::http::reply::{STATUSES, parse_errorfile};
use crate::language::{Error, Words};
use crate::plan::proxy::ErrorReply;

/// Reads `<code> <file>`.
pub fn errorfile(keyword: &str, words: &mut Words<'_>, reading: &mut Reading<'_>) -> Result<(u16, ErrorReply), Error> {
    let (Some(code), Some(file)) = (words.next(), words.next()) else {
        return Err(Error::new(format!(
            "{keyword} : expects <status_code> and <file> as arguments."
        )));
    };
    let status = status(code).map_err(|error| error.within(keyword))?;
    words.end(keyword)?;
    let reply = read(file, reading).map_err(|error| error.within(keyword))?;
    Ok((status, reply))
}

/// One of the status codes whose messages can be replaced.
pub fn status(text: &str) -> Result<u16, Error> {
    let number: u16 = text.parse().unwrap_or(0);
    match STATUSES.contains(&number) {
        true => Ok(number),
        false => Err(Error::new(format!("status code '{number}' not handled."))),
    }
}

/// Reads an error file. An empty one means that nothing is sent.
pub fn read(file: &str, reading: &Reading<'_>) -> Result<ErrorReply, Error> {
    let bytes = (reading.read_file)(file).map_err(|_| Error::new(format!("error opening file '{file}'.")))?;
    let reply =
        parse_errorfile(&bytes, &Limits::default()).map_err(|refused| Error::new(format!("'{file}': {refused}.")))?;
    Ok(match reply.is_silent() {
        true => ErrorReply::Silence,
        false => ErrorReply::Reply(Arc::new(reply)),
    })
}
