//! `random`: some draws from the consistent tree, of which the least loaded server wins.

use super::consistent::Tree;
use super::{Avoiding, Live, Member};
use lb_common::hash::avalanche;

/// How draws are made.
pub struct Draws {
    tree: Tree,
    count: u32,
}

impl Draws {
    /// How many servers are drawn.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What they are drawn from.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// `count` draws; 1 is a plain weighted random choice.
    pub fn new(tree: Tree, count: u32) -> Draws {
        Draws {
            tree,
            count: count.max(1),
        }
    }

    /// The winner, unless it is full: then any server that gets free first shall have the session.
    pub fn pick<L: Live>(&self, draw: u32, members: &[Member], live: &Avoiding<L>) -> Option<u32> {
        let drawn = |n: u32| self.tree.closest(avalanche(draw.wrapping_add(n)), members, live);
        let lighter = |one: &Member, other: &Member| {
            let scaled = |member: &Member, by: &Member| u64::from(live.load(member.server)) * u64::from(by.weight);
            scaled(one, other) < scaled(other, one)
        };
        let best = (0..self.count)
            .filter_map(drawn)
            .reduce(|best, next| if lighter(next, best) { next } else { best })?;
        live.is_free(best.server).then_some(best.server)
    }
}
