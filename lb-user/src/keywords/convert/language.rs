//! Languages that a client accepts.

use super::works;
use crate::rules::{ArgKind, ArgSpec, Args, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[works(
    &["language"],
    "(<value>[,<default>])",
    "The language of an Accept-Language value that is liked best of those in a list with semicolons.",
    "str(\"fr;q=0.5, en-US;q=0.8, de\"),language(en;fr,none) # en",
    Convert::new(Kind::Str, Kind::Str, preferred).with(&[
        ArgSpec::required(ArgKind::Str, "value"),
        ArgSpec::optional(ArgKind::Str, "default"),
    ]),
)];

fn preferred<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let text = value.into_text();
    let known = args.bytes(0)?;
    let mut best: Option<(u32, &[u8])> = None;
    for accepted in text.split(|byte| *byte == b',') {
        let mut parts = accepted.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let quality = parts
            .find_map(|part| part.strip_prefix(b"q="))
            .map_or(1_000, thousandths);
        let better = best.is_none_or(|(other, _)| quality > other);
        if let Some(listed) = listed(known, name).filter(|_| quality > 0 && better) {
            best = Some((quality, listed));
        }
    }
    best.map(|(_, listed)| listed).or_else(|| args.bytes(1)).map(Value::str)
}

/// The entry of the list that a language, or the language without its variant, is.
fn listed<'a>(known: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let find = |wanted: &[u8]| known.split(|byte| *byte == b';').find(|entry| *entry == wanted);
    let base = name.split(|byte| *byte == b'-').next().unwrap_or_default();
    find(name).or_else(|| find(base)).filter(|entry| !entry.is_empty())
}

/// Reads a quality of at most three decimals (RFC 9110 section 12.4.2) in thousandths.
fn thousandths(text: &[u8]) -> u32 {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let digit = |byte: &u8| char::from(*byte).to_digit(10).unwrap_or(0);
    let whole = parts.next().unwrap_or_default().first().map_or(0, digit);
    let decimals = parts.next().unwrap_or_default();
    let fraction = (0..3).fold(0, |fraction, at| fraction * 10 + decimals.get(at).map_or(0, digit));
    (whole * 1_000 + fraction).min(1_000)
}
