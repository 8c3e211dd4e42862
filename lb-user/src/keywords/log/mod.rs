//! Log-format variables (manual 8.2.4).

mod connection;
mod date;
mod request;
mod timing;

use crate::language::{Does, Scope};
use crate::rules::log_format::{LogVariableRow, ShowVariable};

/// All variables, by file.
pub const ROWS: &[&[LogVariableRow]] = &[connection::ROWS, date::ROWS, request::ROWS, timing::ROWS];

/// A variable of any mode.
const fn variable(
    names: &'static [&'static str],
    doc: &'static str,
    example: &'static str,
    show: ShowVariable,
) -> LogVariableRow {
    LogVariableRow {
        names,
        args: "",
        scope: Scope::AT_END,
        doc,
        example,
        does: Does::Works(show),
    }
}

/// A variable that HTTP mode alone has.
const fn http(
    names: &'static [&'static str],
    doc: &'static str,
    example: &'static str,
    show: ShowVariable,
) -> LogVariableRow {
    LogVariableRow {
        scope: Scope::HTTP_REQUEST_KEPT,
        ..variable(names, doc, example, show)
    }
}
