//! Network namespaces: made, wired, entered, and gone with their guard.
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// A network namespace with its loopback interface up.
///
/// The kernel keeps an unnamed one for as long as this value, a process or a socket lives in it; a named one until it is dropped.
#[derive(Debug)]
pub struct Netns {
    handle: OwnedFd,
    name: Option<String>,
}

impl Netns {
    /// A namespace without a name: it cannot outlive us, however we end. Needs CAP_SYS_ADMIN.
    pub fn new() -> Result<Self> {
        let handle = thread::scope(|scope| scope.spawn(unshared).join()).map_err(|_| anyhow!("namespace thread"))??;
        let namespace = Self { handle, name: None };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// A namespace that `ip netns` and `nsenter --net=/run/netns/NAME` can find.
    pub fn named(name: &str) -> Result<Self> {
        run_ip(&mut Command::new("ip"), &format!("netns add {name}"))?;
        let namespace = Self {
            handle: open_named(name)?,
            name: Some(name.to_owned()),
        };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Lets a named namespace outlive this value.
    pub fn keep(mut self) {
        self.name = None;
    }

    /// Moves the calling thread into the namespace; threads and processes that it starts follow.
    pub fn enter(&self) -> Result<()> {
        Ok(enter(self.handle.as_fd())?)
    }

    /// Runs a closure on a thread inside of the namespace: sockets that it opens belong to the namespace for good.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let enter_and_run = || {
            enter(self.handle.as_fd())?;
            inside()
        };
        match thread::scope(|scope| scope.spawn(enter_and_run).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// A command whose process starts inside of the namespace.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let handle = self.handle.try_clone()?;
        let mut command = Command::new(program);
        // SAFETY: the closure only makes a system call, which is safe between fork and exec.
        unsafe { command.pre_exec(move || enter(handle.as_fd())) };
        Ok(command)
    }

    /// Runs lines of `ip` (without the word `ip`) inside of the namespace.
    pub fn ip(&self, lines: &str) -> Result<()> {
        run_ip(&mut self.command("ip")?, lines)
    }

    /// The path by which another process finds the namespace while this value lives.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.handle.as_raw_fd())
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Best effort: there is nobody left to tell.
            let _ = run_ip(&mut Command::new("ip"), &format!("netns del {name}"));
        }
    }
}

/// Joins two namespaces with a pair of virtual Ethernet interfaces, both up, and gives each end its addresses (`10.0.0.1/24`, `fd00::1/64`).
pub fn veth(left: (&Netns, &str, &[&str]), right: (&Netns, &str, &[&str])) -> Result<()> {
    let ((left_ns, left_name, _), (right_ns, right_name, _)) = (left, right);
    left_ns.ip(&format!(
        "link add {left_name} type veth peer name {right_name} netns {}",
        right_ns.path()
    ))?;
    for (namespace, name, addresses) in [left, right] {
        for address in addresses {
            // Without duplicate address detection an IPv6 address may be used at once.
            let nodad = if address.contains(':') { " nodad" } else { "" };
            namespace.ip(&format!("addr add {address} dev {name}{nodad}"))?;
        }
        namespace.ip(&format!("link set {name} up"))?;
    }
    Ok(())
}

/// Gives the calling thread a new namespace and answers with a handle of it.
fn unshared() -> Result<OwnedFd> {
    // SAFETY: NEWNET shares no memory or descriptor table with anybody else; the thread ends right after.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.context("cannot make a network namespace (are you root?)")?;
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

fn open_named(name: &str) -> Result<OwnedFd> {
    Ok(File::open(format!("/run/netns/{name}"))
        .with_context(|| format!("network namespace {name}"))?
        .into())
}

fn enter(handle: BorrowedFd<'_>) -> std::io::Result<()> {
    Ok(move_into_link_name_space(handle, Some(LinkNameSpaceType::Network))?)
}

fn run_ip(command: &mut Command, lines: &str) -> Result<()> {
    command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run ip (Debian package iproute2)")?;
    child
        .stdin
        .take()
        .context("ip has no input")?
        .write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("ip {lines}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
