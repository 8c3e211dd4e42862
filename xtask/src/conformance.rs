//! `cargo xtask conformance`: HAProxy's own regression scenarios against `lb`, read from HAProxy's repository at run time.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::counts::Counts;
use crate::shell;

/// Run HAProxy's regression scenarios against lb.
///
/// The suite lies outside of the project, in `../shared/conformance`; the scenarios themselves are read from a git directory of
/// haproxy/haproxy.
#[derive(clap::Args)]
pub struct Args {
    /// Groups, scenarios or globs; everything where none is named
    scenarios: Vec<String>,
    /// A git directory of haproxy/haproxy that has the tag v2.4.0
    #[arg(long, env = "PEER", value_name = "GITDIR")]
    peer: Option<PathBuf>,
    /// The folder of the suite, where it is not ../shared/conformance
    #[arg(long, env = "CONFORMANCE", value_name = "DIR")]
    suite: Option<PathBuf>,
    /// Drive this binary instead of building lb
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Build lb with this cargo profile
    #[arg(long, default_value = "fast")]
    profile: String,
    /// Keep the full log of each scenario in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => shell::build_lb(&args.profile)?,
    };
    shell::succeed(&mut command(args, &binary)?)
}

/// Runs the group of scenarios that a binary must pass, and counts.
pub fn ground(binary: &Path, peer: &Path) -> Result<Counts> {
    let args = Args {
        scenarios: vec!["ground".to_owned()],
        peer: Some(peer.to_owned()),
        suite: None,
        binary: None,
        profile: String::new(),
        keep: None,
    };
    Counts::of(&mut command(&args, binary)?, Counts::from_display)
}

/// The suite's own runner, told what to run.
fn command(args: &Args, binary: &Path) -> Result<Command> {
    let runner = suite(args).join("run");
    if !runner.is_file() {
        bail!(
            "the outside suite is not here: {} does not exist (name its folder with --suite)",
            runner.display()
        );
    }
    let Some(peer) = &args.peer else {
        bail!("name a git directory of haproxy/haproxy that has the tag v2.4.0, with --peer or PEER");
    };
    let mut command = Command::new(runner);
    command
        .arg(std::path::absolute(binary)?)
        .args(&args.scenarios)
        .env("PEER", std::path::absolute(peer)?);
    if let Some(keep) = &args.keep {
        command.env("KEEP", std::path::absolute(keep)?);
    }
    Ok(command)
}

/// The suite's folder: as named, or beside the repository (beside the main one, from a linked worktree).
fn suite(args: &Args) -> PathBuf {
    if let Some(suite) = &args.suite {
        return suite.clone();
    }
    let git = Command::new("git")
        .args(["rev-parse", "--path-format=absolute", "--git-common-dir"])
        .current_dir(shell::root())
        .output();
    let main = git
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map(PathBuf::from);
    let repository = main.as_deref().and_then(|git| git.parent()).unwrap_or(shell::root());
    repository.join("../shared/conformance")
}
