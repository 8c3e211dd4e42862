//! Numbers and times as most keywords take them.

use std::time::Duration;

use crate::language::{Error, Words, units};

/// The longest timer, in milliseconds.
const MAX_TIMER_MS: u128 = i32::MAX as u128;

/// The next word as a number, or `'keyword' expects an integer argument.`
pub fn integer<T: std::str::FromStr>(keyword: &str, words: &mut Words<'_>) -> Result<T, Error> {
    let word = words.need(keyword, "an integer argument")?;
    word.parse().map_err(|_| Error::expects(keyword, "an integer argument"))
}

/// The same, and nothing after it.
pub fn only_integer<T: std::str::FromStr>(keyword: &str, words: &mut Words<'_>) -> Result<T, Error> {
    let number = integer(keyword, words)?;
    words.end(keyword)?;
    Ok(number)
}

/// The next word as a timer; a bare number counts milliseconds.
pub fn timer(keyword: &str, words: &mut Words<'_>) -> Result<Duration, Error> {
    timer_in(keyword, words, Duration::from_millis(1))
}

/// The same with another unit for bare numbers.
pub fn timer_in(keyword: &str, words: &mut Words<'_>, unit: Duration) -> Result<Duration, Error> {
    let word = words
        .next()
        .filter(|word| !word.is_empty())
        .ok_or_else(|| Error::new(format!("'{keyword}' expects an integer value (in milliseconds)")))?;
    duration(word, unit).map_err(|mistake| {
        Error::new(match mistake {
            BadTime::Character(bad) => format!("unexpected character '{bad}' in '{keyword}'"),
            BadTime::Overflow => format!(
                "timer overflow in argument '{word}' to '{keyword}' (maximum value is 2147483647 ms or ~24.8 days)"
            ),
            BadTime::Underflow => {
                format!("timer underflow in argument '{word}' to '{keyword}' (minimum value is 1 ms)")
            }
        })
    })
}

/// Why a word is no timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTime {
    Character(char),
    Overflow,
    /// Less than a millisecond, and not zero.
    Underflow,
}

/// The mistake in the peer's other wording: `unexpected character 'x' in argument to <keyword>.`
pub fn in_argument(mistake: BadTime, word: &str, keyword: &str) -> Error {
    Error::new(match mistake {
        BadTime::Character(bad) => format!("unexpected character '{bad}' in argument to <{keyword}>."),
        BadTime::Overflow => {
            format!("timer overflow in argument <{word}> to <{keyword}>, maximum value is 2147483647 ms (~24.8 days).")
        }
        BadTime::Underflow => {
            format!("timer underflow in argument <{word}> to <{keyword}>, minimum non-null value is 1 ms.")
        }
    })
}

/// A timer of whole milliseconds.
pub fn duration(word: &str, unit: Duration) -> Result<Duration, BadTime> {
    let time = units::time(word, unit).map_err(|_| {
        let suffix = word.trim_start_matches(|c: char| c.is_ascii_digit());
        match suffix {
            "us" | "ms" | "s" | "m" | "h" | "d" if suffix.len() < word.len() => BadTime::Overflow,
            "" => BadTime::Overflow,
            _ => BadTime::Character(suffix.chars().next().unwrap_or_default()),
        }
    })?;
    match time.as_millis() {
        0 if !time.is_zero() => Err(BadTime::Underflow),
        ..=MAX_TIMER_MS => Ok(time),
        _ => Err(BadTime::Overflow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers() {
        let ms = Duration::from_millis(1);
        for (word, expected) in [
            ("5", Ok(5)),
            ("0", Ok(0)),
            ("3s", Ok(3_000)),
            ("24d", Ok(2_073_600_000)),
            ("25d", Err(BadTime::Overflow)),
            ("99999999999999999999", Err(BadTime::Overflow)),
            ("10us", Err(BadTime::Underflow)),
            ("3x", Err(BadTime::Character('x'))),
            ("-3", Err(BadTime::Character('-'))),
            ("s", Err(BadTime::Character('s'))),
        ] {
            assert_eq!(duration(word, ms), expected.map(Duration::from_millis), "{word}");
        }
    }
}
