//! `sample <ranges>:<size>`: which lines of a stream a target takes (manual 3.1 `log`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::plan::log::Sample;

/// Counts lines in windows of a fixed size and takes those whose position is in one of the ranges.
#[derive(Debug)]
pub struct Sampler {
    sample: Sample,
    seen: AtomicU64,
}

impl Sampler {
    /// Before the first line.
    pub fn new(sample: Sample) -> Sampler {
        Sampler {
            sample,
            seen: AtomicU64::new(0),
        }
    }

    /// Counts one line and says whether to take it.
    pub fn takes(&self) -> bool {
        let size = u64::from(self.sample.size.max(1));
        let position = self.seen.fetch_add(1, Relaxed) % size + 1;
        self.sample
            .ranges
            .iter()
            .any(|(low, high)| (u64::from(*low)..=u64::from(*high)).contains(&position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_taken_in_each_window() {
        for (ranges, size, expected) in [
            (vec![(1, 1)], 3, "x..x..x.."),
            (vec![(2, 3)], 3, ".xx.xx.xx"),
            (vec![(1, 2), (5, 5)], 5, "xx..xxx.."),
            (vec![], 3, "........."),
            (vec![(1, 1)], 0, "xxxxxxxxx"),
        ] {
            let sampler = Sampler::new(Sample { ranges, size });
            let taken: String = (0..9).map(|_| if sampler.takes() { 'x' } else { '.' }).collect();
            assert_eq!(taken, expected);
        }
    }
}
