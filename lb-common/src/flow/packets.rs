//! Packets for the tests, made and checked from the beginning rather than by what changed.
use std::vec::Vec;

use super::{Segment, Tuple};
use crate::packet::Address;

/// A TCP segment to be made.
#[derive(Clone)]
pub struct Made {
    pub tuple: Tuple,
    pub hops: u8,
    pub flags: u8,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub window: u16,
    /// Padded by the caller to a multiple of four bytes.
    pub options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Made {
    /// A segment of an established connection with three bytes of data.
    pub fn new(tuple: Tuple) -> Self {
        Self {
            tuple,
            hops: 64,
            flags: Segment::ACK,
            sequence: 1_000,
            acknowledgment: 2_000,
            window: 500,
            options: Vec::new(),
            payload: b"odd".to_vec(),
        }
    }

    /// The frame, checksums right.
    pub fn bytes(&self) -> Vec<u8> {
        let mut tcp = Vec::new();
        tcp.extend(self.tuple.ports.word().to_ne_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgment.to_be_bytes());
        tcp.push((((20 + self.options.len()) / 4) << 4) as u8);
        tcp.push(self.flags);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(&self.options);
        tcp.extend(&self.payload);
        let sum = checksum(&[&pseudo(&self.tuple.source, &self.tuple.destination, tcp.len(), 6), &tcp]);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        ip(&self.tuple.source, &self.tuple.destination, 6, self.hops, &tcp)
    }
}

/// A frame that carries `payload` behind a plain IP header.
pub fn ip(source: &Address, destination: &Address, protocol: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = std::vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if source.is_v4() {
        frame.extend([8, 0]);
        let mut header = std::vec![0x45, 0];
        header.extend((20 + payload.len() as u16).to_be_bytes());
        header.extend([0, 1, 0x40, 0, hops, protocol, 0, 0]);
        header.extend(&source.bytes[12..]);
        header.extend(&destination.bytes[12..]);
        let sum = checksum(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(header);
    } else {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend((payload.len() as u16).to_be_bytes());
        frame.extend([protocol, hops]);
        frame.extend(source.bytes);
        frame.extend(destination.bytes);
    }
    frame.extend(payload);
    frame
}

/// The pseudo-header that a checksum covers (RFC 9293 section 3.1, RFC 8200 section 8.1).
pub fn pseudo(source: &Address, destination: &Address, length: usize, protocol: u8) -> Vec<u8> {
    let from = if source.is_v4() { 12 } else { 0 };
    let mut header = [&source.bytes[from..], &destination.bytes[from..]].concat();
    header.extend((length as u32).to_be_bytes());
    header.extend([0, 0, 0, protocol]);
    header
}

/// The Internet checksum of the parts, each but the last of an even length.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u64 = words
        .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    let mut sum = sum;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
