//! The scenarios: what is done to a balancer, and what is divided by what.
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use lab::Client;
use lab::load::{Counts, Load, Shape};
use lab::usage::{memory, processor_time};

use super::Bench;
use super::lane::{Contestant, Lane};
use super::wires;

/// One way to use a balancer, and the costs that come out of it.
pub struct Scenario {
    pub name: &'static str,
    /// What the costs are, in the order in which `measure` answers with them.
    pub costs: &'static [Cost],
    /// Whether each measurement needs a balancer that has not been used before.
    pub fresh: bool,
    /// Who runs beside `lb`.
    pub against: Contestant,
    /// Sets a contestant up.
    pub set: fn(&Bench, Contestant) -> Result<Lane>,
    /// Uses who runs there.
    pub measure: fn(&Bench, &Lane) -> Result<Vec<f64>>,
}

/// What one number means: its title and its unit.
pub type Cost = (&'static str, &'static str);

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "http-keep-alive",
        costs: &[("HTTP/1 request, keep-alive", "CPU µs")],
        fresh: false,
        against: Contestant::Haproxy,
        set: Lane::on_loopback,
        measure: http_keep_alive,
    },
    Scenario {
        name: "http-connection",
        costs: &[("HTTP/1 connection, one request each", "CPU µs")],
        fresh: false,
        against: Contestant::Haproxy,
        set: Lane::on_loopback,
        measure: http_connection,
    },
    Scenario {
        name: "tcp-relay",
        costs: &[("GB through a TCP relay", "CPU ms")],
        fresh: false,
        against: Contestant::Haproxy,
        set: Lane::on_loopback,
        measure: tcp_relay,
    },
    Scenario {
        name: "http-large",
        costs: &[("GB of a large HTTP/1 response", "CPU ms")],
        fresh: false,
        against: Contestant::Haproxy,
        set: Lane::on_loopback,
        measure: http_large,
    },
    Scenario {
        name: "idle-memory-http",
        costs: &[
            ("idle HTTP/1 connection, RSS", "bytes"),
            ("idle HTTP/1 connection, PSS", "bytes"),
        ],
        fresh: true,
        against: Contestant::Haproxy,
        set: Lane::on_loopback,
        measure: |_, lane| idle_memory(lane, hold_http),
    },
    Scenario {
        name: "idle-memory-tcp",
        costs: &[
            ("idle TCP connection, RSS", "bytes"),
            ("idle TCP connection, PSS", "bytes"),
        ],
        fresh: true,
        against: Contestant::Haproxy,
        set: Lane::on_loopback,
        measure: |_, lane| idle_memory(lane, hold_tcp),
    },
    Scenario {
        name: "forwarded-request",
        costs: &[("forwarded request, added", "CPU µs")],
        fresh: false,
        against: Contestant::Haproxy,
        set: wires::set,
        measure: wires::forwarded_request,
    },
    Scenario {
        name: "forwarded-connection",
        costs: &[("forwarded connection, one request, added", "CPU µs")],
        fresh: false,
        against: Contestant::Haproxy,
        set: wires::set,
        measure: wires::forwarded_connection,
    },
    Scenario {
        name: "denied-attempt",
        costs: &[("attempt that is rejected, and its client", "CPU µs")],
        fresh: false,
        against: Contestant::Haproxy,
        set: wires::set,
        measure: wires::denied_attempt,
    },
    Scenario {
        name: "denied-syn",
        costs: &[("SYN that is dropped, and its sender", "CPU µs")],
        fresh: false,
        against: Contestant::Nft,
        set: wires::set_tap,
        measure: wires::denied_syn,
    },
];

/// The ports of the configuration's listeners.
const HTTP: u16 = 8080;
const IDLE: u16 = 8081;
const RELAY: u16 = 8082;
const LARGE: u16 = 8083;
const ECHO: u16 = 8084;

/// How long a balancer has to settle before its memory is read.
const SETTLE: Duration = Duration::from_millis(300);

/// How many connections idle at once.
const IDLERS: usize = 5000;

/// The addresses by which a load reaches a port: many, because each has its own range of client ports.
fn targets(port: u16) -> Vec<SocketAddr> {
    (1..=16)
        .map(|host| SocketAddr::from(([127, 0, 0, host], port)))
        .collect()
}

fn http_keep_alive(bench: &Bench, lane: &Lane) -> Result<Vec<f64>> {
    let load = Load::start(Shape::KeepAlive, &targets(HTTP), 64)?;
    Ok(vec![
        seconds_per(bench, lane.pid()?, &load, |counts| counts.requests)? * 1e6,
    ])
}

fn http_connection(bench: &Bench, lane: &Lane) -> Result<Vec<f64>> {
    let load = Load::start(Shape::ConnectionPerRequest, &targets(HTTP), 64)?;
    Ok(vec![
        seconds_per(bench, lane.pid()?, &load, |counts| counts.requests)? * 1e6,
    ])
}

fn tcp_relay(bench: &Bench, lane: &Lane) -> Result<Vec<f64>> {
    let load = Load::start(Shape::Download, &targets(RELAY), 4)?;
    Ok(vec![
        seconds_per(bench, lane.pid()?, &load, |counts| counts.bytes)? * 1e9 * 1e3,
    ])
}

fn http_large(bench: &Bench, lane: &Lane) -> Result<Vec<f64>> {
    let load = Load::start(Shape::LargeResponse, &targets(LARGE), 4)?;
    Ok(vec![
        seconds_per(bench, lane.pid()?, &load, |counts| counts.bytes)? * 1e9 * 1e3,
    ])
}

/// The balancer's processor time over a window, divided by the units that passed meanwhile.
fn seconds_per(bench: &Bench, pid: u32, load: &Load, units: fn(Counts) -> u64) -> Result<f64> {
    sleep(bench.window / 4);
    let before = (processor_time(pid)?, load.counts());
    sleep(bench.window);
    let after = (processor_time(pid)?, load.counts());
    let failures = after.1.failures - before.1.failures;
    ensure!(failures == 0, "{failures} connections failed");
    let passed = units(after.1) - units(before.1);
    ensure!(passed > 0, "nothing passed");
    Ok((after.0 - before.0).as_secs_f64() / passed as f64)
}

/// Lets connections be used once each and stay, and divides what the balancer grew by their number.
///
/// Some come and go first, so that what a balancer sets up once is not counted.
fn idle_memory(lane: &Lane, hold: fn(usize) -> Result<Vec<Client>>) -> Result<Vec<f64>> {
    let pid = lane.pid()?;
    drop(hold(100)?);
    sleep(SETTLE);
    let before = memory(pid)?;
    let _held = hold(IDLERS)?;
    sleep(SETTLE);
    let after = memory(pid)?;
    let grown = |before: u64, after: u64| (after as f64 - before as f64) / IDLERS as f64;
    Ok(vec![grown(before.rss, after.rss), grown(before.pss, after.pss)])
}

fn hold_http(connections: usize) -> Result<Vec<Client>> {
    hold(IDLE, connections, |client| {
        let status = client.get("/")?.status;
        ensure!(status == 200, "answered {status}");
        Ok(())
    })
}

fn hold_tcp(connections: usize) -> Result<Vec<Client>> {
    hold(ECHO, connections, |client| {
        client.send("hello")?;
        ensure!(client.exactly(5)? == b"hello", "another echo");
        Ok(())
    })
}

fn hold(port: u16, connections: usize, use_once: fn(&mut Client) -> Result<()>) -> Result<Vec<Client>> {
    let targets = targets(port);
    let held = targets.iter().cycle().take(connections).map(|&target| {
        let mut client = Client::connect(target)?;
        use_once(&mut client)?;
        Ok(client)
    });
    held.collect()
}
