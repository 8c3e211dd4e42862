//! Times and sizes as the language writes them (manual 2.5 and the size suffixes).

use std::time::Duration;

use super::Error;

/// Reads `10`, `10us`, `10ms`, `10s`, `10m`, `10h` or `10d`; a bare number counts in `unit`.
pub fn time(word: &str, unit: Duration) -> Result<Duration, Error> {
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, suffix) = word.split_at(digits);
    let bad = || Error::new(format!("unexpected character in time value '{word}'"));
    if number.is_empty() {
        return Err(bad());
    }
    let number: u64 = number.parse().map_err(|_| overflow(word))?;
    let micros = match suffix {
        "" => unit.as_micros() as u64,
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return Err(bad()),
    };
    number
        .checked_mul(micros)
        .map(Duration::from_micros)
        .ok_or_else(|| overflow(word))
}

fn overflow(word: &str) -> Error {
    Error::new(format!(
        "timer overflow in '{word}' (maximum value is 2147483647 ms or ~24.8 days)"
    ))
}

/// Reads a size in bytes with an optional `k`, `m` or `g` suffix (powers of 1024).
pub fn size(word: &str) -> Result<u64, Error> {
    let bad = || Error::new(format!("invalid size '{word}'"));
    let (number, shift) = match word.as_bytes().last() {
        Some(b'k' | b'K') => (&word[..word.len() - 1], 10),
        Some(b'm' | b'M') => (&word[..word.len() - 1], 20),
        Some(b'g' | b'G') => (&word[..word.len() - 1], 30),
        _ => (word, 0),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number
        .checked_shl(shift)
        .filter(|n| n >> shift == number)
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let ms = Duration::from_millis(1);
        for (word, micros) in [
            ("5", 5_000),
            ("5us", 5),
            ("2ms", 2_000),
            ("3s", 3_000_000),
            ("1d", 86_400_000_000),
        ] {
            assert_eq!(time(word, ms), Ok(Duration::from_micros(micros)), "{word}");
        }
        for word in ["", "s", "5x", "-1", "99999999999999999999", "999999999999d"] {
            assert!(time(word, ms).is_err(), "{word}");
        }
    }

    #[test]
    fn sizes() {
        for (word, bytes) in [("1", 1), ("100k", 102_400), ("2m", 2 << 20), ("1G", 1 << 30)] {
            assert_eq!(size(word), Ok(bytes), "{word}");
        }
        for word in ["", "k", "1x", "-1", "99999999999g"] {
            assert!(size(word).is_err(), "{word}");
        }
    }
}
