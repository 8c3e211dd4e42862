//! The server for a new connection, as userspace's balancing would choose it from the same structures.
//!
//! Whatever cannot be decided in a few steps is left to userspace, which decides it rightly.
use super::segment::words;
use super::{Choice, Service, Slot, Tables};
use crate::hash::avalanche;
use crate::packet::{Address, Version};

/// How many servers `leastconn` and `first` look at.
pub const SCANNED: u32 = 64;
/// How many places are looked at from a bucket's first one on.
const STEPS: u32 = 24;
/// How many servers `random` draws.
const DRAWS: u32 = 4;
/// What one connection weighs, so that a comparison tells fractions of it.
const LOAD_UNIT: u64 = 4096;

/// The number of the chosen server. A function of its own, so that the kernel program has a stack for it.
#[inline(never)]
pub fn choose(tables: &impl Tables, service: &Service, source: &Address, version: Version) -> Option<u32> {
    match service.choice {
        Choice::Turns => turn(tables, service),
        Choice::Map => {
            let slot = hash(service, source, version).checked_rem(service.length)?;
            Some(tables.slot(service.slots.wrapping_add(slot))?.server)
        }
        Choice::Nearest => Some(nearest(tables, service, hash(service, source, version))?.server),
        Choice::Random => draw(tables, service),
        Choice::Least => least(tables, service),
        Choice::First => first(tables, service),
    }
}

/// The 32-bit words of the address, exclusive-ored.
#[inline(always)]
fn hash(service: &Service, source: &Address, version: Version) -> u32 {
    let [a, b, c, d] = words(source).map(u32::from_be);
    let hash = match version {
        Version::V4 => d,
        Version::V6 => a ^ b ^ c ^ d,
    };
    if service.avalanche { avalanche(hash) } else { hash }
}

#[inline(always)]
fn turn(tables: &impl Tables, service: &Service) -> Option<u32> {
    let turn = tables.next_turn(service.turns);
    let length = service.length as u64;
    let slot = if turn < length {
        turn
    } else {
        let cycle = length.checked_sub(service.cycle as u64).filter(|cycle| *cycle > 0)?;
        service.cycle as u64 + (turn - length) % cycle
    };
    Some(tables.slot(service.slots.wrapping_add(slot as u32))?.server)
}

/// The slot whose place is nearest to a hash; of two as near, the one that follows.
#[inline(always)]
fn nearest<'t>(tables: &'t impl Tables, service: &Service, hash: u32) -> Option<&'t Slot> {
    let length = service.length;
    if length == 0 {
        return None;
    }
    // The index lies before the slots.
    let index = service.slots.wrapping_sub(1 << (service.bits & 31));
    let bucket = hash >> (32 - (service.bits as u32 & 31));
    let mut at = tables.slot(index.wrapping_add(bucket))?.server;
    let mut following = None;
    for _ in 0..STEPS {
        if at >= length {
            // Past the last place lies the first.
            following = tables.slot(service.slots);
            break;
        }
        let slot = tables.slot(service.slots.wrapping_add(at))?;
        if slot.place >= hash {
            following = Some(slot);
            break;
        }
        at += 1;
    }
    let following = following?;
    let before = if at == 0 { length - 1 } else { at - 1 };
    let preceding = tables.slot(service.slots.wrapping_add(before))?;
    let ahead = following.place.wrapping_sub(hash);
    let behind = hash.wrapping_sub(preceding.place);
    Some(if ahead <= behind { following } else { preceding })
}

#[inline(always)]
fn draw(tables: &impl Tables, service: &Service) -> Option<u32> {
    let draw = tables.random();
    let mut best: Option<(&Slot, u64)> = None;
    for n in 0..DRAWS {
        if n >= service.draws as u32 {
            break;
        }
        let slot = nearest(tables, service, avalanche(draw.wrapping_add(n)))?;
        let load = tables.load(slot.server) as u64;
        best = match best {
            Some((other, least)) if load * other.weight as u64 >= least * slot.weight as u64 => Some((other, least)),
            _ => Some((slot, load)),
        };
    }
    Some(best?.0.server)
}

#[inline(always)]
fn least(tables: &impl Tables, service: &Service) -> Option<u32> {
    let mut best = None;
    let mut least = (u64::MAX, u64::MAX);
    for at in 0..SCANNED {
        if at >= service.length {
            break;
        }
        let slot = tables.slot(service.slots.wrapping_add(at))?;
        let load = tables.load(slot.server) as u64;
        let pressure = match load {
            0 => 0,
            load => ((load + 1) * LOAD_UNIT).checked_div(slot.weight as u64)?,
        };
        let since = tables.last_turn(slot.server);
        if (pressure, since) < least && !tables.is_full(slot.server) {
            least = (pressure, since);
            best = Some(slot.server);
        }
    }
    let server = best?;
    let turn = tables.next_turn(service.turns);
    tables.set_last_turn(server, turn.wrapping_add(1));
    Some(server)
}

#[inline(always)]
fn first(tables: &impl Tables, service: &Service) -> Option<u32> {
    for at in 0..SCANNED {
        if at >= service.length {
            break;
        }
        let slot = tables.slot(service.slots.wrapping_add(at))?;
        if !tables.is_full(slot.server) {
            return Some(slot.server);
        }
    }
    None
}
