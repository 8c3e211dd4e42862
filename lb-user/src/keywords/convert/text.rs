//! Strings: their parts, their case, their length.

use std::borrow::Cow;
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::works;
use crate::language::Error;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

const PARTS: &[ArgSpec] = &[
    ArgSpec::required(ArgKind::Int, "index"),
    ArgSpec::required(ArgKind::Str, "delimiters"),
    ArgSpec::optional(ArgKind::Int, "count"),
];
const CHARACTERS: &[ArgSpec] = &[ArgSpec::required(ArgKind::Str, "chars")];

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["lower"],
        "",
        "The string in lower case.",
        "str(Lima),lower # lima",
        Convert::new(Kind::Str, Kind::Str, |_, value, _| {
            Some(recased(value, u8::is_ascii_uppercase, <[u8]>::make_ascii_lowercase))
        }),
    ),
    works(
        &["upper"],
        "",
        "The string in upper case.",
        "str(Lima),upper # LIMA",
        Convert::new(Kind::Str, Kind::Str, |_, value, _| {
            Some(recased(value, u8::is_ascii_lowercase, <[u8]>::make_ascii_uppercase))
        }),
    ),
    works(
        &["length"],
        "",
        "How many bytes the string has.",
        "str(Lima),length # 4",
        Convert::new(Kind::Str, Kind::Int, |_, value, _| {
            Some(Value::Int(value.into_text().len() as i64))
        }),
    ),
    works(
        &["field"],
        "(<index>,<delimiters>[,<count>])",
        "A field of the string, or several from there on: counted from one at the start or from -1 at the end. A count of zero means all that are left.",
        "str(f1_f2_f3__f5),field(2,_,2) # f2_f3",
        Convert::new(Kind::Str, Kind::Str, field)
            .with(PARTS)
            .checked(check_index),
    ),
    works(
        &["word"],
        "(<index>,<delimiters>[,<count>])",
        "The same with words: fields that are not empty.",
        "str(f1_f2_f3__f5),word(3,_,2) # f3__f5",
        Convert::new(Kind::Str, Kind::Str, word)
            .with(PARTS)
            .checked(check_index),
    ),
    works(
        &["bytes"],
        "(<offset>[,<length>])",
        "A part of the bytes.",
        "str(hello),bytes(1,3) # ell",
        Convert::new(Kind::Bin, Kind::Bin, bytes).with(&[
            ArgSpec::required(ArgKind::Int, "offset"),
            ArgSpec::optional(ArgKind::Int, "length"),
        ]),
    ),
    works(
        &["concat"],
        "([<start>],[<var>],[<end>])",
        "Appends a string, the value of a variable, and another string.",
        "str(a),concat(<,txn.colour,>) # a<blue>",
        Convert::new(Kind::Str, Kind::Str, concat).with(&[
            ArgSpec::optional(ArgKind::Str, "start"),
            ArgSpec::optional(ArgKind::Variable, "var"),
            ArgSpec::optional(ArgKind::Str, "end"),
        ]),
    ),
    works(
        &["strcmp"],
        "(<var>)",
        "Compares with the value of a variable: 0 if they are the same, else below or above zero.",
        "str(blue),strcmp(txn.colour) # 0",
        Convert::new(Kind::Str, Kind::Int, compare).with(&[ArgSpec::required(ArgKind::Variable, "var")]),
    ),
    works(
        &["iif"],
        "(<true>,<false>)",
        "One of two strings, by a truth value.",
        "bool(1),iif(yes,no) # yes",
        Convert::new(Kind::Bool, Kind::Str, |args, value, _| {
            let is_true = value.as_int()? != 0;
            args.bytes(if is_true { 0 } else { 1 }).map(Value::str)
        })
        .with(&[
            ArgSpec::required(ArgKind::Str, "true"),
            ArgSpec::required(ArgKind::Str, "false"),
        ]),
    ),
    works(
        &["cut_crlf"],
        "",
        "The string up to its first end of line.",
        "bin(61620d0a63),cut_crlf # ab",
        Convert::new(Kind::Str, Kind::Str, |_, value, _| {
            Some(part(value.into_text(), |text| {
                text.split(|byte| matches!(byte, b'\r' | b'\n'))
                    .next()
                    .unwrap_or_default()
            }))
        }),
    ),
    works(
        &["ltrim"],
        "(<chars>)",
        "The string without these characters at its start.",
        "str(--a-),ltrim(-) # a-",
        Convert::new(Kind::Str, Kind::Str, |args, value, _| {
            let chars = args.bytes(0)?;
            Some(part(value.into_text(), |text| {
                let start = text.iter().take_while(|byte| chars.contains(byte)).count();
                text.get(start..).unwrap_or_default()
            }))
        })
        .with(CHARACTERS),
    ),
    works(
        &["rtrim"],
        "(<chars>)",
        "The string without these characters at its end.",
        "str(-a--),rtrim(-) # -a",
        Convert::new(Kind::Str, Kind::Str, |args, value, _| {
            let chars = args.bytes(0)?;
            Some(part(value.into_text(), |text| {
                let end = text.iter().rev().take_while(|byte| chars.contains(byte)).count();
                text.get(..text.len() - end).unwrap_or_default()
            }))
        })
        .with(CHARACTERS),
    ),
    works(
        &["regsub"],
        "(<regex>,<subst>[,<flags>])",
        "Replaces the first match of a regular expression, with flag `g` all of them; flag `i` ignores case.",
        "str(foo-42),regsub([0-9]+,<\\0>) # foo-<42>",
        Convert::new(Kind::Str, Kind::Str, substitute)
            .with(&[
                ArgSpec::required(ArgKind::Regex { flags: 2 }, "regex"),
                ArgSpec::required(ArgKind::Str, "subst"),
                ArgSpec::optional(ArgKind::Str, "flags"),
            ])
            .checked(check_flags),
    ),
];

/// Where parts of a string begin and end.
type Spans = SmallVec<[(usize, usize); 16]>;

/// A part of a string, borrowed where the string is.
fn part<'a>(text: Cow<'a, [u8]>, cut: impl Fn(&[u8]) -> &[u8]) -> Value<'a> {
    match text {
        Cow::Borrowed(text) => Value::str(cut(text)),
        Cow::Owned(text) => Value::string(cut(&text).to_vec()),
    }
}

fn recased(value: Value<'_>, differs: fn(&u8) -> bool, recase: fn(&mut [u8])) -> Value<'_> {
    let mut text = value.into_text();
    if text.iter().any(differs) {
        recase(text.to_mut());
    }
    Value::Str(text)
}

fn check_index(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    match args.int(0) {
        Some(0) => Err(Error::new("Unexpected value 0 for index")),
        _ => Ok(()),
    }
}

fn field<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let delimiters = args.bytes(1)?;
    select(args, value, |text| {
        let mut spans = Spans::new();
        let mut start = 0;
        for (at, byte) in text.iter().enumerate() {
            if delimiters.contains(byte) {
                spans.push((start, at));
                start = at + 1;
            }
        }
        spans.push((start, text.len()));
        spans
    })
}

fn word<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let delimiters = args.bytes(1)?;
    select(args, value, |text| {
        let mut spans = Spans::new();
        for at in 0..text.len() {
            if text.get(at).is_none_or(|byte| delimiters.contains(byte)) {
                continue;
            }
            match spans.last_mut() {
                Some((_, end)) if *end == at => *end = at + 1,
                _ => spans.push((at, at + 1)),
            }
        }
        spans
    })
}

/// The text from the first to the last of the parts that index and count choose.
fn select<'a>(args: &Args, value: Value<'a>, spans: impl Fn(&[u8]) -> Spans) -> Option<Value<'a>> {
    let index = args.int(0)?;
    let count = args.int(2).unwrap_or(1).max(0) as usize;
    let text = value.into_text();
    let spans = spans(&text);
    let nth = usize::try_from(index.unsigned_abs()).ok()?;
    // A count that reaches beyond the parts, as zero does, takes what is around them as well.
    let (start, end) = if index > 0 {
        let (start, _) = *spans.get(nth - 1)?;
        let last = spans.get((nth - 1 + count).wrapping_sub(1)).filter(|_| count > 0);
        (start, last.map_or(text.len(), |(_, end)| *end))
    } else {
        let (_, end) = *spans.get(spans.len().checked_sub(nth)?)?;
        let first = (spans.len() + 1).checked_sub(nth + count).filter(|_| count > 0);
        (
            first.and_then(|first| spans.get(first)).map_or(0, |(start, _)| *start),
            end,
        )
    };
    Some(part(text, |text| text.get(start..end).unwrap_or_default()))
}

fn bytes<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let offset = usize::try_from(args.int(0)?).ok()?;
    let cut = |bytes: &[u8]| -> Option<(usize, usize)> {
        let left = bytes.len().checked_sub(offset)?;
        let length = match args.int(1) {
            Some(length) => usize::try_from(length).map_or(left, |length| length.min(left)),
            None => left,
        };
        Some((offset, offset + length))
    };
    let bytes = value.into_bytes();
    let Some((start, end)) = cut(&bytes) else {
        return Some(Value::bin(b""));
    };
    Some(match bytes {
        Cow::Borrowed(bytes) => Value::bin(bytes.get(start..end).unwrap_or_default()),
        Cow::Owned(bytes) => Value::binary(bytes.get(start..end).unwrap_or_default().to_vec()),
    })
}

fn concat<'a>(args: &'a Args, value: Value<'a>, facts: &Facts<'a>) -> Option<Value<'a>> {
    let mut text = value.into_text().into_owned();
    text.extend_from_slice(args.bytes(0).unwrap_or_default());
    if let Some(held) = args.variable(1).and_then(|variable| facts.variable(variable)) {
        text.extend_from_slice(&held.into_text());
    }
    text.extend_from_slice(args.bytes(2).unwrap_or_default());
    Some(Value::string(text))
}

fn compare<'a>(args: &'a Args, value: Value<'a>, facts: &Facts<'a>) -> Option<Value<'a>> {
    let held = facts.variable(args.variable(0)?)?.into_text();
    let text = value.into_text();
    let pairs = text.iter().zip(held.iter());
    let difference = pairs
        .map(|(a, b)| i64::from(*a) - i64::from(*b))
        .find(|difference| *difference != 0);
    let by_length = match text.len().cmp(&held.len()) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    Some(Value::Int(difference.unwrap_or(by_length)))
}

fn check_flags(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let flags = args.str(2).unwrap_or_default();
    match flags.chars().find(|flag| !"gi".contains(*flag)) {
        Some(flag) => Err(Error::new(format!(
            "invalid regex flag '{flag}', only 'i' and 'g' are supported"
        ))),
        None => Ok(()),
    }
}

fn substitute<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let all = args.str(2).is_some_and(|flags| flags.contains('g'));
    let text = value.into_text();
    match args.regex(0)?.substitute(&text, args.bytes(1)?, all) {
        Some(replaced) => Some(Value::string(replaced)),
        None => Some(Value::Str(text)),
    }
}
