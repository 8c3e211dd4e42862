//! Who is measured, and where: a balancer with origins and namespaces of its own.
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow};
use lab::{Netns, Origin, Process, Service, Tap, pinned_to, until};

use super::Bench;
use crate::shell;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    Lb,
    Haproxy,
    /// The kernel's own packet filter, in the balancer's place.
    Nft,
}

/// Somebody to measure, running.
pub struct Lane {
    /// Where the load comes from.
    pub clients: Netns,
    /// Ends with its process; first, so that it ends first.
    pub balancer: Option<Process>,
    pub _origins: Vec<Origin>,
    /// An interface into which frames are put, instead of load from clients.
    pub tap: Option<Tap>,
    /// Where balancer and origins are, unless that is where the load comes from.
    pub _elsewhere: Vec<Netns>,
}

impl Lane {
    /// The balancer's process.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.balancer.as_ref().context("nobody runs here")?.pid())
    }

    /// A balancer, its origins and the load on one loopback interface.
    pub fn on_loopback(bench: &Bench, contestant: Contestant) -> Result<Self> {
        let namespace = Netns::new()?;
        let origin =
            |port, service| namespace.run(|| Origin::on(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?, service));
        let origins = vec![
            origin(9080, Service::Http("origin"))?,
            origin(9082, Service::Source)?,
            origin(9083, Service::HttpSource)?,
            origin(9084, Service::Echo)?,
        ];
        let configuration = shell::root().join("tests/data/bench.cfg");
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        Ok(Self {
            balancer: Some(balancer(bench, contestant, &configuration, &namespace, to)?),
            clients: namespace,
            _origins: origins,
            tap: None,
            _elsewhere: Vec::new(),
        })
    }
}

/// Starts a balancer on the processor that is kept free, and waits until it accepts connections to an address of its namespace.
pub fn balancer(
    bench: &Bench,
    contestant: Contestant,
    configuration: &Path,
    namespace: &Netns,
    to: SocketAddr,
) -> Result<Process> {
    let binary = match contestant {
        Contestant::Lb => &bench.lb,
        Contestant::Haproxy | Contestant::Nft => &bench.haproxy,
    };
    let mut command = namespace.command(binary)?;
    command
        .arg("-db")
        .arg("-f")
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut balancer = Process::spawn(pinned_to(&mut command, &[bench.processor]))?;
    namespace.run(|| {
        until("the balancer to accept", || match balancer.ended() {
            Ok(Some(status)) => Some(Err(anyhow!("{contestant} ended: {status}"))),
            _ => TcpStream::connect(to).ok().map(|_| Ok(())),
        })?
    })?;
    Ok(balancer)
}

impl fmt::Display for Contestant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Lb => "lb",
            Self::Haproxy => "haproxy",
            Self::Nft => "nft",
        })
    }
}
