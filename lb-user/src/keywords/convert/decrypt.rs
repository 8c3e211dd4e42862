//! Decryption.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::works;
use crate::language::Error;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[works(
    &["aes_gcm_dec"],
    "(<bits>,<nonce>,<key>,<aead_tag>)",
    "Decrypts with AES-GCM of 128, 192 or 256 bits. Nonce, key and tag are in base64, or variables that hold it so.",
    "bin(0388dace60b6a392f328c2b971b2fe78),aes_gcm_dec(128,AAAAAAAAAAAAAAAA,AAAAAAAAAAAAAAAAAAAAAA==,q25H1CzsE731OmeyEle93w==),hex # 00000000000000000000000000000000",
    Convert::new(Kind::Bin, Kind::Bin, decrypt)
        .with(&[
            ArgSpec::required(ArgKind::Int, "bits"),
            ArgSpec::required(ArgKind::Str, "nonce"),
            ArgSpec::required(ArgKind::Str, "key"),
            ArgSpec::required(ArgKind::Str, "aead_tag"),
        ])
        .checked(check),
)];

fn algorithm(bits: i64) -> Option<&'static Algorithm> {
    Some(match bits {
        128 => &AES_128_GCM,
        192 => &AES_192_GCM,
        256 => &AES_256_GCM,
        _ => return None,
    })
}

fn check(args: &mut Args, context: &mut Context<'_>) -> Result<(), Error> {
    if algorithm(args.int(0).unwrap_or_default()).is_none() {
        return Err(Error::new("key size must be 128, 192 or 256 (bits)"));
    }
    for (at, what) in [(1, "nonce"), (2, "key"), (3, "aead_tag")] {
        let text = args.str(at).unwrap_or_default();
        let arg = match (context.names.variable(text), STANDARD.decode(text)) {
            (Ok(variable), _) => Arg::Variable(variable),
            (Err(_), Ok(bytes)) => Arg::Bytes(bytes.into()),
            (Err(_), Err(_)) => {
                return Err(Error::new(format!(
                    "failed to parse {what} : argument needs to be base64 encoded, and can either be a string or a variable"
                )));
            }
        };
        args.set(at, arg);
    }
    Ok(())
}

fn decrypt<'a>(args: &'a Args, value: Value<'a>, facts: &Facts<'a>) -> Option<Value<'a>> {
    let given = |at| match args.get(at) {
        Arg::Variable(variable) => STANDARD.decode(facts.variable(variable)?.into_text()).ok(),
        _ => args.bytes(at).map(<[u8]>::to_vec),
    };
    let nonce = Nonce::try_assume_unique_for_key(&given(1)?).ok()?;
    let key = UnboundKey::new(algorithm(args.int(0)?)?, &given(2)?).ok()?;
    let mut text = value.into_bytes().into_owned();
    text.extend(given(3)?);
    let key = LessSafeKey::new(key);
    let length = key.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
    text.truncate(length);
    Some(Value::binary(text))
}
