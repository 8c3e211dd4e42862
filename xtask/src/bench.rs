//! `cargo xtask bench`: what `lb` costs, beside what HAProxy costs, on the same configuration.
//!
//! Both run on the first processor, each with origins of its own in network namespaces of its own. They are loaded in turns, for short
//! times and often: what disturbs the machine disturbs both alike. What a process costs is its own processor time, with load and
//! origins on the other processors (`scenario`). What is done in the kernel for nobody in particular is measured otherwise (`wires`).
mod lane;
mod report;
mod scenario;
mod wires;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::shell;
use lane::{Contestant, Lane};
use report::Report;
use scenario::{SCENARIOS, Scenario};

/// Compare what lb and HAProxy cost per request, connection, gigabyte, idle connection and denied attempt.
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
    lb: PathBuf,
    haproxy: PathBuf,
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

    allow_descriptors()?;
    let _precedence = Precedence::take();
    let bench = Bench {
        window: Duration::from_secs_f64(args.seconds),
        processor: keep_one_processor_free()?,
        lb,
        haproxy: args.against.clone(),
    };
    let mut report = Report::new(&scenarios);
    for (index, scenario) in scenarios.iter().enumerate() {
        eprintln!("{} …", scenario.name);
        let contestants = [Contestant::Lb, scenario.against];
        let set = || -> Result<[Lane; 2]> {
            Ok([
                (scenario.set)(&bench, contestants[0])?,
                (scenario.set)(&bench, contestants[1])?,
            ])
        };
        let mut lanes = set()?;
        for round in 0..args.rounds {
            if scenario.fresh && round > 0 {
                lanes = set()?;
            }
            // Every other round the other one goes first, so that drift favours neither.
            for side in [round % 2, (round + 1) % 2] {
                let lane = &lanes[side];
                let costs = lane.clients.run(|| (scenario.measure)(&bench, lane));
                report.add(
                    index,
                    side,
                    &costs.with_context(|| format!("{} with {}", scenario.name, contestants[side]))?,
                );
            }
        }
    }
    print!("{report}");
    let file = shell::target().join("bench.json");
    std::fs::write(&file, report.json(conditions(args, &bench)))?;
    println!("\n{}", file.display());
    Ok(())
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
fn conditions(args: &Args, bench: &Bench) -> serde_json::Value {
    let version = |binary: &Path| {
        let output = Command::new(binary).arg("-v").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Some(text.lines().next()?.trim().to_owned())
    };
    let versions = [&bench.lb, &bench.haproxy].map(|binary| version(binary));
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    serde_json::json!({ "kernel": kernel, "versions": versions, "rounds": args.rounds, "seconds": args.seconds })
}
