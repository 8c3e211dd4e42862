//! The demo as a test: played to its end and interrupted, each time in a world of its own, which must be empty afterwards.
//!
//! In that world the demo's names are its own, and so are the processes: neither another demo nor this machine's BPF file system is
//! in its way.
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::counts::Counts;

const WORLD: &str = include_str!("rehearsal.sh");

/// Seconds after which a demo is given up. It takes about ten.
const LIMIT: &str = "180";

/// Plays the demo with a binary that is built already.
pub fn rehearse(lb: &Path) -> Result<Counts> {
    let mut counts = Counts::default();
    for (name, interrupted) in [("to its end", "no"), ("interrupted", "yes")] {
        println!("demo {name}");
        let passed = play(lb, interrupted)?;
        println!("demo {name} ... {}", if passed { "ok" } else { "FAILED" });
        counts += Counts {
            passed: passed.into(),
            failed: (!passed).into(),
            skipped: 0,
        };
    }
    Ok(counts)
}

fn play(lb: &Path, interrupted: &str) -> Result<bool> {
    let mut world = Command::new("timeout");
    world
        .args(["--kill-after=5", LIMIT])
        .args([
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            WORLD,
            "sh",
            interrupted,
        ])
        .arg(std::env::current_exe()?)
        .args(["demo", "--binary"])
        .arg(lb)
        .stdin(Stdio::null());
    Ok(world.status().context("cannot run timeout")?.success())
}
