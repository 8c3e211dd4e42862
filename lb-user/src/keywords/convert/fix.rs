//! FIX messages: `fix_is_valid` and `fix_tag_value` (FIX 4.0 to 5.0 and FIXT 1.1, "tag=value" encoding).

use super::works;
use crate::language::Error;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Fetched, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["fix_is_valid"],
        "",
        "Do the bytes open with a valid FIX message? Undecided while it is not whole.",
        "str(GET / HTTP/1.1),fix_is_valid # 0",
        Convert::whole(Kind::Bin, Kind::Bool, |_, value, _| match check(&value.into_bytes()) {
            Ok(()) => Value::Bool(true).into(),
            Err(Unread::Invalid) => Value::Bool(false).into(),
            Err(Unread::Incomplete) => Fetched::Wait,
        }),
    ),
    works(
        &["fix_tag_value"],
        "(<tag>)",
        "The value of a tag, by number or by one of a few names, in the FIX message that the bytes open with.",
        "bin(383d4649582e342e3401393d3501),fix_tag_value(9) # 5",
        Convert::whole(Kind::Bin, Kind::Bin, tag_value)
            .with(&[ArgSpec::required(ArgKind::Str, "tag")])
            .checked(check_tag),
    ),
];

/// Tags that have a name here.
const TAGS: &[(&str, i64)] = &[
    ("BeginString", BEGIN_STRING),
    ("BodyLength", BODY_LENGTH),
    ("MsgType", MSG_TYPE),
    ("SenderCompID", 49),
    ("TargetCompID", 56),
    ("CheckSum", CHECK_SUM),
];
const BEGIN_STRING: i64 = 8;
const BODY_LENGTH: i64 = 9;
const CHECK_SUM: i64 = 10;
const MSG_TYPE: i64 = 35;
/// The values of BeginString.
const VERSIONS: &[&[u8]] = &[b"FIX.4.0", b"FIX.4.1", b"FIX.4.2", b"FIX.4.3", b"FIX.4.4", b"FIXT.1.1"];
/// Ends each field.
const SOH: u8 = 1;

/// Why a message is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    /// More bytes may make it so.
    Incomplete,
    Invalid,
}

/// Takes one `tag=value` field off the front.
fn field<'a>(rest: &mut &'a [u8]) -> Result<(i64, &'a [u8]), Unread> {
    let end = memchr::memchr(SOH, rest).ok_or(Unread::Incomplete)?;
    let (text, after) = rest.split_at(end);
    let equals = memchr::memchr(b'=', text).ok_or(Unread::Invalid)?;
    let (digits, value) = text.split_at(equals);
    let tag = crate::http::header::decimal(digits).ok_or(Unread::Invalid)?;
    let value = value
        .get(1..)
        .filter(|value| !value.is_empty())
        .ok_or(Unread::Invalid)?;
    *rest = after.get(1..).unwrap_or_default();
    Ok((tag as i64, value))
}

/// The first three fields must be BeginString, BodyLength and MsgType, and the last one CheckSum, all of them right.
fn check(bytes: &[u8]) -> Result<(), Unread> {
    let mut rest = bytes;
    if !VERSIONS.iter().any(|version| begins_alike(bytes, version)) {
        return Err(Unread::Invalid);
    }
    let (tag, version) = field(&mut rest)?;
    if tag != BEGIN_STRING || !VERSIONS.contains(&version) {
        return Err(Unread::Invalid);
    }
    let (tag, length) = field(&mut rest)?;
    let length = crate::http::header::decimal(length).filter(|_| tag == BODY_LENGTH);
    let length = length
        .and_then(|length| usize::try_from(length).ok())
        .ok_or(Unread::Invalid)?;
    let body_start = bytes.len() - rest.len();
    let mut after = rest.get(length..).ok_or(Unread::Incomplete)?;
    let mut body = rest.get(..length).unwrap_or_default();
    let invalid = |_| Unread::Invalid;
    if field(&mut body).map_err(invalid)?.0 != MSG_TYPE {
        return Err(Unread::Invalid);
    }
    while !body.is_empty() {
        field(&mut body).map_err(invalid)?;
    }
    let (tag, sum) = field(&mut after)?;
    let summed = bytes.get(..body_start + length).unwrap_or_default();
    let expected = summed.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let right = sum.len() == 3 && crate::http::header::decimal(sum) == Some(expected.into());
    if tag == CHECK_SUM && right {
        Ok(())
    } else {
        Err(Unread::Invalid)
    }
}

/// Can the bytes still become, or do they have, a BeginString of this version?
fn begins_alike(bytes: &[u8], version: &[u8]) -> bool {
    let field = b"8=".iter().chain(version).chain(&[SOH]);
    bytes.iter().zip(field).all(|(a, b)| a == b)
}

fn check_tag(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let text = args.str(0).unwrap_or_default();
    let named = TAGS.iter().find(|(name, _)| *name == text).map(|(_, tag)| *tag);
    let tag = named.or_else(|| text.parse().ok().filter(|tag| *tag > 0));
    let tag = tag.ok_or_else(|| Error::new(format!("Unknown FIX tag name '{text}'")))?;
    args.set(0, Arg::Int(tag));
    Ok(())
}

fn tag_value<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Fetched<'a> {
    let bytes = value.into_bytes();
    let mut rest = &*bytes;
    loop {
        match field(&mut rest) {
            Ok((tag, value)) if Some(tag) == args.int(0) => return Value::binary(value.to_vec()).into(),
            Ok((CHECK_SUM, _)) | Err(Unread::Invalid) => return Fetched::Missing,
            Ok(_) => {}
            Err(Unread::Incomplete) => return Fetched::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Vec<u8> {
        text.replace('|', "\x01").into_bytes()
    }

    /// A message with a right length and sum.
    fn sample() -> Vec<u8> {
        let body = "35=A|49=CLIENT|56=SERVER|98=0|108=30|";
        let head = format!("8=FIX.4.4|9={}|{body}", body.len());
        let head = message(&head);
        let sum = head.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        [head, message(&format!("10={sum:03}|"))].concat()
    }

    #[test]
    fn every_part_of_a_message_waits_for_the_rest() {
        let bytes = sample();
        assert_eq!(check(&bytes), Ok(()));
        assert_eq!(check(&[bytes.clone(), b"more".to_vec()].concat()), Ok(()));
        for cut in 0..bytes.len() {
            assert_eq!(check(&bytes[..cut]), Err(Unread::Incomplete), "after {cut} bytes");
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let good = String::from_utf8(sample()).unwrap().replace('\x01', "|");
        for (from, to) in [
            ("8=FIX.4.4", "8=FIX.9.9"),
            ("8=FIX.4.4", "9=FIX.4.4"),
            ("|9=", "|7="),
            ("35=A", "36=A"),
            ("49=CLIENT", "49=CLIENX"),
            ("|98=0", "|98=="),
            ("|108=30", "|1x8=30"),
        ] {
            let bad = message(&good.replacen(from, to, 1));
            assert_eq!(check(&bad), Err(Unread::Invalid), "{to} for {from}");
        }
    }
}
