//! In-memory ring buffers: the last log lines, readable by `show events` (manual 3.9).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::plan::log::{self, LogTransportFormat};

/// Bytes that one line costs besides its text.
const OVERHEAD: usize = 8;

/// One ring.
#[derive(Debug)]
pub struct Ring {
    pub name: String,
    pub description: String,
    pub format: LogTransportFormat,
    /// Longest line kept; longer ones are cut.
    pub max_length: usize,
    /// Bytes kept at most.
    size: usize,
    lines: Mutex<Lines>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Number of the next line, counted from the first ever written.
    next: u64,
    dropped: u64,
}

/// The ring that is there without being configured.
pub fn built_in() -> log::Ring {
    log::Ring {
        name: "buf0".to_owned(),
        description: Some("in-memory ring buffer".to_owned()),
        size: 1 << 20,
        max_length: usize::MAX,
        format: LogTransportFormat::Raw,
        servers: Vec::new(),
        timeout_connect: None,
        timeout_server: None,
    }
}

impl Ring {
    /// An empty ring.
    pub fn new(ring: &log::Ring) -> Ring {
        Ring {
            name: ring.name.clone(),
            description: ring.description.clone().unwrap_or_else(|| ring.name.clone()),
            format: ring.format,
            max_length: ring.max_length,
            size: ring.size,
            lines: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Keeps `line`, forgetting the oldest ones for it. Says no to a line larger than the whole ring.
    pub fn push(&self, line: &[u8]) -> bool {
        let cost = line.len() + OVERHEAD;
        if cost > self.size {
            self.lines().dropped += 1;
            return false;
        }
        {
            let mut lines = self.lines();
            while lines.bytes + cost > self.size {
                let Some(oldest) = lines.kept.pop_front() else { break };
                lines.bytes -= oldest.len() + OVERHEAD;
            }
            lines.bytes += cost;
            lines.next += 1;
            lines.kept.push_back(line.into());
        }
        self.arrived.notify_waiters();
        true
    }

    /// Appends the lines numbered `from` and later to `out`, each with a line end. Returns the number of the next one.
    pub fn read(&self, from: u64, out: &mut Vec<u8>) -> u64 {
        let lines = self.lines();
        let oldest = lines.next - lines.kept.len() as u64;
        let skipped = from.saturating_sub(oldest) as usize;
        for line in lines.kept.iter().skip(skipped) {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        lines.next
    }

    /// The number that the next line will have.
    pub fn end(&self) -> u64 {
        self.lines().next
    }

    /// How many lines were too large to be kept.
    pub fn dropped(&self) -> u64 {
        self.lines().dropped
    }

    /// Waits until line `from` is there.
    pub async fn wait(&self, from: u64) {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Registered before looking, so that a line between the look and the wait is not missed.
            arrived.as_mut().enable();
            if self.end() > from {
                return;
            }
            arrived.await;
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(size: usize) -> Ring {
        Ring::new(&log::Ring { size, ..built_in() })
    }

    fn text(ring: &Ring, from: u64) -> (String, u64) {
        let mut out = Vec::new();
        let next = ring.read(from, &mut out);
        (String::from_utf8(out).expect("text"), next)
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let ring = ring(3 * (1 + OVERHEAD));
        for line in ["a", "b", "c", "d"] {
            assert!(ring.push(line.as_bytes()));
        }
        assert_eq!(text(&ring, 0), ("b\nc\nd\n".to_owned(), 4));
        assert_eq!(text(&ring, 3), ("d\n".to_owned(), 4));
        assert_eq!(text(&ring, 4), (String::new(), 4));
        assert_eq!(text(&ring, 9), (String::new(), 4));
    }

    #[test]
    fn a_line_larger_than_the_ring_is_refused() {
        let ring = ring(16);
        assert!(ring.push(b"12345678"));
        assert!(!ring.push(b"123456789"));
        assert_eq!(ring.dropped(), 1);
        assert_eq!(text(&ring, 0).0, "12345678\n");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_waiter_wakes_with_the_next_line() {
        let ring = std::sync::Arc::new(ring(1024));
        ring.push(b"old");
        let waiting = tokio::spawn({
            let ring = ring.clone();
            async move {
                ring.wait(1).await;
                text(&ring, 1).0
            }
        });
        tokio::task::yield_now().await;
        ring.push(b"new");
        assert_eq!(waiting.await.expect("woken"), "new\n");
    }
}
