//! `log` lines and `ring` sections (manual 3.1 and 3.10).

use std::net::SocketAddr;
use std::time::Duration;

/// One `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    pub address: LogAddress,
    pub length: usize,
    pub format: LogTransportFormat,
    /// Ranges of a sampled stream with the size of its window; empty ranges: everything.
    pub sample: Option<Sample>,
    /// Syslog facility number.
    pub facility: u8,
    /// Highest severity number that is sent.
    pub level: u8,
    /// Severities are raised to at least this one.
    pub min_level: u8,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAddress {
    Udp(SocketAddr),
    Unix(String),
    Stdout,
    Stderr,
    Descriptor(i32),
    Ring(String),
}

/// The envelope around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTransportFormat {
    Rfc3164,
    Rfc5424,
    Priority,
    Short,
    Raw,
    Timed,
    Iso,
    Local,
}

/// `sample <ranges>:<size>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub ranges: Vec<(u32, u32)>,
    pub size: u32,
}

/// A `ring` section.
#[derive(Clone, Debug)]
pub struct Ring {
    pub name: String,
    pub description: Option<String>,
    pub size: usize,
    pub max_length: usize,
    pub format: LogTransportFormat,
    pub servers: Vec<(String, SocketAddr)>,
    pub timeout_connect: Option<Duration>,
    pub timeout_server: Option<Duration>,
}
