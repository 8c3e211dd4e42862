//! `cargo xtask kernels`: what the kernel's help is worth on kernels other than this machine's.
//!
//! Each is Debian's kernel for virtual machines, booted under QEMU without the processor's help, which is everywhere to be had. Its
//! only file system is an archive with `lb`, the tests that need a kernel, and what those run. Their counts come over the console.
mod archive;
mod debian;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::counts::Counts;
use crate::shell;
use archive::Archive;

/// Run the tests that need a kernel on other kernels.
#[derive(clap::Args)]
pub struct Args {
    /// Boot only the kernels whose version begins with one of these
    versions: Vec<String>,
}

/// A kernel to boot.
struct Kernel {
    version: &'static str,
    /// The release of Debian whose kernel it is.
    suite: &'static str,
    /// The tests of each test binary to run there, as its arguments choose them.
    tests: &'static [(&'static str, &'static str)],
}

/// What runs where everything can be attached.
const EVERYTHING: &[(&str, &str)] = &[("kernel", ""), ("e2e", "gate::what_is_missing_is_named")];

/// What runs where there is no TCX yet, to which programs for TC are attached: it came with Linux 6.6.
const WITHOUT_TCX: &[(&str, &str)] = &[("kernel", "--skip forward:: --skip handover::"), ("e2e", "gate::")];

/// What runs where not even the gate loads: `lb` names what is missing, and userspace does it all.
const LADDER: &[(&str, &str)] = &[
    ("e2e", "gate::what_is_missing_is_named"),
    ("e2e", "gate::without_privilege"),
];

const KERNELS: [Kernel; 3] = [
    Kernel {
        version: "5.10",
        suite: "bullseye",
        tests: LADDER,
    },
    Kernel {
        version: "6.1",
        suite: "bookworm",
        tests: WITHOUT_TCX,
    },
    Kernel {
        version: "6.12",
        suite: "trixie",
        tests: EVERYTHING,
    },
];

/// Seconds after which an emulated machine is given up.
const LIMIT: &str = "900";

pub fn run(args: &Args) -> Result<()> {
    let counts = boot(&args.versions, &shell::build_lb("dev")?)?;
    println!("{counts}");
    ensure!(counts.failed == 0, "tests failed");
    Ok(())
}

/// Boots every kernel with a binary that is built already.
pub fn boot_all(lb: &Path) -> Result<Counts> {
    boot(&[], lb)
}

fn boot(versions: &[String], lb: &Path) -> Result<Counts> {
    let wanted = |kernel: &&Kernel| versions.is_empty() || versions.iter().any(|version| kernel.version == version);
    let binaries = test_binaries()?;
    let mut counts = Counts::default();
    for kernel in KERNELS.iter().filter(wanted) {
        println!("kernel {}", kernel.version);
        counts += match debian::fetch(kernel.suite) {
            Ok(files) => boot_one(kernel, &Archive::new(&files, lb, &binaries)?)?,
            Err(error) => {
                println!(
                    "kernel {} ... skipped: Debian's package cannot be had: {error:#}",
                    kernel.version
                );
                Counts {
                    skipped: 1,
                    ..Counts::default()
                }
            }
        };
    }
    Ok(counts)
}

/// Runs an emulated machine to its end. One that tells of no test counts as a failure.
fn boot_one(kernel: &Kernel, archive: &Archive) -> Result<Counts> {
    let image = archive.image(kernel.tests)?;
    let mut machine = Command::new("timeout");
    machine
        .args([
            "--kill-after=5",
            LIMIT,
            "qemu-system-x86_64",
            "-cpu",
            "max,-cx16",
            "-smp",
            "2",
            "-m",
            "1024",
        ])
        .args([
            "-display",
            "none",
            "-vga",
            "none",
            "-nic",
            "none",
            "-serial",
            "stdio",
            "-no-reboot",
        ])
        .args(["-append", "console=ttyS0 quiet panic=-1", "-kernel"])
        .arg(&archive.kernel)
        .arg("-initrd")
        .arg(&image)
        .stdin(Stdio::null());
    let mut counts = Counts::of(&mut machine, |line| Counts::from_cargo(line.trim_end()))?;
    if counts.passed + counts.failed == 0 {
        println!("kernel {} ... FAILED: it came to no test", kernel.version);
        counts.failed = 1;
    }
    Ok(counts)
}

/// The names and paths of the test binaries, built.
fn test_binaries() -> Result<Vec<(String, String)>> {
    let mut build = shell::cargo();
    build.args([
        "test",
        "--package",
        "lb-tests",
        "--test",
        "kernel",
        "--test",
        "e2e",
        "--no-run",
        "--message-format=json",
    ]);
    let output = build.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo test: {}", output.status);
    let binary = |line: &str| {
        let told: Value = serde_json::from_str(line).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some((text(&told["target"]["name"])?, text(&told["executable"])?))
    };
    let binaries: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(binary)
        .collect();
    if binaries.is_empty() {
        bail!("cargo built no tests");
    }
    Ok(binaries)
}
