//! Percent encoding (RFC 3986 section 2.1).

use super::works;
use crate::language::Error;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["url_dec"],
        "([<in_form>])",
        "Decodes; a plus sign is a space after a question mark, and everywhere if the argument is not zero.",
        "str(a%20b+c?d+e),url_dec # a b+c?d e",
        Convert::new(Kind::Str, Kind::Str, decode).with(&[ArgSpec::optional(ArgKind::Int, "in_form")]),
    ),
    works(
        &["url_enc"],
        "([<enc_type>])",
        "Encodes all but letters, digits, `-`, `.`, `_` and `~`. The only type is `query`.",
        "str(a b/c),url_enc # a%20b%2Fc",
        Convert::new(Kind::Str, Kind::Str, encode)
            .with(&[ArgSpec::optional(ArgKind::Str, "enc_type")])
            .checked(check_type),
    ),
];

fn decode<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let text = value.into_text();
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Value::Str(text));
    }
    let mut in_form = args.int(0).unwrap_or(0) != 0;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = after.split_at_checked(2)?;
                let [high, low] = *digits else { return None };
                let nibble = |digit: u8| char::from(digit).to_digit(16);
                out.push((nibble(high)? << 4 | nibble(low)?) as u8);
                rest = after;
            }
            b'+' if in_form => out.push(b' '),
            _ => {
                in_form |= byte == b'?';
                out.push(byte);
            }
        }
    }
    Some(Value::string(out))
}

fn encode<'a>(_: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let text = value.into_text();
    let mut out = Vec::with_capacity(text.len());
    for &byte in text.iter() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    Some(Value::string(out))
}

fn check_type(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    match args.str(0) {
        None | Some("query") => Ok(()),
        Some(_) => Err(Error::new("Unexpected encode type. Allowed value is 'query'")),
    }
}
