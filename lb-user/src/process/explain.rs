//! `lb explain`: where each rule of a configuration runs.

use std::io::Write;
use std::process::ExitCode;

use super::args::{self, Verbosity};
use super::configuration;
use super::messages::Messages;
use crate::config::explain::explain;

/// Which configuration.
#[derive(clap::Args)]
pub struct Args {
    /// A configuration file, or a directory of them; several are read in order
    #[arg(short = 'f', long = "file", required = true)]
    files: Vec<String>,
}

/// Reads the configuration and prints where its rules run. Fails where it has mistakes.
pub fn run(arguments: Args) -> ExitCode {
    let mut messages = Messages::new(Verbosity::Normal, false);
    let args = args::Args {
        files: arguments.files,
        ..args::Args::default()
    };
    let Some(configuration) = configuration::load(&args, &mut messages) else {
        return ExitCode::FAILURE;
    };
    let sources = match configuration::read(&args.files) {
        Ok(sources) => sources,
        Err(error) => {
            messages.alert(error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let text = explain(&configuration.plan, &sources);
    // Whoever reads may have seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
