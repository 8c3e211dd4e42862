//! A row of the language: one name with all that is known of it.

use super::{Scope, Word};

/// One entry of a registry. Parsing, suggestions, `help`, `lb keywords`, the reference and the fuzz dictionary are all
/// derived from rows.
pub struct Row<T: 'static> {
    /// All spellings; the first is the one that the documentation uses.
    pub names: &'static [&'static str],
    /// The arguments as the manual writes them, without the name.
    pub args: &'static str,
    /// Where it may be used.
    pub scope: Scope,
    /// One sentence.
    pub doc: &'static str,
    /// A line (or several) of configuration that uses it. The tests run it.
    pub example: &'static str,
    pub does: Does<T>,
}

/// What a row's name leads to.
pub enum Does<T: 'static> {
    Works(T),
    /// Part of the language, refused by name for now.
    Refused,
}

impl<T> Row<T> {
    /// A row that is known by name only.
    pub const fn refused(
        names: &'static [&'static str],
        args: &'static str,
        scope: Scope,
        doc: &'static str,
        example: &'static str,
    ) -> Row<T> {
        Row {
            names,
            args,
            scope,
            doc,
            example,
            does: Does::Refused,
        }
    }

    /// The spelling that the documentation uses.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// Finds the row that carries `name` in a registry made of slices, one slice a file.
pub fn find<T>(registry: &'static [&'static [Row<T>]], name: &str) -> Option<&'static Row<T>> {
    registry
        .iter()
        .flat_map(|rows| rows.iter())
        .find(|row| row.names.contains(&name))
}

/// The row whose name a line opens with.
pub struct Phrase<T: 'static> {
    pub row: &'static Row<T>,
    /// The spelling used.
    pub spelling: &'static str,
    /// How many words it takes.
    pub words: usize,
}

/// Finds the row whose name a line opens with. Names may be several words (`timeout client`, `no option persist`); the
/// longest one that fits wins. A word of a name that ends in `(` stands for all that open with it.
pub fn find_phrase<T>(registry: &'static [&'static [Row<T>]], line: &[Word]) -> Option<Phrase<T>> {
    registry
        .iter()
        .flat_map(|rows| rows.iter())
        .flat_map(|row| row.names.iter().map(move |name| (row, *name)))
        .filter_map(|(row, spelling)| opens_with(line, spelling).map(|words| Phrase { row, spelling, words }))
        .max_by_key(|phrase| phrase.words)
}

/// How many words `phrase` takes at the start of `words`, if it stands there.
fn opens_with(words: &[Word], phrase: &str) -> Option<usize> {
    let mut taken = 0;
    for part in phrase.split(' ') {
        let word = words.get(taken)?;
        let fits = match part.ends_with('(') {
            true => word.starts_with(part),
            false => word == part,
        };
        taken += fits.then_some(1)?;
    }
    Some(taken)
}

/// Every spelling in a registry.
pub fn names<T>(registry: &'static [&'static [Row<T>]]) -> impl Iterator<Item = &'static str> {
    registry
        .iter()
        .flat_map(|rows| rows.iter())
        .flat_map(|row| row.names.iter().copied())
}
