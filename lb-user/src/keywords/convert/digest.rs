//! Cryptographic digests and comparisons.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::works;
use crate::language::Error;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["sha1"],
        "",
        "The SHA-1 digest.",
        "str(abc),sha1,hex # A9993E364706816ABA3E25717850C26C9CD0D89D",
        Convert::new(Kind::Bin, Kind::Bin, |_, value, _| {
            Some(Value::binary(Sha1::digest(value.into_bytes()).to_vec()))
        }),
    ),
    works(
        &["sha2"],
        "([<bits>])",
        "A SHA-2 digest of 224, 256, 384 or 512 bits; of 256 by default.",
        "str(abc),sha2,bytes(0,4),hex # BA7816BF",
        Convert::new(Kind::Bin, Kind::Bin, digest)
            .with(&[ArgSpec::optional(ArgKind::Int, "bits")])
            .checked(check_bits),
    ),
    works(
        &["digest"],
        "(<algorithm>)",
        "The digest of an algorithm by name: `md5`, `sha1`, `sha224`, `sha256`, `sha384` or `sha512`.",
        "str(abc),digest(md5),hex # 900150983CD24FB0D6963F7D28E17F72",
        Convert::new(Kind::Bin, Kind::Bin, digest)
            .with(&[ArgSpec::required(ArgKind::Str, "algorithm")])
            .checked(check_algorithm),
    ),
    works(
        &["hmac"],
        "(<algorithm>,<key>)",
        "The message authentication code of an algorithm (see `digest`) and a key in base64, or that of a variable.",
        "str(abc),hmac(sha256,YWJj),bytes(0,4),hex # 2F02E24A",
        Convert::new(Kind::Bin, Kind::Bin, authenticate)
            .with(&[
                ArgSpec::required(ArgKind::Str, "algorithm"),
                ArgSpec::required(ArgKind::Str, "key"),
            ])
            .checked(check_key),
    ),
    works(
        &["secure_memcmp"],
        "(<var>)",
        "Is the input the same as the value of a variable? Takes as long for a near miss as for a far one.",
        "str(blue),secure_memcmp(txn.colour) # 1",
        Convert::new(Kind::Bin, Kind::Bool, |args, value, f| {
            let held = f.variable(args.variable(0)?)?.into_bytes();
            Some(Value::Bool(are_equal(&value.into_bytes(), &held)))
        })
        .with(&[ArgSpec::required(ArgKind::Variable, "var")]),
    ),
];

/// The algorithms by the names that OpenSSL gives them.
#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn parse(name: &str) -> Option<Algorithm> {
        Some(match name.to_ascii_lowercase().replace('-', "").as_str() {
            "md5" => Algorithm::Md5,
            "sha1" => Algorithm::Sha1,
            "sha224" => Algorithm::Sha224,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        })
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::Md5 => Md5::digest(bytes).to_vec(),
            Algorithm::Sha1 => Sha1::digest(bytes).to_vec(),
            Algorithm::Sha224 => Sha224::digest(bytes).to_vec(),
            Algorithm::Sha256 => Sha256::digest(bytes).to_vec(),
            Algorithm::Sha384 => Sha384::digest(bytes).to_vec(),
            Algorithm::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn authenticate(self, key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Algorithm::Md5 => code::<hmac::Hmac<Md5>>(key, bytes),
            Algorithm::Sha1 => code::<hmac::Hmac<Sha1>>(key, bytes),
            Algorithm::Sha224 => code::<hmac::Hmac<Sha224>>(key, bytes),
            Algorithm::Sha256 => code::<hmac::Hmac<Sha256>>(key, bytes),
            Algorithm::Sha384 => code::<hmac::Hmac<Sha384>>(key, bytes),
            Algorithm::Sha512 => code::<hmac::Hmac<Sha512>>(key, bytes),
        }
    }
}

fn code<M: Mac + hmac::digest::KeyInit>(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut code = <M as Mac>::new_from_slice(key).ok()?;
    code.update(bytes);
    Some(code.finalize().into_bytes().to_vec())
}

fn check_bits(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let algorithm = match args.int(0).unwrap_or(256) {
        224 => Algorithm::Sha224,
        256 => Algorithm::Sha256,
        384 => Algorithm::Sha384,
        512 => Algorithm::Sha512,
        bits => return Err(Error::new(format!("Unsupported number of bits: '{bits}'"))),
    };
    args.prepare(0, algorithm);
    Ok(())
}

fn check_algorithm(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let algorithm = Algorithm::parse(args.str(0).unwrap_or_default());
    let unknown = || Error::new("algorithm must be a valid OpenSSL message digest name.");
    args.prepare(0, algorithm.ok_or_else(unknown)?);
    Ok(())
}

fn check_key(args: &mut Args, context: &mut Context<'_>) -> Result<(), Error> {
    check_algorithm(args, context)?;
    let text = args.str(1).unwrap_or_default();
    let key = match context.names.variable(text) {
        Ok(variable) => Arg::Variable(variable),
        Err(_) => match STANDARD.decode(text) {
            Ok(key) => Arg::Bytes(key.into()),
            Err(_) => {
                return Err(Error::new(
                    "failed to parse key : argument needs to be base64 encoded, and can either be a string or a variable",
                ));
            }
        },
    };
    args.set(1, key);
    Ok(())
}

fn digest<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let algorithm = args.prepared::<Algorithm>(0)?;
    Some(Value::binary(algorithm.digest(&value.into_bytes())))
}

fn authenticate<'a>(args: &'a Args, value: Value<'a>, facts: &Facts<'a>) -> Option<Value<'a>> {
    let algorithm = args.prepared::<Algorithm>(0)?;
    let bytes = value.into_bytes();
    let code = match args.get(1) {
        // The value of a variable is in base64, too.
        Arg::Variable(variable) => {
            let key = STANDARD.decode(facts.variable(variable)?.into_text()).ok()?;
            algorithm.authenticate(&key, &bytes)
        }
        _ => algorithm.authenticate(args.bytes(1)?, &bytes),
    };
    code.map(Value::binary)
}

/// Compares without stopping at the first difference.
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b));
    a.len() == b.len() && std::hint::black_box(difference) == 0
}
