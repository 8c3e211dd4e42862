//! What lines, crt-lists and the global section say of TLS handshakes, read the same way for all of them (manual 5.1).

use crate::language::{Error, Words};
use crate::tls::settings::{Settings, Verify, Version};

use super::Reading;

/// Reads a setting's arguments. The first argument is the spelling used.
pub type ParseSetting = fn(&str, &mut Words<'_>, &mut Settings, &mut Reading<'_>) -> Result<(), Error>;

/// What a line of a crt-list may say between its brackets.
const IN_LISTS: &[(&str, ParseSetting)] = &[
    ("alpn", alpn),
    ("npn", npn),
    ("ca-file", ca_file),
    ("ca-verify-file", ca_verify_file),
    ("ciphers", ciphers),
    ("ciphersuites", ciphersuites),
    ("crl-file", crl_file),
    ("curves", curves),
    ("ecdhe", ecdhe),
    ("no-ca-names", no_ca_names),
    ("ssl-min-ver", least_version),
    ("ssl-max-ver", most_version),
    ("verify", verify),
];

/// Reads one setting of a crt-list's line.
pub fn in_list(
    word: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    match IN_LISTS.iter().find(|(name, _)| *name == word) {
        Some((_, parse)) => parse(word, words, settings, reading),
        None if word == "allow-0rtt" => Err(Error::not_implemented(word)),
        None => Err(Error::new(format!("unknown ssl keyword {word}"))),
    }
}

fn value<'a>(name: &str, words: &mut Words<'a>, missing: &str) -> Result<&'a str, Error> {
    let word = words.next().filter(|word| !word.is_empty());
    word.ok_or_else(|| Error::new(format!("'{name}' : missing {missing}")))
}

pub(super) fn alpn(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    let list = value(name, words, "the comma-delimited ALPN protocol suite")?;
    let protocols = list.split(',').filter(|protocol| !protocol.is_empty());
    settings.alpn = Some(protocols.map(|protocol| protocol.as_bytes().to_vec()).collect());
    Ok(())
}

/// The extension that ALPN replaced: nobody speaks it any more.
pub(super) fn npn(name: &str, words: &mut Words<'_>, _: &mut Settings, reading: &mut Reading<'_>) -> Result<(), Error> {
    value(name, words, "the comma-delimited NPN protocol suite")?;
    reading.diag(format!("'{name}' has no effect: clients negotiate protocols by ALPN."));
    Ok(())
}

pub(super) fn ciphers(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.ciphers = Some(value(name, words, "cipher suite")?.to_owned());
    Ok(())
}

pub(super) fn ciphersuites(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.ciphersuites = Some(value(name, words, "cipher suite")?.to_owned());
    Ok(())
}

pub(super) fn curves(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.curves = Some(value(name, words, "curve suite")?.to_owned());
    Ok(())
}

/// One curve, which `curves` outdoes.
pub(super) fn ecdhe(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    let curve = value(name, words, "named curve")?;
    settings.ecdhe = Some(curve.to_owned());
    Ok(())
}

pub(super) fn verify(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.verify = Some(match value(name, words, "verify method")? {
        "none" => Verify::None,
        "optional" => Verify::Optional,
        "required" => Verify::Required,
        other => {
            return Err(Error::new(format!(
                "'{name}' : unknown verify method '{other}', only 'none', 'optional', and 'required' are supported"
            )));
        }
    });
    Ok(())
}

pub(super) fn no_ca_names(
    _: &str,
    _: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.no_ca_names = true;
    Ok(())
}

pub(super) fn ca_file(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.authorities = Some(authorities(name, "CAfile path", words, reading)?);
    Ok(())
}

pub(super) fn ca_verify_file(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.hidden_authorities = Some(authorities(name, "CAfile path", words, reading)?);
    Ok(())
}

pub(super) fn crl_file(
    name: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.revoked = Some(authorities(name, "CRLfile path", words, reading)?);
    Ok(())
}

fn authorities(
    name: &str,
    missing: &str,
    words: &mut Words<'_>,
    reading: &mut Reading<'_>,
) -> Result<std::sync::Arc<crate::tls::Authorities>, Error> {
    let word = value(name, words, missing)?;
    let file = reading.names.tls.authority_name(word);
    let found = reading.names.tls.authorities(&file, reading.read_file);
    found.map_err(|why| {
        let text = format!("Couldn't open the ca-file '{file}' ({why}).");
        reading.diagnostics.push(crate::language::Severity::Alert, text);
        Error::new(format!("'{name}' : unable to load {file}"))
    })
}

pub(super) fn least_version(
    _: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.versions.get_or_insert_default().least = Some(version(words)?);
    Ok(())
}

pub(super) fn most_version(
    _: &str,
    words: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    settings.versions.get_or_insert_default().most = Some(version(words)?);
    Ok(())
}

fn version(words: &mut Words<'_>) -> Result<Version, Error> {
    let word = words.next().unwrap_or_default();
    Version::parse(word).ok_or_else(|| Error::new(format!("'{word}' : unknown ssl/tls version")))
}

/// `no-tlsv12`, `force-tlsv12` and their like.
pub(super) fn one_version(
    name: &str,
    _: &mut Words<'_>,
    settings: &mut Settings,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    const ENDINGS: [(&str, Version); 5] = [
        ("sslv3", Version::Ssl3),
        ("tlsv10", Version::Tls10),
        ("tlsv11", Version::Tls11),
        ("tlsv12", Version::Tls12),
        ("tlsv13", Version::Tls13),
    ];
    let (how, ending) = name.split_once('-').unwrap_or_default();
    let named = ENDINGS.iter().find(|(known, _)| *known == ending);
    let version = named
        .map(|(_, version)| *version)
        .ok_or_else(|| Error::not_implemented(name))?;
    let versions = settings.versions.get_or_insert_default();
    if how == "no" {
        versions.exclude(version);
    } else if version < Version::Tls12 {
        return Err(Error::not_implemented(name));
    } else {
        (versions.least, versions.most) = (Some(version), Some(version));
    }
    Ok(())
}
