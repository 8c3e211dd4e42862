//! Waiting for what another process does, and finding it an address.
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long [`until`] waits before it gives up. Far above what anything here takes: it ends a hung test, it judges no speed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait on this machine: as long as usual, or `LAB_SLOWNESS` times that, where the variable is set.
pub(crate) fn patience(usual: Duration) -> Duration {
    let slowness = std::env::var("LAB_SLOWNESS")
        .ok()
        .and_then(|factor| factor.parse().ok());
    usual * slowness.unwrap_or(1)
}

/// Asks again and again until `ready` answers, and fails naming `what` where it never does.
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
    let (start, patience) = (Instant::now(), patience(PATIENCE));
    while start.elapsed() < patience {
        if let Some(answer) = ready() {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("waited in vain for {what}")
}

/// An address of the loopback network with a TCP port that was free a moment ago.
///
/// For programs that cannot inherit a listening socket. The address is this process's own, so that no other one takes the port, or
/// shares it (SO_REUSEPORT), meanwhile.
pub fn free_address() -> Result<SocketAddr> {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let listener = TcpListener::bind((Ipv4Addr::new(127, high | 1, middle, low), 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
