//! Hashes that are not for secrets.

use lb_common::hash;
use xxhash_rust::{xxh3, xxh32, xxh64};

use super::works;
use crate::rules::{ArgKind, ArgSpec, Args, Convert, ConvertRow, Kind, Value};

const AVALANCHE: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Int, "avalanche")];
const SEED: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Int, "seed")];

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["sdbm"],
        "([<avalanche>])",
        "SDBM, as `hash-type` knows it, with a full avalanche if the argument is 1.",
        "str(lb),sdbm(1) # 25594621",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            Some(hashed(args, value, hash::sdbm))
        })
        .with(AVALANCHE),
    ),
    works(
        &["djb2"],
        "([<avalanche>])",
        "DJB2, as `hash-type` knows it, with a full avalanche if the argument is 1.",
        "str(lb),djb2 # 5863571",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            Some(hashed(args, value, hash::djb2))
        })
        .with(AVALANCHE),
    ),
    works(
        &["wt6"],
        "([<avalanche>])",
        "WT6, as `hash-type` knows it, with a full avalanche if the argument is 1.",
        "str(lb),wt6 # 2998452222",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            Some(hashed(args, value, hash::wt6))
        })
        .with(AVALANCHE),
    ),
    works(
        &["crc32"],
        "([<avalanche>])",
        "CRC-32 as Ethernet, gzip and PNG have it, with a full avalanche if the argument is 1.",
        "str(123456789),crc32 # 3421780262",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            Some(hashed(args, value, hash::crc32))
        })
        .with(AVALANCHE),
    ),
    works(
        &["crc32c"],
        "([<avalanche>])",
        "CRC-32C (RFC 4960 appendix B), with a full avalanche if the argument is 1.",
        "str(123456789),crc32c # 3808858755",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            Some(hashed(args, value, hash::crc32c))
        })
        .with(AVALANCHE),
    ),
    works(
        &["xxh32"],
        "([<seed>])",
        "xxHash of 32 bits.",
        "str(a),xxh32 # 1426945110",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            let hash = xxh32::xxh32(&value.into_bytes(), seed(args) as u32);
            Some(Value::Int(hash.into()))
        })
        .with(SEED),
    ),
    works(
        &["xxh64"],
        "([<seed>])",
        "xxHash of 64 bits, as a signed integer.",
        "str(a),xxh64 # -3292477735350538661",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            Some(Value::Int(xxh64::xxh64(&value.into_bytes(), seed(args)) as i64))
        })
        .with(SEED),
    ),
    works(
        &["xxh3"],
        "([<seed>])",
        "XXH3 of 64 bits, as a signed integer.",
        "str(a),xxh3 # -1817709641818812897",
        Convert::new(Kind::Bin, Kind::Int, |args, value, _| {
            let hash = xxh3::xxh3_64_with_seed(&value.into_bytes(), seed(args));
            Some(Value::Int(hash as i64))
        })
        .with(SEED),
    ),
];

fn hashed<'a>(args: &Args, value: Value<'a>, function: fn(&[u8]) -> u32) -> Value<'a> {
    let hash = function(&value.into_bytes());
    let hash = if args.int(0).unwrap_or(0) != 0 {
        hash::avalanche(hash)
    } else {
        hash
    };
    Value::Int(hash.into())
}

fn seed(args: &Args) -> u64 {
    args.int(0).unwrap_or(0) as u64
}
