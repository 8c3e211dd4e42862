//! `cargo xtask`: the project's chores, one file each.
mod bench;
mod build_ebpf;
mod compiler;
mod conformance;
mod counts;
mod demo;
mod docs;
mod doctor;
mod kernels;
mod setup;
mod shell;
mod test;
mod tidy;
mod vtc;

use std::process::ExitCode;

use clap::Parser;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    Bench(bench::Args),
    BuildEbpf(build_ebpf::Args),
    Conformance(conformance::Args),
    Demo(demo::Args),
    Docs(docs::Args),
    Doctor(doctor::Args),
    Kernels(kernels::Args),
    Setup(setup::Args),
    Test(test::Args),
    Tidy(tidy::Args),
    Vtc(vtc::Args),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Bench(args) => bench::run(&args),
        Chore::BuildEbpf(args) => build_ebpf::run(&args),
        Chore::Conformance(args) => conformance::run(&args),
        Chore::Demo(args) => demo::run(&args),
        Chore::Docs(args) => docs::run(&args),
        Chore::Doctor(args) => doctor::run(&args),
        Chore::Kernels(args) => kernels::run(&args),
        Chore::Setup(args) => setup::run(&args),
        Chore::Test(args) => test::run(&args),
        Chore::Tidy(args) => tidy::run(&args),
        Chore::Vtc(args) => vtc::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
