//! `cargo xtask`: the project's chores, one file each.
mod build_ebpf;
mod conformance;
mod doctor;
mod setup;
mod shell;

use clap::Parser;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    BuildEbpf(build_ebpf::Args),
    Doctor(doctor::Args),
    Setup(setup::Args),
    Conformance(conformance::Args),
}

fn main() -> anyhow::Result<()> {
    match Chore::parse() {
        Chore::BuildEbpf(args) => build_ebpf::run(&args),
        Chore::Doctor(args) => doctor::run(&args),
        Chore::Setup(args) => setup::run(&args),
        Chore::Conformance(args) => conformance::run(&args),
    }
}
