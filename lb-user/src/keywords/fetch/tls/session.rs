//! TLS sessions with clients (`ssl_fc_*`) and servers (`ssl_bc_*`).

use crate::keywords::fetch::works;
use crate::language::Scope;
use crate::rules::{Facts, Fetch, FetchRow, Fetched, Kind, Value};
use crate::tls;
use crate::tls::Hello;

const CLIENT: Scope = Scope::L5_CLIENT;
const SERVER: Scope = Scope::L5_SERVER;

fn client<'a>(facts: &Facts<'a>) -> Option<&'a tls::Facts> {
    facts.session.tls.as_deref()
}

fn server<'a>(facts: &Facts<'a>) -> Option<&'a tls::Facts> {
    facts.exchange.server_tls.as_deref()
}

fn text<'a>(value: Option<&'a str>) -> Fetched<'a> {
    value.map(|text| Value::str(text.as_bytes())).into()
}

fn offered<'a>(facts: &Facts<'a>) -> Option<&'a Hello> {
    client(facts)?.hello.as_ref().filter(|hello| !hello.suites.is_empty())
}

/// A row about a session, for either side.
macro_rules! both {
    ($fc:literal, $bc:literal, $doc:literal, $value:literal, $kind:expr, $of:expr) => {
        [
            works(
                &[$fc],
                "",
                CLIENT,
                concat!("Session with the client: ", $doc),
                concat!($fc, " # ", $value),
                {
                    const OF: for<'a> fn(&'a tls::Facts) -> Fetched<'a> = $of;
                    Fetch::one($kind, |_, f| client(f).map_or(Fetched::Missing, OF))
                },
            ),
            works(
                &[$bc],
                "",
                SERVER,
                concat!("Session with the server: ", $doc),
                concat!($bc, " # ", $value),
                {
                    const OF: for<'a> fn(&'a tls::Facts) -> Fetched<'a> = $of;
                    Fetch::one($kind, |_, f| server(f).map_or(Fetched::Missing, OF))
                },
            ),
        ]
    };
}

const SHARED: [[FetchRow; 2]; 6] = [
    both!(
        "ssl_fc_protocol",
        "ssl_bc_protocol",
        "its version.",
        "TLSv1.3",
        Kind::Str,
        |tls| text(Some(tls.version))
    ),
    both!(
        "ssl_fc_cipher",
        "ssl_bc_cipher",
        "the name of the cipher.",
        "TLS_AES_128_GCM_SHA256",
        Kind::Str,
        |tls| text(Some(tls.cipher))
    ),
    both!(
        "ssl_fc_alg_keysize",
        "ssl_bc_alg_keysize",
        "the key size of the cipher's algorithm, in bits.",
        "128",
        Kind::Int,
        |tls| Value::Int(tls.key_size.into()).into()
    ),
    both!(
        "ssl_fc_use_keysize",
        "ssl_bc_use_keysize",
        "the size of the key in use, in bits.",
        "128",
        Kind::Int,
        |tls| Value::Int(tls.key_size.into()).into()
    ),
    both!(
        "ssl_fc_alpn",
        "ssl_bc_alpn",
        "the protocol that ALPN settled on.",
        "http/1.1",
        Kind::Str,
        |tls| tls.alpn.as_deref().map(Value::str).into()
    ),
    both!(
        "ssl_fc_is_resumed",
        "ssl_bc_is_resumed",
        "was it resumed?",
        "0",
        Kind::Bool,
        |tls| Value::Bool(tls.resumed).into()
    ),
];

/// The rows of this file.
pub const ROWS: &[&[FetchRow]] = &[
    &SHARED[0], &SHARED[1], &SHARED[2], &SHARED[3], &SHARED[4], &SHARED[5], SIDES,
];

const SIDES: &[FetchRow] = &[
    works(
        &["ssl_fc"],
        "",
        CLIENT,
        "Is the client's connection a TLS session?",
        "ssl_fc # 1",
        Fetch::one(Kind::Bool, |_, f| Value::Bool(client(f).is_some()).into()),
    ),
    works(
        &["ssl_bc"],
        "",
        SERVER,
        "Is the server's connection a TLS session?",
        "ssl_bc # 1",
        Fetch::one(Kind::Bool, |_, f| Value::Bool(server(f).is_some()).into()),
    ),
    works(
        &["ssl_fc_has_sni"],
        "",
        CLIENT,
        "Session with the client: did the client name the server?",
        "ssl_fc_has_sni # 1",
        Fetch::one(Kind::Bool, |_, f| {
            client(f).map(|tls| Value::Bool(tls.sni.is_some())).into()
        }),
    ),
    works(
        &["ssl_fc_sni"],
        "",
        CLIENT,
        "Session with the client: the server name that the client asked for.",
        "ssl_fc_sni # www.example.com",
        Fetch::one(Kind::Str, |_, f| text(client(f).and_then(|tls| tls.sni.as_deref()))),
    ),
    works(
        &["ssl_fc_has_crt"],
        "",
        CLIENT,
        "Session with the client: did the client present a certificate in this session?",
        "ssl_fc_has_crt # 1",
        Fetch::one(Kind::Bool, |_, f| {
            client(f)
                .map(|tls| Value::Bool(!tls.resumed && !tls.chain.is_empty()))
                .into()
        }),
    ),
    works(
        &["ssl_fc_has_early"],
        "",
        CLIENT,
        "Session with the client: was there early data? None is accepted.",
        "ssl_fc_has_early # 0",
        Fetch::one(Kind::Bool, |_, f| client(f).map(|_| Value::Bool(false)).into()),
    ),
    works(
        &["ssl_fc_cipherlist_bin"],
        "",
        CLIENT,
        "Session with the client: the ciphers that the client offered, as bytes (`tune.ssl.capture-cipherlist-size`).",
        "ssl_fc_cipherlist_bin,hex # 13011302",
        Fetch::one(Kind::Bin, |_, f| {
            offered(f).map(|hello| Value::bin(&hello.suites)).into()
        }),
    ),
    works(
        &["ssl_fc_cipherlist_hex"],
        "",
        CLIENT,
        "Session with the client: the ciphers that the client offered, in hexadecimal.",
        "ssl_fc_cipherlist_hex # 13011302",
        Fetch::one(Kind::Str, |_, f| {
            let hex = |hello: &Hello| {
                hello
                    .suites
                    .iter()
                    .map(|byte| format!("{byte:02X}"))
                    .collect::<String>()
            };
            offered(f).map(|hello| Value::string(hex(hello).into_bytes())).into()
        }),
    ),
    works(
        &["ssl_fc_cipherlist_xxh"],
        "",
        CLIENT,
        "Session with the client: a hash of the ciphers that the client offered.",
        "ssl_fc_cipherlist_xxh # 2815920612369768450",
        Fetch::one(Kind::Int, |_, f| {
            let hash = |hello: &Hello| xxhash_rust::xxh64::xxh64(&hello.suites, 0);
            offered(f).map(|hello| Value::Int(hash(hello).cast_signed())).into()
        }),
    ),
];
