//! `cargo xtask`: the project's chores, one file each.
mod conformance;
mod shell;

use clap::Parser;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    Conformance(conformance::Args),
}

fn main() -> anyhow::Result<()> {
    match Chore::parse() {
        Chore::Conformance(args) => conformance::run(&args),
    }
}
