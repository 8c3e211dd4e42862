//! Strings inside of JSON.

use super::works;
use crate::language::Error;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[works(
    &["json"],
    "([<input-code>])",
    "Escapes a string for use in JSON. The code is `ascii`, or `utf8` with an `s` to leave out what is invalid and a `p` to accept what is too long.",
    "str('a\"b/c'),json # a\\\"b\\/c",
    Convert::new(Kind::Str, Kind::Str, escape)
        .with(&[ArgSpec::optional(ArgKind::Str, "input-code")])
        .checked(check_code),
)];

/// How the input is read.
#[derive(Clone, Copy, Debug)]
struct Code {
    is_ascii: bool,
    /// Leave out what is invalid instead of failing.
    skips: bool,
    /// Accept characters that take more bytes than they need.
    permits_overlong: bool,
}

fn check_code(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let code = |is_ascii, skips, permits_overlong| Code {
        is_ascii,
        skips,
        permits_overlong,
    };
    let code = match args.str(0).unwrap_or("ascii") {
        "ascii" => code(true, false, false),
        "utf8" => code(false, false, false),
        "utf8s" => code(false, true, false),
        "utf8p" => code(false, false, true),
        "utf8ps" => code(false, true, true),
        _ => {
            return Err(Error::new(
                "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'",
            ));
        }
    };
    args.prepare(0, code);
    Ok(())
}

fn escape<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let code = args.prepared::<Code>(0)?;
    let text = value.into_text();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(&byte) = rest.first() {
        let (character, length) = if code.is_ascii {
            (Some(u32::from(byte)), 1)
        } else {
            decode(rest, code.permits_overlong)
        };
        rest = rest.get(length..).unwrap_or_default();
        // Four digits are all that an escape has.
        match character.filter(|character| *character <= 0xffff) {
            Some(character) => push(character, &mut out),
            None if code.skips => {}
            None => return None,
        }
    }
    Some(Value::string(out))
}

/// The character that opens `bytes`, if it is one, and how many bytes it takes.
fn decode(bytes: &[u8], permits_overlong: bool) -> (Option<u32>, usize) {
    let first = bytes.first().copied().unwrap_or_default();
    let (length, start, least) = match first {
        0..0x80 => return (Some(first.into()), 1),
        0xc0..0xe0 => (2, first & 0x1f, 0x80),
        0xe0..0xf0 => (3, first & 0x0f, 0x800),
        0xf0..0xf8 => (4, first & 0x07, 0x1_0000),
        _ => return (None, 1),
    };
    let tail = bytes.get(1..).unwrap_or_default();
    let tail = tail.iter().take(length - 1).take_while(|byte| **byte & 0xc0 == 0x80);
    let taken = 1 + tail.clone().count();
    let character = tail.fold(u32::from(start), |character, byte| {
        character << 6 | u32::from(byte & 0x3f)
    });
    let is_whole = taken == length;
    let is_valid = (character >= least || permits_overlong) && !(0xd800..0xe000).contains(&character);
    ((is_whole && is_valid).then_some(character), taken)
}

fn push(character: u32, out: &mut Vec<u8>) {
    let escaped = match u8::try_from(character) {
        Ok(b'"') => b'"',
        Ok(b'\\') => b'\\',
        Ok(b'/') => b'/',
        Ok(8) => b'b',
        Ok(12) => b'f',
        Ok(b'\n') => b'n',
        Ok(b'\r') => b'r',
        Ok(b'\t') => b't',
        Ok(plain @ b' '..=b'~') => return out.push(plain),
        _ => return out.extend_from_slice(format!("\\u{character:04x}").as_bytes()),
    };
    out.extend_from_slice(&[b'\\', escaped]);
}
