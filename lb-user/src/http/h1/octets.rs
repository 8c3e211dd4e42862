//! Which bytes may appear where, and how to skip runs of them quickly.

/// What a method or a field name may hold (RFC 9110 section 5.6.2).
const TOKEN: u8 = 1;
/// What `HTTP/1.1` is made of.
const VERSION: u8 = 2;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let octet = byte as u8;
        if octet.is_ascii_alphanumeric() || contains(b"!#$%&'*+-.^_`|~", octet) {
            table[byte] |= TOKEN;
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
fn is(class: u8, octet: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// The first position from `at` on whose byte no token may hold, or the end.
pub fn skip_token(input: &[u8], at: usize) -> usize {
    skip(input, at, not_letters, |octet| is(TOKEN, octet))
}

/// The first position from `at` on whose byte no request target may hold, or the end.
pub fn skip_target(input: &[u8], at: usize) -> usize {
    skip(input, at, not_visible, |octet| octet.is_ascii_graphic())
}

/// The first position from `at` on whose byte no version may hold, or the end.
pub fn skip_version(input: &[u8], at: usize) -> usize {
    skip(input, at, |_| HIGH, |octet| is(VERSION, octet))
}

/// The first position from `at` on with a control character other than a tab, or the end. Delete counts as text.
pub fn skip_text(input: &[u8], at: usize) -> usize {
    skip(
        input,
        at,
        |word| below(word, b' '),
        |octet| octet >= b' ' || octet == b'\t',
    )
}

/// The first position from `at` on whose byte does not `belong`, or the end. Eight bytes at a time, the first one
/// lowest, `suspects` marks by their top bits those that may not belong; up to the first that does not it must not miss
/// any, and one that belongs after all is stepped over.
#[inline(always)]
fn skip(input: &[u8], mut at: usize, suspects: impl Fn(u64) -> u64, belongs: impl Fn(u8) -> bool) -> usize {
    while let Some(word) = input.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let suspects = suspects(u64::from_le_bytes(*word));
        if suspects == 0 {
            at += 8;
            continue;
        }
        at += suspects.trailing_zeros() as usize / 8;
        match input.get(at) {
            Some(&octet) if belongs(octet) => at += 1,
            _ => return at,
        }
    }
    let rest = input.get(at..).unwrap_or_default();
    at + rest.iter().position(|&octet| !belongs(octet)).unwrap_or(rest.len())
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES * 0x80;

/// The bytes below `limit`, by their top bits. Borrows make bytes above a true one suspect too.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGH
}

/// The bytes that are not visible ASCII.
const fn not_visible(word: u64) -> u64 {
    below(word, b'!') | (word | word.wrapping_add(ONES)) & HIGH
}

/// The bytes that are neither letters nor hyphens.
const fn not_letters(word: u64) -> u64 {
    let ascii = word & !HIGH;
    let lower = ascii | (ONES * 0x20);
    // In seven bits there is room to count into the top one, from 'a' on and from after 'z' on.
    let letters = (lower + ONES * (0x80 - b'a' as u64)) & !(lower + ONES * (0x7f - b'z' as u64));
    let others_than_hyphen = (ascii ^ (ONES * b'-' as u64)) + ONES * 0x7f;
    (word | !letters & others_than_hyphen) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_their_bytes_say() {
        let belongs: [(fn(&[u8], usize) -> usize, fn(u8) -> bool, usize); 4] = [
            (skip_token, |octet| is(TOKEN, octet), 77),
            (skip_version, |octet| is(VERSION, octet), 15),
            (skip_target, |octet| (b'!'..=b'~').contains(&octet), 94),
            (skip_text, |octet| octet >= b' ' || octet == b'\t', 225),
        ];
        for (skip, belongs, count) in belongs {
            let members: Vec<u8> = (0..=255).filter(|&octet| belongs(octet)).collect();
            assert_eq!(members.len(), count);
            for len in 0..30 {
                let mut input: Vec<u8> = members.iter().cycle().skip(len * 7).take(len).copied().collect();
                assert_eq!(skip(&input, 0), len);
                assert_eq!(skip(&input, len + 1), len + 1);
                for at in 0..len {
                    let kept = input[at];
                    for octet in 0..=255 {
                        input[at] = octet;
                        let end = if belongs(octet) { len } else { at };
                        assert_eq!(skip(&input, 0), end, "{}", input.escape_ascii());
                    }
                    input[at] = kept;
                }
            }
        }
    }
}
