//! What may stand after the address of a `bind` line (manual 5.1), and of `stats socket`.

mod certificate;
mod socket;
mod tls;

use super::{Reading, place};
use crate::language::row::{self, Does};
use crate::language::{Error, Location, Row, Words, address, suggest};
use crate::plan::bind::BindOptions;
use crate::plan::{Bind, BindAddress};

/// Reads an option's arguments. The first argument is the spelling used.
pub type ParseBind = fn(&str, &mut Words<'_>, &mut BindOptions, &mut Reading<'_>) -> Result<(), Error>;
/// An option of `bind`.
pub type BindRow = Row<ParseBind>;

/// All options of `bind`.
pub const REGISTRY: &[&[BindRow]] = &[socket::ROWS, tls::ROWS];

/// Reads what follows `bind` or `stats socket`: addresses, then options. `opening` is the keyword, `section` the word
/// that opens the section, for messages.
pub fn parse(
    opening: &str,
    section: &str,
    words: &mut Words<'_>,
    mut options: BindOptions,
    reading: &mut Reading<'_>,
) -> Result<Vec<Bind>, Error> {
    let list = words.next().unwrap_or_default();
    let mut addresses: Vec<BindAddress> = Vec::new();
    for text in address::list(list) {
        let found = place::bind(text, reading).map_err(|error| error.within(format_args!("'{opening}'")))?;
        addresses.extend(found);
    }
    let context = format!("'{opening} {list}' in section '{section}'");
    while let Some(word) = words.next() {
        option(word, words, &mut options, reading, &context)?;
    }
    let location: &Location = reading.location;
    Ok(addresses
        .into_iter()
        .map(|address| Bind {
            address,
            options: options.clone(),
            location: location.clone(),
            acceptor: None,
        })
        .collect())
}

/// Reads one option.
pub fn option(
    word: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    reading: &mut Reading<'_>,
    context: &str,
) -> Result<(), Error> {
    match row::find(REGISTRY, word).map(|row| &row.does) {
        Some(Does::Works(parse)) => parse(word, words, options, reading).map_err(|error| error.within(context)),
        Some(Does::Refused) => Err(Error::not_implemented(word).within(context)),
        None => Err(Error::new(format!(
            "{context}: unknown keyword '{word}'{}",
            suggest::hint(word, row::names(REGISTRY))
        ))),
    }
}
