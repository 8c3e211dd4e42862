//! Regular expressions and the replacement texts that refer to their groups (manual 7.1.4, `regsub`, `replace-header`).

use regex::bytes::{Captures, RegexBuilder};

use crate::language::Error;

/// A compiled regular expression over bytes.
#[derive(Clone, Debug)]
pub struct Regex(regex::bytes::Regex);

impl Regex {
    /// Compiles `text`. Letters, digits and spaces are ASCII's.
    pub fn new(text: &str, ignore_case: bool) -> Result<Regex, Error> {
        RegexBuilder::new(text)
            .unicode(false)
            .case_insensitive(ignore_case)
            .build()
            .map(Regex)
            .map_err(|error| invalid(text, &error.to_string()))
    }

    /// Does it match anywhere in the text?
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.0.is_match(subject)
    }

    /// Appends `template` with its references (`\0` to `\9`) filled from the first match; false without a match.
    pub fn expand(&self, subject: &[u8], template: &[u8], out: &mut Vec<u8>) -> bool {
        match self.0.captures(subject) {
            Some(captures) => {
                fill(template, &captures, out);
                true
            }
            None => false,
        }
    }

    /// `subject` with its first match, or all of them, replaced by `template`; `None` without a match.
    ///
    /// An empty match right after another one counts, as it does in the peer.
    pub fn substitute(&self, subject: &[u8], template: &[u8], all: bool) -> Option<Vec<u8>> {
        let mut captures = self.0.captures(subject)?;
        let mut out = Vec::with_capacity(subject.len());
        let mut from = 0;
        loop {
            let (start, end) = captures
                .get(0)
                .map_or((from, from), |whole| (whole.start(), whole.end()));
            out.extend_from_slice(subject.get(from..start).unwrap_or_default());
            fill(template, &captures, &mut out);
            let at_end = from == subject.len();
            from = end;
            if start == end && start < subject.len() {
                out.extend(subject.get(start));
                from += 1;
            }
            match self.0.captures_at(subject, from) {
                Some(next) if all && !at_end => captures = next,
                _ => break,
            }
        }
        out.extend_from_slice(subject.get(from..).unwrap_or_default());
        Some(out)
    }
}

/// Appends a replacement text. A backslash stands before a group's digit, before `x` and two hexadecimal digits, or
/// before a character to be taken literally.
fn fill(template: &[u8], captures: &Captures<'_>, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match after {
            [digit @ b'0'..=b'9', tail @ ..] => {
                let group = captures.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(b"", |group| group.as_bytes()));
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

/// The peer's frame around the engine's reason.
fn invalid(text: &str, report: &str) -> Error {
    let reason = report
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
        .unwrap_or(report);
    // The caret stands four columns to the right of the mistake's position.
    let caret = report
        .lines()
        .find_map(|line| (line.trim() == "^").then(|| line.len().saturating_sub(5)));
    let (reason, offset) = match reason {
        "unclosed group" => ("missing closing parenthesis", text.len()),
        "unclosed character class" => ("missing terminating ] for character class", text.len()),
        other => (other, caret.unwrap_or_default()),
    };
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
