//! What connections and packets cost that come and go over wires, wherever in the kernel or in a process that is spent.
//!
//! ```text
//! clients 10.99.1.2 ── 10.99.1.1 edge 10.99.2.1 ── 10.99.2.2 servers
//!         10.99.3.1 ──────────────────────────────── 10.99.3.2
//! ```
//!
//! The kernel spends most of this in softirq, which it accounts to whom it interrupts. So everything (load, balancer, origin) runs on one
//! processor and keeps it busy, and what is measured is how long the processor was busy (`/proc/stat`), divided by what passed. An added
//! cost is that less the same over the wire that leads from the clients to the servers directly, measured right before. What rejecting
//! costs includes the client's own work, which is the same on both sides. SYNs come out of a tap interface, whose driver has native XDP
//! as network cards have and a veth has not; what putting them there takes is included, too.
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use lab::load::{Counts, Load, Shape};
use lab::usage::processor_busy;
use lab::{Flood, Netns, Origin, Process, Service, Tap, veth};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::Bench;
use super::lane::{Contestant, Lane, balancer};
use crate::shell;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 2);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 1);
const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The networks in which the edge and, directly, the servers have addresses for the clients.
const EDGE: [u8; 3] = [10, 99, 1];
const DIRECT: [u8; 3] = [10, 99, 3];
const ORIGIN_PORT: u16 = 9080;

/// The ports of the configuration's listeners.
const FORWARDED: u16 = 8090;
const REJECTING: u16 = 8091;
const DROPPING: u16 = 8092;

/// How many connections keep the processor busy.
const CONNECTIONS: usize = 32;

/// Starts a balancer between clients and servers that are namespaces away.
pub fn set(bench: &Bench, contestant: Contestant) -> Result<Lane> {
    let (clients, edge, servers) = (Netns::new()?, Netns::new()?, Netns::new()?);
    veth(
        (&clients, "edge", &["10.99.1.2/24"]),
        (&edge, "clients", &["10.99.1.1/24"]),
    )?;
    veth(
        (&edge, "servers", &["10.99.2.1/24"]),
        (&servers, "edge", &["10.99.2.2/24"]),
    )?;
    veth(
        (&clients, "direct", &["10.99.3.1/24"]),
        (&servers, "direct", &["10.99.3.2/24"]),
    )?;
    for (namespace, interface, network) in [(&edge, "clients", EDGE), (&servers, "direct", DIRECT)] {
        let more = addresses(network).map(|address| format!("addr add {address}/24 dev {interface}\n"));
        namespace.ip(&more.collect::<String>())?;
    }
    let origin = servers.run(|| {
        run_on(bench.processor)?;
        Origin::on(
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, ORIGIN_PORT))?,
            Service::Http("origin"),
        )
    })?;
    let balancer = start(bench, contestant, &edge)?;
    Ok(Lane {
        clients,
        balancer: Some(balancer),
        _origins: vec![origin],
        tap: None,
        _elsewhere: vec![edge, servers],
    })
}

/// Starts a balancer or the packet filter behind an interface with native XDP, as a network card's driver has it.
pub fn set_tap(bench: &Bench, contestant: Contestant) -> Result<Lane> {
    let edge = Netns::new()?;
    let tap = edge.run(|| Tap::new("clients"))?;
    edge.ip("link set clients address 02:00:00:00:00:01\naddr add 10.99.1.1/24 dev clients\nlink set clients up")?;
    let balancer = match contestant {
        Contestant::Nft => filter(&edge).map(|()| None)?,
        _ => Some(start(bench, contestant, &edge)?),
    };
    Ok(Lane {
        clients: edge,
        balancer,
        _origins: Vec::new(),
        tap: Some(tap),
        _elsewhere: Vec::new(),
    })
}

fn start(bench: &Bench, contestant: Contestant, edge: &Netns) -> Result<Process> {
    let configuration = shell::root().join("tests/data/bench-wires.cfg");
    balancer(
        bench,
        contestant,
        &configuration,
        edge,
        SocketAddr::from((Ipv4Addr::LOCALHOST, FORWARDED)),
    )
}

/// The addresses by which a load reaches a namespace: many, because each has its own range of client ports.
fn addresses([a, b, c]: [u8; 3]) -> impl Iterator<Item = Ipv4Addr> {
    (101..=132).map(move |host| Ipv4Addr::new(a, b, c, host))
}

/// Lets the kernel's packet filter drop what comes from the clients, as early as it can.
fn filter(edge: &Netns) -> Result<()> {
    let rules = format!(
        "table netdev bench {{
            set denied {{ type ipv4_addr; elements = {{ {CLIENT} }}; }}
            chain early {{
                type filter hook ingress device clients priority -500;
                ip saddr @denied drop
            }}
        }}"
    );
    let mut nft: Command = edge.command("nft")?;
    shell::succeed(nft.arg(rules).stdin(Stdio::null()))
}

pub fn forwarded_request(bench: &Bench, _: &Lane) -> Result<Vec<f64>> {
    added(bench, Shape::KeepAlive)
}

pub fn forwarded_connection(bench: &Bench, _: &Lane) -> Result<Vec<f64>> {
    added(bench, Shape::ConnectionPerRequest)
}

/// What a request costs more through the edge than directly, in µs.
fn added(bench: &Bench, shape: Shape) -> Result<Vec<f64>> {
    let cost = |network, port| busy_per(bench, shape, network, port, |counts| counts.requests);
    let direct = cost(DIRECT, ORIGIN_PORT)?;
    Ok(vec![(cost(EDGE, FORWARDED)? - direct) * 1e6])
}

pub fn denied_attempt(bench: &Bench, _: &Lane) -> Result<Vec<f64>> {
    let cost = busy_per(bench, Shape::Denied, EDGE, REJECTING, |counts| counts.denials)?;
    Ok(vec![cost * 1e6])
}

pub fn denied_syn(bench: &Bench, lane: &Lane) -> Result<Vec<f64>> {
    run_on(bench.processor)?;
    let tap = lane.tap.as_ref().context("no interface")?;
    let mut flood = Flood::new(HARDWARE, CLIENT, SocketAddrV4::new(GATEWAY, DROPPING));
    let (start, before, mut sent) = (Instant::now(), processor_busy(bench.processor)?, 0);
    while start.elapsed() < bench.window {
        for _ in 0..1000 {
            tap.send(flood.frame())?;
        }
        sent += 1000;
    }
    let busy = processor_busy(bench.processor)? - before;
    Ok(vec![busy.as_secs_f64() * 1e6 / f64::from(sent)])
}

/// How long the processor is busy with a load, per unit of what passes.
fn busy_per(bench: &Bench, shape: Shape, network: [u8; 3], port: u16, units: fn(Counts) -> u64) -> Result<f64> {
    run_on(bench.processor)?;
    let targets: Vec<SocketAddr> = addresses(network).map(|address| (address, port).into()).collect();
    let load = Load::start(shape, &targets, CONNECTIONS)?;
    sleep(bench.window / 4);
    let before = (processor_busy(bench.processor)?, load.counts());
    sleep(bench.window);
    let after = (processor_busy(bench.processor)?, load.counts());
    let failures = after.1.failures - before.1.failures;
    ensure!(failures == 0, "{failures} connections failed");
    let passed = units(after.1) - units(before.1);
    ensure!(passed > 0, "nothing passed");
    let busy = after.0 - before.0;
    ensure!(
        busy > bench.window.mul_f64(0.9),
        "the processor idled: busy for {busy:?} only"
    );
    Ok(busy.as_secs_f64() / passed as f64)
}

/// Keeps the calling thread, and what it starts, on one processor.
fn run_on(processor: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(processor);
    sched_setaffinity(None, &only).context("cannot choose a processor")
}
