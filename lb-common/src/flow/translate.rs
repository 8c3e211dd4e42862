//! Rewriting one segment: addresses and ports, and where the flow was handed over also its numbers.
use super::segment::{IPV6, NETWORK, Packet, Segment, transport, words};
use super::{Change, Translation, Way};
use crate::packet::Version;

/// Why a segment cannot go on. It was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its time to live, or hop limit, is used up.
    Expired,
    /// Its options are laid out as no known sender lays them out, and hold what has to be translated.
    Options,
    /// The packet ends before its headers do.
    Short,
}

/// Rewrites a segment as its way says. Either all of it is changed or nothing.
///
/// A function of its own, so that the kernel program has a stack for it.
#[inline(never)]
pub fn rewrite(packet: &mut impl Packet, segment: &Segment, way: &Way) -> Result<(), Refused> {
    let start = transport(segment.version);
    if hops(packet, segment.version)? <= 1 {
        return Err(Refused::Expired);
    }
    let mut change = Change::NONE.replace(segment.tuple.ports.word(), way.to.ports.word());
    if way.translation.active {
        change = numbers(packet, start, segment, &way.translation, change)?;
    }
    packet.set_words(start, [way.to.ports.word()]).ok_or(Refused::Short)?;
    let addresses = match segment.version {
        Version::V4 => rewrite_ipv4(packet, segment, way),
        Version::V6 => rewrite_ipv6(packet, segment, way),
    };
    packet
        .change_checksum(start + 16, addresses.ok_or(Refused::Short)?, change)
        .ok_or(Refused::Short)
}

/// How many routers the packet may still pass.
#[inline(always)]
fn hops(packet: &impl Packet, version: Version) -> Result<u8, Refused> {
    let (offset, byte) = match version {
        Version::V4 => (NETWORK + 8, 0),
        Version::V6 => (NETWORK + 4, 3),
    };
    let [word] = packet.words(offset).ok_or(Refused::Short)?;
    Ok(word.to_ne_bytes()[byte])
}

/// Changes the IPv4 header, and answers with what changed in its addresses.
#[inline(always)]
fn rewrite_ipv4(packet: &mut impl Packet, segment: &Segment, way: &Way) -> Option<Change> {
    let [.., old_source] = words(&segment.tuple.source);
    let [.., old_destination] = words(&segment.tuple.destination);
    let [.., source] = words(&way.to.source);
    let [.., destination] = words(&way.to.destination);
    let addresses = Change::NONE
        .replace(old_source, source)
        .replace(old_destination, destination);
    let [word] = packet.words(NETWORK + 8)?;
    let [hops, protocol, a, b] = word.to_ne_bytes();
    let fewer = hops.wrapping_sub(1);
    let header = addresses.replace_half(
        u16::from_ne_bytes([hops, protocol]),
        u16::from_ne_bytes([fewer, protocol]),
    );
    let [a, b] = header.apply(u16::from_ne_bytes([a, b])).to_ne_bytes();
    let word = u32::from_ne_bytes([fewer, protocol, a, b]);
    packet.set_words(NETWORK + 8, [word, source, destination])?;
    Some(addresses)
}

/// Changes the IPv6 header, and answers with what changed in its addresses.
#[inline(always)]
fn rewrite_ipv6(packet: &mut impl Packet, segment: &Segment, way: &Way) -> Option<Change> {
    let [a, b, c, d] = words(&way.to.source);
    let [e, f, g, h] = words(&way.to.destination);
    let mut addresses = Change::NONE;
    let old = [words(&segment.tuple.source), words(&segment.tuple.destination)];
    for (old, new) in old.into_iter().zip([[a, b, c, d], [e, f, g, h]]) {
        for at in 0..4 {
            addresses = addresses.replace(old[at], new[at]);
        }
    }
    let [word] = packet.words(NETWORK + 4)?;
    let [l0, l1, next, hops] = word.to_ne_bytes();
    let fewer = u32::from_ne_bytes([l0, l1, next, hops.wrapping_sub(1)]);
    packet.set_words(NETWORK + 4, [fewer])?;
    packet.uncovered(Change::NONE.replace(word, fewer));
    packet.set_words(NETWORK + IPV6 - 32, [a, b, c, d, e, f, g, h])?;
    Some(addresses)
}

/// Two no-operations, then a timestamp of ten bytes (RFC 7323 appendix A).
const TIMESTAMP: u32 = u32::from_be_bytes([1, 1, 8, 10]);
/// Two no-operations, then selective acknowledgments (RFC 2018), whose length follows.
const SELECTIVE: u32 = u32::from_be_bytes([1, 1, 5, 0]);

/// Where a header's options lie.
#[derive(Clone, Copy)]
struct Options {
    timestamp: bool,
    /// How many blocks of selective acknowledgments lie behind.
    blocks: u32,
}

impl Options {
    /// Reads the layouts that senders use: a timestamp, selective acknowledgments, or both in this order.
    #[inline(always)]
    fn read(packet: &impl Packet, start: usize, header: u32) -> Result<Self, Refused> {
        let mut options = Self {
            timestamp: false,
            blocks: 0,
        };
        if header == 20 {
            return Ok(options);
        }
        let [first] = packet.words(start + 20).ok_or(Refused::Short)?;
        options.timestamp = header >= 32 && u32::from_be(first) == TIMESTAMP;
        if options.timestamp {
            if header > 32 {
                let [word] = packet.words(start + 32).ok_or(Refused::Short)?;
                options.blocks = blocks(word, header - 32)?;
            }
        } else {
            options.blocks = blocks(first, header - 20)?;
        }
        Ok(options)
    }
}

/// How many blocks an option of selective acknowledgments holds that fills `room` bytes.
#[inline(always)]
fn blocks(word: u32, room: u32) -> Result<u32, Refused> {
    let word = u32::from_be(word);
    let length = word & 0xff;
    if word & !0xff != SELECTIVE || length + 2 != room {
        return Err(Refused::Options);
    }
    match length {
        10 => Ok(1),
        18 => Ok(2),
        26 => Ok(3),
        34 => Ok(4),
        _ => Err(Refused::Options),
    }
}

/// The value of the segment's timestamp, if it has one.
#[inline(always)]
pub(super) fn stamp(packet: &impl Packet, segment: &Segment) -> Result<Option<u32>, Refused> {
    let start = transport(segment.version);
    if !Options::read(packet, start, segment.header)?.timestamp {
        return Ok(None);
    }
    let [value] = packet.words(start + 24).ok_or(Refused::Short)?;
    Ok(Some(u32::from_be(value)))
}

/// Translates the segment's numbers, and answers with all that changed.
#[inline(always)]
fn numbers(
    packet: &mut impl Packet,
    start: usize,
    segment: &Segment,
    by: &Translation,
    mut change: Change,
) -> Result<Change, Refused> {
    let options = Options::read(packet, start, segment.header)?;
    let [sequence, acknowledgment, control] = packet.words(start + 4).ok_or(Refused::Short)?;
    let moved = add(sequence, by.sequence);
    change = change.replace(sequence, moved);
    let mut acknowledged = acknowledgment;
    if segment.has(Segment::ACK) {
        acknowledged = add(acknowledgment, by.acknowledgment);
        change = change.replace(acknowledgment, acknowledged);
    }
    let rescaled = window(control, by);
    change = change.replace(control, rescaled);
    packet
        .set_words(start + 4, [moved, acknowledged, rescaled])
        .ok_or(Refused::Short)?;
    if options.timestamp {
        change = timestamp(packet, start + 24, by, change)?;
        selective(packet, start + 36, options.blocks, by, change)
    } else {
        selective(packet, start + 24, options.blocks, by, change)
    }
}

/// Adds to a number in network byte order.
#[inline(always)]
const fn add(word: u32, by: u32) -> u32 {
    u32::from_be(word).wrapping_add(by).to_be()
}

/// Says the sender's window in the receiver's unit, rounded down, and at most what the field holds.
#[inline(always)]
fn window(control: u32, by: &Translation) -> u32 {
    let control = u32::from_be(control);
    // No more than 14 bits (RFC 7323 section 2.3); the mask tells the verifier.
    let bytes = (control & 0xffff) << (by.window_from & 15);
    let window = bytes >> (by.window_to & 15);
    (control & !0xffff | if window > 0xffff { 0xffff } else { window }).to_be()
}

/// Translates a timestamp's value, and its echo where it has one.
#[inline(always)]
fn timestamp(packet: &mut impl Packet, offset: usize, by: &Translation, change: Change) -> Result<Change, Refused> {
    let [value, echo] = packet.words(offset).ok_or(Refused::Short)?;
    let moved = add(value, by.timestamp);
    let echoed = if echo == 0 { 0 } else { add(echo, by.echo) };
    packet.set_words(offset, [moved, echoed]).ok_or(Refused::Short)?;
    Ok(change.replace(value, moved).replace(echo, echoed))
}

/// Translates the edges of selective acknowledgments. Written out, because the verifier follows every turn of a loop.
#[inline(always)]
fn selective(
    packet: &mut impl Packet,
    offset: usize,
    blocks: u32,
    by: &Translation,
    mut change: Change,
) -> Result<Change, Refused> {
    if blocks > 0 {
        change = block(packet, offset, by, change)?;
    }
    if blocks > 1 {
        change = block(packet, offset + 8, by, change)?;
    }
    if blocks > 2 {
        change = block(packet, offset + 16, by, change)?;
    }
    if blocks > 3 {
        change = block(packet, offset + 24, by, change)?;
    }
    Ok(change)
}

#[inline(always)]
fn block(packet: &mut impl Packet, offset: usize, by: &Translation, change: Change) -> Result<Change, Refused> {
    let [left, right] = packet.words(offset).ok_or(Refused::Short)?;
    let (new_left, new_right) = (add(left, by.acknowledgment), add(right, by.acknowledgment));
    packet.set_words(offset, [new_left, new_right]).ok_or(Refused::Short)?;
    Ok(change.replace(left, new_left).replace(right, new_right))
}

#[cfg(test)]
mod tests;
