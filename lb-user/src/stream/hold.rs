//! Holding a request back until its body is here (`option http-buffer-request`, `http-request wait-for-body`).

use super::ending::{Ending, cause, phase};
use super::exchange::Exchange;
use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::Received;

/// How waiting for a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Enough is here, or the buffer is full, or no more will come.
    Enough,
    TimedOut,
}

impl Exchange<'_> {
    /// `option http-buffer-request`: the whole body, or a full buffer, within the time for the request.
    pub(crate) async fn hold_request(&mut self) -> Result<(), Ending> {
        let timeouts = &self.frontend.timeouts;
        let deadline = clock::after(self.started, timeouts.http_request.or(timeouts.client));
        if self.hold(u64::MAX, deadline).await == Held::Enough {
            self.facts.times.request += self.lap();
            return Ok(());
        }
        self.facts.times.request = -1;
        self.count_failed_request();
        Err(Ending::status(cause::CLIENT_TIMEOUT, phase::REQUEST, 408))
    }

    /// `http-request wait-for-body`: at least so many bytes (0: all), for at most so long. What is missing then is gone
    /// without.
    pub(crate) async fn wait_for_body(&mut self, at_least: u64, timeout_ms: u64) {
        let enough = if at_least == 0 { u64::MAX } else { at_least };
        self.hold(enough, clock::ticks() + timeout_ms * 1_000).await;
    }

    async fn hold(&mut self, enough: u64, deadline: Ticks) -> Held {
        loop {
            let input = &self.client.connection.input;
            if input.len() as u64 >= enough || self.up.body.is_within(input.bytes()) {
                return Held::Enough;
            }
            let client = &mut *self.client;
            let connection = &mut client.connection;
            match client.timer.until(deadline, |cx| connection.poll_receive(cx)).await {
                Some(Ok(Received::Bytes(_))) => {}
                Some(_) => return Held::Enough,
                None => return Held::TimedOut,
            }
        }
    }
}
