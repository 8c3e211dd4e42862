//! Sessions over wires that lose, repeat, delay and reorder: every byte arrives, in order, and both ends close as they meant to.
//!
//! `LB_HANDOVER_RUNS=10000 cargo test -p lb-tests --release --test e2e handover::fuzz` plays many; `LB_HANDOVER_SEED` begins elsewhere.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use anyhow::{Context, Result, ensure};
use lab::{Faults, Netns};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use super::session;
use super::site::{EDGE, SERVER, Site, handed_over};

/// Sessions at a time.
const PARALLEL: usize = 64;
/// Of a hundred sessions, how many have to be handed over for the run to mean anything. The others never were quiet.
const HANDED_OVER: u64 = 10;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn every_byte_arrives() -> Result<()> {
    let runs = number("LB_HANDOVER_RUNS", 300);
    let first = number("LB_HANDOVER_SEED", 1);
    let faults = Faults {
        seed: first,
        lost: 20,
        repeated: 20,
        delayed: 100,
        delay: 4_000,
    };
    let site = Site::with_faults(faults)?;
    let (failed, failures) = mpsc::channel();
    let server = serve(&site.servers, failed.clone())?;
    let balancer = site.balancer()?;
    play(&site.clients, first..first + runs, failed)?;
    drop(server);
    let failures: Vec<String> = failures.into_iter().collect();
    let handed = handed_over(&balancer)?;
    println!(
        "{runs} sessions from seed {first}: {} failed, {handed} were handed over",
        failures.len()
    );
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    ensure!(
        handed * 100 >= runs * HANDED_OVER,
        "only {handed} of {runs} were handed over"
    );
    Ok(())
}

/// The servers' end of every session, on a thread that ends when what is returned is dropped.
fn serve(namespace: &Netns, failed: Sender<String>) -> Result<tokio::sync::oneshot::Sender<()>> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let listener = namespace.run(|| {
        let listener = std::net::TcpListener::bind((SERVER, 1883))?;
        rustix::net::listen(&listener, 4096)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    })?;
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                let failed = failed.clone();
                tokio::task::spawn_local(async move { report(session::server(stream).await, &failed) });
            }
        };
        LocalSet::new().block_on(&runtime, async {
            tokio::select! {
                ended = serving => ended,
                _ = stopped => anyhow::Ok(()),
            }
        })
    });
    Ok(stop)
}

/// Tells what went wrong.
fn report(played: Result<()>, failed: &Sender<String>) {
    if let Err(error) = played {
        // Whoever asks no more has failed already.
        let _ = failed.send(format!("{error:#}"));
    }
}

/// The clients' end of every session.
fn play(namespace: &Netns, seeds: std::ops::Range<u64>, failed: Sender<String>) -> Result<()> {
    namespace.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            let places = Arc::new(Semaphore::new(PARALLEL));
            for seed in seeds {
                let place = places.clone().acquire_owned().await?;
                let failed = failed.clone();
                tokio::task::spawn_local(async move {
                    report(one(seed).await, &failed);
                    drop(place);
                });
            }
            places
                .acquire_many(PARALLEL as u32)
                .await
                .context("the last sessions")
                .map(drop)
        })
    })
}

async fn one(seed: u64) -> Result<()> {
    let edge: SocketAddr = format!("{EDGE}:1883").parse()?;
    session::client(TcpStream::connect(edge).await?, seed).await
}
