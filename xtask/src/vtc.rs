//! `cargo xtask vtc`: the project's own scenarios, each a `.vtc` file that Debian's varnishtest plays against a balancer.
//!
//! A scenario runs in its own process and network namespace: its ports are its own, and with its first process everything that it
//! started ends, daemons included.
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use lab::Process;

use crate::counts::Counts;
use crate::shell;

/// Play the project's scenarios of tests/vtc.
#[derive(clap::Args)]
pub struct Args {
    /// Play only the scenarios whose name contains one of these
    names: Vec<String>,
    /// Drive this binary instead of building lb
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Build lb with this cargo profile
    #[arg(long, default_value = "fast")]
    profile: String,
    /// Play so many scenarios at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Seconds after which varnishtest gives a scenario up
    #[arg(long, default_value_t = 20)]
    timeout: u64,
}

/// What a scenario came to.
enum Outcome {
    Passed,
    Skipped,
    Failed(String),
}

/// The exit status by which varnishtest says that a scenario does not apply.
const SKIPPED: i32 = 77;

pub fn run(args: &Args) -> Result<()> {
    let counts = play(args)?;
    println!("{counts}");
    ensure!(
        counts.failed == 0,
        "scenarios failed; their logs are in {}",
        logs().display()
    );
    Ok(())
}

/// Plays every scenario with a binary that is built already.
pub fn play_all(binary: &Path) -> Result<Counts> {
    play(&Args {
        names: Vec::new(),
        binary: Some(binary.to_owned()),
        profile: String::new(),
        jobs: 2,
        timeout: 20,
    })
}

fn play(args: &Args) -> Result<Counts> {
    let binary = match &args.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => shell::build_lb(&args.profile)?,
    };
    let scenarios = scenarios(&args.names)?;
    fs::create_dir_all(logs())?;
    let (waiting, counts) = (Mutex::new(scenarios.iter()), Mutex::new(Counts::default()));
    let work = || -> Result<()> {
        loop {
            let next = lock(&waiting).next();
            let Some(scenario) = next else { return Ok(()) };
            let started = Instant::now();
            let outcome = play_one(scenario, &binary, args.timeout)?;
            report(scenario, &outcome, started.elapsed());
            *lock(&counts) += outcome.counts();
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    Ok(*lock(&counts))
}

/// The scenarios whose name contains one of the words, or all, by name.
fn scenarios(words: &[String]) -> Result<Vec<PathBuf>> {
    let folder = shell::root().join("tests/vtc");
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        let named = |word: &String| name(&path).contains(word.as_str());
        if path.extension().is_some_and(|extension| extension == "vtc") && (words.is_empty() || words.iter().any(named))
        {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!("no such scenario in {}", folder.display());
    }
    found.sort();
    Ok(found)
}

fn play_one(scenario: &Path, binary: &Path, timeout: u64) -> Result<Outcome> {
    let scratch = tempfile::Builder::new().prefix("vtc.").tempdir()?;
    let path = log(scenario);
    let output = File::create(&path)?;
    // The shell stays as the namespace's first process, so that somebody reaps what a daemon leaves behind.
    let mut command = Command::new("unshare");
    command
        .args(["--fork", "--kill-child", "--pid", "--mount-proc", "--net"])
        .args(["sh", "-c", "ip link set lo up && varnishtest \"$@\"; exit $?", "sh"])
        .args(["-k", "-l", "-v", "-b", "2M", "-t", &timeout.to_string()])
        .arg(scenario)
        .env("HAPROXY_PROGRAM", binary)
        .env("HAPROXY_ARGS", "-dM")
        .env("TMPDIR", scratch.path())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let mut process = Process::spawn(&mut command)?;
    // Far beyond varnishtest's own limit: something hangs that it cannot end.
    let limit = Instant::now() + Duration::from_secs(timeout + 10);
    while process.ended()?.is_none() && Instant::now() < limit {
        thread::sleep(Duration::from_millis(20));
    }
    let status = process.stop()?;
    Ok(match status.code() {
        Some(0) => Outcome::Passed,
        Some(SKIPPED) => Outcome::Skipped,
        _ => Outcome::Failed(complaint(&String::from_utf8_lossy(&fs::read(&path)?))),
    })
}

impl Outcome {
    fn counts(&self) -> Counts {
        Counts {
            passed: matches!(self, Self::Passed).into(),
            failed: matches!(self, Self::Failed(_)).into(),
            skipped: matches!(self, Self::Skipped).into(),
        }
    }
}

fn report(scenario: &Path, outcome: &Outcome, took: Duration) {
    let (word, why) = match outcome {
        Outcome::Passed => ("ok", String::new()),
        Outcome::Skipped => ("skipped", String::new()),
        Outcome::Failed(why) => ("FAILED", format!("\n    {why}\n    {}", log(scenario).display())),
    };
    println!(
        "scenario {} ... {word} ({:.1} s){why}",
        name(scenario),
        took.as_secs_f64()
    );
}

/// The first thing that varnishtest complained of, else what the balancer did.
fn complaint(log: &str) -> String {
    let complained = log.lines().find(|line| line.starts_with("---- "));
    let line_with = |mark: &str| log.lines().find(|line| line.contains(mark));
    let found = complained
        .or_else(|| line_with("panicked at"))
        .or_else(|| line_with("[ALERT]"));
    found.unwrap_or("varnishtest did not say why").trim().to_owned()
}

fn name(scenario: &Path) -> String {
    scenario.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn logs() -> PathBuf {
    shell::target().join("vtc")
}

fn log(scenario: &Path) -> PathBuf {
    logs().join(name(scenario)).with_extension("log")
}

/// Locks without regard to a worker's panic, which is passed on where the worker is joined.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
