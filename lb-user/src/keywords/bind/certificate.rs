//! Certificates of listeners: `crt` and `crt-list` (manual 5.1).

use crate::keywords::{Reading, tls as setting};
use crate::language::{Error, Words, raw};
use crate::plan::bind::{BindOptions, BindTls};
use crate::tls::store::BUNDLE;
use crate::tls::{Entry, Settings, SniFilter, crt_list};

/// Endings of files that lie beside certificates in a directory and are none.
const BESIDE: [&str; 4] = [".issuer", ".ocsp", ".sctl", ".key"];

pub(super) fn crt(
    name: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let word = words.next().filter(|word| !word.is_empty());
    let word = word.ok_or_else(|| Error::new(format!("'{name}' : missing certificate location")))?;
    add(word, &Settings::default(), &[], &mut options.tls, reading)
}

/// Adds a certificate, all of a bundle, or all in a directory.
fn add(
    word: &str,
    settings: &Settings,
    filters: &[SniFilter],
    tls: &mut BindTls,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let path = reading.names.tls.certificate_name(word);
    let mut files = match (reading.list_directory)(&path) {
        Some(names) => in_directory(&path, names),
        None => in_bundle(&path, reading),
    };
    files.sort();
    for file in files {
        let read = reading.names.tls.certificate(&file, reading.read_file);
        tls.certificates.push(Entry {
            certificate: read.map_err(Error::new)?,
            settings: settings.clone(),
            filters: filters.to_vec(),
        });
    }
    Ok(())
}

fn in_directory(path: &str, names: Vec<String>) -> Vec<String> {
    let certificates = names.into_iter().filter(|name| {
        let beside = BESIDE.iter().any(|ending| name.ends_with(ending));
        !beside && !name.starts_with('.')
    });
    let path = path.trim_end_matches('/');
    certificates.map(|name| format!("{path}/{name}")).collect()
}

/// The file itself, or where there is none the files of a bundle of that name.
fn in_bundle(path: &str, reading: &Reading<'_>) -> Vec<String> {
    let is_there = |file: &str| (reading.read_file)(file).is_ok();
    let alone = vec![path.to_owned()];
    if !reading.names.tls.extra.bundle || is_there(path) {
        return alone;
    }
    let bundle = BUNDLE.iter().map(|ending| format!("{path}.{ending}"));
    let found: Vec<String> = bundle.filter(|file| is_there(file)).collect();
    if found.is_empty() { alone } else { found }
}

pub(super) fn list(
    name: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let word = words.next().filter(|word| !word.is_empty());
    let file = word.ok_or_else(|| Error::new(format!("'{name}' : missing certificate location")))?;
    let within = |text: &dyn std::fmt::Display| Error::new(format!("'{name}' : {text}"));
    let read = (reading.read_file)(file);
    let text = read.map_err(|why| within(&format_args!("cannot open file '{file}' : {why}")))?;
    for line in crt_list::lines(&raw::text(text)) {
        let mut settings = Settings::default();
        let listed: Vec<String> = line.options.iter().map(|word| (*word).to_owned()).collect();
        let mut words = Words::new(&listed, reading.location);
        while let Some(word) = words.next() {
            let read = setting::in_list(word, &mut words, &mut settings, reading);
            read.map_err(|error| within(&format_args!("parsing [{file}:{}]: {error}", line.number)))?;
        }
        add(line.file, &settings, &line.filters, &mut options.tls, reading).map_err(|error| within(&error))?;
    }
    Ok(())
}
