//! TLS options of servers.

use std::sync::Arc;

use super::{BOTH, ServerRow, option, refused};
use crate::keywords::proxy::Draft;
use crate::keywords::{Reading, tls as setting};
use crate::language::row::Does::Works;
use crate::language::{Error, Scope, Words};
use crate::plan::Server;
use crate::rules::Expression;
use crate::tls::Verify;

/// A row whose value is a setting of the line.
macro_rules! setting {
    ($names:expr, $args:literal, $doc:literal, $example:literal, $parse:path) => {
        option(
            $names,
            $args,
            BOTH,
            $doc,
            concat!("server s1 127.0.0.1:8443 ssl verify none ", $example),
            Works(|name, words, server, reading| $parse(name, words, &mut server.tls.line.settings, reading)),
        )
    };
}

pub(super) const ROWS: &[ServerRow] = &[
    option(
        &["ssl", "no-ssl"],
        "",
        BOTH,
        "Speak TLS with the server, or with `no-` speak it not after all.",
        "server s1 127.0.0.1:8443 ssl verify none",
        Works(|name, _, server, _| {
            server.tls.enabled = name == "ssl";
            Ok(())
        }),
    ),
    option(
        &["check-ssl", "no-check-ssl"],
        "",
        BOTH,
        "Checks speak TLS, or with `no-` only where the traffic does.",
        "server s1 127.0.0.1:8443 check-ssl verify none",
        Works(|name, _, server, _| {
            server.tls.checks = name == "check-ssl";
            Ok(())
        }),
    ),
    option(
        &["no-agent-check", "no-send-proxy-v2-ssl", "no-send-proxy-v2-ssl-cn"],
        "",
        BOTH,
        "Accepted: what they switch off is never on.",
        "server s1 127.0.0.1:8080 no-agent-check",
        Works(|_, _, _, _| Ok(())),
    ),
    option(
        &["verify"],
        "[none|required]",
        BOTH,
        "Whether the server's certificate is checked.",
        "server s1 127.0.0.1:8443 ssl verify none",
        Works(verify),
    ),
    option(
        &["verifyhost", "no-verifyhost"],
        "<hostname>",
        BOTH,
        "The name that the server's certificate must bear, whichever name is asked for.",
        "server s1 127.0.0.1:8443 ssl verify required ca-file site.pem verifyhost www.example.com",
        Works(|name, words, server, _| {
            server.tls.line.verify_host = match name {
                "verifyhost" => Some(needed(name, words, "hostname to verify against")?.to_owned()),
                _ => None,
            };
            Ok(())
        }),
    ),
    option(
        &["crt"],
        "<cert>",
        BOTH,
        "The certificate shown to the server.",
        "server s1 127.0.0.1:8443 ssl verify none crt site.pem",
        Works(certificate),
    ),
    option(
        &["sni"],
        "<expression>",
        BOTH,
        "The server name asked for in the handshake.",
        "server s1 127.0.0.1:8443 ssl verify none sni req.hdr(host)",
        Works(server_name),
    ),
    option(
        &["check-sni"],
        "<sni>",
        BOTH,
        "The server name that checks ask for.",
        "server s1 127.0.0.1:8443 ssl verify none check check-sni www.example.com",
        Works(|name, words, server, _| {
            server.tls.check_sni = Some(needed(name, words, "SNI expression")?.to_owned());
            Ok(())
        }),
    ),
    option(
        &["ssl-reuse", "no-ssl-reuse"],
        "",
        BOTH,
        "Resume TLS sessions with the server, as is done anyway, or with `no-` begin each anew.",
        "server s1 127.0.0.1:8443 ssl verify none no-ssl-reuse",
        Works(|name, _, server, _| {
            server.tls.line.no_reuse = name == "no-ssl-reuse";
            Ok(())
        }),
    ),
    option(
        &["tls-tickets", "no-tls-tickets"],
        "",
        BOTH,
        "Take session tickets from the server, as is done anyway, or with `no-` resume sessions without.",
        "server s1 127.0.0.1:8443 ssl verify none no-tls-tickets",
        Works(|name, _, server, _| {
            server.tls.line.no_tickets = name == "no-tls-tickets";
            Ok(())
        }),
    ),
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
        "Accepted without effect: servers negotiate protocols by ALPN.",
        "npn http/1.1",
        setting::npn
    ),
    setting!(
        &["ca-file"],
        "<cafile>",
        "Authorities that the server's certificate is checked against.",
        "ca-file site.pem",
        setting::ca_file
    ),
    setting!(
        &["crl-file"],
        "<crlfile>",
        "Server certificates that were revoked.",
        "crl-file site.pem",
        setting::crl_file
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
    refused(&["allow-0rtt"], "", "Send early data under TLS 1.3."),
    refused(
        &["send-proxy-v2-ssl"],
        "",
        "A PROXY header of version 2 with the client's TLS facts.",
    ),
    refused(
        &["send-proxy-v2-ssl-cn"],
        "",
        "The same with the common name of the client's certificate.",
    ),
];

fn needed<'a>(name: &str, words: &mut Words<'a>, what: &str) -> Result<&'a str, Error> {
    let word = words.next().filter(|word| !word.is_empty());
    word.ok_or_else(|| Error::new(format!("'{name}' : missing {what}.")))
}

fn verify(name: &str, words: &mut Words<'_>, server: &mut Server, _: &mut Reading<'_>) -> Result<(), Error> {
    server.tls.verify = Some(match needed(name, words, "verify method")? {
        "none" => Verify::None,
        "required" => Verify::Required,
        other => {
            return Err(Error::new(format!(
                "'{name}' : unknown verify method '{other}', only 'none' and 'required' are supported."
            )));
        }
    });
    Ok(())
}

fn certificate(name: &str, words: &mut Words<'_>, server: &mut Server, reading: &mut Reading<'_>) -> Result<(), Error> {
    let file = reading
        .names
        .tls
        .certificate_name(needed(name, words, "certificate file path")?);
    let certificate = reading.names.tls.certificate(&file, reading.read_file);
    server.tls.line.certificate = Some(certificate.map_err(Error::new)?);
    Ok(())
}

fn server_name(name: &str, words: &mut Words<'_>, server: &mut Server, reading: &mut Reading<'_>) -> Result<(), Error> {
    let text = needed(name, words, "sni expression")?;
    let draft = Draft::default();
    let mut context = reading.compiler(&draft, Scope::HTTP_REQUEST);
    let compiled = Expression::parse_text(text, &mut context);
    let (expression, rest) =
        compiled.map_err(|error| Error::new(format!("error detected while parsing sni expression : {error}")))?;
    if !rest.is_empty() {
        let text = format!("error detected while parsing sni expression : unexpected character '{rest}'.");
        return Err(Error::new(text));
    }
    server.tls.sni = Some(Arc::new(expression));
    Ok(())
}
