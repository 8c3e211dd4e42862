//! Texts that many entries share, kept once and referred to by number.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The servers' names and addresses that a table's entries refer to. There are as many as there ever were servers.
#[derive(Debug, Default)]
pub struct Dictionary(RwLock<Texts>);

#[derive(Debug, Default)]
struct Texts {
    by_number: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u64>,
}

impl Dictionary {
    /// The number of `text`, from one; it is kept from now on.
    pub fn number(&self, text: &str) -> u64 {
        if let Some(number) = self.read(|texts| texts.numbers.get(text).copied()) {
            return number;
        }
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Someone may have been quicker between the two locks.
        if let Some(number) = texts.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = Arc::from(text);
        texts.by_number.push(text.clone());
        let number = texts.by_number.len() as u64;
        texts.numbers.insert(text, number);
        number
    }

    /// The text with that number; 0 is no text.
    pub fn text(&self, number: u64) -> Option<Arc<str>> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.read(|texts| texts.by_number.get(index).cloned())
    }

    fn read<T>(&self, look: impl FnOnce(&Texts) -> Option<T>) -> Option<T> {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let dictionary = Dictionary::default();
        let first = dictionary.number("srv1");
        assert_ne!(first, dictionary.number("srv2"));
        assert_eq!(first, dictionary.number("srv1"));
        assert_eq!(dictionary.text(first).as_deref(), Some("srv1"));
        assert_eq!(dictionary.text(0), None);
        assert_eq!(dictionary.text(3), None);
    }
}
