//! Converters (manual 7.3.1), one file for each kind of work.

mod address;
mod arithmetic;
mod code;
mod date;
mod decrypt;
mod digest;
mod farm;
mod fix;
mod hash;
mod json;
mod json_query;
mod language;
mod map;
pub mod mqtt;
mod protobuf;
mod refused;
mod table;
mod text;
mod url;
mod variable;

use crate::language::{Does, Scope};
use crate::rules::{Convert, ConvertRow};

/// All converters, by file.
pub const ROWS: &[&[ConvertRow]] = &[
    address::ROWS,
    arithmetic::ROWS,
    code::ROWS,
    date::ROWS,
    decrypt::ROWS,
    digest::ROWS,
    farm::ROWS,
    fix::ROWS,
    hash::ROWS,
    json::ROWS,
    json_query::ROWS,
    language::ROWS,
    map::ROWS,
    mqtt::ROWS,
    protobuf::ROWS,
    refused::ROWS,
    table::ROWS,
    text::ROWS,
    url::ROWS,
    variable::ROWS,
];

/// A row that works. The example is an expression and, after a `#`, its value.
const fn works(
    names: &'static [&'static str],
    args: &'static str,
    doc: &'static str,
    example: &'static str,
    convert: Convert,
) -> ConvertRow {
    ConvertRow {
        names,
        args,
        scope: Scope::INTERNAL,
        doc,
        example,
        does: Does::Works(convert),
    }
}

/// A row that is refused by name.
const fn refused(names: &'static [&'static str], args: &'static str, doc: &'static str) -> ConvertRow {
    ConvertRow {
        names,
        args,
        scope: Scope::INTERNAL,
        doc,
        example: "",
        does: Does::Refused,
    }
}
