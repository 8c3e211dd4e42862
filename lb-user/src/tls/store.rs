//! What of TLS is read once and shared: certificates and authorities by their files, and the global section's defaults.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::certificate::{self, Certificate, Texts};
use super::settings::{Authorities, Settings};

/// Which files beside a certificate's own are looked for (manual 3.1, `ssl-load-extra-files`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// `<file>.rsa`, `<file>.ecdsa` and `<file>.dsa`, where there is no such file.
    pub bundle: bool,
    pub ocsp: bool,
    pub key: bool,
}

impl Extra {
    /// Only the files that are named.
    pub const NONE: Extra = Extra {
        bundle: false,
        ocsp: false,
        key: false,
    };
    /// All of them.
    pub const ALL: Extra = Extra {
        bundle: true,
        ocsp: true,
        key: true,
    };
}

/// The endings of a bundle's files.
pub const BUNDLE: [&str; 3] = ["rsa", "ecdsa", "dsa"];

/// Files and defaults.
#[derive(Debug)]
pub struct Store {
    /// `crt-base`, `ca-base`: where relative names start.
    pub certificate_base: Option<String>,
    pub authority_base: Option<String>,
    pub extra: Extra,
    /// `ssl-load-extra-del-ext`: the key of `a.crt` is `a.key`, not `a.crt.key`.
    pub replace_extension: bool,
    /// `ssl-default-bind-ciphers` and its like.
    pub bind: Settings,
    pub server: Settings,
    /// `ssl-default-bind-options no-tls-tickets`, `prefer-client-ciphers`
    pub tickets: bool,
    pub prefer_client_ciphers: bool,
    /// `tune.ssl.cachesize`: sessions that a listener keeps.
    pub sessions: usize,
    /// `ssl-server-verify`: are servers' certificates verified where their lines say nothing?
    pub verify_servers: bool,
    /// By name, as they are now.
    pub certificates: HashMap<String, Arc<ArcSwap<Certificate>>>,
    authorities: HashMap<String, Arc<Authorities>>,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            certificate_base: None,
            authority_base: None,
            extra: Extra::ALL,
            replace_extension: false,
            bind: Settings::default(),
            server: Settings::default(),
            tickets: true,
            prefer_client_ciphers: false,
            sessions: 20_000,
            verify_servers: true,
            certificates: HashMap::new(),
            authorities: HashMap::new(),
        }
    }
}

/// Reads a file, or says why not.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

impl Store {
    /// The name of a certificate's file: relative ones start at `crt-base`.
    pub fn certificate_name(&self, word: &str) -> String {
        from_base(self.certificate_base.as_deref(), word)
    }

    /// The name of a file of authorities.
    pub fn authority_name(&self, word: &str) -> String {
        from_base(self.authority_base.as_deref(), word)
    }

    /// The certificate of that file, which everyone who names it shares.
    ///
    /// # Errors
    /// Why there is none, in HAProxy's words.
    pub fn certificate(&mut self, name: &str, read: ReadFile<'_>) -> Result<Arc<ArcSwap<Certificate>>, String> {
        if let Some(known) = self.certificates.get(name) {
            return Ok(known.clone());
        }
        let pem = read(name).map_err(|why| format!("unable to stat SSL certificate from file '{name}' : {why}."))?;
        let beside = match self.replace_extension {
            true => name
                .rsplit_once('.')
                .filter(|(_, extension)| !extension.contains('/'))
                .map_or(name, |(stem, _)| stem),
            false => name,
        };
        let extra = |wanted: bool, ending: &str| wanted.then(|| read(&format!("{beside}.{ending}")).ok()).flatten();
        let texts = Texts {
            pem,
            key: extra(self.extra.key, "key"),
            ocsp: extra(self.extra.ocsp, "ocsp"),
        };
        let certificate = Certificate::read(name, texts).map_err(|mistake| mistake.explain(name))?;
        let shared = Arc::new(ArcSwap::from_pointee(certificate));
        self.certificates.insert(name.to_owned(), shared.clone());
        Ok(shared)
    }

    /// The authorities and revocation lists of a file.
    ///
    /// # Errors
    /// Why there are none.
    pub fn authorities(&mut self, name: &str, read: ReadFile<'_>) -> Result<Arc<Authorities>, String> {
        if let Some(known) = self.authorities.get(name) {
            return Ok(known.clone());
        }
        let pem = read(name)?;
        let authorities = Arc::new(Authorities {
            certificates: certificate::certificates(&pem),
            revoked: certificate::revocation_lists(&pem),
        });
        if authorities.certificates.is_empty() && authorities.revoked.is_empty() {
            return Err("no certificate or crl found".to_owned());
        }
        self.authorities.insert(name.to_owned(), authorities.clone());
        Ok(authorities)
    }
}

fn from_base(base: Option<&str>, word: &str) -> String {
    match base {
        Some(base) if !word.starts_with('/') => format!("{base}/{word}"),
        _ => word.to_owned(),
    }
}
