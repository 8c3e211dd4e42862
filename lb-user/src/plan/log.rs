//! `log` lines and `ring` sections (manual 3.1 and 3.10).

use std::net::SocketAddr;
use std::time::Duration;

/// One `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    pub address: LogAddress,
    pub length: usize,
    /// `None` is the default: `rfc3164` where `log-send-hostname` is set, else `local`; a ring has its own.
    pub format: Option<LogTransportFormat>,
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

/// Names of the syslog facilities, by number (manual 3.1 `log`).
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Names of the severities, by number: the lower the graver.
pub const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The number of a facility.
pub fn facility(name: &str) -> Option<u8> {
    FACILITIES.iter().position(|known| *known == name).map(|at| at as u8)
}

/// The number of a severity.
pub fn level(name: &str) -> Option<u8> {
    LEVELS.iter().position(|known| *known == name).map(|at| at as u8)
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

impl LogTransportFormat {
    /// The format that the language calls `name`.
    pub fn parse(name: &str) -> Option<LogTransportFormat> {
        Some(match name {
            "rfc3164" => LogTransportFormat::Rfc3164,
            "rfc5424" => LogTransportFormat::Rfc5424,
            "priority" => LogTransportFormat::Priority,
            "short" => LogTransportFormat::Short,
            "raw" => LogTransportFormat::Raw,
            "timed" => LogTransportFormat::Timed,
            "iso" => LogTransportFormat::Iso,
            "local" => LogTransportFormat::Local,
            _ => return None,
        })
    }
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
