//! The service itself: workers that carry traffic, and this thread, which listens to the operator.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use tokio::time::{sleep, sleep_until};

use super::args::Old;
use super::configuration::Configuration;
use super::daemon::Ready;
use super::limits::Sizes;
use super::listeners::Bound;
use super::messages::Messages;
use super::signals::Signals;
use super::workers::{self, Ended, Workers};
use super::{identity, status};
use crate::accept::Phase;
use crate::backend::live;
use crate::observe::Loggers;
use crate::plan::Plan;
use crate::runtime::clock::{self, NEVER, Ticks};
use crate::state;
use crate::stream::Engine;

/// How long workers get to notice that the process stops.
const STOP_TIME: Duration = Duration::from_millis(500);

/// All that startup prepared.
pub struct Service {
    pub configuration: Configuration,
    pub sizes: Sizes,
    pub bound: Vec<Bound>,
    pub ready: Option<Ready>,
    pub old: Option<Old>,
}

/// Why the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// All connections are done after a soft stop.
    Drained,
    /// This signal ended it.
    Signalled(Signal),
    Broken,
}

impl Service {
    /// Runs until the process is told to end. The result is its exit code.
    pub fn run(self, mut messages: Messages) -> Result<ExitCode, ExitCode> {
        match self.serve(&mut messages) {
            Ok(End::Drained) => Ok(ExitCode::SUCCESS),
            Ok(End::Signalled(signal)) => {
                // Nothing handles it any more: the process ends the way whoever waits for it expects.
                let _ = super::signals::restore(signal).map(|()| raise(signal));
                Err(ExitCode::FAILURE)
            }
            Ok(End::Broken) => {
                messages.alert("[lb.main()] A worker broke down. Exiting.");
                Err(ExitCode::FAILURE)
            }
            Err(text) => {
                messages.alert(text);
                Err(ExitCode::FAILURE)
            }
        }
    }

    fn serve(self, messages: &mut Messages) -> Result<End, String> {
        let plan: &'static Plan = Box::leak(Box::new(self.configuration.plan));
        let connections = u32::try_from(self.sizes.connections).unwrap_or(u32::MAX);
        let state = Arc::new(live::process(plan, workers::count(plan), connections));
        let loggers = Loggers::open(plan, &state, "lb")?;
        identity::assume(&plan.global)?;
        let engine = Engine::new(plan, Arc::clone(&state), loggers);
        let problem = |error: std::io::Error| format!("[lb.main()] Cannot start the workers: {error}.");
        let workers = workers::start(engine, &self.bound).map_err(problem)?;
        let mut watch = Watch {
            messages,
            bound: self.bound,
            hard_stop_after: plan.global.hard_stop_after,
            grace: plan.global.grace.unwrap_or_default(),
            state,
            workers,
            drain_at: NEVER,
            stop_at: NEVER,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(problem)?.block_on(async {
            let mut signals = Signals::listen().map_err(problem)?;
            if let Some(mut old) = self.old {
                old.dismiss();
            }
            if let Some(ready) = self.ready {
                ready.announce().map_err(problem)?;
            }
            Ok(watch.until_the_end(&mut signals).await)
        })
    }
}

/// The running service, as this thread watches over it.
struct Watch<'a> {
    messages: &'a mut Messages,
    /// Handles on all listening sockets, to pause them and to hand them over.
    bound: Vec<Bound>,
    state: Arc<state::Process>,
    workers: Workers,
    hard_stop_after: Option<Duration>,
    grace: Duration,
    /// When listening ends after a soft stop.
    drain_at: Ticks,
    /// When a soft stop has taken too long.
    stop_at: Ticks,
}

impl Watch<'_> {
    async fn until_the_end(&mut self, signals: &mut Signals) -> End {
        loop {
            tokio::select! {
                ended = self.workers.end() => return match ended {
                    Ended::Done => End::Drained,
                    Ended::Broken => End::Broken,
                },
                () = reached(self.drain_at) => self.drain(),
                () = reached(self.stop_at) => {
                    self.messages.warning("soft-stop running for too long, performing a hard-stop.");
                    self.stop().await;
                    return End::Drained;
                }
                signal = signals.next() => match signal {
                    Signal::SIGINT | Signal::SIGTERM => {
                        self.stop().await;
                        return End::Signalled(signal);
                    }
                    signal => self.obey(signal),
                },
            }
        }
    }

    fn obey(&mut self, signal: Signal) {
        match signal {
            Signal::SIGUSR1 if self.drain_at == NEVER && self.workers.phase() < Phase::Draining => {
                self.state.stopping.store(true, Relaxed);
                let now = clock::ticks();
                self.drain_at = clock::after(now, Some(self.grace));
                self.stop_at = clock::after(now, self.hard_stop_after);
            }
            Signal::SIGTTOU if self.workers.phase() == Phase::Serving => {
                self.workers.tell(Phase::Paused);
                self.bound.iter().for_each(Bound::pause);
                self.tell_frontends("Paused");
            }
            Signal::SIGTTIN if self.workers.phase() == Phase::Paused => {
                self.bound.iter().for_each(Bound::resume);
                self.workers.tell(Phase::Serving);
                self.tell_frontends("Resumed");
            }
            Signal::SIGHUP => {
                for line in status::describe(&self.state) {
                    self.messages.warning(line);
                }
            }
            _ => {}
        }
    }

    fn tell_frontends(&mut self, done: &str) {
        for proxy in self.state.proxies.iter().filter(|proxy| proxy.is_frontend) {
            self.messages.warning(format!("{done} frontend {}.", proxy.name));
        }
    }

    /// From here on no connection is accepted; the workers return when their last one has ended.
    fn drain(&mut self) {
        self.drain_at = NEVER;
        self.bound.clear();
        self.workers.tell(Phase::Draining);
        for line in status::farewell(&self.state) {
            self.messages.warning(line);
        }
    }

    async fn stop(&mut self) {
        self.workers.tell(Phase::Stopping);
        tokio::select! {
            _ = self.workers.end() => {}
            () = sleep(STOP_TIME) => {}
        }
    }
}

async fn reached(time: Ticks) {
    match time {
        NEVER => std::future::pending().await,
        time => sleep_until(clock::instant(time)).await,
    }
}
