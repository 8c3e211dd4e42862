//! Which bytes may appear where, and how to skip runs of them quickly.

/// Classes of bytes, as bits.
pub const TOKEN: u8 = 1;
/// What a request target may hold: every visible character, as HAProxy lets pass, although RFC 3986 knows fewer.
pub const URI: u8 = 2;
/// What `HTTP/1.1` is made of.
pub const VERSION: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let octet = byte as u8;
        if octet.is_ascii_alphanumeric() || contains(b"!#$%&'*+-.^_`|~", octet) {
            table[byte] |= TOKEN;
        }
        if octet.is_ascii_graphic() {
            table[byte] |= URI;
        }
        if octet.is_ascii_digit() || contains(b"HTP/.", octet) {
            table[byte] |= VERSION;
        }
        byte += 1;
    }
    table
}

const fn contains(set: &[u8], octet: u8) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == octet {
            return true;
        }
        at += 1;
    }
    false
}

/// Whether `octet` belongs to `class`.
pub fn is(class: u8, octet: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// The first position from `at` on whose byte is not in `class`, or the end.
pub fn skip(class: u8, input: &[u8], at: usize) -> usize {
    let rest = input.get(at..).unwrap_or_default();
    at + rest.iter().position(|&octet| !is(class, octet)).unwrap_or(rest.len())
}

/// The first position from `at` on with a control character other than a tab, or the end. Delete counts as text.
pub fn skip_text(input: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    while let Some(word) = input.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        // A byte below 0x20 borrows into its top bit. Borrows only run upwards, so the lowest bit set is exact.
        let below = word.wrapping_sub(ONES * 0x20) & !word & (ONES * 0x80);
        if below == 0 {
            at += 8;
            continue;
        }
        at += below.trailing_zeros() as usize / 8;
        match input.get(at) {
            Some(b'\t') => at += 1,
            _ => return at,
        }
    }
    let rest = input.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|&octet| octet < b' ' && octet != b'\t')
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_control_characters_wherever_they_stand() {
        for len in 0..40 {
            let mut input: Vec<u8> = (0..len)
                .map(|at| [b'a', b'\t', 0x7f, 0x80, 0xff, b' '][at % 6])
                .collect();
            for start in 0..=len + 1 {
                assert_eq!(skip_text(&input, start), start.max(len));
            }
            for at in 0..len {
                let octet = std::mem::replace(&mut input[at], b"\r\n\0\x1f"[at % 4]);
                for start in 0..=at {
                    assert_eq!(skip_text(&input, start), at, "{} from {start}", input.escape_ascii());
                }
                input[at] = octet;
            }
        }
    }

    #[test]
    fn classes_hold_what_the_grammar_says() {
        let count = |class| (0..=255).filter(|&octet| is(class, octet)).count();
        assert_eq!((count(TOKEN), count(URI), count(VERSION)), (77, 94, 15));
        assert_eq!(skip(TOKEN, b"abc:d", 1), 3);
        assert_eq!(skip(TOKEN, b"abc", 0), 3);
        assert_eq!(skip(TOKEN, b"abc", 9), 9);
    }
}
