//! Compilers that can build `core` for BPF, and the choice of one.
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::setup::LINKER_LLVM;
use crate::shell;

/// Debian's compiler, for hosts without a nightly toolchain.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A compiler with the source of `core`, whose LLVM is one that the linker understands.
#[derive(Debug, PartialEq, Eq)]
pub enum Compiler {
    /// A nightly toolchain of rustup's, by its name.
    Nightly(String),
    /// Debian's rustc-web with rust-web-src; the cargo is the one that runs us.
    Debian,
}

/// A nightly toolchain of rustup's.
#[derive(Debug)]
struct Nightly {
    name: String,
    /// The major version of its LLVM, where it says one.
    llvm: Option<u32>,
    has_source: bool,
}

impl Compiler {
    /// rustup's first nightly that serves, else Debian's compiler.
    pub fn find() -> Result<Self> {
        let is_debian_here = source_of_core(Path::new("/usr")) && Path::new(DEBIAN_RUSTC).is_file();
        let nightlies = nightlies();
        if let Some(compiler) = choose(&nightlies, is_debian_here) {
            return Ok(compiler);
        }
        let passed_over: String = nightlies
            .iter()
            .filter_map(Nightly::flaw)
            .map(|flaw| format!("; {flaw}"))
            .collect();
        bail!(
            "no compiler that builds for BPF: neither a nightly of rustup's with rust-src and LLVM {LINKER_LLVM} nor Debian's \
             rustc-web with rust-web-src, which cargo xtask setup installs{passed_over}"
        )
    }

    /// What a person calls it.
    pub fn name(&self) -> String {
        match self {
            Self::Nightly(name) => format!("rustup's {name}"),
            Self::Debian => "Debian's rustc-web".to_owned(),
        }
    }

    /// The cargo that builds with it.
    pub fn cargo(&self) -> Command {
        match self {
            Self::Nightly(name) => {
                let mut command = Command::new("rustup");
                // The variables of the cargo that runs us would lead back to its own toolchain.
                command
                    .args(["run", name, "cargo"])
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

impl Nightly {
    fn of(name: &str) -> Self {
        let rustc = |argument: &[&str]| {
            let output = Command::new("rustup")
                .args(["run", name, "rustc"])
                .args(argument)
                .output();
            output.map_or_else(
                |_| String::new(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            )
        };
        Self {
            name: name.to_owned(),
            llvm: llvm_of(&rustc(&["-vV"])),
            has_source: source_of_core(Path::new(&rustc(&["--print", "sysroot"]))),
        }
    }

    /// Why it does not serve, `None` where it does.
    fn flaw(&self) -> Option<String> {
        let name = &self.name;
        match self.llvm {
            _ if !self.has_source => Some(format!("{name} has no rust-src")),
            Some(LINKER_LLVM) => None,
            Some(llvm) => Some(format!("{name} has LLVM {llvm}")),
            None => Some(format!("{name} does not say which LLVM it has")),
        }
    }
}

fn choose(nightlies: &[Nightly], is_debian_here: bool) -> Option<Compiler> {
    let serves = nightlies.iter().find(|nightly| nightly.flaw().is_none());
    serves
        .map(|nightly| Compiler::Nightly(nightly.name.clone()))
        .or(is_debian_here.then_some(Compiler::Debian))
}

/// The nightly toolchains that are installed; none where there is no rustup.
fn nightlies() -> Vec<Nightly> {
    let listed = Command::new("rustup").args(["toolchain", "list"]).output();
    let listed = listed.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    names_of_nightlies(&listed).map(Nightly::of).collect()
}

/// The names in what `rustup toolchain list` prints: each on a line, some followed by `(active, default)`.
fn names_of_nightlies(listed: &str) -> impl Iterator<Item = &str> {
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| name.starts_with("nightly"))
}

/// The major version in the line `LLVM version: 22.1.4` of `rustc -vV`.
fn llvm_of(told: &str) -> Option<u32> {
    let version = told.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next()?.parse().ok()
}

fn source_of_core(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nightly(name: &str, llvm: Option<u32>, has_source: bool) -> Nightly {
        Nightly {
            name: name.to_owned(),
            llvm,
            has_source,
        }
    }

    #[test]
    fn a_nightly_needs_the_source_and_the_linkers_llvm() {
        let newer = || nightly("nightly", Some(LINKER_LLVM + 1), true);
        let bare = || nightly("nightly", Some(LINKER_LLVM), false);
        let mute = || nightly("nightly", None, true);
        let dated = || nightly("nightly-2026-05-20", Some(LINKER_LLVM), true);
        let found = |name: &str| Some(Compiler::Nightly(name.to_owned()));
        let cases = [
            (vec![], false, None),
            (vec![], true, Some(Compiler::Debian)),
            (vec![newer(), bare(), mute()], false, None),
            (vec![newer(), bare(), mute()], true, Some(Compiler::Debian)),
            (vec![newer(), dated()], true, found("nightly-2026-05-20")),
            (vec![dated()], false, found("nightly-2026-05-20")),
        ];
        for (nightlies, is_debian_here, expected) in cases {
            assert_eq!(
                choose(&nightlies, is_debian_here),
                expected,
                "{nightlies:?} {is_debian_here}"
            );
        }
    }

    #[test]
    fn toolchains_are_read_as_rustup_and_rustc_print_them() {
        let listed = "stable-x86_64-unknown-linux-gnu (active, default)\n1.95.0-x86_64-unknown-linux-gnu\n\
                      nightly-x86_64-unknown-linux-gnu\nnightly-2026-05-20-x86_64-unknown-linux-gnu (default)\n";
        let names: Vec<_> = names_of_nightlies(listed).collect();
        assert_eq!(
            names,
            [
                "nightly-x86_64-unknown-linux-gnu",
                "nightly-2026-05-20-x86_64-unknown-linux-gnu"
            ]
        );
        assert_eq!(names_of_nightlies("no installed toolchains\n").count(), 0);
        assert_eq!(
            llvm_of("rustc 1.97.0-nightly\nrelease: 1.97.0-nightly\nLLVM version: 22.1.4\n"),
            Some(22)
        );
        assert_eq!(llvm_of("error: toolchain is not installed\n"), None);
    }
}
