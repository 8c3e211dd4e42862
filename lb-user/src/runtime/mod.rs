//! Clock, buffers and timers: the only home of `Instant::now`.

pub mod calendar;
