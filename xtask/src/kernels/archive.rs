//! The file system of an emulated machine: an archive that the kernel unpacks into memory.
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::shell;

/// Static, so that the first process needs nothing else.
const BUSYBOX: &str = "/usr/bin/busybox";

/// What the tests run, beside `lb`.
const PROGRAMS: [&str; 6] = ["ip", "tc", "ss", "bpftool", "setpriv", "busybox"];

/// The kernel's modules that the tests need, where they are not built in.
const MODULES: [&str; 6] = ["veth", "tun", "sch_ingress", "cls_bpf", "inet_diag", "tcp_diag"];

const INIT: &str = include_str!("init.sh");

/// A file system in the making.
pub struct Archive {
    /// The kernel that is to be booted with it.
    pub kernel: PathBuf,
    folder: TempDir,
}

impl Archive {
    /// With `lb`, the test binaries, and the modules from a kernel's unpacked package.
    pub fn new(files: &Path, lb: &Path, binaries: &[(String, String)]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("kernel.").tempdir()?;
        for part in ["bin", "proc", "sys", "dev", "tmp", "run", "modules"] {
            fs::create_dir_all(folder.path().join("root").join(part))?;
        }
        let all = walk(files)?;
        let named = |start: &str| all.iter().find(|path| name(path).starts_with(start)).cloned();
        let archive = Self {
            kernel: named("vmlinuz-").context("the package holds no kernel")?,
            folder,
        };
        for program in PROGRAMS {
            archive.add(program, &which(program)?)?;
        }
        archive.add("lb", lb)?;
        for (name, path) in binaries {
            archive.add(name, Path::new(path))?;
        }
        for module in MODULES {
            if let Some(path) = named(&format!("{module}.ko")) {
                archive.add_module(module, &path)?;
            }
        }
        symlink("busybox", archive.path("bin/sh"))?;
        Ok(archive)
    }

    /// Where a path of the emulated machine lies here.
    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path.trim_start_matches('/'))
    }

    /// Adds a program without its debug information, and the libraries that it is linked with.
    fn add(&self, name: &str, program: &Path) -> Result<()> {
        let to = self.path("bin").join(name);
        shell::succeed(
            Command::new("strip")
                .arg("--strip-debug")
                .arg("-o")
                .arg(to)
                .arg(program),
        )?;
        // It fails where there is nothing to say: for a static program.
        let output = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
        let told = String::from_utf8_lossy(&output.stdout);
        for library in told.split_whitespace().filter(|word| word.starts_with('/')) {
            let to = self.path(library);
            if !to.exists() {
                fs::create_dir_all(to.parent().context("no folder")?)?;
                fs::copy(library, to).with_context(|| library.to_owned())?;
            }
        }
        Ok(())
    }

    /// Adds a module, which newer packages hold compressed.
    fn add_module(&self, name: &str, path: &Path) -> Result<()> {
        let to = self.path("modules").join(format!("{name}.ko"));
        if path.extension().is_some_and(|extension| extension == "ko") {
            fs::copy(path, to)?;
            return Ok(());
        }
        shell::succeed(
            Command::new(BUSYBOX)
                .args(["unxz", "-c"])
                .arg(path)
                .stdout(File::create(to)?),
        )
    }

    /// The archive, which runs these tests: filters for test binaries.
    pub fn image(&self, tests: &[(&str, &str)]) -> Result<PathBuf> {
        let init = self.path("init");
        let lines: String = tests
            .iter()
            .map(|(binary, filter)| format!("{binary} {filter} --test-threads=2 --nocapture\n"))
            .collect();
        fs::write(&init, INIT.replace("@TESTS@\n", &lines))?;
        fs::set_permissions(&init, Permissions::from_mode(0o755))?;
        let image = self.folder.path().join("image");
        let mut pack = Command::new("sh");
        pack.args(["-c", "busybox find . | busybox cpio -o -H newc 2>/dev/null"]);
        shell::succeed(pack.current_dir(self.path("")).stdout(File::create(&image)?))?;
        Ok(image)
    }
}

/// Every file below a folder; links are not followed.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => files.extend(walk(&entry.path())?),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(files)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Where a program is installed: Debian keeps some where only root looks.
fn which(program: &str) -> Result<PathBuf> {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(Path::new);
    let mut paths = folders.iter().map(|folder| folder.join(program));
    paths
        .find(|path| path.is_file())
        .with_context(|| format!("no {program} here"))
}
