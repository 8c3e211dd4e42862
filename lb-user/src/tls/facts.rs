//! What is known of a TLS session.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::ClientHello;
use rustls::{CommonState, HandshakeKind, ProtocolVersion};

use super::Certificate;
use super::cipher;
use super::client_auth::Findings;

/// A session after its handshake.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `TLSv1.3`
    pub version: &'static str,
    /// OpenSSL's name.
    pub cipher: &'static str,
    /// Key size of the cipher's algorithm in bits.
    pub key_size: u16,
    pub alpn: Option<Vec<u8>>,
    pub resumed: bool,
    /// The server name asked for, in lower case.
    pub sni: Option<String>,
    /// The chain that the other end showed.
    pub chain: Vec<CertificateDer<'static>>,
    pub findings: Findings,
    /// The certificate that was shown to the other end.
    pub shown: Option<Arc<Certificate>>,
    /// What the client offered.
    pub hello: Option<Hello>,
}

/// What of a client's first message rules may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The numbers of the cipher suites offered, in network byte order.
    pub suites: Vec<u8>,
}

impl Hello {
    /// Keeps the beginning of what the client offered.
    pub fn new(hello: &ClientHello<'_>, limit: usize) -> Hello {
        let suites = hello
            .cipher_suites()
            .iter()
            .flat_map(|suite| u16::from(*suite).to_be_bytes());
        Hello {
            suites: suites.take(limit).collect(),
        }
    }
}

impl Facts {
    /// What a session says of itself once it is established.
    pub fn of(session: &CommonState) -> Facts {
        let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
        let cipher = suite.map_or("", cipher::name);
        Facts {
            version: match session.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "",
            },
            cipher,
            key_size: if cipher.contains("128") { 128 } else { 256 },
            alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            chain: session
                .peer_certificates()
                .map(|chain| {
                    chain
                        .iter()
                        .map(|certificate| certificate.clone().into_owned())
                        .collect()
                })
                .unwrap_or_default(),
            ..Facts::default()
        }
    }
}
