//! The words of one configuration line, and a cursor over them.

use super::{Error, Location};

/// One word after quoting, escapes and environment variables were resolved.
pub type Word = String;

/// A cursor over a line's words. `keyword` is what the line opens with, for messages.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    words: &'a [Word],
    next: usize,
    pub location: &'a Location,
}

impl<'a> Words<'a> {
    /// A cursor before the first word.
    pub fn new(words: &'a [Word], location: &'a Location) -> Words<'a> {
        Words {
            words,
            next: 0,
            location,
        }
    }

    /// The next word, without taking it.
    pub fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).map(String::as_str)
    }

    /// Takes the next word if it is `word`.
    pub fn take(&mut self, word: &str) -> bool {
        let hit = self.peek() == Some(word);
        if hit {
            self.next += 1;
        }
        hit
    }

    /// Takes the next word if it is as wanted.
    pub fn next_if(&mut self, wanted: impl FnOnce(&str) -> bool) -> Option<&'a str> {
        let word = self.peek().filter(|word| wanted(word))?;
        self.next += 1;
        Some(word)
    }

    /// Takes the next word, or says that `keyword` expects `what`.
    pub fn need(&mut self, keyword: &str, what: &str) -> Result<&'a str, Error> {
        self.next().ok_or_else(|| Error::expects(keyword, what))
    }

    /// All words from the cursor on, without taking them.
    pub fn rest(&self) -> &'a [Word] {
        self.words.get(self.next..).unwrap_or_default()
    }

    /// Takes all that is left.
    pub fn take_rest(&mut self) -> &'a [Word] {
        let rest = self.rest();
        self.next = self.words.len();
        rest
    }

    /// Steps back over the word taken last.
    pub fn back(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    /// How many words were taken so far.
    pub fn position(&self) -> usize {
        self.next
    }

    /// The words taken so far.
    pub fn taken(&self) -> &'a [Word] {
        self.words.get(..self.next).unwrap_or_default()
    }

    /// Were all words taken?
    pub fn is_empty(&self) -> bool {
        self.next >= self.words.len()
    }

    /// Refuses what is left on the line, in the peer's words.
    pub fn end(&self, keyword: &str) -> Result<(), Error> {
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(Error::new(format!(
                "'{keyword}' cannot handle unexpected argument '{word}'."
            ))),
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }
}
