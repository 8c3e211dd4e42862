//! Those who wait for a server's slot, first come first served.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::oneshot;

use super::Slot;
use crate::state::Gauge;

/// A queue. It is locked only while someone waits: whoever finds it empty looks at the length alone.
#[derive(Default)]
pub struct Queue {
    length: AtomicUsize,
    waiting: Mutex<VecDeque<oneshot::Sender<Slot>>>,
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

    /// Joins at the end. `gauge` counts those who wait.
    pub fn join(&self, gauge: &'static Gauge, of_server: bool) -> Waiter {
        let (sender, grant) = oneshot::channel();
        let ahead = gauge.up() - 1;
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.push_back(sender);
            self.length.store(waiting.len(), Relaxed);
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
        waiting.drain(..).filter(|sender| !sender.is_closed()).count() as u64
    }

    /// Gives `slot` to the first who still waits. `false`: nobody does, and the slot was given back.
    pub fn grant(&self, slot: Slot) -> bool {
        let mut slot = slot;
        loop {
            let next = self.waiting.lock().ok().and_then(|mut waiting| {
                let next = waiting.pop_front();
                self.length.store(waiting.len(), Relaxed);
                next
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
