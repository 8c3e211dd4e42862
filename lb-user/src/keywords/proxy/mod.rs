//! Keywords of `defaults`, `frontend`, `backend` and `listen` sections (manual 4.2).

mod balance;
mod capture;
mod check;
mod connection;
mod cookie;
mod draft;
mod errors;
mod family;
mod identity;
mod limits;
mod logging;
mod members;
mod options;
mod persistence;
mod refused;
mod removed;
mod rules;
mod switching;
mod timeouts;

pub use draft::{Draft, ErrorLine, LogLine, Stick, Text, UseBackend, UseServer};
pub use family::{Misplaced, misplaced, unknown};
pub use rules::warn_if_late;

use super::Reading;
use crate::language::row::Does;
use crate::language::{Error, Row, Scope, Words};

/// Reads a line's arguments. The first argument is the spelling used.
pub type ParseProxy = fn(&str, &mut Words<'_>, &mut Draft, &mut Reading<'_>) -> Result<(), Error>;
/// A keyword of a proxy section.
pub type ProxyRow = Row<ParseProxy>;

/// All keywords of proxy sections.
pub const REGISTRY: &[&[ProxyRow]] = &[
    identity::ROWS,
    members::ROWS,
    rules::ROWS,
    switching::ROWS,
    balance::ROWS,
    limits::ROWS,
    timeouts::ROWS,
    options::ROWS,
    connection::ROWS,
    logging::ROWS,
    capture::ROWS,
    errors::ROWS,
    check::ROWS,
    cookie::ROWS,
    persistence::ROWS,
    refused::ROWS,
];

// Where a keyword may stand: the four columns of the manual's table.
const ANY: Scope = Scope::PROXY;
const FRONT: Scope = Scope::FRONTEND.or(Scope::DEFAULTS);
const BACK: Scope = Scope::BACKEND.or(Scope::DEFAULTS);
const NOT_DEFAULTS: Scope = Scope::LISTEN;
const ONLY_FRONT: Scope = Scope::FRONTEND;
const ONLY_BACK: Scope = Scope::BACKEND;

/// A row that works.
const fn works(
    names: &'static [&'static str],
    args: &'static str,
    scope: Scope,
    doc: &'static str,
    example: &'static str,
    parse: ParseProxy,
) -> ProxyRow {
    Row {
        names,
        args,
        scope,
        doc,
        example,
        does: Does::Works(parse),
    }
}
