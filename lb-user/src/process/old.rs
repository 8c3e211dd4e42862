//! The processes that this one replaces (`-sf`, `-st`).

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::args::{Ending, Old};

impl Old {
    /// Asks them to shut their listening sockets for now.
    pub fn pause(&mut self) {
        self.send(Signal::SIGTTOU);
    }

    /// Asks them to listen again, since they will not be replaced.
    pub fn resume(&mut self) {
        self.send(Signal::SIGTTIN);
    }

    /// Asks them to end, now that they are replaced.
    pub fn dismiss(&mut self) {
        self.send(match self.ending {
            Ending::Finish => Signal::SIGUSR1,
            Ending::Terminate => Signal::SIGTERM,
        });
    }

    /// Signals those that are there, and forgets the others.
    fn send(&mut self, signal: Signal) {
        self.pids
            .retain(|pid| kill(Pid::from_raw(*pid), signal) != Err(Errno::ESRCH));
    }
}
