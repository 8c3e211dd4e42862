//! `http-errors` sections (manual 3.8).

use crate::keywords::Reading;
use crate::keywords::reply;
use crate::language::row::Does;
use crate::language::{Error, Row, Scope, Words};
use crate::plan::HttpErrors;

/// Reads a line's arguments.
pub type ParseHttpErrors = fn(&str, &mut Words<'_>, &mut HttpErrors, &mut Reading<'_>) -> Result<(), Error>;

/// All keywords of the section.
pub const REGISTRY: &[&[Row<ParseHttpErrors>]] = &[ROWS];

const ROWS: &[Row<ParseHttpErrors>] = &[Row {
    names: &["errorfile"],
    args: "<code> <file>",
    scope: Scope::GLOBAL,
    doc: "The file that replaces an error message of this status.",
    example: "http-errors site\n    errorfile 503 /dev/null",
    does: Does::Works(|keyword, words, section, reading| {
        let (status, reply) = reply::errorfile(keyword, words, reading)?;
        section.replies.insert(status, reply);
        Ok(())
    }),
}];
