//! A balancer under test, driven the way an operator drives it.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::io::{FdFlags, fcntl_setfd};
use tempfile::TempDir;

use crate::{Netns, Process, until};

/// The binary under test: `LB_BINARY`, or the `lb` that cargo built beside the running test.
///
/// Everything here also runs with HAProxy: `LB_BINARY=/usr/sbin/haproxy`.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("LB_BINARY") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let beside = test
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("lb"))
        .find(|path| path.is_file());
    beside.context("lb is not built: cargo build -p lb-user")
}

/// A balancer that is about to be started.
#[derive(Debug)]
pub struct Setup<'a> {
    configuration: String,
    listeners: BTreeMap<&'a str, TcpListener>,
    namespace: Option<&'a Netns>,
    privileged: bool,
    arguments: Vec<&'a str>,
    program: Option<PathBuf>,
}

/// A running balancer. Dropping it ends it and removes its files.
#[derive(Debug)]
pub struct Balancer {
    process: Process,
    addresses: BTreeMap<String, SocketAddr>,
    folder: TempDir,
}

impl<'a> Setup<'a> {
    /// A balancer with this configuration; a stats socket of level admin is added.
    pub fn new(configuration: impl Into<String>) -> Self {
        Self {
            configuration: configuration.into(),
            listeners: BTreeMap::new(),
            namespace: None,
            privileged: true,
            arguments: Vec::new(),
            program: None,
        }
    }

    /// Opens a listener on a free loopback port, which the configuration names `bind "fd@${name}"`.
    pub fn listen(mut self, name: &'a str) -> Result<Self> {
        self.listeners
            .insert(name, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        Ok(self)
    }

    /// Starts this program instead of the one under test, for comparison.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Starts the balancer inside of a network namespace.
    pub fn inside(mut self, namespace: &'a Netns) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Starts the balancer with no capability but the one to bind low ports.
    pub fn without_privilege(mut self) -> Self {
        self.privileged = false;
        self
    }

    /// Adds arguments to the command line.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// Starts the balancer and waits until its stats socket answers.
    pub fn start(self) -> Result<Balancer> {
        let folder = tempfile::Builder::new().prefix("lab.").tempdir()?;
        let (socket, log) = (folder.path().join("stats.sock"), folder.path().join("log"));
        let prologue = format!(
            "global\n    stats socket \"{}\" level admin mode 600\n",
            socket.display()
        );
        fs::write(folder.path().join("cfg"), prologue + &self.configuration + "\n")?;
        let output = File::create(&log)?;
        let mut command = self.command()?;
        command.arg("-db").arg("-f").arg(folder.path().join("cfg"));
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut process = Process::spawn(&mut command)?;
        until("the balancer's stats socket", || match process.ended() {
            Ok(None) => ask(&socket, "show info")
                .ok()
                .filter(|answer| !answer.is_empty())
                .map(Ok),
            Ok(Some(status)) => Some(Err(status)),
            Err(_) => None,
        })?
        .or_else(|status| bail!("the balancer ended ({status}): {}", fs::read_to_string(&log)?))?;
        let mut addresses = BTreeMap::new();
        for (name, listener) in &self.listeners {
            addresses.insert((*name).to_owned(), listener.local_addr()?);
        }
        Ok(Balancer {
            process,
            addresses,
            folder,
        })
    }

    /// The command whose process inherits every listener and finds its number in the variable of that name.
    fn command(&self) -> Result<Command> {
        let program = self.program.clone().map_or_else(binary, Ok)?;
        let start = |program: PathBuf| match self.namespace {
            Some(namespace) => namespace.command(program),
            None => Ok(Command::new(program)),
        };
        let mut command = match self.privileged {
            true => start(program)?,
            false => {
                let mut command = start("setpriv".into())?;
                let bounds = ["--bounding-set", "-all,+net_bind_service", "--inh-caps", "-all"];
                command.args(bounds).arg(program);
                command
            }
        };
        for (name, listener) in &self.listeners {
            let listener = listener.try_clone()?;
            command.env(name, listener.as_raw_fd().to_string());
            // SAFETY: the closure only makes a system call, which is safe between fork and exec.
            unsafe { command.pre_exec(move || Ok(fcntl_setfd(&listener, FdFlags::empty())?)) };
        }
        Ok(command)
    }
}

fn ask(socket: &Path, command: &str) -> Result<String> {
    let mut socket = UnixStream::connect(socket)?;
    writeln!(socket, "{command}")?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

impl Balancer {
    /// Where the listener of that name accepts.
    pub fn address(&self, name: &str) -> Result<SocketAddr> {
        self.addresses
            .get(name)
            .copied()
            .with_context(|| format!("no listener {name}"))
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The process, to signal it or to see how it ended.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The path of the runtime API's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("stats.sock")
    }

    /// Asks the runtime API one line and answers with everything it says.
    pub fn ask(&self, command: &str) -> Result<String> {
        ask(&self.socket(), command).with_context(|| self.log().unwrap_or_default())
    }

    /// What the balancer wrote to its standard output and error so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("log"))?)
    }

    /// Waits for a line of the log that contains every one of the words, and answers with it.
    pub fn log_line(&self, words: &[&str]) -> Result<String> {
        let matches = |line: &&str| words.iter().all(|word| line.contains(word));
        let found = until("a line of the log", || {
            Some(self.log().ok()?.lines().find(matches)?.to_owned())
        });
        found.with_context(|| format!("with {words:?} in\n{}", self.log().unwrap_or_default()))
    }
}
