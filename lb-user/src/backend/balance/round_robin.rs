//! `roundrobin`: smooth weighted turns.
//!
//! A server of weight w out of a total W is due every W/w turns. While nobody is due, the heaviest server that has
//! not been placed yet takes the turn, which spreads equal servers over the round. Of several that are due the one with
//! the earliest whole turn goes first, then the one with most of a turn still to gain, then whoever has waited longest.

use super::Member;
use super::sequence::Order;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Longest cycle. Weights whose greatest common divisor leaves more turns than this (hundreds of servers of unrelated
/// weights) are rounded to fit, each server keeping at least one turn.
const MAX_CYCLE: u64 = 1 << 16;

/// A server in the order in which it is served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    turn: u64,
    /// Fraction of a turn beyond `turn`, in 1/weight, less the weight.
    gain: i64,
    /// Number of turns given before this server was put back.
    since: u64,
    member: usize,
}

/// The turns of servers with these weights: the first cycle may differ from those that follow.
pub fn order(members: &[Member]) -> Order {
    let weights = cycle_weights(members);
    let length: u64 = weights.iter().sum();
    let mut turns = simulate(&weights, length).map(|member| members[member].server);
    let first: Vec<u32> = turns.by_ref().take(length as usize).collect();
    let second: Vec<u32> = turns.take(length as usize).collect();
    if first == second {
        return Order { slots: first, cycle: 0 };
    }
    Order {
        cycle: first.len(),
        slots: [first, second].concat(),
    }
}

/// Indexes of `weights` in the order of their turns, without end unless there are none.
fn simulate(weights: &[u64], length: u64) -> impl Iterator<Item = usize> {
    let mut unplaced: Vec<usize> = (0..weights.len()).collect();
    // The heaviest is last, and of equals the first in the file.
    unplaced.sort_by_key(|&member| (weights[member], Reverse(member)));
    let mut due = BinaryHeap::new();
    (0..).map_while(move |turn| {
        let ready = due.peek().is_some_and(|Reverse(Due { turn: at, .. })| *at <= turn);
        let (member, at, rest) = match unplaced.pop_if(|_| !ready) {
            Some(member) => (member, turn, 0),
            None => {
                let Reverse(Due {
                    turn: at, gain, member, ..
                }) = due.pop()?;
                (member, at, (gain + weights[member] as i64) as u64)
            }
        };
        let weight = weights[member];
        let rest = rest + length % weight;
        due.push(Reverse(Due {
            turn: at + length / weight + rest / weight,
            gain: (rest % weight) as i64 - weight as i64,
            since: turn,
            member,
        }));
        Some(member)
    })
}

/// Weights reduced by their greatest common divisor and to [`MAX_CYCLE`].
fn cycle_weights(members: &[Member]) -> Vec<u64> {
    let divisor = super::greatest_common_divisor(members);
    let weights = members.iter().map(|member| u64::from(member.weight) / divisor);
    let total: u64 = weights.clone().sum();
    match total > MAX_CYCLE {
        true => weights.map(|weight| (weight * MAX_CYCLE / total).max(1)).collect(),
        false => weights.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{members, spelled};
    use super::*;
    use proptest::prelude::*;

    /// Weights, and the servers HAProxy 2.6 chose in its first cycles.
    const PEER: &[(&[u32], &str)] = &[
        (&[1, 1, 1, 1], "123412341234"),
        (&[1, 2], "221221221"),
        (&[5, 1, 1], "111211311121131112113"),
        (&[1, 5, 1], "222122322212232221223"),
        (&[3, 2, 1], "121312121312121312"),
        (&[4, 3, 2, 1], "121321412312132141231213214123"),
        (&[10, 20, 30], "323132323132323132323132"),
        (&[2, 2, 3], "313213231321323132132"),
        (&[7, 3, 5], "131231132131132131231132131132131231132131132"),
        (
            &[16, 8, 4, 2, 1],
            "112131214121312151213121412131211213121412131215121312141213121121312141213121512131214121312",
        ),
        (&[3, 10, 3, 2], "221232421232221423221232421232221423221232421232221423"),
        (&[11, 4], "111211121121112111211121121112111211121121112"),
        (&[12, 7], "112112121121121211211211212112112121121121121211211212112"),
        (&[1, 4, 10], "332332331323332332332331323332332332331323332"),
        (&[3, 3, 2], "121231213212312132123121"),
        (
            &[7, 1, 20, 4],
            "331334313323134313331343313334133313343133231343133313433133341333133431332313431333134331333413",
        ),
    ];

    #[test]
    fn turns_come_in_the_peers_order() {
        for (weights, expected) in PEER {
            assert_eq!(
                spelled(order(&members(weights)), expected.len()),
                *expected,
                "{weights:?}"
            );
        }
    }

    #[test]
    fn many_unrelated_weights_are_rounded() {
        let weights: Vec<u32> = (0..4095).map(|n| 1 + n % 256).collect();
        let order = order(&members(&weights));
        assert!(order.slots.len() <= 2 * (MAX_CYCLE as usize + weights.len()));
        let turns = |server| order.slots.iter().filter(|&&turn| turn == server).count();
        assert!(turns(0) >= 1 && turns(255) > 20 * turns(0));
    }

    proptest! {
        #[test]
        fn a_cycle_gives_each_server_its_weight(weights in prop::collection::vec(1u32..40, 1..9)) {
            let order = order(&members(&weights));
            let turns = |server| order.slots[order.cycle..].iter().filter(|&&turn| turn == server).count() as u32;
            for (server, weight) in (0..).zip(&weights) {
                prop_assert_eq!(turns(server) * weights[0], turns(0) * weight);
            }
        }

        #[test]
        fn the_second_cycle_repeats(weights in prop::collection::vec(1u64..40, 1..9)) {
            let length: u64 = weights.iter().sum();
            let turns: Vec<usize> = simulate(&weights, length).take(3 * length as usize).collect();
            let length = length as usize;
            prop_assert_eq!(&turns[length..2 * length], &turns[2 * length..]);
        }
    }
}
