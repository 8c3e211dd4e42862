//! The last malformed messages, kept for `show errors`.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use super::ids::{ProxyId, ServerId};

/// A message that broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Number of the event since the process started.
    pub event: u64,
    /// Microseconds since the epoch.
    pub date: u64,
    pub frontend: ProxyId,
    pub backend: Option<ProxyId>,
    pub server: Option<ServerId>,
    /// `None` for a client on a unix socket.
    pub source: Option<SocketAddr>,
    /// The offset of the byte at fault in `bytes`; `None` where the message was too large.
    pub position: Option<usize>,
    pub bytes: Vec<u8>,
}

/// Room for the last one.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Box<Capture>>>);

impl Kept {
    /// Keeps `capture` instead of what was there.
    pub fn put(&self, capture: Capture) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(capture));
    }

    /// What was kept last.
    pub fn get(&self) -> Option<Box<Capture>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
