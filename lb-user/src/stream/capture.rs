//! Malformed messages, kept for `show errors`.

use std::sync::atomic::Ordering::Relaxed;

use super::exchange::Exchange;
use crate::http::h1::Bad;
use crate::runtime::clock;
use crate::state::capture::Capture;

impl Exchange<'_> {
    /// Keeps what was received as the request. `bad` is `None` where it was too large.
    pub(crate) fn keep_bad_request(&self, bad: Option<Bad>) {
        if let Some(proxy) = self.engine.process.proxy(self.frontend.id) {
            proxy
                .bad_request
                .put(self.capture(self.client.connection.input.bytes(), bad));
        }
    }

    /// Keeps what was received as the response.
    pub(crate) fn keep_bad_response(&self, bad: Option<Bad>) {
        let proxy = self.facts.backend.and_then(|id| self.engine.process.proxy(id));
        if let (Some(proxy), Some(server)) = (proxy, &self.server) {
            proxy
                .bad_response
                .put(self.capture(server.connection.input.bytes(), bad));
        }
    }

    fn capture(&self, bytes: &[u8], bad: Option<Bad>) -> Capture {
        let session = &self.client.session;
        Capture {
            event: self.engine.process.captured.fetch_add(1, Relaxed),
            date: clock::date(),
            frontend: self.frontend.id,
            backend: self.facts.backend,
            server: self.facts.server,
            source: (!session.is_unix).then_some(session.source),
            position: bad.map(|bad| bad.at),
            bytes: bytes.to_vec(),
        }
    }
}
