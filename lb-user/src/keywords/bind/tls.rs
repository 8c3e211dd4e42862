//! TLS options of listeners.

use super::{BindRow, ParseBind, certificate};
use crate::keywords::tls as setting;
use crate::language::row::Does::{self, Refused, Works};
use crate::language::{Error, Row, Scope};
use crate::tls::verdict::{Ignored, LAST};

const fn row(
    names: &'static [&'static str],
    args: &'static str,
    doc: &'static str,
    example: &'static str,
    does: Does<ParseBind>,
) -> BindRow {
    Row {
        names,
        args,
        scope: Scope::FRONTEND,
        doc,
        example,
        does,
    }
}

/// A row whose value is a setting of the line.
macro_rules! setting {
    ($names:expr, $args:literal, $doc:literal, $example:literal, $parse:path) => {
        row(
            $names,
            $args,
            $doc,
            concat!("bind 127.0.0.1:8443 ssl crt site.pem ", $example),
            Works(|name, words, options, reading| $parse(name, words, &mut options.tls.line.settings, reading)),
        )
    };
}

/// A row that sets one field of the line.
macro_rules! switch {
    ($name:literal, $doc:literal, $field:ident = $value:literal) => {
        row(
            &[$name],
            "",
            $doc,
            concat!("bind 127.0.0.1:8443 ssl crt site.pem ", $name),
            Works(|_, _, options, _| {
                options.tls.line.$field = $value;
                Ok(())
            }),
        )
    };
}

const fn refused(names: &'static [&'static str], args: &'static str, doc: &'static str) -> BindRow {
    row(names, args, doc, "", Refused)
}

pub(super) const ROWS: &[BindRow] = &[
    row(
        &["ssl"],
        "",
        "Speak TLS with clients.",
        "bind 127.0.0.1:8443 ssl crt site.pem",
        Works(|_, _, options, _| {
            options.tls.enabled = true;
            Ok(())
        }),
    ),
    row(
        &["crt"],
        "<cert>",
        "A certificate with its key, or a directory of them.",
        "bind 127.0.0.1:8443 ssl crt site.pem",
        Works(certificate::crt),
    ),
    row(
        &["crt-list"],
        "<file>",
        "A list of certificates with options for each.",
        "bind 127.0.0.1:8443 ssl crt-list sites.list",
        Works(certificate::list),
    ),
    switch!(
        "strict-sni",
        "Refuse handshakes without a matching certificate.",
        strict_sni = true
    ),
    switch!(
        "prefer-client-ciphers",
        "The client's order of cipher suites decides.",
        prefer_client_ciphers = true
    ),
    switch!("no-tls-tickets", "No session tickets.", tickets = false),
    setting!(
        &["alpn"],
        "<protocols>",
        "Application protocols offered in the TLS handshake.",
        "alpn http/1.1",
        setting::alpn
    ),
    setting!(
        &["npn"],
        "<protocols>",
        "Accepted without effect: clients negotiate protocols by ALPN.",
        "npn http/1.1",
        setting::npn
    ),
    setting!(
        &["ciphers"],
        "<ciphers>",
        "Cipher suites up to TLS 1.2.",
        "ciphers ECDHE-ECDSA-AES128-GCM-SHA256",
        setting::ciphers
    ),
    setting!(
        &["ciphersuites"],
        "<ciphersuites>",
        "Cipher suites of TLS 1.3.",
        "ciphersuites TLS_AES_128_GCM_SHA256",
        setting::ciphersuites
    ),
    setting!(
        &["curves"],
        "<curves>",
        "Elliptic curves offered.",
        "curves X25519:P-256",
        setting::curves
    ),
    setting!(
        &["ecdhe"],
        "<named curve>",
        "The curve of the ECDH key exchange.",
        "ecdhe prime256v1",
        setting::ecdhe
    ),
    setting!(
        &["verify"],
        "[none|optional|required]",
        "Whether clients must show a certificate.",
        "verify required ca-file site.pem",
        setting::verify
    ),
    setting!(
        &["ca-file"],
        "<cafile>",
        "Authorities that client certificates are checked against.",
        "verify optional ca-file site.pem",
        setting::ca_file
    ),
    setting!(
        &["ca-verify-file"],
        "<cafile>",
        "Authorities for verification that are not announced to clients.",
        "verify optional ca-file site.pem ca-verify-file site.pem",
        setting::ca_verify_file
    ),
    setting!(
        &["crl-file"],
        "<crlfile>",
        "Client certificates that were revoked.",
        "verify optional ca-file site.pem crl-file site.pem",
        setting::crl_file
    ),
    setting!(
        &["no-ca-names"],
        "",
        "Do not announce the accepted authorities.",
        "verify optional ca-file site.pem no-ca-names",
        setting::no_ca_names
    ),
    row(
        &["crt-ignore-err"],
        "<errors>",
        "Errors of a client's certificate that are let pass.",
        "bind 127.0.0.1:8443 ssl crt site.pem crt-ignore-err all",
        Works(|name, words, options, _| {
            options.tls.line.leniency.certificate = ignored(name, words.next())?;
            Ok(())
        }),
    ),
    row(
        &["ca-ignore-err"],
        "[all|<errorID>,...]",
        "Errors of a client's authority that are let pass.",
        "bind 127.0.0.1:8443 ssl crt site.pem ca-ignore-err 10,20",
        Works(|name, words, options, _| {
            options.tls.line.leniency.authority = ignored(name, words.next())?;
            Ok(())
        }),
    ),
    setting!(
        &["ssl-min-ver"],
        "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "The oldest version allowed; none before TLS 1.2 is spoken.",
        "ssl-min-ver TLSv1.2",
        setting::least_version
    ),
    setting!(
        &["ssl-max-ver"],
        "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "The newest version allowed.",
        "ssl-max-ver TLSv1.2",
        setting::most_version
    ),
    setting!(
        &["force-tlsv12", "force-tlsv13"],
        "",
        "This version only.",
        "force-tlsv12",
        setting::one_version
    ),
    setting!(
        &["no-sslv3", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13"],
        "",
        "Not this version.",
        "no-sslv3",
        setting::one_version
    ),
    refused(
        &["force-sslv3", "force-tlsv10", "force-tlsv11"],
        "",
        "A version that is not spoken.",
    ),
    refused(&["allow-0rtt"], "", "Accept early data under TLS 1.3."),
    refused(
        &["ca-sign-file"],
        "<cafile>",
        "The authority that signs generated certificates.",
    ),
    refused(
        &["ca-sign-pass"],
        "<passphrase>",
        "The passphrase of that authority's key.",
    ),
    refused(
        &["generate-certificates"],
        "",
        "Make certificates for unknown server names.",
    ),
    refused(&["tls-ticket-keys"], "<keyfile>", "Keys of session tickets."),
];

fn ignored(name: &str, word: Option<&str>) -> Result<Ignored, Error> {
    let list = word.filter(|word| !word.is_empty());
    let list = list.ok_or_else(|| Error::new(format!("'{name}' : missing error IDs list")))?;
    Ignored::parse(list).map_err(|number| {
        Error::new(format!(
            "'{name}' : ID '{number}' out of range (1..{LAST}) in error IDs list '{list}'"
        ))
    })
}
