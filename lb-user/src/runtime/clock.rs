//! The two clocks: monotonic ticks for durations, the date for people.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds of the monotonic clock since the process first asked.
pub type Ticks = u64;

/// A deadline that never comes.
pub const NEVER: Ticks = Ticks::MAX;

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// The monotonic clock. It starts at one second, so that zero can mean "never happened".
pub fn ticks() -> Ticks {
    origin().elapsed().as_micros() as Ticks + 1_000_000
}

/// The moment `ticks` as tokio's timers count it.
pub fn instant(ticks: Ticks) -> tokio::time::Instant {
    let since = Duration::from_micros(ticks.saturating_sub(1_000_000));
    tokio::time::Instant::from_std(origin() + since.min(Duration::from_secs(86_400 * 365)))
}

/// The date: microseconds since the epoch.
pub fn date() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// `timeout` from `now` on; no timeout is [`NEVER`].
pub fn after(now: Ticks, timeout: Option<Duration>) -> Ticks {
    timeout.map_or(NEVER, |timeout| now.saturating_add(timeout.as_micros() as Ticks))
}
