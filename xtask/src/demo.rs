//! `cargo xtask demo`: the whole thing at work, between clients and servers that are real.
mod rehearsal;
mod report;
mod stage;
mod traffic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{build_ebpf, setup, shell};
pub use rehearsal::rehearse;
use stage::Stage;

/// Show lb at work: HTTP and MQTT balanced, a deny list enforced in XDP.
///
/// Makes three network namespaces (clients, edge, servers), starts two HTTP servers and two MQTT brokers, runs lb on
/// examples/demo.cfg, sends real clients through it, and tells what happened. Everything is gone at the end, also when interrupted.
#[derive(clap::Args)]
pub struct Args {
    /// Leave everything running, and say how to explore it
    #[arg(long, conflicts_with = "down")]
    keep: bool,
    /// Only end what `--keep` left running
    #[arg(long)]
    down: bool,
    /// Run this binary instead of building lb
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Build lb with this cargo profile
    #[arg(long, default_value = "fast")]
    profile: String,
}

pub fn run(args: &Args) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the demo makes network namespaces: run it as root");
    }
    if args.down {
        stage::clear();
        println!("The demo is gone.");
        return Ok(());
    }
    setup::run(&setup::Args {
        dry_run: false,
        demo: true,
    })?;
    let binary = match &args.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => {
            build_ebpf::run(&build_ebpf::Args {})?;
            shell::build_lb(&args.profile)?
        }
    };
    let interrupted = clear_on_signals()?;
    let result = play(args, &binary);
    while interrupted.load(SeqCst) {
        // The stage falls under us; the thread that clears it also ends us.
        thread::park();
    }
    result
}

fn play(args: &Args, binary: &Path) -> Result<()> {
    let stage = Stage::set(binary)?;
    let told = traffic::run(&stage)?;
    report::print(&told, binary)?;
    if args.keep {
        stage.keep();
        report::print_how_to_explore();
    }
    told.verdict()
}

/// Interrupted, the demo goes as it does at its end. Answers with what tells that this is so.
fn clear_on_signals() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let tells = Arc::clone(&interrupted);
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot wait for signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            tells.store(true, SeqCst);
            stage::clear();
            // The status by which a shell tells that a signal ended a program.
            std::process::exit(128 + signal);
        }
    });
    Ok(interrupted)
}
