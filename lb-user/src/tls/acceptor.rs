//! A listener's certificates and settings, compiled: what a client's first message is answered with.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureAlgorithm};

use super::client_auth::{self, Leniency};
use super::names::{Names, SniFilter};
use super::{Certificate, Settings};

/// A certificate of a listener.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The certificate as it is now; the runtime API exchanges it.
    pub certificate: Arc<ArcSwap<Certificate>>,
    pub settings: Settings,
    /// Empty: the names in the certificate.
    pub filters: Vec<SniFilter>,
}

impl PartialEq for Entry {
    /// The same certificate, whatever it is now.
    fn eq(&self, other: &Entry) -> bool {
        Arc::ptr_eq(&self.certificate, &other.certificate)
            && self.settings == other.settings
            && self.filters == other.filters
    }
}

impl Eq for Entry {}

/// What a whole listener says of its handshakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub settings: Settings,
    pub leniency: Leniency,
    /// Refuse whoever asks for no name that a certificate serves.
    pub strict_sni: bool,
    /// The client's order of cipher suites decides.
    pub prefer_client_ciphers: bool,
    pub tickets: bool,
    /// How many sessions are kept for those that come back without tickets.
    pub sessions: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            settings: Settings::default(),
            leniency: Leniency::default(),
            strict_sni: false,
            prefer_client_ciphers: false,
            tickets: true,
            sessions: 0,
        }
    }
}

/// Answers clients' first messages.
pub struct Acceptor {
    answers: Vec<Answer>,
    names: Names,
    strict_sni: bool,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

struct Answer {
    entry: Entry,
    config: Arc<ServerConfig>,
    /// The same without ALPN, for clients that offer nothing of what is spoken: HAProxy goes on without it.
    without_alpn: Option<Arc<ServerConfig>>,
}

/// What a client's first message is answered with.
pub struct Choice {
    pub config: Arc<ServerConfig>,
    pub certificate: Arc<Certificate>,
}

impl Acceptor {
    /// Compiles a line with its certificates, the first of which is the default. Answers also with the cipher suites that were named
    /// and are not spoken.
    ///
    /// # Errors
    /// Settings that leave nothing to speak, in HAProxy's words.
    pub fn new(line: &Line, entries: Vec<Entry>) -> Result<(Acceptor, Vec<String>), String> {
        let mut names = Names::default();
        let mut unknown = Vec::new();
        let keeper = Keeper::new(line)?;
        let mut answers = Vec::with_capacity(entries.len());
        for (number, entry) in entries.into_iter().enumerate() {
            for filter in entry.filters_in_force() {
                names.add(&filter, number);
            }
            answers.push(Answer::new(entry, line, &keeper, &mut unknown)?);
        }
        unknown.dedup();
        let acceptor = Acceptor {
            answers,
            names,
            strict_sni: line.strict_sni,
        };
        Ok((acceptor, unknown))
    }

    /// What to answer a client with; nothing where nobody serves the name that it asks for.
    pub fn choose(&self, hello: &ClientHello<'_>) -> Option<Choice> {
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let serving = || self.names.find(&name).filter_map(|number| self.answers.get(number));
        let fitting = serving().filter(|answer| answer.fits(hello));
        let best = fitting.min_by_key(|answer| answer.algorithm() != SignatureAlgorithm::ECDSA);
        let default = || self.answers.first().filter(|_| !self.strict_sni);
        Some(best.or_else(|| serving().next()).or_else(default)?.choice(hello))
    }
}

impl Entry {
    /// The filters, else the names in the certificate.
    fn filters_in_force(&self) -> Vec<SniFilter> {
        // `!name` alone takes a name from those in the certificate.
        if self.filters.iter().any(|filter| !filter.negative) || self.filters.iter().any(|filter| filter.name == "*") {
            return self.filters.clone();
        }
        let certificate = self.certificate.load();
        let own = certificate.names.iter().map(|name| SniFilter::parse(name));
        own.chain(self.filters.iter().cloned()).collect()
    }
}

/// What the certificates of a line share, so that a client may come back to any of them.
struct Keeper {
    tickets: Option<Arc<dyn rustls::server::ProducesTickets>>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Keeper {
    fn new(line: &Line) -> Result<Keeper, String> {
        let tickets = line.tickets.then(rustls::crypto::aws_lc_rs::Ticketer::new).transpose();
        Ok(Keeper {
            tickets: tickets.map_err(|error| error.to_string())?,
            sessions: match line.sessions {
                0 => Arc::new(NoServerSessionStorage {}),
                sessions => ServerSessionMemoryCache::new(sessions),
            },
        })
    }
}

impl Answer {
    fn new(entry: Entry, line: &Line, keeper: &Keeper, unknown: &mut Vec<String>) -> Result<Answer, String> {
        let settings = entry.settings.over(&line.settings);
        let (provider, strange) = settings.provider()?;
        unknown.extend(strange);
        let provider = Arc::new(provider);
        let mut config = configuration(&settings, line.leniency, &provider, &entry.certificate)?;
        config.ignore_client_order = !line.prefer_client_ciphers;
        config.session_storage = keeper.sessions.clone();
        if let Some(tickets) = &keeper.tickets {
            config.ticketer = tickets.clone();
        } else {
            config.send_tls13_tickets = 0;
        }
        let without_alpn = settings
            .alpn
            .filter(|protocols| !protocols.is_empty())
            .map(|protocols| {
                let plain = config.clone();
                config.alpn_protocols = protocols;
                Arc::new(plain)
            });
        Ok(Answer {
            entry,
            config: Arc::new(config),
            without_alpn,
        })
    }

    /// Can the client check the signatures of such a key?
    fn fits(&self, hello: &ClientHello<'_>) -> bool {
        let certificate = self.entry.certificate.load();
        certificate.key.key.choose_scheme(hello.signature_schemes()).is_some()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.entry.certificate.load().algorithm
    }

    fn choice(&self, hello: &ClientHello<'_>) -> Choice {
        let speaks = |protocol: &[u8]| self.config.alpn_protocols.iter().any(|known| known == protocol);
        let agrees = hello.alpn().is_none_or(|mut offered| offered.any(speaks));
        let config = match &self.without_alpn {
            Some(plain) if !agrees => plain,
            _ => &self.config,
        };
        Choice {
            config: config.clone(),
            certificate: self.entry.certificate.load_full(),
        }
    }
}

fn configuration(
    settings: &Settings,
    leniency: Leniency,
    provider: &Arc<CryptoProvider>,
    certificate: &Arc<ArcSwap<Certificate>>,
) -> Result<ServerConfig, String> {
    let versions = settings.versions.unwrap_or_default().spoken();
    if versions.is_empty() {
        return Err("all SSL/TLS versions are disabled".to_owned());
    }
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder
        .with_protocol_versions(&versions)
        .map_err(|error| error.to_string())?;
    let builder = match client_auth::verifier(settings, leniency, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    Ok(builder.with_cert_resolver(Arc::new(Current(certificate.clone()))))
}

/// Shows the certificate as it is now.
#[derive(Debug)]
struct Current(Arc<ArcSwap<Certificate>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().key.clone())
    }
}
