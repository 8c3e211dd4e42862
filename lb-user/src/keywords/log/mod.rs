//! Log-format variables (manual 8.2.4).

mod connection;
mod date;
mod request;
mod timing;

use crate::rules::context::LogVariableRow;

/// All variables, by file.
pub const ROWS: &[&[LogVariableRow]] = &[connection::ROWS, date::ROWS, request::ROWS, timing::ROWS];

/// `option tcplog`.
pub const TCP: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// `option httplog`.
pub const HTTP: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq \
                        %hr %hs %{+Q}r";

/// `option httplog clf`.
pub const CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc \
                       %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// A row that works.
const fn variable(
    names: &'static [&'static str],
    doc: &'static str,
    example: &'static str,
    show: crate::rules::context::LogVariable,
) -> LogVariableRow {
    LogVariableRow {
        names,
        args: "",
        scope: crate::language::Scope::AT_END,
        doc,
        example,
        does: crate::language::Does::Works(show),
    }
}

/// Appends a number.
fn number(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a number, in four hexadecimal digits or more under `%{+X}`.
fn hexable(value: u64, flags: crate::rules::log_format::Flags, out: &mut Vec<u8>) {
    if flags.hex {
        number(format_args!("{value:04X}"), out)
    } else {
        number(value, out)
    }
}
