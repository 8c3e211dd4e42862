//! `hash-type consistent`: servers stand at many points of a circle of hashes; a key belongs to the closest point.
//!
//! Point n of the server with identifier i stands at avalanche(4096 i + n), and a server has as many points as its
//! effective weight, so a change of weight or status moves only the keys of that server.

use super::{Avoiding, Live, Member};
use lb_common::hash::avalanche;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Points one server may have at most: weight 256 times [`super::WEIGHT_SCALE`].
const MAX_POINTS: u32 = 4096;

/// The circle of one set of servers.
pub struct Tree {
    /// Sorted by place on the circle.
    points: Box<[Point]>,
    /// `hash-balance-factor` in percent; 0 does not bound loads.
    factor: u32,
    /// Weights added up: of no member, of the first, of the first two …
    weights: Box<[u64]>,
    /// Where requests without a key go round.
    position: AtomicUsize,
}

struct Point {
    place: u32,
    /// Index among the members.
    member: u32,
}

impl Tree {
    /// The places on the circle in their order, each with the position of its member.
    pub fn points(&self) -> impl Iterator<Item = (u32, u32)> {
        self.points.iter().map(|point| (point.place, point.member))
    }

    /// Places the points of all members. `factor` is `hash-balance-factor`.
    pub fn new(members: &[Member], factor: u32) -> Tree {
        let mut points: Vec<Point> = members
            .iter()
            .zip(0..)
            .flat_map(|(member, index)| {
                let first = member.id.wrapping_mul(MAX_POINTS);
                (0..member.weight.min(MAX_POINTS)).map(move |n| Point {
                    place: avalanche(first.wrapping_add(n)),
                    member: index,
                })
            })
            .collect();
        points.sort_by_key(|point| point.place);
        let weights = members.iter().scan(0, |total, member| {
            *total += u64::from(member.weight);
            Some(*total)
        });
        Tree {
            points: points.into(),
            weights: std::iter::once(0).chain(weights).collect(),
            factor,
            position: AtomicUsize::new(0),
        }
    }

    /// The server closest to `key`, or the next around the circle that is neither avoided nor over its bound.
    pub fn closest<'a, L: Live>(&self, key: u32, members: &'a [Member], live: &Avoiding<L>) -> Option<&'a Member> {
        let nearest = self.nearest(key)?;
        let slots = self.slots(members, live);
        let around = self.points[nearest..].iter().chain(&self.points[..nearest]);
        let mut candidates = around.filter_map(|point| members.get(point.member as usize).zip(Some(point.member)));
        let acceptable = |(member, index): &(&Member, u32)| {
            let within = slots.is_none_or(|slots| live.load(member.server) < self.share(slots, *index as usize));
            within && !live.is_avoided(member.server)
        };
        let first = candidates.clone().next();
        candidates.find(acceptable).or(first).map(|(member, _)| member)
    }

    /// The next free server going round the circle point by point.
    pub fn next<L: Live>(&self, members: &[Member], live: &Avoiding<L>) -> Option<u32> {
        if !members.iter().any(|member| live.is_free(member.server)) {
            return None;
        }
        (0..self.points.len()).find_map(|_| {
            let at = self.position.fetch_add(1, Relaxed).checked_rem(self.points.len())?;
            let member = members.get(self.points.get(at)?.member as usize)?;
            live.is_free(member.server).then_some(member.server)
        })
    }

    /// Index of the point closest to `key`; of two equally far the one that follows it.
    fn nearest(&self, key: u32) -> Option<usize> {
        let count = self.points.len();
        let following = self
            .points
            .partition_point(|point| point.place < key)
            .checked_rem(count)?;
        let preceding = (following + count - 1) % count;
        let ahead = self.points[following].place.wrapping_sub(key);
        let behind = key.wrapping_sub(self.points[preceding].place);
        Some(if ahead <= behind { following } else { preceding })
    }

    /// Bounded loads (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads", 2016): the sessions
    /// there are and one more, times the factor, are slots to deal out to the servers by weight.
    fn slots<L: Live>(&self, members: &[Member], live: &Avoiding<L>) -> Option<u64> {
        (self.factor > 0).then(|| {
            let load: u64 = members.iter().map(|member| u64::from(live.load(member.server))).sum();
            ((load + 1) * u64::from(self.factor)).div_ceil(100)
        })
    }

    /// Slots of one member: those dealt out up to it less those before it, so that rounding loses none. At least one:
    /// an idle server is never over its bound.
    fn share(&self, slots: u64, member: usize) -> u32 {
        let total = self.weights.last().copied().unwrap_or(0).max(1);
        let dealt = |members: usize| self.weights.get(members).map_or(0, |weight| weight * slots / total);
        (dealt(member + 1) - dealt(member)).clamp(1, u32::MAX.into()) as u32
    }
}
