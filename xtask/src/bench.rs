//! `cargo xtask bench`: what `lb` costs, beside what HAProxy costs, on the same configuration.
//!
//! Both run on the first processor, each with origins of its own in a network namespace of its own, and load and origins on the other
//! processors. They are loaded in turns, for short times and often: what disturbs the machine disturbs both alike.
mod report;
mod scenario;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use lab::{Netns, Origin, Process, Service, pinned_to, until};
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::shell;
use report::Report;
use scenario::{SCENARIOS, Scenario};

/// Compare what lb and HAProxy cost per request, connection, gigabyte and idle connection.
#[derive(clap::Args)]
pub struct Args {
    /// Measure each scenario so many times with each balancer
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Measure for so many seconds each time
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Run only the scenarios whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Build lb with this cargo profile
    #[arg(long, default_value = "release")]
    profile: String,
    /// Measure this binary instead of building lb
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Compare with this binary
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/haproxy")]
    against: PathBuf,
}

/// What every measurement shares.
struct Bench {
    window: Duration,
    /// The processor that the balancer has for itself.
    processor: usize,
    configuration: PathBuf,
}

/// A balancer to measure.
struct Contestant {
    name: &'static str,
    binary: PathBuf,
}

/// A balancer that runs, with origins of its own.
struct Lane {
    balancer: Process,
    _origins: [Origin; 2],
    namespace: Netns,
}

pub fn run(args: &Args) -> Result<()> {
    let scenarios: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|scenario| {
            args.only
                .as_ref()
                .is_none_or(|only| scenario.name.contains(only.as_str()))
        })
        .collect();
    if scenarios.is_empty() {
        bail!(
            "no such scenario; there are {}",
            SCENARIOS
                .iter()
                .map(|scenario| scenario.name)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    let lb = match &args.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => shell::build_lb(&args.profile)?,
    };
    let contestants = [
        Contestant { name: "lb", binary: lb },
        Contestant {
            name: "haproxy",
            binary: args.against.clone(),
        },
    ];

    allow_descriptors()?;
    let _precedence = Precedence::take();
    let bench = Bench {
        window: Duration::from_secs_f64(args.seconds),
        processor: keep_one_processor_free()?,
        configuration: shell::root().join("tests/data/bench.cfg"),
    };
    let mut report = Report::new(&scenarios);
    for (index, scenario) in scenarios.iter().enumerate() {
        eprintln!("{} …", scenario.name);
        let mut lanes = bench.lanes(&contestants)?;
        for round in 0..args.rounds {
            if scenario.fresh && round > 0 {
                lanes = bench.lanes(&contestants)?;
            }
            // Every other round the other one goes first, so that drift favours neither.
            for side in [round % 2, (round + 1) % 2] {
                let lane = &lanes[side];
                let costs = lane.namespace.run(|| (scenario.measure)(&bench, lane.balancer.pid()));
                report.add(
                    index,
                    side,
                    &costs.with_context(|| format!("{} with {}", scenario.name, contestants[side].name))?,
                );
            }
        }
    }
    print!("{report}");
    let file = shell::target().join("bench.json");
    std::fs::write(&file, report.json(conditions(args, &contestants)))?;
    println!("\n{}", file.display());
    Ok(())
}

impl Bench {
    fn lanes(&self, contestants: &[Contestant; 2]) -> Result<[Lane; 2]> {
        Ok([self.lane(&contestants[0])?, self.lane(&contestants[1])?])
    }

    /// Starts a balancer on the processor that is kept free, and its origins on the others.
    fn lane(&self, contestant: &Contestant) -> Result<Lane> {
        let namespace = Netns::new()?;
        let origin =
            |port, service| namespace.run(|| Origin::on(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?, service));
        let origins = [origin(9080, Service::Http("origin"))?, origin(9082, Service::Source)?];
        let mut command = namespace.command(&contestant.binary)?;
        command
            .arg("-db")
            .arg("-f")
            .arg(&self.configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut balancer = Process::spawn(pinned_to(&mut command, &[self.processor]))?;
        namespace.run(|| {
            until("the balancer to accept", || match balancer.ended() {
                Ok(Some(status)) => Some(Err(anyhow!("{} ended: {status}", contestant.name))),
                _ => TcpStream::connect((Ipv4Addr::LOCALHOST, 8080)).ok().map(|_| Ok(())),
            })?
        })?;
        Ok(Lane {
            balancer,
            _origins: origins,
            namespace,
        })
    }
}

/// The addresses by which a load reaches a port: many, because each has its own range of client ports.
fn targets(port: u16) -> Vec<SocketAddr> {
    (1..=16)
        .map(|host| SocketAddr::from(([127, 0, 0, host], port)))
        .collect()
}

/// Moves ourselves off the first processor and answers with it. With a single processor everything shares that one.
fn keep_one_processor_free() -> Result<usize> {
    let mut ours = sched_getaffinity(None)?;
    let first = (0..CpuSet::MAX_CPU)
        .find(|&processor| ours.is_set(processor))
        .context("no processor")?;
    if ours.count() > 1 {
        ours.unset(first);
        sched_setaffinity(None, &ours)?;
    }
    Ok(first)
}

/// Raises the limit of open descriptors as far as it goes; the balancers inherit it.
fn allow_descriptors() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?)
}

/// Where the kernel groups processes by session, niceness counts within the group, and the group has its own (sched(7)).
const SESSION_NICENESS: &str = "/proc/self/autogroup";

/// We and what we start come before whatever else this machine does, as far as we are allowed to and while this value lives.
struct Precedence;

impl Precedence {
    fn take() -> Self {
        let _ = setpriority_process(None, -20);
        let _ = std::fs::write(SESSION_NICENESS, "-20");
        Self
    }
}

impl Drop for Precedence {
    fn drop(&mut self) {
        // The session outlives us; how nice we are ourselves ends with us.
        let _ = std::fs::write(SESSION_NICENESS, "0");
    }
}

/// What the numbers depend on: who was measured, and how.
fn conditions(args: &Args, contestants: &[Contestant]) -> serde_json::Value {
    let version = |binary: &Path| {
        let output = Command::new(binary).arg("-v").output().ok()?;
        Some(
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .next()?
                .trim()
                .to_owned(),
        )
    };
    let versions: Vec<_> = contestants
        .iter()
        .map(|contestant| version(&contestant.binary))
        .collect();
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    serde_json::json!({ "kernel": kernel, "versions": versions, "rounds": args.rounds, "seconds": args.seconds })
}
