//! One line of text becomes words (manual 2.2 and 2.3).

use std::fmt;

use crate::language::{Word, raw};

/// The longest line, counted in words.
const MAX_WORDS: usize = 64;

/// The names that may follow `$` and open with a dot; whoever reads the file knows their values.
const PSEUDO_VARIABLES: [&str; 3] = [".FILE", ".LINE", ".SECTION"];

/// What is wrong with a line, and at which byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub kind: Kind,
    pub at: usize,
}

/// The kinds of mistakes in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    UnmatchedQuote,
    BadHex,
    NullCharacter,
    BadVariableName,
    UnmatchedBrace,
    BadExpansion,
    /// The last word that fits; `at` counts in the words without their quotes.
    TooManyWords(Word),
}

/// Cuts a line into words, resolving quotes, escapes and variables, up to its end or to a comment.
/// `lookup` gives the value of an environment variable or of a pseudo-variable (`.FILE`, `.LINE`, `.SECTION`).
pub fn split(line: &[u8], lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Word>, Mistake> {
    let mut lexer = Lexer {
        line,
        at: 0,
        word: None,
        words: Vec::new(),
        lookup,
    };
    lexer.run()?;
    Ok(lexer.words)
}

struct Lexer<'a> {
    line: &'a [u8],
    at: usize,
    /// The word that is being built; `Some` from its first character or quote on.
    word: Option<Partial>,
    words: Vec<Word>,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

/// A word in the making.
struct Partial {
    bytes: Vec<u8>,
    /// A list expanded in it: if nothing came of it, there is no word.
    expanded: bool,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), Mistake> {
        let mut quote: Option<(u8, usize)> = None;
        while let Some(byte) = self.peek(0) {
            match (byte, quote) {
                (b'\r' | b'\n', _) | (b'#', None) => break,
                (b' ' | b'\t', None) => {
                    self.at += 1;
                    self.finish_word()?;
                }
                (b'"' | b'\'', None) => {
                    quote = Some((byte, self.at));
                    self.open_word();
                    self.at += 1;
                }
                (_, Some((mark, _))) if byte == mark => {
                    quote = None;
                    self.at += 1;
                }
                (b'\\', None | Some((b'"', _))) => self.escape(quote.is_some())?,
                (b'$', Some((b'"', _))) => self.variable()?,
                _ => self.copy(1),
            }
        }
        if let Some((_, at)) = quote {
            return Err(mistake(Kind::UnmatchedQuote, at));
        }
        self.finish_word()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.get(self.at + ahead).copied()
    }

    fn open_word(&mut self) -> &mut Partial {
        self.word.get_or_insert_with(|| Partial {
            bytes: Vec::new(),
            expanded: false,
        })
    }

    /// Takes `count` bytes as they are.
    fn copy(&mut self, count: usize) {
        let end = (self.at + count).min(self.line.len());
        let bytes = &self.line[self.at..end];
        self.open_word().bytes.extend_from_slice(bytes);
        self.at = end;
    }

    fn finish_word(&mut self) -> Result<(), Mistake> {
        let Some(word) = self.word.take() else {
            return Ok(());
        };
        if word.bytes.is_empty() && word.expanded {
            return Ok(());
        }
        if self.words.len() == MAX_WORDS {
            let at = self.words.iter().rev().skip(1).map(|word| word.len() + 1).sum();
            let last = self.words.pop().unwrap_or_default();
            return Err(mistake(Kind::TooManyWords(last), at));
        }
        self.words.push(raw::text(word.bytes));
        Ok(())
    }

    /// A backslash. What it does not protect keeps it.
    fn escape(&mut self, in_quotes: bool) -> Result<(), Mistake> {
        let byte = match self.peek(1) {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => return self.hexadecimal(),
            Some(byte @ (b' ' | b'#' | b'\\' | b'\'' | b'"')) => byte,
            Some(b'$') if in_quotes => b'$',
            _ => {
                self.copy(1);
                return Ok(());
            }
        };
        self.open_word().bytes.push(byte);
        self.at += 2;
        Ok(())
    }

    fn hexadecimal(&mut self) -> Result<(), Mistake> {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(self.peek(2)), digit(self.peek(3))) else {
            return Err(mistake(Kind::BadHex, self.at));
        };
        match (high * 16 + low) as u8 {
            0 => return Err(mistake(Kind::NullCharacter, self.at)),
            byte => self.open_word().bytes.push(byte),
        }
        self.at += 4;
        Ok(())
    }

    /// `$NAME`, `${NAME}` or `${NAME[*]}` inside double quotes. A variable that is not set is empty.
    fn variable(&mut self) -> Result<(), Mistake> {
        self.open_word();
        self.at += 1;
        let brace = (self.peek(0) == Some(b'{')).then_some(self.at);
        self.at += usize::from(brace.is_some());
        let name = self.variable_name()?;
        let mut list = false;
        if let Some(brace) = brace {
            if self.peek(0) == Some(b'[') {
                if !self.line[self.at..].starts_with(b"[*]") {
                    return Err(mistake(Kind::BadExpansion, self.at));
                }
                list = true;
                self.at += 3;
            }
            if self.peek(0) != Some(b'}') {
                return Err(mistake(Kind::UnmatchedBrace, brace));
            }
            self.at += 1;
        }
        let value = (self.lookup)(&name).unwrap_or_default();
        match list {
            true => self.expand(&value),
            false => {
                self.open_word().bytes.extend_from_slice(value.as_bytes());
                Ok(())
            }
        }
    }

    fn variable_name(&mut self) -> Result<String, Mistake> {
        let bad = mistake(Kind::BadVariableName, self.at);
        let dot = usize::from(self.peek(0) == Some(b'.'));
        let letters = self.line[self.at + dot..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let name = &self.line[self.at..self.at + dot + letters];
        let name = String::from_utf8_lossy(name).into_owned();
        let valid = match name.as_bytes().first() {
            None => false,
            Some(b'.') => PSEUDO_VARIABLES.contains(&name.as_str()),
            Some(first) => !first.is_ascii_digit(),
        };
        if !valid {
            return Err(bad);
        }
        self.at += dot + letters;
        Ok(name)
    }

    /// Spreads a list over as many words as it has, the first and last joined to what surrounds the variable.
    fn expand(&mut self, list: &str) -> Result<(), Mistake> {
        for byte in list.bytes() {
            let word = self.open_word();
            word.expanded = true;
            match byte.is_ascii_whitespace() {
                false => word.bytes.push(byte),
                true if word.bytes.is_empty() => {}
                true => {
                    self.finish_word()?;
                    self.open_word().expanded = true;
                }
            }
        }
        self.open_word().expanded = true;
        Ok(())
    }
}

fn mistake(kind: Kind, at: usize) -> Mistake {
    Mistake { kind, at }
}

impl Mistake {
    /// The message for the operator: what, where, the line, and a caret under the place.
    pub fn explain(&self, line: &[u8]) -> String {
        match self.kind {
            Kind::TooManyWords(_) => self.to_string(),
            _ => format!("{self}:\n{}", point_at(line, self.at)),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.kind {
            Kind::UnmatchedQuote => "unmatched quote",
            Kind::BadHex => "truncated or invalid hexadecimal sequence",
            Kind::NullCharacter => "forbidden null character",
            Kind::BadVariableName => "forbidden first char in environment variable name",
            Kind::UnmatchedBrace => "unmatched brace in environment variable name",
            Kind::BadExpansion => "truncated or invalid word expansion sequence",
            Kind::TooManyWords(last) => {
                let at = self.at + 1;
                return write!(
                    f,
                    "too many words, truncating after word {MAX_WORDS}, position {at}: <{last}>."
                );
            }
        };
        write!(f, "{what} at position {}", self.at + 1)
    }
}

/// Columns of a line that a message shows.
const SHOWN: usize = 80;
/// Columns kept before the place when the line is too long to be shown from its start.
const BEFORE: usize = 37;

/// The line, made printable and cut to a window, above a caret that marks byte `at`.
pub fn point_at(line: &[u8], at: usize) -> String {
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let indent = line
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
        .min(end);
    let at = at.saturating_sub(indent);
    let text: String = line[indent..end].iter().copied().map(printable).collect();
    if at < SHOWN {
        let text = &text[..text.len().min(SHOWN)];
        return format!("  {text}\n  {:at$}^", "");
    }
    let start = at - BEFORE;
    let text = text.get(start..text.len().min(start + SHOWN - 6)).unwrap_or_default();
    format!("  ...{text}...\n  {:1$}^", "", BEFORE + 3)
}

fn printable(byte: u8) -> char {
    match byte {
        b' '..=b'~' => char::from(byte),
        _ if byte.is_ascii_whitespace() => ' ',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "A" => "x y  z",
            "B" => "",
            "C" => " lead",
            "T" => "tail ",
            "Q" => "a\"b",
            "D" => "a\\nb",
            ".LINE" => "7",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn words(line: &str) -> Result<Vec<Word>, Mistake> {
        split(line.as_bytes(), &environment)
    }

    #[test]
    fn quoting_and_escapes() {
        let same = ["log-format", "%{+Q}o %t %s %{-Q}r"];
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t\r\n", &[]),
            ("# all comment", &[]),
            ("  a  b\tc # d", &["a", "b", "c"]),
            ("a#b", &["a"]),
            (r"a\#b#c", &["a#b"]),
            ("\"a#b\"", &["a#b"]),
            (r"log-format %{+Q}o\ %t\ %s\ %{-Q}r", &same),
            ("log-format \"%{+Q}o %t %s %{-Q}r\"", &same),
            ("log-format '%{+Q}o %t %s %{-Q}r'", &same),
            ("log-format \"%{+Q}o %t\"' %s %{-Q}r'", &same),
            (r#"log-format "%{+Q}o %t"' %s'\ %{-Q}r"#, &same),
            (r"\n\r\t\x41\x6a\x6A", &["\n\r\tAjj"]),
            (r#"\" \' \\ "\"" "\'" "\\""#, &["\"", "'", "\\", "\"", "'", "\\"]),
            (r#"'\' '\n' '"'"#, &["\\", "\\n", "\""]),
            (r#"\q "\q" \$A"#, &["\\q", "\\q", "\\$A"]),
            (r#""" '' x"#, &["", "", "x"]),
            (r#""\$A" '$A' $A"#, &["$A", "$A", "$A"]),
            ("a\rb", &["a"]),
            ("end\\", &["end\\"]),
            ("é", &["é"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).as_deref(), Ok(strings(expected).as_slice()), "{line}");
        }
    }

    #[test]
    fn variables() {
        let cases: &[(&str, &[&str])] = &[
            (r#""$A" "${A}" "p${A}s""#, &["x y  z", "x y  z", "px y  zs"]),
            (r#""$A-$B.""#, &["x y  z-."]),
            (r#""$UNSET" "${B}""#, &["", ""]),
            (r#""$Q" "$D""#, &["a\"b", "a\\nb"]),
            (r#""${A[*]}""#, &["x", "y", "z"]),
            (r#"p"${A[*]}"s"#, &["px", "y", "zs"]),
            (r#""a ${A[*]} b""#, &["a x", "y", "z b"]),
            (r#"p"${C[*]}" "${T[*]}"s"#, &["p", "lead", "tail", "s"]),
            (r#"p "${B[*]}" "${UNSET[*]}" s"#, &["p", "s"]),
            (r#"line"$.LINE" "${.LINE}""#, &["line7", "7"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).as_deref(), Ok(strings(expected).as_slice()), "{line}");
        }
    }

    fn strings(words: &[&str]) -> Vec<Word> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_line_has_sixty_four_words() {
        let line = |count: usize| vec!["w"; count].join(" ");
        assert_eq!(words(&line(64)).map(|words| words.len()), Ok(64));
        assert_eq!(words(&line(65)), Err(mistake(Kind::TooManyWords("w".to_owned()), 126)));
    }

    #[test]
    fn a_word_may_hold_any_byte_but_null() {
        for line in [&b"a \"\xE0-\xff\""[..], b"a \\xE0-\\xff"] {
            let words = split(line, &environment).unwrap();
            assert_eq!(raw::bytes(&words[1]).as_ref(), b"\xE0-\xff");
        }
        assert_eq!(words(r"a\x00"), Err(mistake(Kind::NullCharacter, 1)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_words_or_a_mistake_inside_the_line(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Err(mistake) = split(&line, &environment) {
                prop_assert!(mistake.at <= line.len());
                mistake.explain(&line);
            }
        }

        #[test]
        fn strong_quotes_keep_everything(word in "[^'\r\n]{0,40}") {
            prop_assert_eq!(words(&format!("'{word}'")), Ok(vec![word]));
        }
    }
}
