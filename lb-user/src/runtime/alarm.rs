//! What wakes a worker's tasks at a given time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::task::Waker;

use super::clock::{NEVER, Ticks};

#[derive(Default)]
struct Alarms {
    /// By time, then by number.
    set: BTreeMap<(Ticks, u32), Waker>,
    last: u32,
}

thread_local! {
    static ALARMS: RefCell<Alarms> = RefCell::default();
}

/// Has `waker` woken at `time`. The number returned cancels that.
pub fn set(time: Ticks, waker: Waker) -> u32 {
    ALARMS.with_borrow_mut(|alarms| {
        alarms.last = alarms.last.wrapping_add(1);
        alarms.set.insert((time, alarms.last), waker);
        alarms.last
    })
}

/// Cancels an alarm, if it has not rung.
pub fn cancel(time: Ticks, number: u32) {
    // A thread that is ending has no alarms any more.
    let _ = ALARMS.try_with(|alarms| alarms.borrow_mut().set.remove(&(time, number)));
}

/// When the next one rings.
pub fn next() -> Ticks {
    ALARMS.with_borrow(|alarms| alarms.set.first_key_value().map_or(NEVER, |(key, _)| key.0))
}

/// Rings all that are due.
pub fn ring(now: Ticks) {
    let due = || {
        ALARMS.with_borrow_mut(|alarms| {
            let entry = alarms.set.first_entry()?;
            (entry.key().0 <= now).then(|| entry.remove())
        })
    };
    while let Some(waker) = due() {
        waker.wake();
    }
}
