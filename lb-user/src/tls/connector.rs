//! A server's settings, compiled: how its certificate is judged, and what it is shown.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, Tls12Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::{Authorities, Certificate, Settings, certificate, verdict};

/// What a `server` line says of its handshakes.
#[derive(Clone, Debug, Default)]
pub struct ServerLine {
    pub settings: Settings,
    /// Whom the server's certificate must come from; nothing where it is not judged.
    pub verify: Option<Arc<Authorities>>,
    /// The name that the certificate must bear, whatever name is asked for (`verifyhost`).
    pub verify_host: Option<String>,
    /// The certificate shown to the server.
    pub certificate: Option<Arc<ArcSwap<Certificate>>>,
    /// Begin anew each time (`no-ssl-reuse`).
    pub no_reuse: bool,
    /// Resume sessions without tickets (`no-tls-tickets`).
    pub no_tickets: bool,
}

/// Opens sessions with a server.
pub struct Connector {
    config: Arc<ClientConfig>,
}

/// Stands for no name: an address is never asked for.
fn nameless() -> ServerName<'static> {
    ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    /// Compiles a line. Answers also with the cipher suites that were named and are not spoken.
    ///
    /// # Errors
    /// Settings that leave nothing to speak, in HAProxy's words.
    pub fn new(line: &ServerLine) -> Result<(Connector, Vec<String>), String> {
        let (provider, unknown) = line.settings.provider()?;
        let provider = Arc::new(provider);
        let versions = line.settings.versions.unwrap_or_default().spoken();
        if versions.is_empty() {
            return Err("all SSL/TLS versions are disabled".to_owned());
        }
        let verifier = Arc::new(Verifier::new(line, &provider)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &line.certificate {
            Some(certificate) => builder.with_client_cert_resolver(Arc::new(Shown(certificate.clone()))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = line.settings.alpn.clone().unwrap_or_default();
        if line.no_reuse {
            config.resumption = Resumption::disabled();
        } else if line.no_tickets {
            config.resumption = config.resumption.tls12_resumption(Tls12Resumption::SessionIdOnly);
        }
        Ok((
            Connector {
                config: Arc::new(config),
            },
            unknown,
        ))
    }

    /// A session that asks for the server of that name.
    ///
    /// # Errors
    /// The session cannot begin.
    pub fn session(&self, name: Option<&[u8]>) -> Result<ClientConnection, Error> {
        let name = name.and_then(|name| ServerName::try_from(std::str::from_utf8(name).ok()?.to_owned()).ok());
        ClientConnection::new(self.config.clone(), name.unwrap_or_else(nameless))
    }
}

/// Judges servers' certificates.
#[derive(Debug)]
struct Verifier {
    authorities: Arc<Authorities>,
    /// Nothing where every certificate will do.
    inner: Option<Arc<WebPkiServerVerifier>>,
    verify_host: Option<ServerName<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(line: &ServerLine, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
        let build = |authorities: &Arc<Authorities>| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(authorities.certificates.iter().cloned());
            let lists = [Some(authorities), line.settings.revoked.as_ref()];
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .with_crls(
                    lists
                        .into_iter()
                        .flatten()
                        .flat_map(|file| file.revoked.iter().cloned()),
                )
                .build()
                .map_err(|error| error.to_string())
        };
        let verify_host = line.verify_host.clone().map(ServerName::try_from).transpose();
        Ok(Verifier {
            authorities: line.verify.clone().unwrap_or_default(),
            inner: line.verify.as_ref().map(build).transpose()?,
            verify_host: verify_host.map_err(|error| error.to_string())?,
            provider: provider.clone(),
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = match verdict::trusted(certificate, &self.authorities.certificates, now) {
            Some(trusted) => trusted,
            None => inner
                .verify_server_cert(certificate, chain, &nameless(), ocsp, now)
                .map(drop),
        };
        match verified {
            // Names are compared last: all the rest is well.
            Ok(())
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {}
            Err(error) => return Err(error),
        }
        let name = self.verify_host.as_ref().unwrap_or(name);
        match name {
            ServerName::DnsName(name) if !certificate::is_made_out_to(certificate, name.as_ref()) => {
                Err(CertificateError::NotValidForName.into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Shows the certificate as it is now to servers that ask for one.
#[derive(Debug)]
struct Shown(Arc<ArcSwap<Certificate>>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let certificate = self.0.load();
        certificate
            .key
            .key
            .choose_scheme(schemes)
            .map(|_| certificate.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
