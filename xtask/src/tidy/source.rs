//! A Rust file as the rules see it: a flat list of tokens, tests left out.
use std::iter;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What marks an item as test code.
const TEST_ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

/// A parsed file.
pub struct Source {
    /// The path below the project's folder.
    pub name: String,
    /// The lines as they are written, comments included.
    pub lines: Vec<String>,
    /// What is not test code, in order. Comments are no tokens; doc comments are `#[doc = …]`.
    pub tokens: Vec<Token>,
    /// How many lines are not test code.
    pub length: usize,
}

/// A word, a number, a literal, one character of punctuation or one delimiter.
#[derive(Debug)]
pub struct Token {
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

impl Source {
    /// Reads a file's text. `#[cfg(test)]` items, and whole files of tests, have no tokens and no length.
    pub fn parse(name: String, text: &str) -> Result<Self> {
        let stream: TokenStream = text.parse().map_err(|error| anyhow!("{name}: {error}"))?;
        let mut all = Vec::new();
        flatten(stream, &mut all);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut source = Self {
            length: lines.len(),
            name,
            lines,
            tokens: Vec::new(),
        };
        if source.is_test() {
            source.length = 0;
        } else {
            source.keep_what_is_no_test(all);
        }
        Ok(source)
    }

    /// Whether the whole file is test code: it is named so or lies in a folder of tests.
    fn is_test(&self) -> bool {
        let in_lab = self.name.starts_with("tests/lab/");
        let parts = || self.name.split('/');
        !in_lab && (parts().any(|part| part == "tests") || parts().next_back() == Some("tests.rs"))
    }

    /// Whether the tokens from `index` on read as these.
    pub fn reads(&self, index: usize, texts: &[&str]) -> bool {
        let tokens = self.tokens.iter().skip(index).map(|token| token.text.as_str());
        tokens
            .chain(iter::repeat(""))
            .zip(texts)
            .all(|(token, text)| token == *text)
    }

    /// Every place where the tokens read as these.
    pub fn places<'a>(&'a self, texts: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        (0..self.tokens.len()).filter(move |&index| self.reads(index, texts))
    }

    /// The line of a token.
    pub fn line(&self, index: usize) -> usize {
        self.tokens.get(index).map_or(1, |token| token.line)
    }

    fn keep_what_is_no_test(&mut self, all: Vec<Token>) {
        let mut rest = all.into_iter().peekable();
        while let Some(token) = rest.next() {
            self.tokens.push(token);
            if self.ends_with_test_attribute() {
                self.tokens.truncate(self.tokens.len() - TEST_ATTRIBUTE.len());
                self.length -= skip_item(&mut rest);
            }
        }
    }

    fn ends_with_test_attribute(&self) -> bool {
        let start = self.tokens.len().checked_sub(TEST_ATTRIBUTE.len());
        start.is_some_and(|start| self.reads(start, &TEST_ATTRIBUTE))
    }
}

/// Passes over the rest of an item, up to its `;` or closing brace, and answers with how many lines it takes.
fn skip_item(tokens: &mut impl Iterator<Item = Token>) -> usize {
    let (mut depth, mut first, mut last) = (0usize, None, 0);
    for token in tokens {
        last = token.line;
        first.get_or_insert(last);
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" if depth == 1 => break,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => break,
            _ => {}
        }
    }
    first.map_or(0, |first| last - first + 2)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let span = tree.span();
        let mut push = |text: String, line| tokens.push(Token { text, line });
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open.to_owned(), group.span_open().start().line);
                flatten(group.stream(), tokens);
                tokens.push(Token {
                    text: close.to_owned(),
                    line: group.span_close().start().line,
                });
            }
            other => push(other.to_string(), span.start().line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_have_no_tokens_and_no_length() -> Result<()> {
        let text = "use a::b;\n#[cfg(test)]\nmod tests {\n    use c;\n}\nfn d() {}\n";
        let source = Source::parse("lb-user/src/x.rs".into(), text)?;
        let words: String = source.tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!((words.as_str(), source.length), ("usea::b;fnd(){}", 2));
        assert_eq!(Source::parse("lb-user/src/x/tests.rs".into(), text)?.length, 0);
        assert_ne!(Source::parse("tests/lab/src/x.rs".into(), text)?.length, 0);
        Ok(())
    }

    #[test]
    fn places_know_their_line() -> Result<()> {
        let source = Source::parse("x.rs".into(), "// todo!()\nfn a() {\n    b::c();\n}\n")?;
        let found: Vec<usize> = source
            .places(&["b", ":", ":", "c"])
            .map(|index| source.line(index))
            .collect();
        assert_eq!(found, [3]);
        assert_eq!(source.places(&["todo"]).count(), 0);
        Ok(())
    }
}
