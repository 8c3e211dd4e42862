//! The fields of `show info`: what is known of the process as a whole.

use std::sync::atomic::Ordering::Relaxed;

use super::value::{Kind, Tags, Value};
use crate::control::World;
use crate::language::release;

/// One field. Its position in [`FIELDS`] is its number.
pub struct Field {
    pub name: &'static str,
    pub tags: Tags,
    pub kind: Kind,
    /// One line for people.
    pub doc: &'static str,
    /// What it says; nothing where this process has no such thing, which leaves a hole.
    pub get: fn(&Moment<'_>) -> Value,
}

/// The process at one moment.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    pub world: &'a World,
    /// Microseconds of the monotonic clock.
    pub ticks: u64,
    /// Microseconds since the epoch.
    pub date: u64,
    /// Show fractions where there are some.
    pub float: bool,
}

impl Moment<'_> {
    fn uptime(&self) -> u64 {
        self.date.saturating_sub(self.world.process().started)
    }

    /// Seconds from microseconds, with their fraction if wanted.
    fn seconds(&self, micros: u64) -> Value {
        match self.float {
            true => Value::Float(micros as f64 / 1e6),
            false => Value::Unsigned(micros / 1_000_000),
        }
    }

    fn listeners(&self) -> u64 {
        let bound = self.world.process().proxies.iter().map(|proxy| proxy.listeners.len());
        bound.sum::<usize>() as u64 + self.world.plan().global.cli.len() as u64
    }
}

const fn field(
    name: &'static str,
    tags: &'static str,
    kind: Kind,
    doc: &'static str,
    get: fn(&Moment<'_>) -> Value,
) -> Field {
    Field {
        name,
        tags: Tags(tags),
        kind,
        doc,
        get,
    }
}

/// Nothing to say.
const fn none(_: &Moment<'_>) -> Value {
    Value::None
}

/// Never anything but zero in this version.
const fn zero(_: &Moment<'_>) -> Value {
    Value::Unsigned(0)
}

use Kind::{Str, U32, U64};

/// The fields, in the peer's order.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("Name", "POS", Str, "Name of the product", |_| "lb".into()),
    field("Version", "POS", Str, "Version of the language, then of the product", |_| {
        format!("{}-lb{}", release::VERSION, env!("CARGO_PKG_VERSION")).into()
    }),
    field("Release_date", "POS", Str, "Date of the release", none),
    field("Nbthread", "CGS", U32, "Workers", |m| (m.world.process().workers as u64).into()),
    field("Nbproc", "CGS", U32, "Processes, always 1", |_| 1u64.into()),
    field("Process_num", "KGP", U32, "Number of this process, always 1", |_| 1u64.into()),
    field("Pid", "SGP", U32, "The system's number of this process", |m| m.world.process().pid.into()),
    field("Uptime", "MDP", Str, "Time since the start", |m| {
        let seconds = m.uptime() / 1_000_000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60).into()
    }),
    field("Uptime_sec", "MDP", U32, "Seconds since the start", |m| m.seconds(m.uptime())),
    field("Memmax_MB", "CLP", U32, "Limit of memory, 0 for none", zero),
    field("PoolAlloc_MB", "MGP", U32, "Memory in pools; there are none", none),
    field("PoolUsed_MB", "MGP", U32, "Memory of pools in use; there are none", none),
    field("PoolFailed", "MCP", U32, "Allocations from pools that failed; there are none", none),
    field("Ulimit-n", "CLP", U32, "Descriptors allowed", |m| m.world.descriptors.into()),
    field("Maxsock", "CLP", U32, "Sockets allowed", |m| m.world.descriptors.into()),
    field("Maxconn", "CLP", U32, "Connections allowed now", |m| m.world.process().max_connections.load(Relaxed).into()),
    field("Hard_maxconn", "CLP", U32, "Connections allowed at the start", |m| m.world.hard_max_connections.into()),
    field("CurrConns", "MGP", U32, "Connections now", |m| m.world.process().connections.get().into()),
    field("CumConns", "MCP", U32, "Connections since the start", |m| m.world.process().total_connections.get().into()),
    field("CumReq", "MCP", U32, "Requests since the start", |m| m.world.process().total_requests.get().into()),
    field("MaxSslConns", "MMP", U32, "TLS connections allowed, 0 for no limit", zero),
    field("CurrSslConns", "MGP", U32, "TLS connections now", zero),
    field("CumSslConns", "MCP", U32, "TLS connections since the start", zero),
    field("Maxpipes", "CLP", U32, "Pipes allowed for splicing", zero),
    field("PipesUsed", "MGP", U32, "Pipes in use", zero),
    field("PipesFree", "MGP", U32, "Pipes kept for use", zero),
    field("ConnRate", "MRP", U32, "Connections in the last second", |m| m.world.process().connection_rate.get(m.ticks / 1_000).into()),
    field("ConnRateLimit", "CLP", U32, "Connections allowed a second", |m| m.world.process().max_connection_rate.load(Relaxed).into()),
    field("MaxConnRate", "MMP", U32, "Most connections in a second", |m| m.world.process().connection_rate.max().into()),
    field("SessRate", "MRP", U32, "Sessions in the last second", |m| m.world.process().session_rate.get(m.ticks / 1_000).into()),
    field("SessRateLimit", "CLP", U32, "Sessions allowed a second", |m| m.world.process().max_session_rate.load(Relaxed).into()),
    field("MaxSessRate", "MRP", U32, "Most sessions in a second", |m| m.world.process().session_rate.max().into()),
    field("SslRate", "MRP", U32, "TLS sessions in the last second", zero),
    field("SslRateLimit", "CLP", U32, "TLS sessions allowed a second", zero),
    field("MaxSslRate", "MMP", U32, "Most TLS sessions in a second", zero),
    field("SslFrontendKeyRate", "MGP", U32, "TLS keys computed for clients in the last second", zero),
    field("SslFrontendMaxKeyRate", "MMP", U32, "Most TLS keys computed for clients in a second", zero),
    field("SslFrontendSessionReuse_pct", "MGP", U32, "Percentage of clients' TLS sessions that were resumed", zero),
    field("SslBackendKeyRate", "MRP", U32, "TLS keys computed for servers in the last second", zero),
    field("SslBackendMaxKeyRate", "MMP", U32, "Most TLS keys computed for servers in a second", zero),
    field("SslCacheLookups", "MCP", U32, "TLS sessions looked up", zero),
    field("SslCacheMisses", "MCP", U32, "TLS sessions not found", zero),
    field("CompressBpsIn", "MRP", U32, "Bytes given to the compressor in the last second", zero),
    field("CompressBpsOut", "MRP", U32, "Bytes that the compressor made in the last second", zero),
    field("CompressBpsRateLim", "CLP", U32, "Bytes of compression allowed a second", zero),
    field("ZlibMemUsage", "MGP", U32, "Memory of the compressor", zero),
    field("MaxZlibMemUsage", "CLP", U32, "Memory allowed to the compressor", zero),
    field("Tasks", "MGP", U32, "Tasks; not counted", none),
    field("Run_queue", "MGP", U32, "Tasks ready to run; not counted", none),
    field("Idle_pct", "MaP", U32, "Percentage of time spent waiting; not measured", none),
    field("node", "COS", Str, "Name of the node", |m| m.world.process().node.as_str().into()),
    field("description", "COS", Str, "Description of the node", |m| m.world.process().description.as_deref().into()),
    field("Stopping", "MGP", U32, "1 while the process is stopping", |m| m.world.process().stopping.load(Relaxed).into()),
    field("Jobs", "MGP", U32, "Connections and listeners", |m| (m.world.process().connections.get() + m.listeners()).into()),
    field("Unstoppable Jobs", "MGP", U32, "Jobs that a stop does not wait for", zero),
    field("Listeners", "MGP", U32, "Listeners", |m| m.listeners().into()),
    field("ActivePeers", "MGP", U32, "Peers in contact", zero),
    field("ConnectedPeers", "MGP", U32, "Peers connected", zero),
    field("DroppedLogs", "MGP", U32, "Log lines that found no room", |m| m.world.process().dropped_logs.get().into()),
    field("BusyPolling", "MGP", U32, "1 where busy polling is on", zero),
    field("FailedResolutions", "MGP", U32, "Names that could not be resolved", zero),
    field("TotalBytesOut", "MGP", U64, "Bytes sent to clients", |m| {
        let frontends = m.world.process().proxies.iter().filter(|proxy| proxy.is_frontend);
        frontends.map(|proxy| proxy.frontend.counters.bytes_out.get()).sum::<u64>().into()
    }),
    field("TotalSplicdedBytesOut", "MGP", U64, "Bytes sent by splicing", zero),
    field("BytesOutRate", "MRP", U64, "Bytes sent in the last second; not measured", none),
    field("DebugCommandsIssued", "MGP", U32, "Commands for developers given", zero),
    field("CumRecvLogs", "MCP", U32, "Log lines received for forwarding", zero),
    field("Build info", "POS", Str, "Version of the product", |_| format!("lb {}", env!("CARGO_PKG_VERSION")).into()),
    field("Memmax_bytes", "CLP", U32, "Limit of memory, 0 for none", zero),
    field("PoolAlloc_bytes", "MGP", U64, "Memory in pools; there are none", none),
    field("PoolUsed_bytes", "MGP", U64, "Memory of pools in use; there are none", none),
    field("Start_time_sec", "MDP", U32, "The start, in seconds since the epoch", |m| m.seconds(m.world.process().started)),
    field("Tainted", "SGP", Str, "Experimental features that were used", |m| {
        match m.world.process().tainted.load(Relaxed) {
            0 => "0".to_owned(),
            bits => format!("{bits:#x}"),
        }
        .into()
    }),
];
