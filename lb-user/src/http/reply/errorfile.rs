//! Answers read from files: whole HTTP/1 responses (2.4 manual, section 4.2, `errorfile`).
use std::fmt;

use super::Reply;
use crate::http::h1::{Limits, Parsed, parse_response};
use crate::http::message::{Head, Version};

/// Why a file does not hold an answer. The texts are the peer's, to be put after `errorfile : '<file>': `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The head is malformed at this offset, or nothing when it has no end.
    Headers(Option<usize>),
    /// An interim status.
    Status(u16),
    Chunked,
    /// The body has so many bytes where so many were announced.
    Length {
        found: u64,
        announced: u64,
    },
    /// A body that the status forbids.
    UnexpectedBody,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Headers(Some(offset)) => write!(out, "unable to parse headers (error offset: {offset})"),
            Refused::Headers(None) => write!(out, "unable to parse headers (error offset: -2)"),
            Refused::Status(status) => write!(out, "invalid http status code for an error message ({status})"),
            Refused::Chunked => write!(out, "chunk-encoded payload not supported"),
            Refused::Length { found, announced } => {
                write!(
                    out,
                    "payload size does not match the announced content-length ({found} != {announced})"
                )
            }
            Refused::UnexpectedBody => write!(out, "message payload not expected"),
        }
    }
}

impl std::error::Error for Refused {}

/// Reads a file's contents as an answer. An empty file is the answer of nothing at all.
pub fn parse_errorfile(contents: &[u8], limits: &Limits) -> Result<Reply, Refused> {
    if contents.is_empty() {
        return Ok(Reply::default());
    }
    let mut head = Head::new();
    let parsed = parse_response(contents, &mut head, limits).map_err(|bad| Refused::Headers(Some(bad.at)))?;
    let Parsed::Complete { consumed } = parsed else {
        return Err(Refused::Headers(None));
    };
    let body = contents.get(consumed..).unwrap_or_default();
    check(&head, body)?;
    let version = head.version().min(Version::Http11);
    let close = head.noted().close;
    crate::http::connection::strip(&mut head, crate::http::connection::Carrier::Connection);
    Ok(Reply {
        version,
        status: head.status(),
        reason: Some(head.reason().to_vec()),
        headers: head
            .headers()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect(),
        body: body.to_vec(),
        close,
    })
}

fn check(head: &Head, body: &[u8]) -> Result<(), Refused> {
    let found = body.len() as u64;
    match head.status() {
        status @ (100 | 102..=199) => return Err(Refused::Status(status)),
        204 | 304 if found > 0 => return Err(Refused::UnexpectedBody),
        _ => {}
    }
    if head.noted().chunked {
        return Err(Refused::Chunked);
    }
    match head.noted().content_length {
        Some(announced) if announced != found && head.status() != 304 => Err(Refused::Length { found, announced }),
        _ => Ok(()),
    }
}
