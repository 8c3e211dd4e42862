//! `cargo xtask build-ebpf`: compiles the kernel programs to objects that the next build of `lb` embeds.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::compiler::Compiler;
use crate::shell;

/// The objects, one per capability: the binaries of `lb-ebpf`.
pub const OBJECTS: [&str; 6] = ["cookie", "forward", "gate", "handover", "lookup", "reuseport"];

const TARGET: &str = "bpfel-unknown-none";

/// Build the kernel programs' objects into target/bpf.
///
/// The next `cargo build` embeds them. Needs bpf-linker, and a nightly of rustup's with rust-src and the linker's LLVM or
/// Debian's rustc-web with rust-web-src: `cargo xtask setup` installs what is missing.
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
