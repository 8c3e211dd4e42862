//! Values that the configuration gives itself (manual 7.3.2).

use super::works;
use crate::language::{Error, Scope};
use crate::rules::pattern::hex;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Facts, Fetch, FetchRow, Fetched, Kind, Value};

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["always_false"],
        "",
        Scope::INTERNAL,
        "False.",
        "always_false # 0",
        Fetch::one(Kind::Bool, |_, _| Value::Bool(false).into()),
    ),
    works(
        &["always_true"],
        "",
        Scope::INTERNAL,
        "True.",
        "always_true # 1",
        Fetch::one(Kind::Bool, |_, _| Value::Bool(true).into()),
    ),
    works(
        &["bool"],
        "(<bool>)",
        Scope::INTERNAL,
        "A truth value: `true`, `false`, `1` or `0`.",
        "bool(true) # 1",
        Fetch::one(Kind::Bool, |args, _| args.int(0).map(|n| Value::Bool(n != 0)).into())
            .with(&[ArgSpec::required(ArgKind::Str, "bool")])
            .checked(check_bool),
    ),
    works(
        &["int"],
        "(<integer>)",
        Scope::INTERNAL,
        "An integer.",
        "int(-42) # -42",
        Fetch::one(Kind::Int, |args, _| args.int(0).map(Value::Int).into())
            .with(&[ArgSpec::required(ArgKind::Int, "integer")]),
    ),
    works(
        &["str"],
        "(<string>)",
        Scope::INTERNAL,
        "A string.",
        "str(a b) # a b",
        Fetch::one(Kind::Str, |args, _| args.bytes(0).map(Value::str).into())
            .with(&[ArgSpec::required(ArgKind::Str, "string")]),
    ),
    works(
        &["bin"],
        "(<hex>)",
        Scope::INTERNAL,
        "A block of bytes, two hexadecimal digits for each.",
        "bin(00ff41),hex # 00FF41",
        Fetch::one(Kind::Bin, |args, _| args.bytes(0).map(Value::bin).into())
            .with(&[ArgSpec::required(ArgKind::Str, "hex")])
            .checked(check_bin),
    ),
    works(
        &["ipv4"],
        "(<ipv4>)",
        Scope::INTERNAL,
        "An IPv4 address.",
        "ipv4(192.0.2.1) # 192.0.2.1",
        Fetch::one(Kind::Ipv4, address).with(&[ArgSpec::required(ArgKind::Ipv4, "ipv4")]),
    ),
    works(
        &["ipv6"],
        "(<ipv6>)",
        Scope::INTERNAL,
        "An IPv6 address.",
        "ipv6(2001:DB8::1) # 2001:db8::1",
        Fetch::one(Kind::Ipv6, address).with(&[ArgSpec::required(ArgKind::Ipv6, "ipv6")]),
    ),
    works(
        &["meth"],
        "(<method>)",
        Scope::INTERNAL,
        "An HTTP method.",
        "meth(GET) # GET",
        Fetch::one(Kind::Method, |args, _| {
            args.bytes(0).map(|name| Value::Method(name.into())).into()
        })
        .with(&[ArgSpec::required(ArgKind::Str, "method")]),
    ),
];

fn address<'a>(args: &'a Args, _: &Facts<'a>) -> Fetched<'a> {
    match args.get(0) {
        Arg::Ip(ip) => Value::address(*ip).into(),
        _ => Fetched::Missing,
    }
}

fn check_bool(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let word = args.str(0).unwrap_or_default().to_ascii_lowercase();
    let value = match word.as_str() {
        "true" | "1" => 1,
        "false" | "0" => 0,
        _ => return Err(Error::new("Expects 'true', 'false', '0' or '1'")),
    };
    args.set(0, Arg::Int(value));
    Ok(())
}

fn check_bin(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let bytes = hex(args.str(0).unwrap_or_default())?;
    args.set(0, Arg::Bytes(bytes.into()));
    Ok(())
}
