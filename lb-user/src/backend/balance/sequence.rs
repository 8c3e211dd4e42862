//! Turns in a fixed order that all workers share.

use super::{Avoiding, Live, Member};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Turns as an algorithm computed them: a lead-in, then a cycle that repeats.
pub struct Order {
    pub slots: Vec<u32>,
    /// Where the cycle begins.
    pub cycle: usize,
}

/// An order of turns and how far it has come.
pub struct Sequence {
    slots: Box<[u32]>,
    cycle: usize,
    position: AtomicU64,
}

impl Sequence {
    /// Goes on with the first server that `previous` would have given next and that is still a member.
    pub fn resume(order: Order, members: &[Member], previous: Option<&Sequence>) -> Sequence {
        let next = previous.and_then(|previous| {
            let mut turns = previous.ahead();
            turns.find(|turn| members.iter().any(|member| member.server == *turn))
        });
        let position = next.and_then(|next| order.slots.iter().position(|&server| server == next));
        Sequence {
            slots: order.slots.into(),
            cycle: order.cycle,
            position: AtomicU64::new(position.unwrap_or(0) as u64),
        }
    }

    /// All turns: a lead-in, then from [`Self::cycle`] on what repeats.
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// Where the cycle begins.
    pub fn cycle(&self) -> usize {
        self.cycle
    }

    /// The server whose turn is at `position`. With no lead-in this is the slot of a hash, too.
    pub fn at(&self, position: u64) -> Option<u32> {
        let length = self.slots.len() as u64;
        let slot = match position.checked_sub(length) {
            Some(beyond) => self.cycle as u64 + beyond.checked_rem(length - self.cycle as u64)?,
            None => position,
        };
        self.slots.get(slot as usize).copied()
    }

    /// The next free server in turn; turns of the others pass by.
    pub fn next<L: Live>(&self, members: &[Member], live: &Avoiding<L>) -> Option<u32> {
        let first = self.advance()?;
        if live.is_free(first) {
            return Some(first);
        }
        if !members.iter().any(|member| live.is_free(member.server)) {
            return None;
        }
        (0..self.slots.len()).find_map(|_| self.advance().filter(|&server| live.is_free(server)))
    }

    fn advance(&self) -> Option<u32> {
        self.at(self.position.fetch_add(1, Relaxed))
    }

    /// The turns that come next, until every server had one.
    fn ahead(&self) -> impl Iterator<Item = u32> {
        let position = self.position.load(Relaxed);
        (0..self.slots.len() as u64).filter_map(move |ahead| self.at(position.wrapping_add(ahead)))
    }
}
