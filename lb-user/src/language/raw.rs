//! Bytes in words that are no text.
//!
//! Words are `str`, yet `\xE0` or a Latin-1 file may put any byte into one. A byte that belongs to no valid UTF-8 sequence is
//! kept as a character of its own, from the private use area. Whoever takes a word for data (a header's value, a pattern)
//! turns it back with [`bytes`]; whoever takes it for a name need not care.

use std::borrow::Cow;

/// The characters that stand for the bytes 0x80 to 0xFF.
const FIRST: u32 = 0xF780;
const LAST: u32 = FIRST + 0x7F;

/// Text that stands for any bytes.
pub fn text(bytes: Vec<u8>) -> String {
    let clean = |text: &str| !text.chars().any(is_stand_in);
    match String::from_utf8(bytes) {
        Ok(text) if clean(&text) => text,
        Ok(text) => escape(text.as_bytes()),
        Err(error) => escape(error.as_bytes()),
    }
}

fn is_stand_in(letter: char) -> bool {
    (FIRST..=LAST).contains(&u32::from(letter))
}

/// Replaces what is no text, and stand-ins that were there before.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match is_stand_in(letter) {
                false => text.push(letter),
                true => text.extend(letter.encode_utf8(&mut [0; 4]).bytes().filter_map(stand_in)),
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(stand_in));
    }
    text
}

/// The character for a byte from 0x80 on.
fn stand_in(byte: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(byte).checked_sub(0x80)?)
}

/// The bytes that a word stands for.
pub fn bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.chars().any(is_stand_in) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match u32::from(letter) {
            code @ FIRST..=LAST => bytes.push((code - FIRST + 0x80) as u8),
            _ => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stays_as_it_is() {
        assert_eq!(text("é ok".as_bytes().to_vec()), "é ok");
        assert!(matches!(bytes("é ok"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_stand_in_in_the_file_is_kept_apart() {
        let written = "\u{F7E0}".as_bytes();
        let word = text(written.to_vec());
        assert_ne!(word, text(vec![0xE0]));
        assert_eq!(bytes(&word), written);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(written in prop::collection::vec(any::<u8>(), 0..40)) {
            let word = text(written.clone());
            prop_assert_eq!(bytes(&word).into_owned(), written);
        }
    }
}
