//! TLS options of listeners.

use super::BindRow;
use crate::language::{Row, Scope};

const fn row(names: &'static [&'static str], args: &'static str, doc: &'static str) -> BindRow {
    Row::refused(names, args, Scope::FRONTEND, doc, "")
}

pub(super) const ROWS: &[BindRow] = &[
    row(&["allow-0rtt"], "", "Accept early data under TLS 1.3."),
    row(
        &["alpn"],
        "<protocols>",
        "Application protocols offered in the TLS handshake.",
    ),
    row(&["curves"], "<curves>", "Elliptic curves offered."),
    row(&["ecdhe"], "<named curve>", "The curve of the ECDH key exchange."),
    row(
        &["ca-file"],
        "<cafile>",
        "Authorities that client certificates are checked against.",
    ),
    row(
        &["ca-ignore-err"],
        "[all|<errorID>,...]",
        "Errors of a client's authority that are let pass.",
    ),
    row(
        &["ca-sign-file"],
        "<cafile>",
        "The authority that signs generated certificates.",
    ),
    row(
        &["ca-sign-pass"],
        "<passphrase>",
        "The passphrase of that authority's key.",
    ),
    row(
        &["ca-verify-file"],
        "<cafile>",
        "Authorities for verification that are not announced to clients.",
    ),
    row(&["ciphers"], "<ciphers>", "Cipher suites up to TLS 1.2."),
    row(&["ciphersuites"], "<ciphersuites>", "Cipher suites of TLS 1.3."),
    row(&["crl-file"], "<crlfile>", "Client certificates that were revoked."),
    row(
        &["crt"],
        "<cert>",
        "A certificate with its key, or a directory of them.",
    ),
    row(
        &["crt-ignore-err"],
        "<errors>",
        "Errors of a client's certificate that are let pass.",
    ),
    row(&["crt-list"], "<file>", "A list of certificates with options for each."),
    row(&["force-sslv3"], "", "SSLv3 only."),
    row(&["force-tlsv10"], "", "TLS 1.0 only."),
    row(&["force-tlsv11"], "", "TLS 1.1 only."),
    row(&["force-tlsv12"], "", "TLS 1.2 only."),
    row(&["force-tlsv13"], "", "TLS 1.3 only."),
    row(
        &["generate-certificates"],
        "",
        "Make certificates for unknown server names.",
    ),
    row(&["no-ca-names"], "", "Do not announce the accepted authorities."),
    row(&["no-sslv3"], "", "Not SSLv3."),
    row(&["no-tls-tickets"], "", "No session tickets."),
    row(&["no-tlsv10"], "", "Not TLS 1.0."),
    row(&["no-tlsv11"], "", "Not TLS 1.1."),
    row(&["no-tlsv12"], "", "Not TLS 1.2."),
    row(&["no-tlsv13"], "", "Not TLS 1.3."),
    row(&["npn"], "<protocols>", "Protocols offered by the NPN extension."),
    row(
        &["prefer-client-ciphers"],
        "",
        "The client's order of cipher suites decides.",
    ),
    row(&["ssl"], "", "Speak TLS with clients."),
    row(
        &["ssl-max-ver"],
        "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "The newest version allowed.",
    ),
    row(
        &["ssl-min-ver"],
        "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "The oldest version allowed.",
    ),
    row(&["strict-sni"], "", "Refuse handshakes without a matching certificate."),
    row(&["tls-ticket-keys"], "<keyfile>", "Keys of session tickets."),
    row(
        &["verify"],
        "[none|optional|required]",
        "Whether clients must show a certificate.",
    ),
];
