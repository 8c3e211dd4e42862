//! The two clocks: monotonic ticks for durations, the date for people.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Microseconds of the monotonic clock (`CLOCK_MONOTONIC`), which the kernel's programs and the processes before and after
/// this one read, too.
pub type Ticks = u64;

/// A deadline that never comes.
pub const NEVER: Ticks = Ticks::MAX;

/// The same moment by both ways of telling it.
fn origin() -> (Instant, Ticks) {
    static ORIGIN: OnceLock<(Instant, Ticks)> = OnceLock::new();
    *ORIGIN.get_or_init(|| (Instant::now(), read()))
}

/// How long the distance between the two clocks is trusted.
const RESYNC: Ticks = 500_000;

thread_local! {
    /// This thread's reading of the monotonic clock; zero where the thread does not keep one.
    static NOW: Cell<Ticks> = const { Cell::new(0) };
    /// The date less the ticks, and when that was found out.
    static DISTANCE: Cell<(u64, Ticks)> = const { Cell::new((0, 0)) };
}

fn read() -> Ticks {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as Ticks * 1_000_000 + time.tv_nsec as Ticks / 1_000
}

/// Reads the clock for this thread, which then sees that moment until it reads again or releases the clock. A worker
/// does so once in each turn: one reading serves all tasks that the turn wakes.
pub fn refresh() {
    NOW.set(read());
}

/// From now on this thread reads the clock whenever it asks.
pub fn release() {
    NOW.set(0);
}

/// The monotonic clock. It began when the host did, so zero can mean "never happened".
pub fn ticks() -> Ticks {
    match NOW.get() {
        0 => read(),
        now => now,
    }
}

/// The moment `ticks` as tokio's timers count it.
pub fn instant(ticks: Ticks) -> tokio::time::Instant {
    let (instant, origin) = origin();
    let since = Duration::from_micros(ticks.saturating_sub(origin));
    tokio::time::Instant::from_std(instant + since.min(Duration::from_secs(86_400 * 365)))
}

/// Nanoseconds of the kernel's own monotonic clock, which its programs read.
pub fn kernel() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The date: microseconds since the epoch.
pub fn date() -> u64 {
    let now = ticks();
    let (distance, found) = DISTANCE.get();
    if found > 0 && now < found + RESYNC {
        return now + distance;
    }
    let date = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64);
    DISTANCE.set((date.saturating_sub(now), now));
    date
}

/// `timeout` from `now` on; no timeout is [`NEVER`].
pub fn after(now: Ticks, timeout: Option<Duration>) -> Ticks {
    timeout.map_or(NEVER, |timeout| now.saturating_add(timeout.as_micros() as Ticks))
}
