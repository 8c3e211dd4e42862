//! `cargo xtask test`: every test there is, and their counts on the last line.
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::counts::Counts;
use crate::{build_ebpf, conformance, demo, kernels, setup, shell, vtc};

/// Run every test, and end with the counts.
///
/// Installs what is missing, builds the kernel programs and lb, and runs the tests of the workspace (unit, property, fuzz smoke,
/// kernel and end-to-end), the scenarios of tests/vtc, the demo, and those that need a kernel again on Debian's others. With PEER, HAProxy's own scenarios follow.
#[derive(clap::Args)]
pub struct Args {
    /// Install nothing: fail where something is missing
    #[arg(long)]
    no_setup: bool,
    /// Drive this binary from the outside instead of lb
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// A git directory of haproxy/haproxy: also run its scenarios of group `ground`
    #[arg(long, env = "PEER", value_name = "GITDIR")]
    peer: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    if !args.no_setup {
        setup::run(&setup::Args {
            dry_run: false,
            demo: false,
        })?;
    }
    build_ebpf::run(&build_ebpf::Args {})?;
    let lb = match &args.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => shell::build_lb("dev")?,
    };
    let mut counts = Counts::of(
        shell::cargo()
            .args(["test", "--workspace", "--no-fail-fast"])
            .env("LB_BINARY", &lb),
        Counts::from_cargo,
    )?;
    counts += vtc::play_all(&lb)?;
    counts += demo::rehearse(&lb)?;
    counts += kernels::boot_all(&lb)?;
    if let Some(peer) = &args.peer {
        counts += conformance::ground(&lb, peer)?;
    }
    println!("{counts}");
    ensure!(counts.failed == 0, "tests failed");
    Ok(())
}
