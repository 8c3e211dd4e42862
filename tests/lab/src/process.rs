//! A child process that ends with its guard, or with us.
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};

/// How long a process has to end after SIGTERM before SIGKILL follows.
const GRACE: Duration = Duration::from_secs(2);

/// A running child process. Dropping it ends the process and reaps it.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command whose process ends at the latest when the calling thread does.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        // SAFETY: the closure only makes a system call, which is safe between fork and exec.
        unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) };
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Self {
            child: command.spawn().with_context(|| format!("cannot start {name}"))?,
        })
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, or `None` while it runs.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Asks the process to end with SIGTERM, insists with SIGKILL, and reaps it.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(Signal::TERM)?;
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that cannot be waited for is gone already.
        let _ = self.stop();
    }
}

/// Makes a command's process run on the given processors only.
pub fn pinned_to<'a>(command: &'a mut Command, processors: &[usize]) -> &'a mut Command {
    let mut set = CpuSet::new();
    processors.iter().for_each(|&processor| set.set(processor));
    // SAFETY: the closure only makes a system call, which is safe between fork and exec.
    unsafe { command.pre_exec(move || Ok(sched_setaffinity(None, &set)?)) }
}
