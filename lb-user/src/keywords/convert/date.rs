//! Dates as text.

use super::works;
use crate::http::date;
use crate::language::Error;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};
use crate::runtime::calendar::{Calendar, Zone};

const FORMAT: &[ArgSpec] = &[
    ArgSpec::required(ArgKind::Str, "format"),
    ArgSpec::optional(ArgKind::Int, "offset"),
];

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["http_date"],
        "([<offset],[<unit>])",
        "A date since the epoch, plus an offset, as HTTP headers write it. With the unit `ms` or `us` both count in it.",
        "int(1234567890),http_date(3600) # Sat, 14 Feb 2009 00:31:30 GMT",
        Convert::new(Kind::Int, Kind::Str, http_date)
            .with(&[
                ArgSpec::optional(ArgKind::Int, "offset"),
                ArgSpec::optional(ArgKind::Str, "unit"),
            ])
            .checked(check_unit),
    ),
    works(
        &["ltime"],
        "(<format>[,<offset>])",
        "A date since the epoch, plus an offset in seconds, in local time, in the format of strftime(3).",
        "int(1234567890),ltime(%Y),length # 4",
        Convert::new(Kind::Int, Kind::Str, |args, value, _| {
            formatted(args, value, Zone::Local)
        })
        .with(FORMAT),
    ),
    works(
        &["utime"],
        "(<format>[,<offset>])",
        "A date since the epoch, plus an offset in seconds, in UTC, in the format of strftime(3).",
        "int(1234567890),utime(%Y%m%d%H%M%S) # 20090213233130",
        Convert::new(Kind::Int, Kind::Str, |args, value, _| formatted(args, value, Zone::Utc)).with(FORMAT),
    ),
];

/// Units in a second, and the digits of their fraction.
fn check_unit(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let units = match args.str(1).unwrap_or("s") {
        "s" => 1,
        "ms" => 1_000,
        "us" => 1_000_000,
        other => return Err(Error::new(format!("expects 's', 'ms' or 'us', got '{other}'"))),
    };
    args.set(1, Arg::Int(units));
    Ok(())
}

fn http_date<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let units = args.int(1).unwrap_or(1);
    let moment = value.as_int()?.saturating_add(args.int(0).unwrap_or(0));
    let seconds = u64::try_from(moment.div_euclid(units)).ok()?;
    let text = date::format(seconds);
    let fraction = moment.rem_euclid(units);
    let text = match units {
        1 => text,
        1_000 => text.replace(" GMT", &format!(".{fraction:03} GMT")),
        _ => text.replace(" GMT", &format!(".{fraction:06} GMT")),
    };
    Some(Value::string(text.into_bytes()))
}

fn formatted<'a>(args: &Args, value: Value<'a>, zone: Zone) -> Option<Value<'a>> {
    let moment = value.as_int()?.saturating_add(args.int(1).unwrap_or(0));
    let text = Calendar::strftime(args.str(0)?, moment, zone)?;
    Some(Value::string(text))
}
