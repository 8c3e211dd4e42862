//! `lb keywords`: the reference of the language.

use std::io::Write;
use std::process::ExitCode;

use crate::config::reference::{Form, render};

/// Which rows, in which form.
#[derive(clap::Args)]
pub struct Args {
    /// Only rows whose name contains this word, or one kind of rows (global, proxy, bind, server, action, fetch, converter)
    #[arg(default_value = "")]
    filter: String,
    /// As an array of objects
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// As a page of documentation
    #[arg(long)]
    markdown: bool,
}

/// Prints the reference. Fails where nothing matches.
pub fn run(args: &Args) -> ExitCode {
    let form = match (args.json, args.markdown) {
        (true, _) => Form::Json,
        (_, true) => Form::Markdown,
        _ => Form::Text,
    };
    let text = render(form, &args.filter);
    if text.is_empty() {
        eprintln!("lb keywords: nothing is called '{}'", args.filter);
        return ExitCode::FAILURE;
    }
    // Whoever reads may have seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
