//! The master: it forks workers, watches over them, and reads the configuration anew when told to.
//!
//! A reload executes the program again in the same process. What must survive it (the workers' identifiers, the
//! listening sockets) goes through [`carried`]: so no connection is lost, and an upgraded program takes effect.

pub mod carried;
pub mod children;
mod cli;

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork, pipe};
use tokio::net::unix::pipe::Receiver;

use self::carried::Carried;
use super::args::{Args, Ending, Old};
use super::daemon::Ready;
use super::inherit::Inherited;
use super::listeners::Bound;
use super::messages::Messages;
use super::notify::Notifier;
use super::service::Service;
use super::signals::{self, Signals};
use crate::runtime::clock;

/// The state of a master.
pub struct Master {
    carried: Carried,
    relaunch: Relaunch,
    notifier: Notifier,
    /// The process that waits in the terminal for this one to be ready.
    ready: Option<Ready>,
    /// Listening sockets, kept open for the next configuration.
    sockets: Vec<OwnedFd>,
    /// The sockets of its own runtime API.
    cli: Vec<Bound>,
    messages: Messages,
    /// What the configuration in force says of masters.
    policy: Policy,
}

/// How a master treats its workers.
#[derive(Clone, Copy, Debug)]
struct Policy {
    exit_on_failure: bool,
    max_reloads: Option<u32>,
}

/// How the program was started, to start it again.
#[derive(Clone, Debug)]
pub struct Relaunch {
    /// The program's name and its arguments.
    pub command: Vec<String>,
    pub directory: PathBuf,
}

/// Seconds since the epoch.
fn now() -> u64 {
    clock::date() / 1_000_000
}

impl Master {
    /// A master without a past.
    pub fn new(relaunch: Relaunch, notifier: Notifier, ready: Option<Ready>, messages: Messages) -> Master {
        let carried = Carried {
            started: now(),
            ..Carried::default()
        };
        Master {
            ready,
            ..Master::again(carried, relaunch, notifier, messages)
        }
    }

    /// A master that has executed itself anew.
    pub fn again(carried: Carried, relaunch: Relaunch, notifier: Notifier, messages: Messages) -> Master {
        Master {
            carried,
            relaunch,
            notifier,
            ready: None,
            sockets: Vec::new(),
            cli: Vec::new(),
            messages,
            policy: Policy {
                exit_on_failure: true,
                max_reloads: None,
            },
        }
    }

    /// Forks the worker that runs `service`, and watches over it. This returns in both.
    pub fn run(mut self, args: &Args, mut service: Service) -> Result<ExitCode, ExitCode> {
        let cli = cli::bind(&args.master_cli).map_err(|text| self.messages.alert(text));
        let Ok(cli) = cli else {
            return self.give_up(service);
        };
        self.cli = cli;
        let global = &service.configuration.plan.global;
        self.policy = Policy {
            exit_on_failure: global.exit_on_failure,
            max_reloads: global.max_reloads,
        };
        let former: Vec<i32> = self.carried.children.iter().map(|child| child.pid).collect();
        if !former.is_empty() {
            let ending = Ending::Finish;
            service.old = Some(Old { ending, pids: former });
        }
        // SAFETY: a master has a single thread when it forks, so the child may do whatever it wants.
        let forked = pipe().and_then(|pipe| Ok((pipe, unsafe { fork() }?)));
        match forked {
            Ok(((reader, writer), ForkResult::Child)) => {
                service.ready = Some(Ready::to_master(writer, self.ready.is_some()));
                drop((reader, self.cli, self.ready));
                service.has_master = true;
                service.run(self.messages)
            }
            Ok(((reader, writer), ForkResult::Parent { child })) => {
                drop(writer);
                self.carried.children.add(child.as_raw(), now());
                self.messages.notice(format!("New worker ({child}) forked"));
                self.sockets = own_sockets(service.bound).collect();
                // The worker has its own handle on it, and alone says when it ends.
                drop(service.lookup);
                self.watch(Some(reader))
            }
            Err(error) => {
                self.fail(&error.into());
                self.give_up(service)
            }
        }
    }

    /// There will be no worker for `service`. If there are former ones, they go on.
    fn give_up(self, service: Service) -> Result<ExitCode, ExitCode> {
        match self.carried.children.is_empty() {
            true => Err(ExitCode::FAILURE),
            false => self.keep(Inherited::new(own_sockets(service.bound))),
        }
    }

    /// The new configuration is bad: keeps the workers of the old one, and the sockets for the next.
    pub fn keep(mut self, inherited: Inherited) -> Result<ExitCode, ExitCode> {
        self.carried.children.rejuvenate();
        self.sockets = inherited.into_descriptors();
        self.messages
            .warning("Reload failed: the former configuration stays in force.");
        self.notifier.reload_failed();
        self.watch(None)
    }

    fn fail(&mut self, error: &io::Error) -> ExitCode {
        self.messages
            .alert(format!("[lb.main()] Cannot start a worker: {error}."));
        ExitCode::FAILURE
    }

    fn watch(mut self, worker_ready: Option<OwnedFd>) -> Result<ExitCode, ExitCode> {
        let end = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(self.until_the_end(worker_ready)));
        match end {
            Ok(End::Exit(code)) => {
                self.messages
                    .warning(format!("All workers exited. Exiting... ({code})"));
                Ok(ExitCode::from(code))
            }
            Ok(End::Reload) => {
                let error = self.relaunch();
                Err(self.fail(&error))
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    async fn until_the_end(&mut self, worker_ready: Option<OwnedFd>) -> io::Result<End> {
        let mut signals = Signals::listen()?;
        let mut starting = worker_ready.map(Receiver::from_owned_fd).transpose()?;
        let mut cli = cli::Server::new(&self.cli)?;
        let mut ending: Option<Signal> = None;
        let mut code = 0;
        loop {
            let event = tokio::select! {
                signal = signals.next() => Event::Signal(signal),
                ready = is_ready(&mut starting) => Event::Started(ready),
                request = cli.next() => Event::Request(request),
            };
            match event {
                Event::Started(ready) => {
                    starting = None;
                    self.started(ready)?;
                }
                Event::Request(request) => {
                    if request.answer(&self.carried) == cli::Consequence::Reload && ending.is_none() {
                        return Ok(End::Reload);
                    }
                }
                Event::Signal(Signal::SIGCHLD) => {
                    if let Some(failed) = self.bury_the_dead().filter(|_| self.policy.exit_on_failure) {
                        code = failed;
                        ending.get_or_insert(Signal::SIGTERM);
                        self.messages
                            .alert("exit-on-failure: killing every processes with SIGTERM");
                        self.forward(Signal::SIGTERM);
                    }
                    if self.carried.children.is_empty() {
                        return Ok(End::Exit(code));
                    }
                }
                Event::Signal(Signal::SIGUSR2 | Signal::SIGHUP) if ending.is_none() => return Ok(End::Reload),
                Event::Signal(signal @ (Signal::SIGINT | Signal::SIGTERM | Signal::SIGUSR1)) => {
                    if ending.replace(signal).is_none() {
                        self.messages.warning("Exiting Master process...");
                        self.notifier.stopping();
                    }
                    if signal == Signal::SIGINT {
                        code = 130;
                    }
                    // From here on new connections are the workers' affair alone.
                    self.sockets.clear();
                    self.forward(signal);
                }
                Event::Signal(signal @ (Signal::SIGTTOU | Signal::SIGTTIN)) => self.forward(signal),
                Event::Signal(_) => {}
            }
        }
    }

    /// The new worker has started to serve, or has failed to; its exit will say why.
    fn started(&mut self, ready: bool) -> io::Result<()> {
        if !ready {
            return Ok(());
        }
        self.messages.notice("Loading success.");
        self.terminate_the_aged();
        self.notifier.ready();
        match self.ready.take() {
            Some(ready) => ready.announce(),
            None => Ok(()),
        }
    }

    /// Ends workers that have outlived too many reloads.
    fn terminate_the_aged(&self) {
        let Some(limit) = self.policy.max_reloads else {
            return;
        };
        for child in self.carried.children.iter().filter(|child| child.reloads > limit) {
            // One that is gone will be buried.
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGTERM);
        }
    }

    fn forward(&self, signal: Signal) {
        for child in self.carried.children.iter() {
            // One that is gone will be buried.
            let _ = kill(Pid::from_raw(child.pid), signal);
        }
    }

    /// Takes leave of workers that have ended. Returns the exit code of one that failed.
    fn bury_the_dead(&mut self) -> Option<u8> {
        let mut failed = None;
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == nix::sys::wait::WaitStatus::StillAlive {
                break;
            }
            if let Some(obituary) = self.carried.children.bury(status) {
                self.messages.say(obituary.severity, &obituary.text);
                if obituary.is_failure() {
                    failed = Some(u8::try_from(obituary.code).unwrap_or(1));
                }
            }
        }
        failed
    }

    /// Executes the program again. Returns only if that fails.
    fn relaunch(&mut self) -> io::Error {
        self.messages.notice("Reloading HAProxy");
        self.notifier.reloading();
        self.carried.reloads += 1;
        self.carried.children.grow_old();
        self.try_relaunch().err().unwrap_or_else(|| Errno::UnknownErrno.into())
    }

    fn try_relaunch(&mut self) -> io::Result<()> {
        signals::hold()?;
        self.carried.sockets.clear();
        for socket in &self.sockets {
            fcntl(socket, FcntlArg::F_SETFD(FdFlag::empty()))?;
            self.carried.sockets.push(socket.as_raw_fd());
        }
        // SAFETY: the runtime is gone and with it its threads; nothing else reads the environment.
        unsafe { std::env::set_var(carried::VARIABLE, self.carried.encode()) };
        std::env::set_current_dir(&self.relaunch.directory)?;
        let arguments = self
            .relaunch
            .command
            .iter()
            .map(|argument| CString::new(argument.as_str()));
        let arguments = arguments.collect::<Result<Vec<CString>, _>>()?;
        let program = arguments.first().ok_or(io::ErrorKind::NotFound)?;
        execvp(program, &arguments)?;
        Ok(())
    }
}

/// The sockets that were bound by this program.
fn own_sockets(bound: Vec<Bound>) -> impl Iterator<Item = OwnedFd> {
    bound.into_iter().filter(Bound::is_own).flat_map(|bound| bound.sockets)
}

/// What woke the master.
enum Event {
    Signal(Signal),
    /// The worker has said that it serves, or has gone without saying so.
    Started(bool),
    Request(cli::Request),
}

enum End {
    Reload,
    /// No worker is left.
    Exit(u8),
}

/// Waits for the worker's word.
async fn is_ready(worker: &mut Option<Receiver>) -> bool {
    use tokio::io::AsyncReadExt;
    match worker {
        Some(worker) => worker.read_u8().await.is_ok(),
        None => std::future::pending().await,
    }
}

/// What a master left in the environment, with the sockets that it names.
pub fn inherit() -> Option<(Carried, Inherited)> {
    let text = std::env::var(carried::VARIABLE).ok()?;
    // SAFETY: startup has a single thread.
    unsafe { std::env::remove_var(carried::VARIABLE) };
    let mut carried = Carried::decode(&text)?;
    let sockets = std::mem::take(&mut carried.sockets);
    Some((carried, Inherited::new(sockets.into_iter().filter_map(adopt))))
}

/// Takes over a descriptor that was left open, if it is.
fn adopt(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: this call takes a number and reads no memory.
    let open = unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } == 0;
    // SAFETY: it is open, and the program that left it told nobody else of it.
    open.then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}
