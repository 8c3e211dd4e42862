//! Patterns arranged for their matching method, so that a sample finds its entry quickly.

use std::collections::HashMap;

use super::prefix::Prefixes;
use super::{Method, Network, Networks, Pattern};
use crate::rules::regex::Regex;
use crate::rules::value::Value;

/// Up to so many strings are compared one by one; more are hashed.
const FEW: usize = 8;

/// The patterns of one set for one method. A hit is the position of the entry.
#[derive(Clone, Debug)]
pub struct Index {
    method: Method,
    ignore_case: bool,
    patterns: Arranged,
}

#[derive(Clone, Debug)]
enum Arranged {
    Nothing,
    Ranges(Vec<(i64, i64)>),
    Networks { found: Networks, listed: Vec<Network> },
    Strings(Vec<Box<[u8]>>),
    Hashed(HashMap<Box<[u8]>, usize>),
    Prefixes(Prefixes),
    Regexes(Vec<Regex>),
}

impl Index {
    /// An index over these patterns.
    pub fn new(method: Method, ignore_case: bool, patterns: Vec<Pattern>) -> Index {
        Index {
            method,
            ignore_case,
            patterns: Arranged::new(method, patterns),
        }
    }

    /// The ranges of an `int` index, both ends included.
    pub fn ranges(&self) -> &[(i64, i64)] {
        match &self.patterns {
            Arranged::Ranges(ranges) => ranges,
            _ => &[],
        }
    }

    /// Does the sample match?
    pub fn matches(&self, value: Value<'_>) -> bool {
        match self.method {
            Method::Found => true,
            Method::Bool => value.as_int().is_some_and(|n| n != 0),
            _ => self.find(value).is_some(),
        }
    }

    /// The entry that the sample matches: the first one in the file's order; for addresses and `beg` the longest prefix.
    pub fn find(&self, value: Value<'_>) -> Option<usize> {
        match &self.patterns {
            Arranged::Nothing => None,
            Arranged::Ranges(ranges) => {
                let number = match self.method {
                    Method::Len => value.into_text().len() as i64,
                    _ => value.as_int()?,
                };
                ranges.iter().position(|(low, high)| (*low..=*high).contains(&number))
            }
            Arranged::Networks { found, .. } => match value.cast(crate::rules::Kind::Address)? {
                Value::Ipv4(ip) => found.find(ip.into()),
                Value::Ipv6(ip) => found.find(ip.into()),
                _ => None,
            },
            Arranged::Regexes(regexes) => {
                let text = value.into_text();
                regexes.iter().position(|regex| regex.is_match(&text))
            }
            Arranged::Strings(_) | Arranged::Hashed(_) | Arranged::Prefixes(_) => self.find_text(value),
        }
    }

    fn find_text(&self, value: Value<'_>) -> Option<usize> {
        let mut text = if self.method == Method::Bin {
            value.into_bytes()
        } else {
            value.into_text()
        };
        if self.ignore_case && text.iter().any(u8::is_ascii_uppercase) {
            text.to_mut().make_ascii_lowercase();
        }
        match &self.patterns {
            Arranged::Hashed(entries) => entries.get(&*text).copied(),
            Arranged::Prefixes(prefixes) => prefixes.find(&text),
            Arranged::Strings(strings) => strings.iter().position(|pattern| self.compares(&text, pattern)),
            _ => None,
        }
    }

    fn compares(&self, text: &[u8], pattern: &[u8]) -> bool {
        match self.method {
            Method::End => text.ends_with(pattern),
            Method::Sub => memchr::memmem::find(text, pattern).is_some(),
            Method::Dir => has_part(text, pattern, b"/?"),
            Method::Dom => has_part(text, pattern, b"/?.:"),
            _ => text == pattern,
        }
    }

    /// The regular expression of an entry.
    pub fn regex(&self, entry: usize) -> Option<&Regex> {
        match &self.patterns {
            Arranged::Regexes(regexes) => regexes.get(entry),
            _ => None,
        }
    }

    /// The networks that an `ip` index holds.
    pub fn networks(&self) -> &[Network] {
        match &self.patterns {
            Arranged::Networks { listed, .. } => listed,
            _ => &[],
        }
    }
}

impl Arranged {
    fn new(method: Method, patterns: Vec<Pattern>) -> Arranged {
        match method {
            Method::Found | Method::Bool => Arranged::Nothing,
            Method::Int | Method::Len | Method::Version => Arranged::Ranges(
                patterns
                    .into_iter()
                    .filter_map(|pattern| match pattern {
                        Pattern::Range(low, high) => Some((low, high)),
                        _ => None,
                    })
                    .collect(),
            ),
            Method::Ip => Arranged::networks(patterns),
            Method::Reg => Arranged::Regexes(
                patterns
                    .into_iter()
                    .filter_map(|pattern| match pattern {
                        Pattern::Regex(regex) => Some(regex),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => Arranged::strings(method, patterns),
        }
    }

    fn networks(patterns: Vec<Pattern>) -> Arranged {
        let mut found = Networks::default();
        let mut listed = Vec::with_capacity(patterns.len());
        for (entry, pattern) in patterns.into_iter().enumerate() {
            if let Pattern::Network(network) = pattern {
                found.add(network, entry);
                listed.push(network);
            }
        }
        Arranged::Networks { found, listed }
    }

    fn strings(method: Method, patterns: Vec<Pattern>) -> Arranged {
        let strings = patterns.into_iter().filter_map(|pattern| match pattern {
            Pattern::Str(text) => Some(text),
            _ => None,
        });
        let strings: Vec<Box<[u8]>> = strings.collect();
        if method == Method::Beg {
            return Arranged::Prefixes(Prefixes::new(strings));
        }
        if strings.len() <= FEW || !matches!(method, Method::Str | Method::Bin) {
            return Arranged::Strings(strings);
        }
        let mut entries = HashMap::with_capacity(strings.len());
        for (entry, text) in strings.into_iter().enumerate() {
            entries.entry(text).or_insert(entry);
        }
        Arranged::Hashed(entries)
    }
}

/// Does `text` hold `pattern` between delimiters or the ends? Delimiters around the pattern itself do not count.
fn has_part(text: &[u8], pattern: &[u8], delimiters: &[u8]) -> bool {
    let is_delimiter = |byte: &u8| delimiters.contains(byte);
    let start = pattern.iter().take_while(|byte| is_delimiter(byte)).count();
    let kept = pattern.get(start..).unwrap_or_default();
    let end = kept.iter().rev().take_while(|byte| is_delimiter(byte)).count();
    let wanted = kept.get(..kept.len() - end).unwrap_or_default();
    if wanted.is_empty() {
        return false;
    }
    memchr::memmem::find_iter(text, wanted).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let after = text.get(at + wanted.len());
        before.is_none_or(is_delimiter) && after.is_none_or(is_delimiter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pattern::Compile;

    fn index(method: Method, ignore_case: bool, patterns: &[&str]) -> Index {
        let compile = Compile {
            method,
            ignore_case,
            resolve: None,
        };
        let patterns = patterns.iter().map(|text| compile.pattern(text).unwrap()).collect();
        Index::new(method, ignore_case, patterns)
    }

    #[test]
    fn each_method_compares_its_way() {
        let cases: &[(Method, &[&str], &str, Option<usize>)] = &[
            (Method::Str, &["a", "b"], "b", Some(1)),
            (Method::Str, &["a", "b"], "B", None),
            (Method::Beg, &["/img", "/css"], "/css/a", Some(1)),
            (Method::Beg, &["/", "/img/a", "/img"], "/img/b", Some(2)),
            (Method::End, &[".gif", ".png"], "a.gif", Some(0)),
            (Method::Sub, &["x", "bc"], "abcd", Some(1)),
            (Method::Dir, &["img"], "/a/img/b", Some(0)),
            (Method::Dir, &["/img/"], "/img", Some(0)),
            (Method::Dir, &["img"], "/imgs", None),
            (Method::Dir, &["a/b"], "/x/a/b?c", Some(0)),
            (Method::Dir, &["/"], "/a", None),
            (Method::Dom, &["example"], "www.example.com:80", Some(0)),
            (Method::Dom, &["example.com"], "www.example.com", Some(0)),
            (Method::Dom, &["ample"], "www.example.com", None),
            (Method::Len, &["3", "5:7"], "abcdef", Some(1)),
            (Method::Int, &["1:3"], "2x", Some(0)),
            (Method::Reg, &["^a", "b$"], "xb", Some(1)),
            (Method::Bin, &["6162"], "ab", Some(0)),
            (Method::Ip, &["10.0.0.0/8"], "10.2.3.4", Some(0)),
            (Method::Ip, &["10.0.0.0/8"], "x", None),
        ];
        for (method, patterns, text, expected) in cases {
            let found = index(*method, false, patterns).find(Value::str(text.as_bytes()));
            assert_eq!(found, *expected, "{method:?} {patterns:?} {text}");
        }
    }

    #[test]
    fn few_and_many_strings_are_found_alike() {
        let texts: Vec<String> = (0..100).map(|n| format!("Name{n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for count in [1, FEW, FEW + 1, 100] {
            let patterns = texts.get(..count).unwrap();
            for (at, text) in patterns.iter().enumerate() {
                let value = Value::str(text.as_bytes());
                assert_eq!(index(Method::Str, false, patterns).find(value.clone()), Some(at));
                assert_eq!(index(Method::Str, true, patterns).find(value), Some(at));
            }
            assert_eq!(index(Method::Str, false, patterns).find(Value::str(b"name0")), None);
            assert_eq!(index(Method::Str, true, patterns).find(Value::str(b"nAME0")), Some(0));
        }
    }

    #[test]
    fn presence_and_truth_need_no_pattern() {
        assert!(index(Method::Found, false, &[]).matches(Value::str(b"")));
        assert!(index(Method::Bool, false, &[]).matches(Value::Int(2)));
        assert!(!index(Method::Bool, false, &[]).matches(Value::Bool(false)));
    }
}
