//! Encodings of bytes as text, and back.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::works;
use crate::rules::{Args, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["hex"],
        "",
        "Two hexadecimal digits for each byte.",
        "str(lb!),hex # 6C6221",
        Convert::new(Kind::Bin, Kind::Str, hex),
    ),
    works(
        &["hex2i"],
        "",
        "The integer that hexadecimal digits write.",
        "str(1F),hex2i # 31",
        Convert::new(Kind::Str, Kind::Int, hex2i),
    ),
    works(
        &["base64"],
        "",
        "Encodes in base64 (RFC 4648 section 4).",
        "str(a?b>),base64 # YT9iPg==",
        Convert::new(Kind::Bin, Kind::Str, |_, value, _| {
            Some(Value::string(STANDARD.encode(value.into_bytes()).into_bytes()))
        }),
    ),
    works(
        &["b64dec"],
        "",
        "Decodes base64 (RFC 4648 section 4).",
        "str(YT9iPg==),b64dec # a?b>",
        Convert::new(Kind::Str, Kind::Bin, |_, value, _| {
            STANDARD.decode(value.into_text()).ok().map(Value::binary)
        }),
    ),
    works(
        &["ub64enc"],
        "",
        "Encodes in base64url without padding (RFC 4648 section 5).",
        "str(a?b>),ub64enc # YT9iPg",
        Convert::new(Kind::Bin, Kind::Str, |_, value, _| {
            Some(Value::string(URL_SAFE_NO_PAD.encode(value.into_bytes()).into_bytes()))
        }),
    ),
    works(
        &["ub64dec"],
        "",
        "Decodes base64url (RFC 4648 section 5).",
        "str(YT9iPg),ub64dec # a?b>",
        Convert::new(Kind::Str, Kind::Bin, |_, value, _| {
            URL_SAFE.decode(value.into_text()).ok().map(Value::binary)
        }),
    ),
    works(
        &["htonl"],
        "",
        "The four bytes of an integer in network order.",
        "int(258),htonl,hex # 00000102",
        Convert::new(Kind::Int, Kind::Bin, |_, value, _| {
            Some(Value::binary((value.as_int()? as u32).to_be_bytes().to_vec()))
        }),
    ),
];

/// base64url whose padding may be left out.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn hex<'a>(_: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = value.into_bytes();
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let text = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    Some(Value::string(text.collect()))
}

fn hex2i<'a>(_: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let text = value.into_text();
    let number = text.iter().try_fold(0u64, |number, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u64::from(digit))
    });
    number.map(|number| Value::Int(number as i64))
}
