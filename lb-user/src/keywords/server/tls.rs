//! Server options about TLS.

use super::{BOTH, ServerRow, option, refused};
use crate::language::row::Does::Works;

pub(super) const ROWS: &[ServerRow] = &[
    option(
        &[
            "no-ssl",
            "no-check-ssl",
            "no-agent-check",
            "no-verifyhost",
            "no-send-proxy-v2-ssl",
            "no-send-proxy-v2-ssl-cn",
        ],
        "",
        BOTH,
        "Accepted: what they switch off is never on.",
        "server s1 127.0.0.1:8080 no-ssl",
        Works(|_, _, _, _| Ok(())),
    ),
    refused(&["allow-0rtt"], "", "Send early data under TLS 1.3."),
    refused(
        &["alpn"],
        "<protocols>",
        "Application protocols offered in the TLS handshake.",
    ),
    refused(
        &["ca-file"],
        "<cafile>",
        "Authorities that the server's certificate is checked against.",
    ),
    refused(&["ciphers"], "<ciphers>", "Cipher suites up to TLS 1.2."),
    refused(&["ciphersuites"], "<ciphersuites>", "Cipher suites of TLS 1.3."),
    refused(&["crl-file"], "<crlfile>", "Server certificates that were revoked."),
    refused(&["crt"], "<cert>", "The certificate shown to the server."),
    refused(&["force-sslv3"], "", "SSLv3 only."),
    refused(&["force-tlsv10"], "", "TLS 1.0 only."),
    refused(&["force-tlsv11"], "", "TLS 1.1 only."),
    refused(&["force-tlsv12"], "", "TLS 1.2 only."),
    refused(&["force-tlsv13"], "", "TLS 1.3 only."),
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
    refused(&["ssl"], "", "Speak TLS with the server."),
    refused(
        &["ssl-reuse", "no-ssl-reuse"],
        "",
        "Resume TLS sessions with the server.",
    ),
    refused(&["no-sslv3"], "", "Not SSLv3."),
    refused(
        &["tls-tickets", "no-tls-tickets"],
        "",
        "Use session tickets with the server.",
    ),
    refused(&["no-tlsv10"], "", "Not TLS 1.0."),
    refused(&["no-tlsv11"], "", "Not TLS 1.1."),
    refused(&["no-tlsv12"], "", "Not TLS 1.2."),
    refused(&["no-tlsv13"], "", "Not TLS 1.3."),
    refused(
        &["verifyhost"],
        "<hostname>",
        "The name that the server's certificate must bear.",
    ),
    refused(&["npn"], "<protocols>", "Protocols offered by the NPN extension."),
    refused(&["sni"], "<expression>", "The server name asked for in the handshake."),
    refused(
        &["ssl-max-ver"],
        "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "The newest version allowed.",
    ),
    refused(
        &["ssl-min-ver"],
        "[ SSLv3 | TLSv1.0 | TLSv1.1 | TLSv1.2 | TLSv1.3 ]",
        "The oldest version allowed.",
    ),
    refused(
        &["verify"],
        "[none|required]",
        "Whether the server's certificate is checked.",
    ),
];
