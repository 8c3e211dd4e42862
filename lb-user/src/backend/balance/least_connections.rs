//! `leastconn`: the server with the least load for its weight; of equals the one that waited longest for a session.

use super::{Avoiding, Live, Member};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Loads are compared in units of 1/4096 session per unit of weight.
const LOAD_UNIT: u64 = 4096;

/// When each member was chosen last, as the number of that choice.
pub struct Turns {
    last: Box<[AtomicU64]>,
    choices: AtomicU64,
}

impl Turns {
    /// Before any choice.
    pub fn new(members: &[Member]) -> Turns {
        Turns {
            last: members.iter().map(|_| AtomicU64::new(0)).collect(),
            choices: AtomicU64::new(0),
        }
    }

    /// The free member with the least pressure.
    pub fn pick<L: Live>(&self, members: &[Member], live: &Avoiding<L>) -> Option<u32> {
        let (member, last) = members
            .iter()
            .zip(&self.last)
            .filter(|(member, _)| live.is_free(member.server))
            .min_by_key(|(member, last)| (pressure(member, live), last.load(Relaxed)))?;
        last.store(self.choices.fetch_add(1, Relaxed) + 1, Relaxed);
        Some(member.server)
    }
}

/// Load after one more session, for the weight. All idle servers are alike, whatever they weigh.
fn pressure<L: Live>(member: &Member, live: &Avoiding<L>) -> u64 {
    match live.load(member.server) {
        0 => 0,
        load => (u64::from(load) + 1) * LOAD_UNIT / u64::from(member.weight),
    }
}
