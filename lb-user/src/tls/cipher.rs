//! Cipher suites and curves by the names that OpenSSL gives them (`man 1 ciphers`).

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{ALL_KX_GROUPS, kx_group};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SupportedCipherSuite};

/// A suite's OpenSSL name, and the classes of OpenSSL's cipher language it belongs to beside `ALL` and the like.
struct Named {
    suite: CipherSuite,
    name: &'static str,
    classes: &'static [&'static str],
}

macro_rules! suites {
    ($($suite:ident $name:literal $($class:literal)*;)*) => {
        &[$(Named { suite: CipherSuite::$suite, name: $name, classes: &[$($class),*] }),*]
    };
}

/// The suites that are ever negotiated.
const SUITES: &[Named] = suites! {
    TLS13_AES_256_GCM_SHA384 "TLS_AES_256_GCM_SHA384";
    TLS13_CHACHA20_POLY1305_SHA256 "TLS_CHACHA20_POLY1305_SHA256";
    TLS13_AES_128_GCM_SHA256 "TLS_AES_128_GCM_SHA256";
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 "ECDHE-ECDSA-AES256-GCM-SHA384" "aECDSA" "ECDSA" "AES256" "SHA384" "AES" "AESGCM";
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 "ECDHE-RSA-AES256-GCM-SHA384" "aRSA" "AES256" "SHA384" "AES" "AESGCM";
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 "ECDHE-ECDSA-CHACHA20-POLY1305" "aECDSA" "ECDSA" "CHACHA20" "SHA256";
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 "ECDHE-RSA-CHACHA20-POLY1305" "aRSA" "CHACHA20" "SHA256";
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "ECDHE-ECDSA-AES128-GCM-SHA256" "aECDSA" "ECDSA" "AES128" "SHA256" "AES" "AESGCM";
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 "ECDHE-RSA-AES128-GCM-SHA256" "aRSA" "AES128" "SHA256" "AES" "AESGCM";
};

/// Classes that all suites below TLS 1.3 belong to.
const COMMON: &[&str] = &[
    "ALL",
    "COMPLEMENTOFDEFAULT",
    "DEFAULT",
    "HIGH",
    "ECDHE",
    "EECDH",
    "kECDHE",
    "kEECDH",
    "ECDH",
    "TLSv1.2",
    "FIPS",
    "SUITEB128",
    "SUITEB192",
    "PSK",
];
/// Classes of OpenSSL's that none of these suites belongs to: naming one is no mistake, and brings nothing.
const EMPTY: &[&str] = &[
    "COMPLEMENTOFALL",
    "LOW",
    "MEDIUM",
    "EXP",
    "EXPORT",
    "eNULL",
    "NULL",
    "aNULL",
    "kRSA",
    "RSA",
    "kDHE",
    "kEDH",
    "DH",
    "DHE",
    "EDH",
    "ADH",
    "AECDH",
    "aDSS",
    "DSS",
    "TLSv1",
    "TLSv1.0",
    "SSLv3",
    "AESCCM",
    "AESCCM8",
    "ARIA",
    "ARIAGCM",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "3DES",
    "DES",
    "RC4",
    "RC2",
    "IDEA",
    "SEED",
    "MD5",
    "SHA1",
    "SHA",
    "kPSK",
    "aPSK",
    "SRP",
    "kSRP",
    "kGOST",
    "aGOST",
    "CBC",
];

/// What a list of suites came to.
#[derive(Debug, Default)]
pub struct Selection {
    /// In the order of preference.
    pub suites: Vec<SupportedCipherSuite>,
    /// Words that name no suite that is spoken here.
    pub unknown: Vec<String>,
}

/// The suites below TLS 1.3 that a cipher string selects (`ciphers`).
pub fn select(list: &str, offered: &[SupportedCipherSuite]) -> Selection {
    let tls12: Vec<&Named> = SUITES.iter().filter(|named| !named.name.starts_with("TLS_")).collect();
    let mut chosen: Vec<&Named> = Vec::new();
    let mut banned: Vec<&Named> = Vec::new();
    let mut unknown = Vec::new();
    for word in list
        .split([':', ',', ' '])
        .filter(|word| !word.is_empty() && !word.starts_with('@'))
    {
        let (sign, classes) = match word.as_bytes().first() {
            Some(sign @ (b'!' | b'-' | b'+')) => (*sign, word.get(1..).unwrap_or_default()),
            _ => (b' ', word),
        };
        let matching: Vec<&Named> = tls12.iter().copied().filter(|named| named.is_all(classes)).collect();
        if matching.is_empty() && !classes.split('+').any(|class| EMPTY.contains(&class)) && sign == b' ' {
            unknown.push(word.to_owned());
        }
        let is_matching = |named: &&Named| matching.iter().any(|found| found.suite == named.suite);
        match sign {
            b' ' => {
                let new = matching.iter().filter(|named| {
                    let is = |other: &&Named| other.suite == named.suite;
                    !chosen.iter().any(is) && !banned.iter().any(is)
                });
                let new: Vec<&Named> = new.copied().collect();
                chosen.extend(new);
            }
            b'+' => chosen.sort_by_key(is_matching),
            _ => {
                chosen.retain(|named| !is_matching(named));
                if sign == b'!' {
                    banned.extend(matching);
                }
            }
        }
    }
    Selection {
        suites: chosen
            .iter()
            .filter_map(|named| supported(named.suite, offered))
            .collect(),
        unknown,
    }
}

/// The suites of TLS 1.3 that a list names (`ciphersuites`).
pub fn select_tls13(list: &str, offered: &[SupportedCipherSuite]) -> Selection {
    let mut selection = Selection::default();
    for word in list.split(':').filter(|word| !word.is_empty()) {
        let named = SUITES
            .iter()
            .find(|named| named.name == word && word.starts_with("TLS_"));
        match named.and_then(|named| supported(named.suite, offered)) {
            Some(suite) => selection.suites.push(suite),
            None => selection.unknown.push(word.to_owned()),
        }
    }
    selection
}

impl Named {
    fn is_all(&self, classes: &str) -> bool {
        classes
            .split('+')
            .all(|class| class == self.name || COMMON.contains(&class) || self.classes.contains(&class))
    }
}

fn supported(suite: CipherSuite, offered: &[SupportedCipherSuite]) -> Option<SupportedCipherSuite> {
    offered.iter().copied().find(|offered| offered.suite() == suite)
}

/// Is the suite one of TLS 1.3?
pub fn is_tls13(suite: &SupportedCipherSuite) -> bool {
    suite.version().version == ProtocolVersion::TLSv1_3
}

/// OpenSSL's name of a suite.
pub fn name(suite: CipherSuite) -> &'static str {
    SUITES
        .iter()
        .find(|named| named.suite == suite)
        .map_or("", |named| named.name)
}

/// The curves that a list names; nothing where a name is of none (`curves`, `ecdhe`).
pub fn curves(list: &str) -> Option<Vec<&'static dyn SupportedKxGroup>> {
    list.split(':').map(curve).collect()
}

fn curve(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    Some(match name {
        "X25519" | "x25519" => kx_group::X25519,
        "P-256" | "prime256v1" | "secp256r1" => kx_group::SECP256R1,
        "P-384" | "secp384r1" => kx_group::SECP384R1,
        "X25519MLKEM768" => ALL_KX_GROUPS
            .iter()
            .copied()
            .find(|group| group.name() == NamedGroup::X25519MLKEM768)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;

    #[test]
    fn cipher_strings_select_as_openssl_does() {
        for (list, names, unknown) in [
            ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", ""),
            ("FOO:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "FOO"),
            (
                "aRSA+AESGCM",
                "ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-GCM-SHA256",
                "",
            ),
            (
                "HIGH:!aECDSA:!AES256:!aNULL",
                "ECDHE-RSA-CHACHA20-POLY1305 ECDHE-RSA-AES128-GCM-SHA256",
                "",
            ),
            (
                "aRSA:+AES256:-CHACHA20@STRENGTH",
                "ECDHE-RSA-CHACHA20-POLY1305 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384",
                "",
            ),
            ("kRSA:RC4", "", ""),
            ("", "", ""),
        ] {
            let selection = select(list, ALL_CIPHER_SUITES);
            let told: Vec<_> = selection.suites.iter().map(|suite| name(suite.suite())).collect();
            assert_eq!(
                (told.join(" ").as_str(), selection.unknown.join(" ").as_str()),
                (names, unknown),
                "{list}"
            );
        }
    }

    #[test]
    fn every_suite_has_a_name() {
        assert!(ALL_CIPHER_SUITES.iter().all(|suite| !name(suite.suite()).is_empty()));
        let selection = select_tls13("TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256", ALL_CIPHER_SUITES);
        assert_eq!(selection.suites.len(), 1);
        assert_eq!(selection.unknown, ["TLS_AES_128_CCM_SHA256"]);
    }

    #[test]
    fn curves_have_several_names() {
        assert_eq!(curves("X25519:P-256:secp384r1").map(|groups| groups.len()), Some(3));
        assert!(curves("P-999").is_none());
    }
}
