//! Debian's kernels for virtual machines, each fetched once from the release that has it, whichever release runs here.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

const MIRROR: &str = "http://deb.debian.org/debian";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The package that depends on the release's newest kernel.
const NEWEST: &str = "linux-image-cloud-amd64";

/// The folder with a kernel's package unpacked.
pub fn fetch(suite: &str) -> Result<PathBuf> {
    ensure!(
        std::env::consts::ARCH == "x86_64",
        "there is none for {}",
        std::env::consts::ARCH
    );
    let folder = shell::target().join("kernels").join(suite);
    let files = folder.join("files");
    if files.is_dir() {
        return Ok(files);
    }
    let apt = Apt::new(&folder, suite)?;
    told(apt.run("apt-get").arg("update"))?;
    let dependencies = told(apt.run("apt-cache").args(["depends", NEWEST]))?;
    let package = newest(&dependencies).with_context(|| format!("{suite} has no {NEWEST}"))?;
    println!("fetching {package} of {suite}");
    told(apt.run("apt-get").args(["download", package]).current_dir(&folder))?;
    let half = folder.join("half");
    told(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(fetched(&folder)?)
            .arg(&half),
    )?;
    fs::rename(half, &files)?;
    Ok(files)
}

/// apt-get with sources and lists of its own, which touches nothing of this machine's.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn new(folder: &Path, suite: &str) -> Result<Self> {
        let (lists, cache, sources) = (folder.join("lists"), folder.join("cache"), folder.join("sources.list"));
        fs::create_dir_all(lists.join("partial"))?;
        fs::create_dir_all(cache.join("archives/partial"))?;
        fs::write(&sources, format!("deb [signed-by={KEYS}] {MIRROR} {suite} main\n"))?;
        let options = [
            format!("Dir::State::Lists={}", lists.display()),
            format!("Dir::Cache={}", cache.display()),
            format!("Dir::Etc::SourceList={}", sources.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            "Acquire::Languages=none".to_owned(),
            // The folder may be one that only we can enter.
            "APT::Sandbox::User=root".to_owned(),
        ];
        Ok(Self {
            options: options.to_vec(),
        })
    }

    fn run(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("--quiet=2");
        for option in &self.options {
            command.args(["--option", option]);
        }
        command
    }
}

/// The kernel in what `apt-cache depends` prints.
fn newest(dependencies: &str) -> Option<&str> {
    let depended = dependencies
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    depended
        .map(str::trim)
        .find(|package| package.starts_with("linux-image-"))
}

fn fetched(folder: &Path) -> Result<PathBuf> {
    let paths = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut packages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.next().context("no package came")
}

/// What a command prints; its complaint where it fails.
fn told(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_what_the_package_of_the_newest_depends_on() {
        let printed = "linux-image-cloud-amd64\n  Depends: linux-base\n  Depends: linux-image-6.1.0-50-cloud-amd64\n";
        assert_eq!(newest(printed), Some("linux-image-6.1.0-50-cloud-amd64"));
        assert_eq!(
            newest("linux-image-cloud-amd64\n  Recommends: linux-image-extra\n"),
            None
        );
    }
}
