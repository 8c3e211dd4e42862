//! Converters that keep what passes through them.

use super::works;
use crate::rules::variable::Write;
use crate::rules::{ArgKind, ArgSpec, Args, Convert, ConvertRow, Facts, Kind, Value};

const VARIABLE: &[ArgSpec] = &[ArgSpec::required(ArgKind::Variable, "var")];
const SLOT: &[ArgSpec] = &[ArgSpec::required(ArgKind::Int, "id")];

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["set-var"],
        "(<var>)",
        "Sets a variable to the input, and gives the input.",
        "str(x),set-var(txn.new),concat(,txn.new) # xx",
        Convert::new(Kind::Any, Kind::Any, |args, value, f| {
            let kept = value.clone().into_owned();
            f.exchange.written.push(Write::Set(args.variable(0)?.clone(), kept));
            Some(value)
        })
        .with(VARIABLE),
    ),
    works(
        &["unset-var"],
        "(<var>)",
        "Unsets a variable, and gives the input.",
        "str(x),unset-var(txn.colour),concat(,txn.colour) # x",
        Convert::new(Kind::Any, Kind::Any, |args, value, f| {
            f.exchange.written.push(Write::Unset(args.variable(0)?.clone()));
            Some(value)
        })
        .with(VARIABLE),
    ),
    works(
        &["capture-req"],
        "(<id>)",
        "Keeps the input in a capture slot of the request, and gives the input.",
        "str(x),capture-req(0) # x",
        Convert::new(Kind::Str, Kind::Str, |args, value, f| {
            keep(args, value, f, Write::CaptureRequest)
        })
        .with(SLOT),
    ),
    works(
        &["capture-res"],
        "(<id>)",
        "Keeps the input in a capture slot of the response, and gives the input.",
        "str(x),capture-res(0) # x",
        Convert::new(Kind::Str, Kind::Str, |args, value, f| {
            keep(args, value, f, Write::CaptureResponse)
        })
        .with(SLOT),
    ),
];

fn keep<'a>(args: &Args, value: Value<'a>, facts: &Facts<'a>, write: fn(usize, Vec<u8>) -> Write) -> Option<Value<'a>> {
    if let Some(slot) = args.int(0).and_then(|slot| usize::try_from(slot).ok()) {
        let text = value.borrowed().into_text().into_owned();
        facts.exchange.written.push(write(slot, text));
    }
    Some(value)
}
