//! A snapshot as the kernel reads it, which then chooses as [`Snapshot::pick`] does.

use super::{Choice, Snapshot};
use crate::kernel::forward::Ring;
use lb_common::flow::{Choice as Kind, Slot};

impl Snapshot {
    /// The ring of the servers in charge. `number` gives the number of a server by its index in the file's order.
    pub fn ring(&self, avalanche: bool, number: impl Fn(usize) -> u32) -> Ring {
        let slot = |server: u32| Slot {
            place: 0,
            server: number(server as usize),
            weight: 1,
        };
        let member = |index: u32, place: u32| {
            let member = self.members.get(index as usize)?;
            Some(Slot {
                place,
                server: number(member.index()),
                weight: member.weight,
            })
        };
        let mut ring = Ring {
            choice: Kind::Turns,
            cycle: 0,
            draws: 0,
            avalanche,
            slots: Vec::new(),
        };
        match &self.choice {
            Choice::Turns(turns) => {
                ring.cycle = turns.cycle() as u32;
                ring.slots = turns.slots().iter().copied().map(slot).collect();
            }
            Choice::Map(slots) => {
                ring.choice = Kind::Map;
                ring.slots = slots.slots().iter().copied().map(slot).collect();
            }
            Choice::First(by_number) => {
                ring.choice = Kind::First;
                ring.slots = by_number.servers().iter().copied().map(slot).collect();
            }
            Choice::LeastConnections(_) => {
                ring.choice = Kind::Least;
                ring.slots = (0..self.members.len() as u32)
                    .filter_map(|index| member(index, 0))
                    .collect();
            }
            Choice::Consistent(tree) => {
                ring.choice = Kind::Nearest;
                ring.slots = tree
                    .points()
                    .filter_map(|(place, index)| member(index, place))
                    .collect();
            }
            Choice::Random(draws) => {
                ring.choice = Kind::Random;
                ring.draws = u8::try_from(draws.count()).unwrap_or(u8::MAX);
                ring.slots = draws
                    .tree()
                    .points()
                    .filter_map(|(place, index)| member(index, place))
                    .collect();
            }
        }
        ring
    }
}
