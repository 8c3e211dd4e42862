//! The worker threads: one runtime each, told together what the process is doing.

use std::io;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tokio::sync::{mpsc, watch};

use super::listeners::{Bound, Owner};
use crate::accept::listener::Addresses;
use crate::accept::worker;
use crate::accept::{Listener, Phase, Worker};
use crate::plan::Plan;
use crate::stream::Engine;

/// The running workers.
pub struct Workers {
    phase: watch::Sender<Phase>,
    running: usize,
    ended: mpsc::UnboundedReceiver<Ended>,
}

/// How a worker's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It returned, having nothing left to do.
    Done,
    /// It broke down.
    Broken,
}

/// How many workers the plan asks for: `nbthread`, else as many as there are usable CPUs.
pub fn count(plan: &Plan) -> usize {
    match plan.global.threads {
        Some(threads) => threads as usize,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// Starts the workers, each with its own socket of every frontend, or with a handle on the shared one.
pub fn start(engine: &'static Engine, bound: &[Bound]) -> io::Result<Workers> {
    let (phase, watched) = watch::channel(Phase::Serving);
    let (sender, ended) = mpsc::unbounded_channel();
    let hands = deal(bound, engine.process.workers)?;
    let running = hands.len();
    for (number, listeners) in hands.into_iter().enumerate() {
        let worker = Worker {
            number,
            engine,
            listeners,
            phase: watched.clone(),
        };
        let sender = sender.clone();
        std::thread::Builder::new()
            .name(format!("worker {number}"))
            .spawn(move || {
                let report = Report {
                    sender,
                    end: Ended::Broken,
                };
                report.after(live(worker));
            })?;
    }
    Ok(Workers { phase, running, ended })
}

/// Gives each worker handles on its sockets: its own one of an address, or the one that all share.
fn deal(bound: &[Bound], workers: usize) -> io::Result<Vec<Vec<Listener>>> {
    let mut hands: Vec<Vec<Listener>> = (0..workers).map(|_| Vec::new()).collect();
    for Bound {
        owner,
        sockets,
        steered,
        ..
    } in bound
    {
        let Owner::Frontend(id) = *owner else {
            continue;
        };
        let addresses = Addresses::new(id, steered);
        for (number, hand) in hands.iter_mut().enumerate() {
            if let Some(socket) = sockets.get(number).or(sockets.first()) {
                let socket = socket.try_clone()?;
                let addresses = addresses.clone();
                hand.push(Listener { addresses, socket });
            }
        }
    }
    Ok(hands)
}

/// Tells the end of a worker, also when it is a panic.
struct Report {
    sender: mpsc::UnboundedSender<Ended>,
    end: Ended,
}

impl Report {
    fn after(mut self, life: io::Result<()>) {
        if life.is_ok() {
            self.end = Ended::Done;
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // Nobody listens any more when the whole process is ending.
        let _ = self.sender.send(self.end);
    }
}

fn live(worker: Worker) -> io::Result<()> {
    if let Some(cpus) = worker.engine.plan.global.cpu_map.get(worker.number) {
        pin(cpus)?;
    }
    worker::run(worker)
}

/// Binds this thread to CPUs; an empty list leaves it free.
fn pin(cpus: &[u32]) -> io::Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu as usize)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

impl Workers {
    /// Tells all workers what the process is doing from now on.
    pub fn tell(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// What the workers were told last.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until all workers have returned, or one of them has broken down.
    pub async fn end(&mut self) -> Ended {
        while self.running > 0 {
            match self.ended.recv().await {
                Some(Ended::Done) => self.running -= 1,
                Some(Ended::Broken) | None => return Ended::Broken,
            }
        }
        Ended::Done
    }
}
