//! Those who wait for a server's slot: by class, and in a class first come first served, give or take their offsets.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::oneshot;

use super::Slot;
use crate::runtime::clock;
use crate::state::Gauge;

/// A queue. It is locked only while someone waits: whoever finds it empty looks at the length alone.
#[derive(Default)]
pub struct Queue {
    length: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_rank: BTreeMap<Rank, oneshot::Sender<Slot>>,
    /// How many ever joined, which tells those of one moment apart.
    joined: u64,
}

/// A place in a queue. Lower ones are served before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: i32,
    /// Milliseconds of the monotonic clock at which the wait counts from.
    since: i64,
    number: u64,
}

/// How urgent a request is (`set-priority-class`, `set-priority-offset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// Those of a lower class are served before.
    pub class: i32,
    /// Milliseconds by which the request counts as come later.
    pub offset: i32,
}

/// One who waits. Dropping it leaves the queue.
pub struct Waiter {
    /// The slot, or an error when the one who waits has to choose again.
    pub grant: oneshot::Receiver<Slot>,
    /// How many were ahead on joining.
    pub ahead: u64,
    /// Is it one server's queue, rather than the backend's?
    pub of_server: bool,
    gauge: &'static Gauge,
}

impl Queue {
    /// Does nobody wait?
    pub fn is_empty(&self) -> bool {
        self.length.load(Relaxed) == 0
    }

    /// Joins at the place that the priority gives. `gauge` counts those who wait.
    pub fn join(&self, gauge: &'static Gauge, of_server: bool, priority: Priority) -> Waiter {
        let (sender, grant) = oneshot::channel();
        let ahead = gauge.up() - 1;
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.joined += 1;
            let rank = Rank {
                class: priority.class,
                since: (clock::ticks() / 1_000) as i64 + i64::from(priority.offset),
                number: waiting.joined,
            };
            waiting.by_rank.insert(rank, sender);
            self.length.store(waiting.by_rank.len(), Relaxed);
        }
        Waiter {
            grant,
            ahead,
            of_server,
            gauge,
        }
    }

    /// Sends everyone away, to choose again, and returns how many they were.
    pub fn dismiss(&self) -> u64 {
        let Ok(mut waiting) = self.waiting.lock() else { return 0 };
        self.length.store(0, Relaxed);
        let dismissed = std::mem::take(&mut waiting.by_rank);
        dismissed.values().filter(|sender| !sender.is_closed()).count() as u64
    }

    /// Gives `slot` to the first who still waits. `false`: nobody does, and the slot was given back.
    pub fn grant(&self, slot: Slot) -> bool {
        let mut slot = slot;
        loop {
            let next = self.waiting.lock().ok().and_then(|mut waiting| {
                let next = waiting.by_rank.pop_first();
                self.length.store(waiting.by_rank.len(), Relaxed);
                next.map(|(_, sender)| sender)
            });
            let Some(next) = next else { return false };
            match next.send(slot) {
                Ok(()) => return true,
                Err(refused) => slot = refused,
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.gauge.down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_classes_come_first_and_offsets_delay() {
        let rank = |class, since, number| Rank { class, since, number };
        let mut ranks = [
            rank(0, 10, 1),
            rank(0, 5, 4),
            rank(-1, 99, 3),
            rank(0, 10, 2),
            rank(7, 0, 5),
        ];
        ranks.sort();
        let order: Vec<u64> = ranks.iter().map(|rank| rank.number).collect();
        assert_eq!(order, [3, 4, 1, 2, 5]);
    }
}
