//! Counters that every worker writes and anyone reads.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// How many shards a counter has. Workers beyond that share.
const SHARDS: usize = 16;

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(0) };
    static WORKER: Cell<usize> = const { Cell::new(0) };
}

/// Tells this thread which shard it writes; a worker calls it once with its number.
pub fn set_shard(worker: usize) {
    SHARD.set(worker % SHARDS);
    WORKER.set(worker);
}

/// The number of the worker that this thread is.
pub fn worker() -> usize {
    WORKER.get()
}

#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 1]);

/// A sum of events. Each worker adds to a cache line of its own; reading adds the lines up.
pub struct Counter {
    lines: Box<[Line]>,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter {
            lines: (0..SHARDS).map(|_| Line::default()).collect(),
        }
    }
}

impl Counter {
    /// Counts `n` events.
    pub fn add(&self, n: u64) {
        if let Some(line) = self.lines.get(SHARD.get()) {
            line.0[0].fetch_add(n, Relaxed);
        }
    }

    /// Counts one event.
    pub fn increment(&self) {
        self.add(1);
    }

    /// The sum, or the present value.
    pub fn get(&self) -> u64 {
        self.lines
            .iter()
            .map(|line| line.0[0].load(Relaxed))
            .fold(0, u64::wrapping_add)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for line in &self.lines {
            line.0[0].store(0, Relaxed);
        }
    }
}

/// Something that goes up and down and whose highest value is kept: current sessions, queue length.
#[derive(Default)]
pub struct Gauge {
    now: AtomicI64,
    max: AtomicI64,
}

impl Gauge {
    /// Adds one and returns the new value.
    pub fn up(&self) -> u64 {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        if now > self.max.load(Relaxed) {
            self.max.fetch_max(now, Relaxed);
        }
        now as u64
    }

    /// Takes one away.
    pub fn down(&self) {
        self.now.fetch_sub(1, Relaxed);
    }

    /// Adds one unless that would pass `limit` (0: no limit).
    pub fn up_within(&self, limit: u64) -> bool {
        if limit == 0 {
            self.up();
            return true;
        }
        let taken = self
            .now
            .fetch_update(Relaxed, Relaxed, |now| (now < limit as i64).then_some(now + 1));
        if let Ok(before) = taken {
            self.max.fetch_max(before + 1, Relaxed);
        }
        taken.is_ok()
    }

    /// The sum, or the present value.
    pub fn get(&self) -> u64 {
        self.now.load(Relaxed).max(0) as u64
    }

    /// The highest value seen.
    pub fn max(&self) -> u64 {
        self.max.load(Relaxed).max(0) as u64
    }

    /// Forgets the highest value seen.
    pub fn clear_max(&self) {
        self.max.store(self.now.load(Relaxed), Relaxed);
    }

    /// Raises the highest value kept, for maxima measured elsewhere.
    pub fn observe(&self, value: u64) {
        self.max.fetch_max(value as i64, Relaxed);
    }
}

/// Events per second as HAProxy counts them: the current second plus the previous one weighted by what is left of it.
#[derive(Default)]
pub struct Rate {
    second: AtomicU64,
    current: AtomicU64,
    previous: AtomicU64,
    max: AtomicU64,
}

impl Rate {
    /// Counts `n` events at `now_ms`, milliseconds of any monotonic clock.
    pub fn add(&self, n: u64, now_ms: u64) {
        let second = now_ms / 1000;
        let seen = self.second.load(Relaxed);
        if seen != second && self.second.compare_exchange(seen, second, Relaxed, Relaxed).is_ok() {
            let ended = self.current.swap(0, Relaxed);
            self.previous.store(if second == seen + 1 { ended } else { 0 }, Relaxed);
            self.max.fetch_max(ended, Relaxed);
        }
        self.current.fetch_add(n, Relaxed);
    }

    /// The rate at `now_ms`.
    pub fn get(&self, now_ms: u64) -> u64 {
        let second = now_ms / 1000;
        let left = 1000 - now_ms % 1000;
        let (current, previous) = match second.saturating_sub(self.second.load(Relaxed)) {
            0 => (self.current.load(Relaxed), self.previous.load(Relaxed)),
            1 => (0, self.current.load(Relaxed)),
            _ => (0, 0),
        };
        current + (previous * left).div_ceil(1000)
    }

    /// The highest value seen.
    pub fn max(&self) -> u64 {
        self.max.load(Relaxed).max(self.current.load(Relaxed))
    }

    /// Forgets the highest value seen.
    pub fn clear_max(&self) {
        self.max.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_fades_with_the_second() {
        let rate = Rate::default();
        rate.add(10, 5_000);
        assert_eq!(rate.get(5_000), 10);
        assert_eq!(rate.get(6_500), 5);
        assert_eq!(rate.get(7_000), 0);
        rate.add(4, 6_000);
        assert_eq!(rate.get(6_000), 14);
    }

    #[test]
    fn a_gauge_keeps_its_limit_and_its_maximum() {
        let gauge = Gauge::default();
        assert!(gauge.up_within(2) && gauge.up_within(2) && !gauge.up_within(2));
        gauge.down();
        assert_eq!((gauge.get(), gauge.max()), (1, 2));
    }
}
