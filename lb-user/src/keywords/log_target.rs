//! The arguments of `log` lines (manual 3.1 and 4.2).

use super::Reading;
use crate::language::address::{self, Accepts, Port, Target, Transport};
use crate::language::{Error, Words};
use crate::plan::log::{LogAddress, LogTarget, LogTransportFormat, Sample, facility, level};
use std::net::SocketAddr;

/// Longest line sent where the configuration does not say.
const LENGTH: usize = 1_024;
const SYSLOG_PORT: u16 = 514;

/// Reads what follows `log`. `or_global` is the part of the message about missing words that says what else there is.
pub fn parse(words: &mut Words<'_>, or_global: &str, reading: &mut Reading<'_>) -> Result<LogTarget, Error> {
    let missing = || Error::new(format!("expects <address> and <facility> {or_global} as arguments"));
    let place = words.next().ok_or_else(missing)?;
    if words.is_empty() {
        return Err(missing());
    }
    let mut target = LogTarget {
        address: place_of(place, reading)?,
        length: LENGTH,
        format: None,
        sample: None,
        facility: 0,
        level: 7,
        min_level: 0,
    };
    loop {
        match words.peek() {
            Some("len") => target.length = length(words)?,
            Some("format") => target.format = Some(format(words)?),
            Some("sample") => target.sample = Some(sample(words)?),
            _ => break,
        }
    }
    let name = words.next().ok_or_else(missing)?;
    target.facility = facility(name).ok_or_else(|| Error::new(format!("unknown log facility '{name}'")))?;
    if let Some(name) = words.next() {
        target.level = level(name).ok_or_else(|| Error::new(format!("unknown optional log level '{name}'")))?;
    }
    if let Some(name) = words.next() {
        target.min_level =
            level(name).ok_or_else(|| Error::new(format!("unknown optional minimum log level '{name}'")))?;
    }
    match words.peek() {
        None => Ok(target),
        Some(extra) => Err(Error::new(format!("cannot handle unexpected argument '{extra}'"))),
    }
}

fn place_of(text: &str, reading: &Reading<'_>) -> Result<LogAddress, Error> {
    match text {
        "stdout" => return Ok(LogAddress::Stdout),
        "stderr" => return Ok(LogAddress::Stderr),
        _ => {}
    }
    if let Some(ring) = text.strip_prefix("ring@") {
        return Ok(LogAddress::Ring(ring.to_owned()));
    }
    let address = address::parse(text, Accepts::LOG, reading.variable)?;
    if address.transport == Some(Transport::Stream) {
        return Err(Error::not_implemented("log over a stream"));
    }
    Ok(match address.target {
        Target::Unix(path) => LogAddress::Unix(path),
        Target::Descriptor(fd) => LogAddress::Descriptor(fd),
        Target::Abstract(_) | Target::SocketPair(_) => return Err(Error::not_implemented(text)),
        Target::Inet { family, host, port } => {
            let port = match port {
                Port::One(port) if port != 0 => port,
                _ => SYSLOG_PORT,
            };
            LogAddress::Udp(SocketAddr::new(
                super::place::ip_of(&host, family, text, reading)?,
                port,
            ))
        }
    })
}

fn length(words: &mut Words<'_>) -> Result<usize, Error> {
    words.next();
    let word = words.next().unwrap_or_default();
    word.parse()
        .ok()
        .filter(|length| (80..=65_535).contains(length))
        .ok_or_else(|| Error::new(format!("invalid log length '{word}', must be between 80 and 65535")))
}

/// The name after `format`, `len` or the like was peeked at.
pub fn format(words: &mut Words<'_>) -> Result<LogTransportFormat, Error> {
    words.next();
    let word = words.next().unwrap_or_default();
    LogTransportFormat::parse(word).ok_or_else(|| Error::new(format!("unknown log format '{word}'")))
}

fn sample(words: &mut Words<'_>) -> Result<Sample, Error> {
    words.next();
    let text = words.next().unwrap_or_default();
    let (list, size) = text.rsplit_once(':').ok_or_else(|| Error::new("Missing sample size"))?;
    let size: u32 = size
        .parse()
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| Error::new(format!("wrong sample size '{size}' for sample range '{list}'")))?;
    let mut ranges = Vec::new();
    for range in list.split(',') {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let bounds = low.parse().ok().zip(high.parse().ok());
        let bounds = bounds.filter(|(low, high): &(u32, u32)| *low >= 1 && low <= high);
        ranges.push(bounds.ok_or_else(|| Error::new(format!("wrong sample range '{range}'")))?);
    }
    ranges.sort_unstable();
    if ranges
        .windows(2)
        .any(|pair| matches!(pair, [(_, high), (low, _)] if low <= high))
    {
        return Err(Error::new("ranges are overlapping"));
    }
    match ranges.last() {
        Some((_, high)) if *high > size => Err(Error::new(format!(
            "sample size {size} should be greater or equal to {high} the maximum of the high ranges limits"
        ))),
        _ => Ok(Sample { ranges, size }),
    }
}
