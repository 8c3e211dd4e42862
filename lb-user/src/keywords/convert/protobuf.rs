//! Fields of protocol buffers, bare or in gRPC messages (protobuf.dev, "Encoding").

use std::borrow::Cow;

use super::works;
use crate::language::Error;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

const ARGS: &[ArgSpec] = &[
    ArgSpec::required(ArgKind::Str, "field_number"),
    ArgSpec::optional(ArgKind::Str, "field_type"),
];

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["protobuf"],
        "(<field_number>,[<field_type>])",
        "A field of a protocol buffer: its bytes or, with the type of a number, that. Dots lead into messages in messages.",
        "bin(0a0412026869),protobuf(1.2) # hi",
        Convert::new(Kind::Bin, Kind::Bin, |args, value, _: &Facts<'_>| {
            extract(args, value, bare)
        })
        .with(ARGS)
        .checked(check),
    ),
    works(
        &["ungrpc"],
        "(<field_number>,[<field_type>])",
        "A field of the protocol buffer in a gRPC message (see `protobuf`).",
        "bin(0000000003089601),ungrpc(1,int32) # 150",
        Convert::new(Kind::Bin, Kind::Bin, |args, value, _: &Facts<'_>| {
            extract(args, value, unframed)
        })
        .with(ARGS)
        .checked(check),
    ),
];

/// The most bytes that a varint has.
const MAX_VARINT: usize = 10;

/// What lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

/// How a number is read.
struct Type {
    wire: Wire,
    read: fn(u64) -> i64,
}

/// The types by name. The sign of 32 bits fills the varint of a negative number already.
const TYPES: &[(&str, Type)] = &[
    ("int32", number(Wire::Varint, |n| n as i64)),
    ("int64", number(Wire::Varint, |n| n as i64)),
    ("uint32", number(Wire::Varint, |n| n as i64)),
    ("uint64", number(Wire::Varint, |n| n as i64)),
    ("sint32", number(Wire::Varint, zigzag)),
    ("sint64", number(Wire::Varint, zigzag)),
    ("bool", number(Wire::Varint, |n| n as i64)),
    ("enum", number(Wire::Varint, |n| n as i64)),
    ("fixed64", number(Wire::Fixed64, |n| n as i64)),
    ("sfixed64", number(Wire::Fixed64, |n| n as i64)),
    ("double", number(Wire::Fixed64, |n| f64::from_bits(n) as i64)),
    ("fixed32", number(Wire::Fixed32, |n| n as i64)),
    ("sfixed32", number(Wire::Fixed32, |n| i64::from(n as i32))),
    ("float", number(Wire::Fixed32, |n| f32::from_bits(n as u32) as i64)),
];

const fn number(wire: Wire, read: fn(u64) -> i64) -> Type {
    Type { wire, read }
}

fn zigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

struct Wanted {
    path: Vec<u64>,
    /// `None` for a field's bytes.
    kind: Option<&'static Type>,
}

fn check(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let text = args.str(0).unwrap_or_default();
    let path: Result<Vec<u64>, _> = text.split('.').map(str::parse).collect();
    let path = path.map_err(|_| Error::new(format!("'{text}' is not a protocol buffers field number")))?;
    let name = args.str(1).unwrap_or_default();
    let kind = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind);
    if kind.is_none() && !name.is_empty() {
        return Err(Error::new(format!("Wrong protocol buffer type '{name}'")));
    }
    args.prepare(0, Wanted { path, kind });
    Ok(())
}

/// All of the bytes are the message.
fn bare(bytes: &[u8]) -> Option<&[u8]> {
    Some(bytes)
}

/// The message behind the flag that tells compression, and its length.
fn unframed(bytes: &[u8]) -> Option<&[u8]> {
    let (length, message) = bytes.get(1..)?.split_first_chunk::<4>()?;
    Some(message.get(..u32::from_be_bytes(*length) as usize).unwrap_or(message))
}

fn extract<'a>(args: &'a Args, value: Value<'a>, message: fn(&[u8]) -> Option<&[u8]>) -> Option<Value<'a>> {
    let wanted = args.prepared::<Wanted>(0)?;
    match value.into_bytes() {
        Cow::Borrowed(bytes) => find(wanted, message(bytes)?),
        Cow::Owned(bytes) => find(wanted, message(&bytes)?).map(Value::into_owned),
    }
}

/// The first field at the path.
fn find<'m>(wanted: &Wanted, message: &'m [u8]) -> Option<Value<'m>> {
    let (last, parents) = wanted.path.split_last()?;
    let message = parents.iter().try_fold(message, |message, number| {
        let (wire, content) = field(message, *number)?;
        (wire == Wire::Bytes).then_some(content)
    })?;
    let (wire, content) = field(message, *last)?;
    let Some(kind) = wanted.kind else {
        return Some(Value::bin(content));
    };
    if kind.wire != wire {
        return None;
    }
    Some(Value::Int((kind.read)(match wire {
        Wire::Varint => varint(&mut { content })?,
        _ => content.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)),
    })))
}

/// The content of the first field of that number.
fn field(mut rest: &[u8], wanted: u64) -> Option<(Wire, &[u8])> {
    loop {
        let key = varint(&mut rest)?;
        let (wire, length) = match key & 7 {
            0 => (Wire::Varint, rest.len() - after_varint(rest)?.len()),
            1 => (Wire::Fixed64, 8),
            2 => (Wire::Bytes, usize::try_from(varint(&mut rest)?).ok()?),
            5 => (Wire::Fixed32, 4),
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        if key >> 3 == wanted {
            return Some((wire, content));
        }
        rest = after;
    }
}

fn after_varint(mut rest: &[u8]) -> Option<&[u8]> {
    varint(&mut rest)?;
    Some(rest)
}

/// Takes a varint off the front.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let end = rest.iter().take(MAX_VARINT).position(|byte| byte & 0x80 == 0)?;
    let (bytes, after) = rest.split_at_checked(end + 1)?;
    *rest = after;
    Some(bytes.iter().rev().fold(0, |n, byte| n << 7 | u64::from(byte & 0x7f)))
}
