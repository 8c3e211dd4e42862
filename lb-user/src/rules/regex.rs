//! Regular expressions and the replacement texts that refer to their groups (manual 7.1.4, `regsub`, `replace-header`).
//!
//! What can be matched in linear time is. Only look-around, references back and the like are left to PCRE2, which may
//! backtrack.

use regex::bytes::RegexBuilder;

use crate::language::Error;

/// A compiled regular expression over bytes.
#[derive(Clone, Debug)]
pub struct Regex(Engine);

#[derive(Clone, Debug)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(pcre2::bytes::Regex),
}

/// Where the whole match and the groups that can be referred to are, each from its start to its end.
type Groups = [Option<(usize, usize)>; 10];

impl Regex {
    /// Compiles `text`. Letters, digits and spaces are ASCII's.
    pub fn new(text: &str, ignore_case: bool) -> Result<Regex, Error> {
        let linear = RegexBuilder::new(text)
            .unicode(false)
            .case_insensitive(ignore_case)
            .build();
        if let Ok(linear) = linear {
            return Ok(Regex(Engine::Linear(linear)));
        }
        let backtracking = pcre2::bytes::RegexBuilder::new()
            .caseless(ignore_case)
            .jit_if_available(true)
            .build(text);
        match backtracking {
            Ok(backtracking) => Ok(Regex(Engine::Backtracking(backtracking))),
            Err(mistake) => Err(invalid(text, &mistake)),
        }
    }

    /// Does it match anywhere in the text?
    pub fn is_match(&self, subject: &[u8]) -> bool {
        match &self.0 {
            Engine::Linear(regex) => regex.is_match(subject),
            // Whatever takes too many steps does not match.
            Engine::Backtracking(regex) => regex.is_match(subject).unwrap_or(false),
        }
    }

    /// The first match from `start` on.
    fn groups_at(&self, subject: &[u8], start: usize) -> Option<Groups> {
        match &self.0 {
            Engine::Linear(regex) => {
                let found = regex.captures_at(subject, start)?;
                Some(std::array::from_fn(|at| {
                    found.get(at).map(|group| (group.start(), group.end()))
                }))
            }
            Engine::Backtracking(regex) => {
                let mut found = regex.capture_locations();
                regex.captures_read_at(&mut found, subject, start).ok()??;
                let groups = regex.captures_len();
                Some(std::array::from_fn(|at| (at < groups).then(|| found.get(at)).flatten()))
            }
        }
    }

    /// Appends `template` with its references (`\0` to `\9`) filled from the first match; false without a match.
    pub fn expand(&self, subject: &[u8], template: &[u8], out: &mut Vec<u8>) -> bool {
        match self.groups_at(subject, 0) {
            Some(groups) => {
                fill(template, subject, &groups, out);
                true
            }
            None => false,
        }
    }

    /// `subject` with its first match, or all of them, replaced by `template`; `None` without a match.
    ///
    /// An empty match right after another one counts, as it does in the peer.
    pub fn substitute(&self, subject: &[u8], template: &[u8], all: bool) -> Option<Vec<u8>> {
        let mut groups = self.groups_at(subject, 0)?;
        let mut out = Vec::with_capacity(subject.len());
        let mut from = 0;
        loop {
            let (start, end) = groups[0].unwrap_or((from, from));
            out.extend_from_slice(subject.get(from..start).unwrap_or_default());
            fill(template, subject, &groups, &mut out);
            let at_end = from == subject.len();
            from = end;
            if start == end && start < subject.len() {
                out.extend(subject.get(start));
                from += 1;
            }
            if !all || at_end {
                break;
            }
            match self.groups_at(subject, from) {
                Some(next) => groups = next,
                None => break,
            }
        }
        out.extend_from_slice(subject.get(from..).unwrap_or_default());
        Some(out)
    }
}

/// Appends a replacement text. A backslash stands before a group's digit, before `x` and two hexadecimal digits, or
/// before a character to be taken literally.
fn fill(template: &[u8], subject: &[u8], groups: &Groups, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match after {
            [digit @ b'0'..=b'9', tail @ ..] => {
                let group = groups.get(usize::from(digit - b'0')).copied().flatten();
                let group = group.and_then(|(start, end)| subject.get(start..end));
                out.extend_from_slice(group.unwrap_or_default());
                rest = tail;
            }
            [b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(nibble(*high) << 4 | nibble(*low));
                rest = tail;
            }
            [literal, tail @ ..] => {
                out.push(*literal);
                rest = tail;
            }
            [] => {}
        }
    }
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or_default() as u8
}

/// The peer's frame around PCRE2's reason, which stands behind the offset in its report.
fn invalid(text: &str, mistake: &pcre2::Error) -> Error {
    let report = mistake.to_string();
    let reason = report.rsplit_once(": ").map_or(&*report, |(_, reason)| reason);
    let offset = mistake.offset().unwrap_or_default();
    Error::new(format!(
        "regex '{text}' is invalid (error={reason}, erroffset={offset})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(subject: &str, regex: &str, template: &str, all: bool) -> String {
        let regex = Regex::new(regex, false).unwrap();
        let out = regex.substitute(subject.as_bytes(), template.as_bytes(), all);
        String::from_utf8(out.unwrap_or_else(|| subject.into())).unwrap()
    }

    #[test]
    fn substitutions_give_what_the_peer_gives() {
        let cases = [
            ("abc123", "[0-9]+", r"<\0>", false, "abc<123>"),
            ("abc123", "([a-z]+)([0-9]+)", r"\2\1", false, "123abc"),
            ("abc123", "b", r"\x41\y", false, "aAyc123"),
            ("abc123", "b", r"[\5]", false, "a[]c123"),
            ("abc123", "(z)?b", r"[\1]", false, "a[]c123"),
            ("aaa", "a", "b", true, "bbb"),
            ("aaa", "a", "b", false, "baa"),
            ("abc", "x*", "-", true, "-a-b-c-"),
            ("abc", "x*", "-", false, "-abc"),
            ("a.b.c", "[.]", "", true, "abc"),
            ("abc", "^", "x", true, "xabc"),
            ("abc", "$", "x", true, "abcxx"),
            ("baaac", "a*", "x", true, "xbxxcx"),
            ("abc", "b", "&$1", false, "a&$1c"),
            ("abcabc", "(a)(b)?(c)", r"\3\2\1", true, "cbacba"),
            ("abc", "z", "x", true, "abc"),
            ("abab", r"(ab)\1", r"<\1>", false, "<ab>"),
            ("price 10", r"\d+(?= *$)", "x", true, "price x"),
            ("abc", "(?!b).", "-", true, "-b-"),
            ("foobar", "(?<=foo)bar", r"[\0\9]", false, "foo[bar]"),
        ];
        for (subject, regex, template, all, expected) in cases {
            assert_eq!(
                substituted(subject, regex, template, all),
                expected,
                "{regex} in {subject}"
            );
        }
    }

    #[test]
    fn expanding_gives_the_template_alone() {
        let regex = Regex::new("([a-z]+) ([0-9]+)", true).unwrap();
        let mut out = Vec::new();
        assert!(regex.expand(b"x ABC 123", br"\2-\1", &mut out));
        assert_eq!(out, b"123-ABC");
        assert!(!regex.expand(b"123", b"x", &mut out));
    }

    #[test]
    fn mistakes_are_worded_as_the_peer_words_them() {
        for (text, expected) in [
            (
                "(",
                "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)",
            ),
            (
                "[a-z",
                "regex '[a-z' is invalid (error=missing terminating ] for character class, erroffset=4)",
            ),
        ] {
            assert_eq!(Regex::new(text, false).unwrap_err().to_string(), expected);
        }
    }
}
