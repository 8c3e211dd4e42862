//! The static map of `static-rr` and of `hash-type map-based`: as many slots as the weights add up to.
//!
//! A server's next turn is released when the slots so far entitle it to the turns it had, and overdue when they entitle
//! it to one more. A slot goes to the first server in the file that is overdue, else to the first that is released.

use super::Member;
use super::sequence::Order;

/// The slots of servers with these weights.
pub fn order(members: &[Member]) -> Order {
    let divisor = super::greatest_common_divisor(members);
    let weights: Vec<i64> = members
        .iter()
        .map(|member| (u64::from(member.weight) / divisor) as i64)
        .collect();
    let total: i64 = weights.iter().sum();
    let mut credits = vec![0; weights.len()];
    let mut slots = Vec::with_capacity(total as usize);
    for _ in 0..total {
        let mut best = 0;
        for (member, weight) in weights.iter().enumerate() {
            credits[member] += weight;
            if credits[member].div_euclid(total) > credits[best].div_euclid(total) {
                best = member;
            }
        }
        credits[best] -= total;
        slots.push(members[best].server);
    }
    Order { slots, cycle: 0 }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{members, spelled};
    use super::*;

    /// Weights, and the peer's map as keys with the hashes 0, 1, 2 … found it.
    const PEER: &[(&[u32], &str)] = &[
        (&[1, 1, 1, 1], "1234"),
        (&[1, 2], "122"),
        (&[5, 1, 1], "1112113"),
        (&[1, 5, 1], "1222223"),
        (&[4, 3, 2, 1], "1212312134"),
        (&[2, 4, 6], "132323"),
        (&[3, 3, 2], "12132123"),
        (&[6, 5, 3, 3, 1], "121234121324131245"),
        (&[8, 2, 6, 1], "12311313121313134"),
        (&[3, 8, 7, 3, 3], "122332345122332451232345"),
        (&[2, 4, 4, 8, 5], "12435423454125434253445"),
        (&[16, 8, 4, 2, 1], "1121213121312141213121412131215"),
    ];

    #[test]
    fn slots_are_the_peers() {
        for (weights, expected) in PEER {
            assert_eq!(
                spelled(order(&members(weights)), expected.len()),
                *expected,
                "{weights:?}"
            );
        }
    }
}
