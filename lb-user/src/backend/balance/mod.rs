//! Which server of a backend takes the next session (manual 4.2, `balance`).
//!
//! A [`Snapshot`] is what an algorithm knows: rings and maps built once from weights and status, and the atomics that
//! say how far a round has come. Workers share it without locks; whoever changes a weight or a status builds the next
//! one and puts it in the old one's place. What moves with every session (loads, limits) is asked of [`Live`].
//!
//! The tables of the tests are HAProxy 2.6's answers to the same servers, weights and keys.

mod consistent;
mod first;
pub mod key;
mod least_connections;
mod map;
mod random;
mod ring;
mod round_robin;
mod sequence;

use crate::plan::balance::{Algorithm, Balance, HashMethod};
use sequence::Sequence;

/// What a snapshot is built from, for each server in the file's order.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Effective weight. For dynamic algorithms multiply by [`WEIGHT_SCALE`] (and slow start); 0 takes no new sessions.
    pub weight: u32,
    /// Neither down nor in maintenance nor draining?
    pub usable: bool,
    pub backup: bool,
    /// `id` of the server, which places it in the consistent tree.
    pub id: u32,
}

/// Effective weight of a fully warm server whose configured weight is 1, where weights may change on the fly.
pub const WEIGHT_SCALE: u32 = 16;

/// What changes too often to be in a snapshot.
pub trait Live {
    /// Sessions served by the server and waiting in its queue.
    fn load(&self, server: usize) -> u32;
    /// Would one more session have to wait, because of `maxconn` or of others waiting already?
    fn is_full(&self, server: usize) -> bool;
}

/// One question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask {
    /// Hash of the request's key (see [`key`]); `None` where the request has none: it goes round in turns.
    pub key: Option<u32>,
    /// A fresh random number, which only `random` reads.
    pub draw: u32,
    /// The server that just failed and that only a lack of others, or the static map, may choose again.
    pub avoid: Option<usize>,
}

/// One server that takes part: where it is in the backend and what it weighs.
#[derive(Clone, Copy, Debug)]
struct Member {
    server: u32,
    weight: u32,
    id: u32,
}

impl Member {
    fn index(&self) -> usize {
        index(self.server)
    }
}

/// The servers in charge and the algorithm's structures over them.
pub struct Snapshot {
    members: Vec<Member>,
    choice: Choice,
}

enum Choice {
    Turns(Sequence),
    LeastConnections(least_connections::Turns),
    First(first::ByNumber),
    Map(Sequence),
    Consistent(consistent::Tree),
    Random(random::Draws),
}

impl Snapshot {
    /// Builds the structures of `balance` over the servers that are in charge now. A round that was under way in
    /// `previous` goes on behind the server it reached.
    pub fn build(balance: &Balance, all_backups: bool, servers: &[Input], previous: Option<&Snapshot>) -> Snapshot {
        let members = in_charge(servers, all_backups);
        let sequence = |order| Sequence::resume(order, &members, previous.and_then(Snapshot::turns));
        let choice = match &balance.algorithm {
            Algorithm::RoundRobin => Choice::Turns(sequence(round_robin::order(&members))),
            Algorithm::StaticRoundRobin => Choice::Turns(sequence(map::order(&members))),
            Algorithm::LeastConnections => Choice::LeastConnections(least_connections::Turns::new(&members)),
            Algorithm::First => Choice::First(first::ByNumber::new(&members)),
            Algorithm::Random { draws } => Choice::Random(random::Draws::new(
                consistent::Tree::new(&members, balance.factor),
                *draws,
            )),
            Algorithm::Source
            | Algorithm::Uri(_)
            | Algorithm::UrlParam { .. }
            | Algorithm::Header { .. }
            | Algorithm::RdpCookie { .. }
            | Algorithm::Hash(_) => match balance.hash.method {
                HashMethod::MapBased => Choice::Map(sequence(map::order(&members))),
                HashMethod::Consistent => Choice::Consistent(consistent::Tree::new(&members, balance.factor)),
            },
        };
        Snapshot { members, choice }
    }

    /// The server for one more session, as its index in the file's order. `None` where no server is in charge, or where
    /// the session had better wait in the backend's queue for the first that is free. Algorithms that bind a key to a
    /// server answer that server even when it is full: the session waits in its queue.
    pub fn pick(&self, ask: &Ask, live: &impl Live) -> Option<usize> {
        let live = &Avoiding { live, avoid: ask.avoid };
        let chosen = match &self.choice {
            Choice::Turns(turns) => turns.next(&self.members, live),
            Choice::LeastConnections(turns) => turns.pick(&self.members, live),
            Choice::First(by_number) => by_number.pick(live),
            Choice::Map(slots) => match ask.key {
                Some(key) => return slots.at(key.into()).map(index),
                None => slots.next(&self.members, live),
            },
            Choice::Consistent(tree) => match ask.key {
                Some(key) => return tree.closest(key, &self.members, live).map(Member::index),
                None => tree.next(&self.members, live),
            },
            Choice::Random(draws) => draws.pick(ask.draw, &self.members, live),
        };
        chosen.or_else(|| live.last_resort(&self.members)).map(index)
    }

    /// Is any server in charge?
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Servers in charge, in the file's order.
    pub fn servers(&self) -> impl Iterator<Item = usize> {
        self.members.iter().map(|member| index(member.server))
    }

    fn turns(&self) -> Option<&Sequence> {
        match &self.choice {
            Choice::Turns(turns) | Choice::Map(turns) => Some(turns),
            _ => None,
        }
    }
}

/// Active servers that are usable; without any, the first usable backup, or all of them under `option allbackups`.
fn in_charge(servers: &[Input], all_backups: bool) -> Vec<Member> {
    let usable = |backup: bool| {
        servers
            .iter()
            .zip(0..)
            .filter(move |(input, _)| input.usable && input.weight > 0 && input.backup == backup)
            .map(|(input, server)| Member {
                server,
                weight: input.weight,
                id: input.id,
            })
    };
    let active: Vec<Member> = usable(false).collect();
    if !active.is_empty() {
        return active;
    }
    usable(true).take(if all_backups { usize::MAX } else { 1 }).collect()
}

/// The largest number that all weights are multiples of, at least 1.
fn greatest_common_divisor(members: &[Member]) -> u64 {
    let divide = |mut one: u64, mut other: u64| {
        while other != 0 {
            (one, other) = (other, one % other);
        }
        one
    };
    members
        .iter()
        .map(|member| u64::from(member.weight))
        .fold(0, divide)
        .max(1)
}

fn index(server: u32) -> usize {
    server as usize
}

/// Live state in which the server that just failed counts as full.
struct Avoiding<'a, L> {
    live: &'a L,
    avoid: Option<usize>,
}

impl<L: Live> Avoiding<'_, L> {
    fn load(&self, server: u32) -> u32 {
        self.live.load(index(server))
    }

    fn is_full(&self, server: u32) -> bool {
        self.live.is_full(index(server))
    }

    fn is_avoided(&self, server: u32) -> bool {
        self.avoid == Some(index(server))
    }

    fn is_free(&self, server: u32) -> bool {
        !self.is_avoided(server) && !self.is_full(server)
    }

    /// The avoided server, where it is in charge and free.
    fn last_resort(&self, members: &[Member]) -> Option<u32> {
        let mut servers = members.iter().map(|member| member.server);
        servers.find(|&server| self.is_avoided(server) && !self.is_full(server))
    }
}

#[cfg(test)]
mod testing {
    use super::Member;
    use super::sequence::{Order, Sequence};

    /// Members with these weights, numbered from one.
    pub fn members(weights: &[u32]) -> Vec<Member> {
        let member = |(server, &weight)| Member {
            server,
            weight,
            id: server + 1,
        };
        (0..).zip(weights).map(member).collect()
    }

    /// The first turns of an order as server numbers from one.
    pub fn spelled(order: Order, turns: usize) -> String {
        let sequence = Sequence::resume(order, &[], None);
        (0..turns as u64)
            .filter_map(|turn| sequence.at(turn))
            .map(|server| (server + 1).to_string())
            .collect()
    }
}

#[cfg(test)]
mod tests;
