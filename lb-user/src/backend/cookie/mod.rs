//! Persistence by a cookie (manual 4.2, `cookie`): what a request's cookies say of its server, and what becomes of the
//! cookies on their way. Pure: heads in, heads out.
//!
//! [`request`] reads and strips the request's cookie, [`response`] sees to the one that the client gets.

pub mod request;
pub mod response;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;

use xxhash_rust::xxh64::xxh64;

use crate::plan;
use crate::state;

/// Separates the server's name from the server's own value in prefix mode.
const PREFIX: u8 = b'~';
/// Separates the server's name from dates.
const DATE: u8 = b'|';

/// What the client's cookies told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The server that they choose.
    pub server: Option<usize>,
    /// Third letter of the termination state (manual 8.5).
    pub flag: u8,
    /// The dates of the last one that carried any.
    pub dates: Dates,
}

/// When a cookie was last used and when it was made, in units of [`UNIT`] seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    pub last: Option<u32>,
    pub first: Option<u32>,
}

/// Seconds of one step of a cookie's date.
const UNIT: u64 = 4;
/// Characters of a date: six bits each.
const DATE_LENGTH: usize = 5;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The date that `text` opens with; zero and what is malformed is none.
fn read_date(text: &[u8]) -> Option<u32> {
    let digits = text.get(..DATE_LENGTH)?;
    let date = digits.iter().try_fold(0, |date: u32, digit| {
        let value = ALPHABET.iter().position(|known| known == digit)?;
        Some(date << 6 | value as u32)
    })?;
    (date > 0).then_some(date)
}

fn write_date(date: u32, out: &mut Vec<u8>) {
    out.push(DATE);
    for place in (0..DATE_LENGTH).rev() {
        let digit = (date >> (6 * place)) & 63;
        out.extend(ALPHABET.get(digit as usize));
    }
}

/// The moment `now`, in seconds since the epoch, as a date.
fn date_of(now: u64) -> u32 {
    (now.div_ceil(UNIT) & 0x3fff_ffff) as u32
}

/// The cookies of a backend's servers.
#[derive(Debug, Default)]
pub struct Values {
    by_server: Vec<Option<Box<[u8]>>>,
    by_value: HashMap<Box<[u8]>, usize>,
}

impl Values {
    /// The cookies as configured, and where there is none and a key is known, computed ones.
    pub fn of(plans: &[plan::Server], backend: &state::Proxy) -> Values {
        let dynamic = &backend.backend.dynamic_cookie;
        let dynamic = dynamic.read().unwrap_or_else(PoisonError::into_inner);
        let key = dynamic.key.as_deref().filter(|_| dynamic.enabled);
        let mut values = Values::default();
        for (index, (plan, server)) in plans.iter().zip(&backend.servers).enumerate() {
            let value = match &plan.cookie {
                Some(own) => Some(own.clone().into_bytes()),
                None => key.and_then(|key| Some(computed(key, server.address()?))),
            };
            let value = value.map(Vec::into_boxed_slice);
            if let Some(value) = &value {
                // The first one of that value counts.
                values.by_value.entry(value.clone()).or_insert(index);
            }
            values.by_server.push(value);
        }
        values
    }

    /// The server that a cookie names.
    pub fn server(&self, value: &[u8]) -> Option<usize> {
        self.by_value.get(value).copied()
    }

    /// The cookie of the `index`th server.
    pub fn of_server(&self, index: usize) -> Option<&[u8]> {
        self.by_server.get(index)?.as_deref()
    }
}

/// A cookie that tells nothing about the address it stands for.
fn computed(key: &[u8], address: SocketAddr) -> Vec<u8> {
    let mut input = key.to_vec();
    match address.ip() {
        IpAddr::V4(ip) => input.extend(ip.octets()),
        IpAddr::V6(ip) => input.extend(ip.octets()),
    }
    input.extend(u32::from(address.port()).to_be_bytes());
    format!("{:016x}", xxh64(&input, 0)).into_bytes()
}
