//! Maps: files that give a value for a key (manual 7.3.1 `map`).

use super::works;
use crate::language::Error;
use crate::rules::pattern::Method;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

/// The row of maps that match one way and give one type.
macro_rules! map {
    ([$($name:literal),+], $method:ident, $default:ident, $output:ident, $doc:literal, $example:literal) => {
        works(
            &[$($name),+],
            "(<map_file>[,<default_value>])",
            $doc,
            $example,
            Convert::new(Method::$method.input(), Kind::$output, lookup)
                .with(&[
                    ArgSpec::required(ArgKind::Map(Method::$method, Kind::$output), "map_file"),
                    ArgSpec::optional(ArgKind::$default, "default_value"),
                ]),
        )
    };
}

/// The row of maps that match one way and give addresses.
macro_rules! address {
    ([$name:literal], $method:ident, $doc:literal, $example:literal) => {
        works(
            &[$name],
            "(<map_file>[,<default_value>])",
            $doc,
            $example,
            Convert::new(Method::$method.input(), Kind::Address, lookup)
                .with(&[
                    ArgSpec::required(ArgKind::Map(Method::$method, Kind::Address), "map_file"),
                    ArgSpec::optional(ArgKind::Str, "default_value"),
                ])
                .checked(check_address),
        )
    };
}

pub(super) const ROWS: &[ConvertRow] = &[
    map!(
        ["map", "map_str"],
        Str,
        Str,
        Str,
        "The string that a map gives for this very string.",
        "str(b),map(words.map) # two"
    ),
    map!(
        ["map_str_int"],
        Str,
        Int,
        Int,
        "The integer that a map gives for this very string.",
        "str(b),map_str_int(numbers.map,0) # 2"
    ),
    map!(
        ["map_beg"],
        Beg,
        Str,
        Str,
        "The string that a map gives for how the string begins.",
        "str(b2),map_beg(words.map) # two"
    ),
    map!(
        ["map_beg_int"],
        Beg,
        Int,
        Int,
        "The integer that a map gives for how the string begins.",
        "str(b2),map_beg_int(numbers.map) # 2"
    ),
    map!(
        ["map_sub"],
        Sub,
        Str,
        Str,
        "The string that a map gives for something within the string.",
        "str(xbx),map_sub(words.map) # two"
    ),
    map!(
        ["map_sub_int"],
        Sub,
        Int,
        Int,
        "The integer that a map gives for something within the string.",
        "str(xbx),map_sub_int(numbers.map) # 2"
    ),
    map!(
        ["map_dir"],
        Dir,
        Str,
        Str,
        "The string that a map gives for a part between slashes.",
        "str(/b/x),map_dir(words.map) # two"
    ),
    map!(
        ["map_dir_int"],
        Dir,
        Int,
        Int,
        "The integer that a map gives for a part between slashes.",
        "str(/b/x),map_dir_int(numbers.map) # 2"
    ),
    map!(
        ["map_dom"],
        Dom,
        Str,
        Str,
        "The string that a map gives for a part between dots.",
        "str(x.b),map_dom(words.map) # two"
    ),
    map!(
        ["map_dom_int"],
        Dom,
        Int,
        Int,
        "The integer that a map gives for a part between dots.",
        "str(x.b),map_dom_int(numbers.map) # 2"
    ),
    map!(
        ["map_end"],
        End,
        Str,
        Str,
        "The string that a map gives for how the string ends.",
        "str(xb),map_end(words.map) # two"
    ),
    map!(
        ["map_end_int"],
        End,
        Int,
        Int,
        "The integer that a map gives for how the string ends.",
        "str(xb),map_end_int(numbers.map) # 2"
    ),
    map!(
        ["map_reg"],
        Reg,
        Str,
        Str,
        "The string that a map gives for a regular expression that matches.",
        "str(xb),map_reg(words.map) # two"
    ),
    map!(
        ["map_reg_int"],
        Reg,
        Int,
        Int,
        "The integer that a map gives for a regular expression that matches.",
        "str(xb),map_reg_int(numbers.map) # 2"
    ),
    map!(
        ["map_int"],
        Int,
        Str,
        Str,
        "The string that a map gives for an integer or a range.",
        "int(15),map_int(ranges.map) # teens"
    ),
    map!(
        ["map_int_int"],
        Int,
        Int,
        Int,
        "The integer that a map gives for an integer or a range.",
        "int(15),map_int_int(levels.map) # 3"
    ),
    map!(
        ["map_ip"],
        Ip,
        Str,
        Str,
        "The string that a map gives for the smallest network of an address.",
        "src,map_ip(networks.map) # lab"
    ),
    map!(
        ["map_ip_int"],
        Ip,
        Int,
        Int,
        "The integer that a map gives for the smallest network of an address.",
        "src,map_ip_int(weights.map) # 7"
    ),
    address!(
        ["map_str_ip"],
        Str,
        "The address that a map gives for this very string.",
        "str(b),map_str_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_beg_ip"],
        Beg,
        "The address that a map gives for how the string begins.",
        "str(b2),map_beg_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_sub_ip"],
        Sub,
        "The address that a map gives for something within the string.",
        "str(xbx),map_sub_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_dir_ip"],
        Dir,
        "The address that a map gives for a part between slashes.",
        "str(/b/x),map_dir_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_dom_ip"],
        Dom,
        "The address that a map gives for a part between dots.",
        "str(x.b),map_dom_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_end_ip"],
        End,
        "The address that a map gives for how the string ends.",
        "str(xb),map_end_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_reg_ip"],
        Reg,
        "The address that a map gives for a regular expression that matches.",
        "str(xb),map_reg_ip(hosts.map) # 192.0.2.2"
    ),
    address!(
        ["map_int_ip"],
        Int,
        "The address that a map gives for an integer or a range.",
        "int(15),map_int_ip(ranges-ip.map) # 192.0.2.15"
    ),
    address!(
        ["map_ip_ip"],
        Ip,
        "The address that a map gives for the smallest network of an address.",
        "src,map_ip_ip(gateways.map) # 198.51.100.1"
    ),
    works(
        &["map_regm"],
        "(<map_file>[,<default_value>])",
        "The string that a map gives for a regular expression that matches, with the groups it refers to.",
        "str(/user/ann),map_regm(users.map) # hello ann",
        Convert::new(Kind::Str, Kind::Str, |args, value, _| {
            args.patterns(0)?.expand(value).or_else(|| default(args))
        })
        .with(&[
            ArgSpec::required(ArgKind::Map(Method::Reg, Kind::Str), "map_file"),
            ArgSpec::optional(ArgKind::Str, "default_value"),
        ]),
    ),
];

fn lookup<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    args.patterns(0)?.lookup(value).or_else(|| default(args))
}

fn default(args: &Args) -> Option<Value<'_>> {
    match args.get(1) {
        Arg::Str(text) => Some(Value::str(text.as_bytes())),
        Arg::Int(number) => Some(Value::Int(*number)),
        Arg::Ip(ip) => Some(Value::address(*ip)),
        _ => None,
    }
}

/// Reads the default of a map of addresses, which may be of either family.
fn check_address(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    if let Some(text) = args.str(1) {
        let unread = || Error::new(format!("failed to parse '{text}' as type 'IPv4 address' at position 2"));
        let ip = text.parse().map_err(|_| unread())?;
        args.set(1, Arg::Ip(ip));
    }
    Ok(())
}
