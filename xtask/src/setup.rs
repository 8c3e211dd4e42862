//! `cargo xtask setup`: installs what the project's chores need and this machine lacks.
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::build_ebpf::Compiler;
use crate::shell;

/// Install what is missing: Debian packages and bpf-linker.
#[derive(clap::Args)]
pub struct Args {
    /// Only say what would be installed
    #[arg(long)]
    pub dry_run: bool,
}

/// A Debian package and what it is needed for.
pub struct Package {
    pub name: &'static str,
    pub why: &'static str,
}

const fn package(name: &'static str, why: &'static str) -> Package {
    Package { name, why }
}

/// What compiles the kernel programs, where rustup's nightly with rust-src does not.
const DEBIAN_COMPILER: [Package; 2] = [
    package("rustc-web", "compiles the kernel programs"),
    package("rust-web-src", "the source of core, compiled for BPF"),
];

const PACKAGES: [Package; 11] = [
    package("gcc", "links Rust programs"),
    package("libc6-dev", "links Rust programs"),
    package("llvm-22-dev", "builds bpf-linker"),
    package("bpftool", "shows programs, links and maps"),
    package("iproute2", "makes the demo's and the tests' network namespaces"),
    package("nginx-light", "the demo's HTTP servers"),
    package("curl", "the demo's HTTP clients"),
    package("mosquitto", "the demo's MQTT brokers"),
    package("mosquitto-clients", "the demo's MQTT clients"),
    package("varnish", "varnishtest runs the scenarios"),
    package("haproxy", "the bench's other side"),
];

/// The linker's version and features: it must know the same LLVM as the compiler.
const LINKER_VERSION: &str = "0.13.0";
const LINKER_LLVM: &str = "llvm-22";
const LINKER_LLVM_PREFIX: &str = "/usr/lib/llvm-22";

/// The command that does by hand what [`run`] does for the linker.
pub fn linker_by_hand() -> String {
    format!(
        "LLVM_PREFIX={LINKER_LLVM_PREFIX} cargo install bpf-linker --version {LINKER_VERSION} --locked --no-default-features \
         --features {LINKER_LLVM}"
    )
}

pub fn run(args: &Args) -> Result<()> {
    let missing = missing_packages();
    for package in &missing {
        println!("{}: missing, {}", package.name, package.why);
    }
    let linker_missing = linker_version().is_none();
    if linker_missing {
        println!("bpf-linker: missing, links the kernel programs");
    }
    if args.dry_run || (missing.is_empty() && !linker_missing) {
        println!("{} missing", missing.len() + usize::from(linker_missing));
        return Ok(());
    }
    if !missing.is_empty() {
        install_packages(&missing)?;
    }
    if linker_missing {
        install_linker()?;
    }
    Ok(())
}

/// Every package the chores need here.
pub fn packages() -> impl Iterator<Item = &'static Package> {
    let compiler: &[Package] = match Compiler::find() {
        Ok(Compiler::Nightly) => &[],
        Ok(Compiler::Debian) | Err(_) => &DEBIAN_COMPILER,
    };
    compiler.iter().chain(&PACKAGES)
}

fn missing_packages() -> Vec<&'static Package> {
    packages().filter(|package| !is_installed(package.name)).collect()
}

/// Whether dpkg knows the package as installed.
pub fn is_installed(package: &str) -> bool {
    let status = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output();
    status.is_ok_and(|output| output.stdout == b"installed")
}

/// The version of the bpf-linker on the path, as it says itself.
pub fn linker_version() -> Option<String> {
    let output = Command::new("bpf-linker").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version.trim().to_owned())
}

fn install_packages(missing: &[&Package]) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").is_file() {
        bail!("no apt-get here: install the packages above with this system's own means");
    }
    shell::succeed(apt_get().arg("update"))?;
    let names = missing.iter().map(|package| package.name);
    shell::succeed(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(names),
    )
    .context("could not install the packages above (are you root?)")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Builds bpf-linker against Debian's LLVM, which must be installed by now.
fn install_linker() -> Result<()> {
    let mut command = shell::cargo();
    command
        .args(["install", "bpf-linker", "--version", LINKER_VERSION, "--locked"])
        .args(["--no-default-features", "--features", LINKER_LLVM])
        // Without this it takes the directory above the llvm-config it finds, which need not be this version's.
        .env("LLVM_PREFIX", LINKER_LLVM_PREFIX);
    shell::succeed(&mut command)
}
