//! What runs on each worker thread from start to end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;

use super::listener::{self, Listener};
use crate::backend::pool;
use crate::runtime::{buffer, clock, idle};
use crate::state::counter;
use crate::stream::Engine;

/// All that a worker is given.
pub struct Worker {
    /// From zero; the first worker also does what the process needs once.
    pub number: usize,
    pub engine: &'static Engine,
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

/// How often idle connections to servers are looked over.
const PURGE: Duration = Duration::from_secs(1);

/// How often a draining worker looks whether its last connection has ended.
const DRAIN_CHECK: Duration = Duration::from_millis(20);

/// The runtime of one worker thread. It reads the clock whenever it wakes up.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(clock::refresh)
        .build()
}

/// A worker's life. It returns when the process stops, or has drained.
pub async fn run(worker: Worker) {
    counter::set_shard(worker.number);
    buffer::set_size(worker.engine.plan.global.tune.bufsize);
    let tasks = LocalSet::new();
    tasks.run_until(serve(worker)).await;
    pool::close_all();
}

async fn serve(mut worker: Worker) {
    let engine = worker.engine;
    let accepting: Vec<_> = worker
        .listeners
        .into_iter()
        .map(|listener| tokio::task::spawn_local(listener::run(engine, listener, worker.phase.clone())))
        .collect();
    let purging = tokio::task::spawn_local(purge(engine, worker.number));
    let answering = tokio::task::spawn_local(engine.rosters.answer(worker.number));
    // An error means that the sender is gone, and the process with it.
    let draining = worker
        .phase
        .wait_for(|phase| *phase >= Phase::Draining)
        .await
        .is_ok_and(|phase| *phase == Phase::Draining);
    for task in &accepting {
        task.abort();
    }
    if draining {
        engine.process.stopping.store(true, Relaxed);
        idle::end_all();
        tokio::select! {
            () = drained(engine) => {}
            _ = worker.phase.wait_for(|phase| *phase == Phase::Stopping) => {}
        }
    }
    purging.abort();
    answering.abort();
}

/// Waits for the process' last connection to end.
async fn drained(engine: &Engine) {
    while engine.process.connections.get() > 0 {
        tokio::time::sleep(DRAIN_CHECK).await;
    }
}

/// Closes connections to servers that idle for too long (`pool-purge-delay`). The first worker also removes what has
/// expired from the stick tables.
async fn purge(engine: &'static Engine, worker: usize) {
    loop {
        tokio::time::sleep(PURGE).await;
        let now = clock::ticks();
        if worker == 0 {
            engine.process.tables.sweep(now);
        }
        pool::purge(|server| {
            let proxy = engine.plan.proxies.get(server.backend.index());
            let delay = proxy
                .and_then(|proxy| proxy.servers.get(server.index()))
                .map(|plan| plan.pool_purge_delay);
            now.saturating_sub(delay.unwrap_or(Duration::from_secs(5)).as_micros() as u64)
        });
    }
}
