//! What the global section says of TLS (manual 3.1).

use super::{GlobalRow, works};
use crate::keywords::{Reading, number, tls as setting};
use crate::language::{Error, Words};
use crate::tls::Extra;
use crate::tls::settings::Settings;

/// A row that sets what lines start from.
macro_rules! setting {
    ($name:literal, $args:literal, $doc:literal, $example:literal, $side:ident, $parse:path) => {
        works(&[$name], $args, $doc, $example, |keyword, words, _, reading| {
            let mut settings = std::mem::take(&mut reading.names.tls.$side);
            let read = $parse(keyword, words, &mut settings, reading);
            reading.names.tls.$side = settings;
            read.and_then(|()| words.end(keyword))
        })
    };
}

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["crt-base"],
        "<dir>",
        "Where relative names of certificates start.",
        "crt-base /etc/lb/certs",
        |keyword, words, _, reading| {
            reading.names.tls.certificate_base = Some(directory(keyword, words)?.to_owned());
            words.end(keyword)
        },
    ),
    works(
        &["ca-base"],
        "<dir>",
        "Where relative names of authorities and revocation lists start.",
        "ca-base /etc/lb/ca",
        |keyword, words, _, reading| {
            reading.names.tls.authority_base = Some(directory(keyword, words)?.to_owned());
            words.end(keyword)
        },
    ),
    works(
        &["ssl-load-extra-files"],
        "<none|all|bundle|sctl|ocsp|issuer|key>*",
        "Which files beside a certificate's own are looked for.",
        "ssl-load-extra-files key ocsp",
        |keyword, words, _, reading| {
            reading.names.tls.extra = extra(keyword, words)?;
            Ok(())
        },
    ),
    works(
        &["ssl-load-extra-del-ext"],
        "",
        "A file beside a certificate's takes the place of its extension.",
        "ssl-load-extra-del-ext",
        |keyword, words, _, reading| {
            reading.names.tls.replace_extension = true;
            words.end(keyword)
        },
    ),
    setting!(
        "ssl-default-bind-ciphers",
        "<ciphers>",
        "Cipher suites up to TLS 1.2 of listeners that name none.",
        "ssl-default-bind-ciphers ECDHE+AESGCM",
        bind,
        setting::ciphers
    ),
    setting!(
        "ssl-default-bind-ciphersuites",
        "<ciphersuites>",
        "Cipher suites of TLS 1.3 of listeners that name none.",
        "ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256",
        bind,
        setting::ciphersuites
    ),
    setting!(
        "ssl-default-bind-curves",
        "<curves>",
        "Elliptic curves of listeners that name none.",
        "ssl-default-bind-curves X25519:P-256",
        bind,
        setting::curves
    ),
    setting!(
        "ssl-default-bind-options",
        "[<option>]...",
        "Versions of listeners that name none.",
        "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
        bind,
        options
    ),
    setting!(
        "ssl-default-server-ciphers",
        "<ciphers>",
        "Cipher suites up to TLS 1.2 with servers whose lines name none.",
        "ssl-default-server-ciphers ECDHE+AESGCM",
        server,
        setting::ciphers
    ),
    setting!(
        "ssl-default-server-ciphersuites",
        "<ciphersuites>",
        "Cipher suites of TLS 1.3 with servers whose lines name none.",
        "ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256",
        server,
        setting::ciphersuites
    ),
    setting!(
        "ssl-default-server-options",
        "[<option>]...",
        "Versions with servers whose lines name none.",
        "ssl-default-server-options ssl-min-ver TLSv1.2",
        server,
        server_options
    ),
    works(
        &["ssl-server-verify"],
        "[none|required]",
        "Are servers' certificates verified where their lines say nothing? They are by default.",
        "ssl-server-verify none",
        |keyword, words, _, reading| {
            reading.names.tls.verify_servers = match words.next().unwrap_or_default() {
                "none" => false,
                "required" => true,
                _ => return Err(Error::expects(keyword, "'none' or 'required' as argument")),
            };
            words.end(keyword)
        },
    ),
    works(
        &["tune.ssl.cachesize"],
        "<number>",
        "How many TLS sessions a listener keeps for clients that come back without a ticket.",
        "tune.ssl.cachesize 1000",
        |keyword, words, _, reading| {
            reading.names.tls.sessions = number::only_integer::<u32>(keyword, words)? as usize;
            Ok(())
        },
    ),
    works(
        &["tune.ssl.capture-cipherlist-size"],
        "<number>",
        "How many bytes of a client's list of cipher suites are kept for rules.",
        "tune.ssl.capture-cipherlist-size 128",
        |keyword, words, draft, _| {
            draft.global.tune.cipher_list = number::only_integer::<u32>(keyword, words)? as usize;
            Ok(())
        },
    ),
    works(
        &["tune.ssl.default-dh-param"],
        "<number>",
        "Accepted without effect: keys are exchanged over elliptic curves.",
        "tune.ssl.default-dh-param 2048",
        |keyword, words, _, _| number::only_integer::<u32>(keyword, words).map(drop),
    ),
];

fn directory<'a>(keyword: &str, words: &mut Words<'a>) -> Result<&'a str, Error> {
    let missing = || {
        Error::new(format!(
            "global statement '{keyword}' expects a directory path as an argument."
        ))
    };
    words.next().ok_or_else(missing)
}

fn server_options(
    keyword: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let of_listeners = |word: &&String| matches!(word.as_str(), "no-tls-tickets" | "prefer-client-ciphers");
    match words.rest().iter().find(of_listeners) {
        Some(word) => Err(Error::not_implemented(&format!("{keyword} {word}"))),
        None => options(keyword, words, settings, reading),
    }
}

fn options(
    keyword: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    if words.is_empty() {
        return Err(Error::new(format!(
            "global statement '{keyword}' expects an option as an argument."
        )));
    }
    while let Some(word) = words.next() {
        match word {
            "ssl-min-ver" => setting::least_version(word, words, settings, reading)?,
            "ssl-max-ver" => setting::most_version(word, words, settings, reading)?,
            "no-tls-tickets" => reading.names.tls.tickets = false,
            "prefer-client-ciphers" => reading.names.tls.prefer_client_ciphers = true,
            word if word.starts_with("no-") || word.starts_with("force-") => {
                setting::one_version(word, words, settings, reading)?;
            }
            word => {
                return Err(Error::new(format!(
                    "unknown option '{word}' on global statement '{keyword}'."
                )));
            }
        }
    }
    Ok(())
}

const EXTRA: &str = "one or multiple arguments (none, all, bundle, sctl, ocsp, issuer)";

fn extra(keyword: &str, words: &mut Words<'_>) -> Result<Extra, Error> {
    let mut extra = Extra::NONE;
    if words.is_empty() {
        return Err(Error::expects(keyword, EXTRA));
    }
    for word in words.by_ref() {
        match word {
            "none" => extra = Extra::NONE,
            "all" => extra = Extra::ALL,
            "bundle" => extra.bundle = true,
            "ocsp" => extra.ocsp = true,
            "key" => extra.key = true,
            // An issuer only serves to make OCSP requests, and rustls does not send timestamps of certificates (sctl).
            "issuer" | "sctl" => {}
            _ => return Err(Error::expects(keyword, EXTRA)),
        }
    }
    Ok(extra)
}
