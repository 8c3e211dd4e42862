//! What runs on each worker thread from start to end.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::watch;

use super::listener::{self, Listener};
use crate::backend::pool;
use crate::runtime::{self, buffer, clock, executor, idle};
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

/// A worker's life. It returns when the process stops, or has drained.
pub fn run(worker: Worker) -> io::Result<()> {
    counter::set_shard(worker.number);
    buffer::set_size(worker.engine.plan.global.tune.bufsize);
    executor::run(serve(worker))?;
    pool::close_all();
    Ok(())
}

async fn serve(mut worker: Worker) {
    let engine = worker.engine;
    for listener in worker.listeners {
        executor::spawn(listener::run(engine, listener, worker.phase.clone()));
    }
    executor::spawn(purge(engine, worker.number));
    executor::spawn(engine.rosters.answer(worker.number));
    // An error means that the sender is gone, and the process with it.
    let draining = worker
        .phase
        .wait_for(|phase| *phase >= Phase::Draining)
        .await
        .is_ok_and(|phase| *phase == Phase::Draining);
    if draining {
        engine.process.stopping.store(true, Relaxed);
        idle::end_all();
        tokio::select! {
            () = drained(engine) => {}
            _ = worker.phase.wait_for(|phase| *phase == Phase::Stopping) => {}
        }
    }
}

/// Waits for the process' last connection to end.
async fn drained(engine: &Engine) {
    while engine.process.connections.get() > 0 {
        runtime::sleep(DRAIN_CHECK).await;
    }
}

/// Closes connections to servers that idle for too long (`pool-purge-delay`). The first worker also removes what has
/// expired from the stick tables.
async fn purge(engine: &'static Engine, worker: usize) {
    loop {
        runtime::sleep(PURGE).await;
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
