//! Which certificate serves which server name (manual 5.1, `crt-list`).

use std::collections::HashMap;

/// One SNI filter of a certificate, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SniFilter {
    /// A name, or `*.` and what follows the first label of the names that match, or `*` for none at all.
    pub name: String,
    /// `!`: the certificate does not serve the name.
    pub negative: bool,
}

impl SniFilter {
    /// Reads a filter as a crt-list has it.
    pub fn parse(word: &str) -> SniFilter {
        let (negative, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word),
        };
        SniFilter {
            name: name.to_ascii_lowercase(),
            negative,
        }
    }
}

/// The names that certificates serve. Certificates are numbered in the order they were added.
#[derive(Debug, Default)]
pub struct Names {
    exact: HashMap<String, Vec<usize>>,
    /// By what follows the first label, with its dot.
    wildcard: HashMap<String, Vec<usize>>,
    excluded: HashMap<String, Vec<usize>>,
}

impl Names {
    /// Lets certificate `number` serve, or not serve, the names that match.
    pub fn add(&mut self, filter: &SniFilter, number: usize) {
        let (of, name) = match (filter.negative, filter.name.strip_prefix('*')) {
            (true, _) => (&mut self.excluded, filter.name.as_str()),
            (false, Some(suffix)) => (&mut self.wildcard, suffix),
            (false, None) => (&mut self.exact, filter.name.as_str()),
        };
        let numbers = of.entry(name.to_owned()).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }

    /// The certificates that serve a name in lower case, those that name it wholly before those that match it by a wildcard.
    pub fn find<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let suffix = name.find('.').and_then(|dot| name.get(dot..)).unwrap_or_default();
        let exact = self.exact.get(name).into_iter().flatten();
        let wildcard = self.wildcard.get(suffix).into_iter().flatten();
        exact
            .chain(wildcard)
            .copied()
            .filter(move |number| !self.is_excluded(name, suffix, *number))
    }

    fn is_excluded(&self, name: &str, suffix: &str, number: usize) -> bool {
        if self.excluded.is_empty() {
            return false;
        }
        let has = |key: &str| self.excluded.get(key).is_some_and(|numbers| numbers.contains(&number));
        has(name) || has(&format!("*{suffix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_certificates() {
        let mut names = Names::default();
        for (number, filters) in [
            "www.example.com",
            "*.example.com !secure.example.com",
            "*.example.com WWW.example.com",
            "!*",
        ]
        .iter()
        .enumerate()
        {
            for filter in filters.split(' ') {
                names.add(&SniFilter::parse(filter), number);
            }
        }
        let find = |name: &str| names.find(name).collect::<Vec<usize>>();
        assert_eq!(find("www.example.com"), [0, 2, 1, 2]);
        assert_eq!(find("secure.example.com"), [2]);
        assert_eq!(find("a.example.com"), [1, 2]);
        assert_eq!(find("a.b.example.com"), [0; 0]);
        assert_eq!(find("example.com"), [0; 0]);
        assert_eq!(find(""), [0; 0]);
    }
}
