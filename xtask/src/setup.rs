//! `cargo xtask setup`: installs what the project's chores need and this machine lacks.
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::compiler::Compiler;
use crate::shell;

/// Install what is missing: Debian packages and bpf-linker.
#[derive(clap::Args)]
pub struct Args {
    /// Only say what would be installed
    #[arg(long)]
    pub dry_run: bool,
    /// Only what the demo needs
    #[arg(long)]
    pub demo: bool,
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

/// What building `lb` and showing it takes.
const DEMO: [Package; 9] = [
    package("gcc", "links Rust programs"),
    package("libc6-dev", "links Rust programs"),
    package("llvm-22-dev", "builds bpf-linker"),
    package("bpftool", "shows programs, links and maps"),
    package("iproute2", "makes the demo's and the tests' network namespaces"),
    package("nginx", "the demo's HTTP servers"),
    package("curl", "the demo's HTTP clients"),
    package("mosquitto", "the demo's MQTT brokers"),
    package("mosquitto-clients", "the demo's MQTT clients"),
];

/// What the tests and the bench take beside that.
const TESTS: [Package; 7] = [
    package("varnish", "varnishtest runs the scenarios"),
    package("haproxy", "the bench's and some tests' other side"),
    package("socat", "talks to the stats socket in scenarios"),
    package("nftables", "the bench's other way to drop packets"),
    package("qemu-system-x86", "boots other kernels to test on"),
    package("busybox-static", "the first process on those"),
    package("binutils", "strips the programs that run there"),
];

const LINKER_VERSION: &str = "0.13.0";

/// The major version of the LLVM that the linker is built with: it cannot read what a compiler with another one writes.
pub const LINKER_LLVM: u32 = 22;

/// The command that does by hand what [`run`] does for the linker.
pub fn linker_by_hand() -> String {
    format!(
        "LLVM_PREFIX={} cargo install bpf-linker --version {LINKER_VERSION} --locked --no-default-features --features llvm-{LINKER_LLVM}",
        llvm_prefix()
    )
}

pub fn run(args: &Args) -> Result<()> {
    let mut missing: Vec<&Package> = packages(!args.demo).collect();
    missing.retain(|package| !is_installed(package.name));
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

/// Every package the demo needs here, or the tests need beside.
pub fn packages(tests: bool) -> impl Iterator<Item = &'static Package> {
    let compiler: &[Package] = match Compiler::find() {
        Ok(Compiler::Nightly(_)) => &[],
        Ok(Compiler::Debian) | Err(_) => &DEBIAN_COMPILER,
    };
    let tests: &[Package] = if tests { &TESTS } else { &[] };
    compiler.iter().chain(&DEMO).chain(tests)
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
    println!("installing {} packages", missing.len());
    let _nothing_starts = NoDaemons::forbid();
    shell::succeed(apt_get().arg("update"))?;
    let names = missing.iter().map(|package| package.name);
    let mut install = apt_get();
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(names);
    shell::succeed(&mut install).context("could not install the packages above (are you root?)")
}

/// apt-get without a word but its errors.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .arg("--quiet=2")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null());
    command
}

/// Where Debian's packages ask whether they may start the daemon that they bring (invoke-rc.d(8)).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While this lives, no package starts a daemon: the web servers and brokers are for the demo's namespaces, not for this machine.
struct NoDaemons {
    is_ours: bool,
}

impl NoDaemons {
    /// Where somebody set a policy already, it stays.
    fn forbid() -> Self {
        let mut file = OpenOptions::new();
        let made = file.write(true).create_new(true).mode(0o755).open(POLICY);
        // 101: the action is forbidden.
        let written = made.and_then(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n"));
        Self {
            is_ours: written.is_ok(),
        }
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}

/// Builds bpf-linker against Debian's LLVM, which must be installed by now.
fn install_linker() -> Result<()> {
    let mut command = shell::cargo();
    command
        .args(["install", "bpf-linker", "--version", LINKER_VERSION, "--locked"])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{LINKER_LLVM}"))
        // Without this it takes the directory above the llvm-config it finds, which need not be this version's.
        .env("LLVM_PREFIX", llvm_prefix());
    shell::succeed(&mut command)
}

/// Where Debian has that LLVM.
fn llvm_prefix() -> String {
    format!("/usr/lib/llvm-{LINKER_LLVM}")
}
