//! A wire between two namespaces that loses, repeats, delays and reorders what it carries, by seed.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Netns, Random, Tap};

/// How bad a wire is. It spares handshakes, which have long timers of their own, and what is not TCP.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub seed: u64,
    /// Of a thousand segments, how many are lost, repeated, and delayed.
    pub lost: u64,
    pub repeated: u64,
    pub delayed: u64,
    /// The longest delay in microseconds. What comes after a delayed segment overtakes it.
    pub delay: u64,
}

/// A wire. It is cut when this is dropped.
pub struct Wire {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// One end: where, its interface's name, its addresses (`10.0.0.1/24`, `fd00::1/64`).
pub type WireEnd<'a> = (&'a Netns, &'a str, &'a [&'a str]);

impl Wire {
    /// Joins two namespaces.
    pub fn new(left: WireEnd<'_>, right: WireEnd<'_>, faults: Faults) -> Result<Self> {
        let taps = [end(left)?, end(right)?];
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || carry(taps, faults, &stopped));
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A wire that broke is cut.
            let _ = thread.join();
        }
    }
}

fn end((namespace, name, addresses): WireEnd<'_>) -> Result<Tap> {
    let tap = namespace.run(|| Tap::new(name))?;
    for address in addresses {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        namespace.ip(&format!("addr add {address} dev {name}{nodad}"))?;
    }
    namespace.ip(&format!("link set {name} txqueuelen 10000 up"))?;
    Ok(tap)
}

/// A frame that is to be delivered later: when, in which order among equals, to which end.
type Late = Reverse<(Instant, u64, usize, Vec<u8>)>;

fn carry(mut taps: [Tap; 2], faults: Faults, stop: &AtomicBool) {
    let mut random = Random::new(faults.seed);
    let mut late: BinaryHeap<Late> = BinaryHeap::new();
    let mut number = 0;
    while !stop.load(Relaxed) {
        let now = Instant::now();
        while late.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            if let Some(Reverse((_, _, to, frame))) = late.pop() {
                // A full interface is one more way to lose a frame.
                let _ = taps[to].send(&frame);
            }
        }
        let wait = late.peek().map_or(Duration::from_millis(20), |Reverse((due, ..))| {
            due.saturating_duration_since(now).min(Duration::from_millis(20))
        });
        let mut ends = taps.each_ref().map(|tap| PollFd::new(tap, PollFlags::IN));
        let timeout = Timespec::try_from(wait).ok();
        let _ = poll(&mut ends, timeout.as_ref());
        for from in [0, 1] {
            for _ in 0..64 {
                let Ok(Some(frame)) = taps[from].receive() else { break };
                number += 1;
                for delay in fate(&frame, &faults, &mut random).into_iter().flatten() {
                    match delay {
                        0 => drop(taps[1 - from].send(&frame)),
                        delay => {
                            let due = Instant::now() + Duration::from_micros(delay);
                            late.push(Reverse((due, number, 1 - from, frame.clone())));
                        }
                    }
                }
            }
        }
    }
}

/// The delays in microseconds after which a frame is delivered, once or twice or not at all.
fn fate(frame: &[u8], faults: &Faults, random: &mut Random) -> [Option<u64>; 2] {
    if is_spared(frame) {
        return [Some(0), None];
    }
    if random.below(1000) < faults.lost {
        return [None, None];
    }
    let mut delay = || match random.below(1000) < faults.delayed {
        true => random.below(faults.delay),
        false => 0,
    };
    let (first, second) = (delay(), delay());
    let repeated = random.below(1000) < faults.repeated;
    [Some(first), repeated.then_some(second)]
}

/// Is this anything but TCP after its handshake?
fn is_spared(frame: &[u8]) -> bool {
    const TCP: u8 = 6;
    const SYN: u8 = 2;
    let flags = match (frame.get(12..14), frame.get(23), frame.get(20)) {
        (Some([8, 0]), Some(&TCP), _) => frame.get(14 + 20 + 13),
        (Some([0x86, 0xdd]), _, Some(&TCP)) => frame.get(14 + 40 + 13),
        _ => None,
    };
    flags.is_none_or(|flags| flags & SYN != 0)
}
