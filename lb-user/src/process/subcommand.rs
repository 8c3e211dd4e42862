//! The subcommands beside the peer's options.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The names that, as the first argument, open a subcommand.
const NAMES: [&str; 4] = ["ctl", "explain", "help", "keywords"];

#[derive(Parser)]
#[command(name = "lb", version, about = "A load balancer that speaks the HAProxy 2.4 language")]
struct Cli {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Subcommand)]
enum Sub {
    /// Send commands to a runtime API socket and print the answers
    Ctl(super::ctl::Args),
    /// Say where each rule of a configuration runs: in the kernel or in userspace, and why
    Explain(super::explain::Args),
    /// Print what the configuration language consists of
    Keywords(super::reference::Args),
}

/// Runs the subcommand that `arguments` open with. `None`: they open with none.
pub fn run(arguments: &[String]) -> Option<ExitCode> {
    let first = arguments.first()?;
    if !NAMES.contains(&first.as_str()) {
        return None;
    }
    let cli = match Cli::try_parse_from(std::iter::once("lb").chain(arguments.iter().map(String::as_str))) {
        Ok(cli) => cli,
        Err(error) => {
            // There is nobody to tell when standard error is gone.
            let _ = error.print();
            return Some(ExitCode::from(if error.use_stderr() { 1 } else { 0 }));
        }
    };
    Some(match cli.command {
        Sub::Ctl(args) => super::ctl::run(&args),
        Sub::Explain(args) => super::explain::run(args),
        Sub::Keywords(args) => super::reference::run(&args),
    })
}
