//! Connections as limits count them.

use super::ids::ListenerId;
use super::process::Process;

/// A connection that counts against the limits of process, frontend and listener until it is dropped.
pub struct Admitted {
    process: &'static Process,
    id: ListenerId,
}

impl Admitted {
    /// Ends a count that has begun already.
    pub fn new(process: &'static Process, id: ListenerId) -> Admitted {
        Admitted { process, id }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.process.connections.down();
        if let Some(proxy) = self.process.proxy(self.id.frontend) {
            proxy.frontend.connections.down();
        }
        if let Some(listener) = self.process.listener(self.id) {
            listener.connections.down();
        }
    }
}
