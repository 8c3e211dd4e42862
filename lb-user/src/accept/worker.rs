//! What runs on each worker thread from start to end.

use std::sync::Arc;

use tokio::sync::watch;

use super::listener::Listener;
use crate::plan::Plan;
use crate::state;

/// All that a worker is given.
pub struct Worker {
    /// From zero; the first worker also does what the process needs once.
    pub number: usize,
    pub plan: Arc<Plan>,
    pub state: Arc<state::Process>,
    /// This worker's own sockets, and its handles on shared ones.
    pub listeners: Vec<Listener>,
    pub phase: watch::Receiver<Phase>,
}

/// What the process is doing, told to every worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Serving,
    /// Listening sockets are shut until the process serves again.
    Paused,
    /// No new connections; a worker returns when its last one has ended.
    Draining,
    /// A worker returns at once.
    Stopping,
}

/// A worker's life. It returns when the process drains or stops.
pub async fn run(mut worker: Worker) {
    // An error means that the sender is gone, and the process with it.
    let _ = worker.phase.wait_for(|phase| *phase >= Phase::Draining).await;
}
