//! The signals that the process understands (management guide, section 4).

use std::io;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

/// All of them. They stay blocked from the first moment on until someone listens, so that none is lost or kills.
const ALL: [Signal; 9] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGTTOU,
    Signal::SIGTTIN,
    Signal::SIGCHLD,
];

/// Holds all signals back, for this thread and those it will start. Writing to a closed socket is an error, not a
/// signal.
pub fn hold() -> io::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code in a handler.
    unsafe { sigaction(Signal::SIGPIPE, &ignore) }?;
    change(SigmaskHow::SIG_BLOCK)
}

fn change(how: SigmaskHow) -> io::Result<()> {
    let set: SigSet = ALL.into_iter().collect();
    sigprocmask(how, Some(&set), None)?;
    Ok(())
}

/// The signals in the order of their arrival.
pub struct Signals(mpsc::UnboundedReceiver<Signal>);

impl Signals {
    /// Starts to listen on the runtime of the calling thread, and lets through what was held back.
    pub fn listen() -> io::Result<Signals> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for signal in ALL {
            let mut stream = unix::signal(SignalKind::from_raw(signal as i32))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if sender.send(signal).is_err() {
                        break;
                    }
                }
            });
        }
        change(SigmaskHow::SIG_UNBLOCK)?;
        Ok(Signals(receiver))
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// Gives a signal back the meaning that it has without this program.
pub fn restore(signal: Signal) -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of this program.
    unsafe { sigaction(signal, &default) }?;
    Ok(())
}
