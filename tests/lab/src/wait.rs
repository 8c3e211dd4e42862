//! Waiting for what another process does, and finding it a port.
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long [`until`] waits before it gives up. Far above what anything here takes: it ends a hung test, it judges no speed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until `ready` answers, and fails naming `what` where it never does.
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(answer) = ready() {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("waited in vain for {what}")
}

/// A TCP port of the loopback interface that was free a moment ago.
///
/// For programs that cannot inherit a listening socket; another process may take the port first.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}
