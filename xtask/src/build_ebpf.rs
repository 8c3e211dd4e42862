//! `cargo xtask build-ebpf`: compiles the kernel programs to objects that the next build of `lb` embeds.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// The objects, one per capability: the binaries of `lb-ebpf`.
pub const OBJECTS: [&str; 4] = ["gate", "handover", "lookup", "reuseport"];

/// Debian's compiler, for hosts without a nightly toolchain.
pub const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

const TARGET: &str = "bpfel-unknown-none";

/// Build the kernel programs' objects into target/bpf.
///
/// The next `cargo build` embeds them. Needs bpf-linker, and rustup's nightly with rust-src or Debian's rustc-web with
/// rust-web-src: `cargo xtask setup` installs what is missing.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args) -> Result<()> {
    let compiler = Compiler::find()?;
    println!("building {} with {}", OBJECTS.join(", "), compiler.name());
    let build = shell::target().join("bpf-build");
    let mut command = compiler.cargo();
    command
        .current_dir(shell::root().join("lb-ebpf"))
        .args(["build", "--release", "--locked", "-Z", "build-std=core"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&build)
        .env("RUSTFLAGS", rust_flags());
    shell::succeed(&mut command)?;
    let objects = folder();
    fs::create_dir_all(&objects)?;
    for name in OBJECTS {
        let built = build.join(TARGET).join("release").join(name);
        place(&built, &objects.join(format!("{name}.o")))?;
    }
    Ok(())
}

/// Where the objects lie, and where the build of `lb` looks for them.
pub fn folder() -> PathBuf {
    shell::target().join("bpf")
}

/// Version 3 of the instruction set has 32-bit jumps and comparisons; `--btf` keeps type information for maps and programs.
fn rust_flags() -> String {
    let host = std::env::consts::ARCH;
    format!("-Ctarget-cpu=v3 -Cdebuginfo=2 -Clink-arg=--btf --cfg=bpf_target_arch=\"{host}\"")
}

/// Replaces the object in one step, and only where it changed, so that `lb` is not built again for nothing.
fn place(built: &Path, object: &Path) -> Result<()> {
    let new = fs::read(built).with_context(|| format!("no object at {}", built.display()))?;
    let unchanged = fs::read(object).is_ok_and(|old| old == new);
    println!(
        "{}: {} bytes{}",
        object.display(),
        new.len(),
        if unchanged { ", unchanged" } else { "" }
    );
    if unchanged {
        return Ok(());
    }
    let half = object.with_extension("half");
    fs::write(&half, new)?;
    Ok(fs::rename(half, object)?)
}

/// A compiler that can build `core` for BPF.
pub enum Compiler {
    /// rustup's nightly toolchain with its rust-src component.
    Nightly,
    /// Debian's rustc-web with rust-web-src; the cargo is the one that runs us.
    Debian,
}

impl Compiler {
    /// The first compiler that is here with the source of `core`.
    pub fn find() -> Result<Self> {
        if Self::nightly_has_source() {
            return Ok(Self::Nightly);
        }
        if source_of_core(Path::new("/usr")) && Path::new(DEBIAN_RUSTC).is_file() {
            return Ok(Self::Debian);
        }
        bail!(
            "no compiler that builds for BPF: neither rustup's nightly with rust-src nor Debian's rustc-web with rust-web-src \
             (cargo xtask setup installs the latter)"
        )
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Nightly => "rustup's nightly",
            Self::Debian => "Debian's rustc-web",
        }
    }

    fn nightly_has_source() -> bool {
        let sysroot = Command::new("rustup")
            .args(["run", "nightly", "rustc", "--print", "sysroot"])
            .output();
        sysroot.is_ok_and(|output| {
            output.status.success() && source_of_core(Path::new(String::from_utf8_lossy(&output.stdout).trim()))
        })
    }

    fn cargo(&self) -> Command {
        match self {
            Self::Nightly => {
                let mut command = Command::new("rustup");
                // The variables of the cargo that runs us would lead back to its own toolchain.
                command
                    .args(["run", "nightly", "cargo"])
                    .env_remove("CARGO")
                    .env_remove("RUSTC")
                    .env_remove("RUSTUP_TOOLCHAIN");
                command
            }
            Self::Debian => {
                let mut command = shell::cargo();
                command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                command
            }
        }
    }
}

fn source_of_core(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file()
}
