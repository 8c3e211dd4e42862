//! Clients' certificates: who may come in, and what is said of those who may not (manual 5.1, `verify`).

use std::cell::Cell;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::settings::{Settings, Verify};
use super::verdict::{self, Ignored};

/// The errors that are let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// `crt-ignore-err`
    pub certificate: Ignored,
    /// `ca-ignore-err`
    pub authority: Ignored,
}

/// What a verification found, told to whoever drives the handshake on this thread: a verifier does not know its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is wrong; [`verdict::OK`] for nothing.
    pub error: u8,
    /// Zero: with the certificate itself; else how many authorities above it.
    pub depth: u8,
}

thread_local! {
    static FINDINGS: Cell<Findings> = const { Cell::new(Findings { error: verdict::OK, depth: 0 }) };
}

/// Takes what was found since the last time.
pub fn take_findings() -> Findings {
    FINDINGS.take()
}

/// A verifier for these settings; nothing where no certificate is asked for.
///
/// # Errors
/// Authorities that cannot be used, in words.
pub fn verifier(
    settings: &Settings,
    leniency: Leniency,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let mandatory = match settings.verify.unwrap_or_default() {
        Verify::None => return Ok(None),
        Verify::Optional => false,
        Verify::Required => true,
    };
    if settings.authorities.is_none() && settings.hidden_authorities.is_none() {
        return Err("verify is enabled but no CA file specified".to_owned());
    }
    let mut roots = RootCertStore::empty();
    let files = [&settings.authorities, &settings.hidden_authorities];
    for authorities in files.into_iter().flatten() {
        roots.add_parsable_certificates(authorities.certificates.iter().cloned());
    }
    let named = RootCertStore {
        roots: settings
            .authorities
            .iter()
            .flat_map(|authorities| anchors(&authorities.certificates))
            .collect(),
    };
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .clear_root_hint_subjects()
        .allow_unauthenticated();
    if !settings.no_ca_names {
        builder = builder.add_root_hint_subjects(named.subjects());
    }
    let with_lists = [&settings.revoked, &settings.authorities].into_iter().flatten();
    builder = builder.with_crls(with_lists.flat_map(|authorities| authorities.revoked.iter().cloned()));
    let inner = builder.build().map_err(|error| error.to_string())?;
    let trusted = files
        .into_iter()
        .flatten()
        .flat_map(|file| file.certificates.iter().cloned());
    Ok(Some(Arc::new(Verifier {
        trusted: trusted.collect(),
        inner,
        mandatory,
        leniency,
    })))
}

fn anchors(certificates: &[CertificateDer<'static>]) -> Vec<rustls::pki_types::TrustAnchor<'static>> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    store.roots
}

#[derive(Debug)]
struct Verifier {
    trusted: Vec<CertificateDer<'static>>,
    inner: Arc<dyn ClientCertVerifier>,
    mandatory: bool,
    leniency: Leniency,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = match verdict::trusted(certificate, &self.trusted, now) {
            Some(trusted) => trusted.map(|()| ClientCertVerified::assertion()),
            None => self.inner.verify_client_cert(certificate, chain, now),
        };
        let Err(error) = verified else {
            FINDINGS.set(Findings::default());
            return Ok(ClientCertVerified::assertion());
        };
        let found = Findings {
            error: verdict::of(&error),
            depth: verdict::depth(verdict::of(&error), certificate, chain.len(), now),
        };
        FINDINGS.set(found);
        let ignored = match found.depth {
            0 => self.leniency.certificate,
            _ => self.leniency.authority,
        };
        if ignored.has(found.error) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
