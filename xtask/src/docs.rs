//! `cargo xtask docs`: the pages that are made from the rows of the language.
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Write the generated documentation.
#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail where a page is not what it would be
    #[arg(long)]
    check: bool,
}

/// Each page with the arguments of `lb` that print it.
const PAGES: &[(&str, &[&str])] = &[("docs/reference.md", &["keywords", "--markdown"])];

pub fn run(args: &Args) -> Result<()> {
    let lb = shell::build_lb("dev")?;
    for (page, arguments) in PAGES {
        let output = Command::new(&lb).args(*arguments).output().context("cannot run lb")?;
        if !output.status.success() {
            bail!("lb {}: {}", arguments.join(" "), output.status);
        }
        let path = shell::root().join(page);
        if args.check {
            if fs::read(&path).ok().as_ref() != Some(&output.stdout) {
                bail!("{page} is out of date: run cargo xtask docs");
            }
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, &output.stdout).with_context(|| path.display().to_string())?;
        println!("{page}");
    }
    Ok(())
}
