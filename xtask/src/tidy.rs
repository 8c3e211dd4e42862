//! `cargo xtask tidy`: what the compiler and clippy do not check about the project's own rules.
mod rooms;
mod shape;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;
use source::Source;

/// Check the order of the rooms, the purity of the pure ones, lengths, and docs.
#[derive(clap::Args)]
pub struct Args {}

/// A place that breaks a rule.
struct Finding {
    line: usize,
    what: String,
}

/// A rule looks at one file and says what breaks it.
type Rule = fn(&Source) -> Vec<Finding>;

const RULES: &[Rule] = &[
    rooms::only_downward,
    rooms::pure_ones_stay_pure,
    rooms::one_home_for_the_clock,
    shape::files_are_short,
    shape::functions_are_short,
    shape::files_say_what_they_are,
    shape::public_items_say_what_they_mean,
    shape::nothing_is_left_to_do,
];

/// Where the project's Rust lies.
const FOLDERS: [&str; 5] = ["lb-common/src", "lb-ebpf/src", "lb-user", "tests", "xtask/src"];

pub fn run(_: &Args) -> Result<()> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        rust_files(&shell::root().join(folder), &mut files)?;
    }
    files.sort();
    let mut broken = 0;
    for path in &files {
        let name = path.strip_prefix(shell::root())?.to_string_lossy().into_owned();
        let text = fs::read_to_string(path).with_context(|| name.clone())?;
        let source = Source::parse(name, &text)?;
        for finding in RULES.iter().flat_map(|rule| rule(&source)) {
            println!("{}:{}: {}", source.name, finding.line, finding.what);
            broken += 1;
        }
    }
    if broken > 0 {
        bail!("{broken} places in {} files are not tidy", files.len());
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
