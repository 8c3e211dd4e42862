//! A certificate with its key, as PEM files hold them (manual 5.1, `crt`).

use std::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// A certificate chain with the key of its first certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The file it comes from, by which the runtime API knows it.
    pub name: String,
    pub key: Arc<CertifiedKey>,
    /// The names it is made out to, in lower case: the common name and the alternative DNS names.
    pub names: Vec<String>,
    pub algorithm: SignatureAlgorithm,
}

/// The texts that make a certificate.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The certificate, with its chain, and perhaps its key.
    pub pem: Vec<u8>,
    /// The key, where it has a file of its own.
    pub key: Option<Vec<u8>>,
    /// A stapled OCSP response, DER.
    pub ocsp: Option<Vec<u8>>,
}

/// Why no certificate can be made of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    NoCertificate,
    NoKey,
    /// The key cannot be read, or is of a kind that no handshake can use.
    BadKey,
    /// The key is another certificate's.
    Mismatch,
}

impl Mistake {
    /// The mistake in HAProxy's words.
    pub fn explain(self, name: &str) -> String {
        match self {
            Mistake::NoCertificate => format!("unable to load certificate from file '{name}'."),
            Mistake::NoKey => format!("No Private Key found in '{name}.key'."),
            Mistake::BadKey => format!("unable to load private key from file '{name}'."),
            Mistake::Mismatch => format!("inconsistencies between private key and certificate loaded '{name}'."),
        }
    }
}

impl Certificate {
    /// Makes a certificate of what its files hold.
    pub fn read(name: &str, texts: Texts) -> Result<Certificate, Mistake> {
        let chain = certificates(&texts.pem);
        let first = chain.first().ok_or(Mistake::NoCertificate)?;
        let names = names(first).ok_or(Mistake::NoCertificate)?;
        let key = private_key(&texts.pem)
            .or_else(|| private_key(texts.key.as_deref()?))
            .ok_or(Mistake::NoKey)?;
        let provider = aws_lc_rs::default_provider().key_provider;
        let key = provider.load_private_key(key).map_err(|_| Mistake::BadKey)?;
        if key.public_key().is_some_and(|public| !is_of(public.as_ref(), first)) {
            return Err(Mistake::Mismatch);
        }
        let algorithm = key.algorithm();
        let mut key = CertifiedKey::new(chain, key);
        key.ocsp = texts.ocsp;
        Ok(Certificate {
            name: name.to_owned(),
            key: Arc::new(key),
            names,
            algorithm,
        })
    }

    /// The first certificate of the chain, DER.
    pub fn leaf(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |leaf| leaf.as_ref())
    }
}

/// The certificates of a PEM text, in its order.
pub fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    sections(pem, SectionKind::Certificate)
        .map(CertificateDer::from)
        .collect()
}

/// The revocation lists of a PEM text.
pub fn revocation_lists(pem: &[u8]) -> Vec<rustls::pki_types::CertificateRevocationListDer<'static>> {
    sections(pem, SectionKind::Crl).map(Into::into).collect()
}

fn sections(pem: &[u8], kind: SectionKind) -> impl Iterator<Item = Vec<u8>> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).map_while(Result::ok);
    sections.filter(move |(found, _)| *found == kind).map(|(_, der)| der)
}

fn private_key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem)
        .map_while(Result::ok)
        .find_map(|(kind, der)| match kind {
            SectionKind::PrivateKey => Some(PrivatePkcs8KeyDer::from(der).into()),
            SectionKind::RsaPrivateKey => Some(PrivatePkcs1KeyDer::from(der).into()),
            SectionKind::EcPrivateKey => Some(PrivateSec1KeyDer::from(der).into()),
            _ => None,
        })
}

/// Is a certificate made out to a host? Its common name counts, too, and a wildcard stands for one label.
pub fn is_made_out_to(der: &[u8], host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let domain = host.find('.').and_then(|dot| host.get(dot..));
    let fits = |name: &String| *name == host || name.strip_prefix('*').is_some_and(|suffix| Some(suffix) == domain);
    names(der).is_some_and(|names| names.iter().any(fits))
}

/// Is a public key the certificate's own?
fn is_of(public: &[u8], der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| certificate.public_key().raw == public)
}

/// The common names and alternative DNS names of a certificate.
fn names(der: &[u8]) -> Option<Vec<String>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let common = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    let alternative = certificate
        .extensions()
        .iter()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        })
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
    let mut names: Vec<String> = Vec::new();
    for name in alternative.chain(common).map(str::to_ascii_lowercase) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn made() -> (String, String) {
        let mut params = CertificateParams::new(vec!["www.example.com".into(), "*.wild.example.com".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "WWW.example.com");
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(pem: &str, key: Option<&str>) -> Result<Certificate, Mistake> {
        let texts = Texts {
            pem: pem.into(),
            key: key.map(Into::into),
            ocsp: None,
        };
        Certificate::read("site.pem", texts)
    }

    #[test]
    fn certificates_are_read_with_their_keys() {
        let (pem, key) = made();
        let (other, _) = made();
        for read in [read(&format!("{key}{pem}"), None), read(&pem, Some(&key))] {
            let certificate = read.unwrap();
            assert_eq!(certificate.names, ["www.example.com", "*.wild.example.com"]);
            assert_eq!(certificate.algorithm, SignatureAlgorithm::ECDSA);
        }
        let leaf = read(&pem, Some(&key)).unwrap();
        for (host, fits) in [
            ("WWW.example.com", true),
            ("a.wild.example.com", true),
            ("a.b.wild.example.com", false),
            ("wild.example.com", false),
            ("example.com", false),
        ] {
            assert_eq!(is_made_out_to(leaf.leaf(), host), fits, "{host}");
        }
        let mistake = |pem: &str, key| read(pem, key).map(|_| ()).unwrap_err();
        assert_eq!(mistake(&pem, None), Mistake::NoKey);
        assert_eq!(mistake(&key, None), Mistake::NoCertificate);
        assert_eq!(mistake("junk", None), Mistake::NoCertificate);
        assert_eq!(mistake(&other, Some(&key)), Mistake::Mismatch);
    }
}
