//! Changing an Internet checksum by what changed below it (RFC 1624).

/// What replaced words take from the sum that a checksum is made of, and what they add to it.
///
/// Words are taken as they lie in memory: the sum does not depend on the order of bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change(u64);

impl Change {
    /// Nothing changed.
    pub const NONE: Self = Self(0);

    /// One aligned word was replaced by another.
    #[inline(always)]
    #[must_use]
    pub const fn replace(self, old: u32, new: u32) -> Self {
        Self(self.0 + !old as u64 + new as u64)
    }

    /// One aligned half of a word was replaced by another.
    #[inline(always)]
    #[must_use]
    pub const fn replace_half(self, old: u16, new: u16) -> Self {
        Self(self.0 + !old as u64 + new as u64)
    }

    /// Both changes.
    #[inline(always)]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.folded() as u64 + other.folded() as u64)
    }

    /// As a sum of 32 bits.
    #[inline(always)]
    pub const fn folded(self) -> u32 {
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        ((sum & 0xffff_ffff) + (sum >> 32)) as u32
    }

    /// The checksum after the change.
    #[inline(always)]
    pub const fn apply(self, checksum: u16) -> u16 {
        let sum = self.folded() as u64 + !checksum as u64;
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        !((sum & 0xffff) + (sum >> 16)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::Change;

    /// The checksum of words, from the beginning (RFC 1071).
    fn checksum(words: &[u32]) -> u16 {
        let mut sum: u64 = words
            .iter()
            .map(|word| u64::from(word & 0xffff) + u64::from(word >> 16))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn a_changed_checksum_is_the_one_of_the_changed_words() {
        // Not all zero: for those there are two checksums.
        let mut words = [0x4500_0028, 0, 0xffff_ffff, 0x1234_5678, 1];
        let mut sum = checksum(&words);
        for round in 0..10_000_u32 {
            let at = 1 + (round % 4) as usize;
            let new = round.wrapping_mul(0x9e37_79b1).rotate_left(round % 32);
            let change = match round % 3 {
                0 => Change::NONE.replace_half((words[at] & 0xffff) as u16, (new & 0xffff) as u16),
                1 => Change::NONE.replace(words[at], new),
                _ => Change::NONE.and(Change::NONE.replace(words[at], new)),
            };
            words[at] = if round % 3 == 0 {
                words[at] & !0xffff | new & 0xffff
            } else {
                new
            };
            sum = change.apply(sum);
            assert_eq!(sum, checksum(&words), "{round}");
        }
    }
}
