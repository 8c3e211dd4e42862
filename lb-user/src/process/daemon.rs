//! Going to the background, and the file that says which process to signal.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe, setsid};

/// What a process holds until it is ready, for another one that waits for it.
#[derive(Debug)]
pub struct Ready {
    pipe: File,
    /// Is the process to leave the terminal then?
    leaves_terminal: bool,
}

/// Which side of the fork this is.
pub enum Side {
    /// The process in the background.
    Child(Ready),
    /// The one that was started. `true`: the child is ready.
    Parent(bool),
}

/// Forks. The parent returns once the child is ready, or has failed. No thread may be running yet.
pub fn detach() -> io::Result<Side> {
    let (reader, writer) = pipe()?;
    // SAFETY: the process has a single thread until its workers start, so the child may do whatever it wants.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => {
            drop(writer);
            let mut word = [0];
            let ready = File::from(reader).read(&mut word)? == 1;
            Ok(Side::Parent(ready))
        }
        ForkResult::Child => {
            drop(reader);
            setsid()?;
            Ok(Side::Child(Ready {
                pipe: File::from(writer),
                leaves_terminal: true,
            }))
        }
    }
}

impl Ready {
    /// For a worker, whose master waits at the other end of `pipe`. Does the worker have a terminal that it must leave?
    pub fn to_master(pipe: OwnedFd, leaves_terminal: bool) -> Ready {
        Ready {
            pipe: File::from(pipe),
            leaves_terminal,
        }
    }

    /// Says so to whoever waits, and lets go of the terminal if that is where it waits.
    pub fn announce(mut self) -> io::Result<()> {
        if self.leaves_terminal {
            let null = OwnedFd::from(File::options().read(true).write(true).open("/dev/null")?);
            dup2_stdin(&null)?;
            dup2_stdout(&null)?;
            dup2_stderr(&null)?;
        }
        self.pipe.write_all(&[1])
    }
}

/// Writes the identifier of this process. The error is the message for the operator.
pub fn write_pidfile(path: &str) -> Result<(), String> {
    fs::write(path, format!("{}\n", std::process::id()))
        .map_err(|_| format!("[lb.main()] Cannot create pidfile {path}"))
}
