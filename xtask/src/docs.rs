//! `cargo xtask docs`: the pages that are made from the rows of the language and from the command line.
mod manual;

use std::fs;
use std::path::Path;
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

/// Writes a page, given the program.
type Page = fn(&Path) -> Result<String>;

/// Each page with how its text comes about.
const PAGES: &[(&str, Page)] = &[("docs/reference.md", reference), ("docs/lb.1", manual::page)];

pub fn run(args: &Args) -> Result<()> {
    let lb = shell::build_lb("dev")?;
    for (page, make) in PAGES {
        let text = make(&lb)?;
        let path = shell::root().join(page);
        if args.check {
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                bail!("{page} is out of date: run cargo xtask docs");
            }
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        println!("{page}");
    }
    Ok(())
}

fn reference(lb: &Path) -> Result<String> {
    said(lb, &["keywords", "--markdown"])
}

/// What `lb` prints, on either stream.
fn said(lb: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(lb).args(arguments).output().context("cannot run lb")?;
    let bytes = match output.stdout.is_empty() {
        true => output.stderr,
        false => output.stdout,
    };
    String::from_utf8(bytes).with_context(|| format!("lb {}", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use anyhow::Result;

    use crate::shell;

    /// A guide that says nothing of a table is as wrong as one that tells of a table long gone.
    #[test]
    fn the_guide_to_bpftool_names_every_program_and_map() -> Result<()> {
        let mut there = BTreeSet::new();
        for file in fs::read_dir(shell::root().join("lb-ebpf/src"))? {
            let text = fs::read_to_string(file?.path())?;
            let map = |line: &str| Some(line.strip_prefix("static ")?.split_once(':')?.0.to_owned());
            let program = |line: &str| Some(line.strip_prefix("pub fn ")?.split_once('(')?.0.to_owned());
            let names = text.lines().filter_map(|line| map(line).or_else(|| program(line)));
            there.extend(names.filter(|name| name.starts_with("lb_") || name.contains('_')));
        }
        let guide = fs::read_to_string(shell::root().join("docs/bpftool.md"))?;
        let rows = guide
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let told: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
        assert_eq!(told, there);
        Ok(())
    }
}
