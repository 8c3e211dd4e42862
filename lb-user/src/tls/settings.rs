//! What a line, or a line of a crt-list, asks of its handshakes (manual 5.1).

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::{SupportedProtocolVersion, version};

use super::cipher::{self, Selection};

/// TLS versions by their place among those that HAProxy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl Version {
    /// All, oldest first, with the names of the configuration.
    pub const ALL: [(&'static str, Version); 5] = [
        ("SSLv3", Version::Ssl3),
        ("TLSv1.0", Version::Tls10),
        ("TLSv1.1", Version::Tls11),
        ("TLSv1.2", Version::Tls12),
        ("TLSv1.3", Version::Tls13),
    ];

    /// The version of that name.
    pub fn parse(name: &str) -> Option<Version> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, version)| *version)
    }
}

/// Which versions are spoken. Those before TLS 1.2 never are, whatever is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    pub least: Option<Version>,
    pub most: Option<Version>,
    /// `no-tlsv12` and its like: a bit for each version.
    pub excluded: u8,
}

impl Versions {
    /// Leaves one version out.
    pub fn exclude(&mut self, version: Version) {
        self.excluded |= 1 << version as u8;
    }

    /// The versions that are spoken; none where nothing is left.
    pub fn spoken(&self) -> Vec<&'static SupportedProtocolVersion> {
        let spoken = |version: Version| {
            self.least.is_none_or(|least| version >= least)
                && self.most.is_none_or(|most| version <= most)
                && self.excluded & (1 << version as u8) == 0
        };
        let known = [(Version::Tls12, &version::TLS12), (Version::Tls13, &version::TLS13)];
        let spoken = known.into_iter().filter(|(version, _)| spoken(*version));
        spoken.map(|(_, version)| version).collect()
    }
}

/// Whether the other end must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    #[default]
    None,
    Optional,
    Required,
}

/// Certificates that vouch for others, and the lists of those they take back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    pub certificates: Vec<CertificateDer<'static>>,
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
}

/// What is asked of handshakes. What is not said here is said by the line, or by the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub versions: Option<Versions>,
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
    pub curves: Option<String>,
    /// `ecdhe`: one curve, where no `curves` are named.
    pub ecdhe: Option<String>,
    pub alpn: Option<Vec<Vec<u8>>>,
    pub verify: Option<Verify>,
    /// `ca-file`: whom the other end's certificate must come from.
    pub authorities: Option<Arc<Authorities>>,
    /// `ca-verify-file`: the same, without telling the other end.
    pub hidden_authorities: Option<Arc<Authorities>>,
    /// `crl-file`
    pub revoked: Option<Arc<Authorities>>,
    /// `no-ca-names`: tell nobody who the authorities are.
    pub no_ca_names: bool,
}

impl Settings {
    /// These settings, and those of `base` for what they do not say.
    pub fn over(&self, base: &Settings) -> Settings {
        let or = |one: &Option<String>, other: &Option<String>| one.clone().or_else(|| other.clone());
        Settings {
            versions: self.versions.or(base.versions),
            ciphers: or(&self.ciphers, &base.ciphers),
            ciphersuites: or(&self.ciphersuites, &base.ciphersuites),
            curves: or(&self.curves, &base.curves),
            ecdhe: or(&self.ecdhe, &base.ecdhe),
            alpn: self.alpn.clone().or_else(|| base.alpn.clone()),
            verify: self.verify.or(base.verify),
            authorities: self.authorities.clone().or_else(|| base.authorities.clone()),
            hidden_authorities: self
                .hidden_authorities
                .clone()
                .or_else(|| base.hidden_authorities.clone()),
            revoked: self.revoked.clone().or_else(|| base.revoked.clone()),
            no_ca_names: self.no_ca_names || base.no_ca_names,
        }
    }

    /// The cryptography to shake hands with, and the suites that were named and are not spoken.
    ///
    /// # Errors
    /// What leaves nothing to speak, in HAProxy's words.
    pub fn provider(&self) -> Result<(CryptoProvider, Vec<String>), String> {
        let mut provider = aws_lc_rs::default_provider();
        let mut unknown = Vec::new();
        let (mut tls13, mut tls12): (Vec<_>, Vec<_>) =
            provider.cipher_suites.iter().copied().partition(cipher::is_tls13);
        if let Some(list) = &self.ciphersuites {
            tls13 = taken(cipher::select_tls13(list, &tls13), &mut unknown)
                .ok_or_else(|| format!("unable to set TLS 1.3 cipher suites to '{list}'"))?;
        }
        if let Some(list) = &self.ciphers {
            tls12 = taken(cipher::select(list, &tls12), &mut unknown)
                .ok_or_else(|| format!("unable to set SSL cipher list to '{list}'"))?;
        }
        provider.cipher_suites = tls13.into_iter().chain(tls12).collect();
        if let Some(list) = &self.curves {
            provider.kx_groups =
                cipher::curves(list).ok_or_else(|| format!("unable to set SSL curves list to '{list}'"))?;
        } else if let Some(curve) = &self.ecdhe {
            provider.kx_groups =
                cipher::curves(curve).ok_or_else(|| format!("unable to set elliptic named curve to '{curve}'"))?;
        }
        Ok((provider, unknown))
    }
}

fn taken(selection: Selection, unknown: &mut Vec<String>) -> Option<Vec<rustls::SupportedCipherSuite>> {
    unknown.extend(selection.unknown);
    (!selection.suites.is_empty()).then_some(selection.suites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_bounded_and_excluded() {
        let versions = |least: &str, most: &str, excluded: &[Version]| {
            let mut versions = Versions {
                least: Version::parse(least),
                most: Version::parse(most),
                excluded: 0,
            };
            excluded.iter().for_each(|version| versions.exclude(*version));
            versions.spoken().len()
        };
        assert_eq!(versions("", "", &[]), 2);
        assert_eq!(versions("TLSv1.0", "TLSv1.2", &[]), 1);
        assert_eq!(versions("TLSv1.3", "TLSv1.2", &[]), 0);
        assert_eq!(versions("TLSv1.3", "", &[]), 1);
        assert_eq!(versions("", "TLSv1.1", &[]), 0);
        assert_eq!(versions("", "", &[Version::Tls12]), 1);
        assert_eq!(versions("", "", &[Version::Tls12, Version::Tls13]), 0);
    }

    #[test]
    fn settings_that_leave_nothing_are_refused() {
        let settings = |ciphers: &str, curves: &str| Settings {
            ciphers: (!ciphers.is_empty()).then(|| ciphers.to_owned()),
            curves: (!curves.is_empty()).then(|| curves.to_owned()),
            ..Settings::default()
        };
        assert!(settings("", "").provider().is_ok_and(|(_, unknown)| unknown.is_empty()));
        assert!(
            settings("FOO:aRSA", "")
                .provider()
                .is_ok_and(|(_, unknown)| unknown == ["FOO"])
        );
        assert_eq!(
            settings("FOO", "").provider().map(|_| ()),
            Err("unable to set SSL cipher list to 'FOO'".to_owned())
        );
        assert!(settings("", "FOO").provider().is_err());
        let base = settings("aRSA", "X25519");
        assert_eq!(settings("ALL", "").over(&base).ciphers.as_deref(), Some("ALL"));
        assert_eq!(settings("", "").over(&base).curves.as_deref(), Some("X25519"));
    }
}
