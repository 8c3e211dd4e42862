//! Holding a request back until its body is here (`option http-buffer-request`, `http-request wait-for-body`).

use super::ending::{Ending, cause, phase};
use super::exchange::Exchange;
use crate::http::h1::framing;
use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::Received;
use crate::stream::body::Body;

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
        let phase = match timeouts.http_request {
            Some(_) => phase::REQUEST,
            None => phase::DATA,
        };
        Err(self.body_timeout(phase))
    }

    /// The client did not send its body in time.
    fn body_timeout(&mut self, phase: u8) -> Ending {
        self.facts.times.request = -1;
        self.keep_client = false;
        self.count_failed_request();
        Ending::status(cause::CLIENT_TIMEOUT, phase, 408)
    }

    /// `http-request wait-for-body`: at least so many bytes (0: all, or a full buffer), for at most so long.
    pub(crate) async fn wait_for_body(&mut self, at_least: u64, timeout_ms: u64) -> Result<(), Ending> {
        match self.hold(wanted(at_least), clock::ticks() + timeout_ms * 1_000).await {
            Held::Enough => Ok(()),
            Held::TimedOut => Err(self.body_timeout(phase::REQUEST)),
        }
    }

    /// The same of a response, while what is left of the request goes on to the server.
    pub(crate) async fn wait_for_response_body(&mut self, at_least: u64, timeout_ms: u64) -> Result<(), Ending> {
        let Ok(framing) = framing::of_response(&self.response, self.asked) else {
            return Ok(());
        };
        let body = Body::new(framing, self.limits(self.proxy.options.accept_invalid_response), false);
        let (enough, deadline) = (wanted(at_least), clock::ticks() + timeout_ms * 1_000);
        loop {
            let Some(server) = self.server.as_mut() else {
                return Ok(());
            };
            let input = &server.connection.input;
            if input.len() as u64 >= enough || body.is_within(input.bytes()) {
                return Ok(());
            }
            let (up, client) = (&mut self.up, &mut *self.client);
            let connection = &mut client.connection;
            let read = client.timer.until(deadline, |cx| {
                // What breaks here is found again, and told, when the response is forwarded.
                let _ = up.poll(connection, &mut server.connection, cx);
                server.connection.poll_receive(cx)
            });
            match read.await {
                Some(Ok(Received::Bytes(_))) => {}
                Some(_) => return Ok(()),
                // The peer logs it so.
                None => return Err(Ending::status(cause::SERVER_TIMEOUT, phase::REQUEST, 504)),
            }
        }
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

/// How many bytes of a body are waited for. 0: all of it.
fn wanted(at_least: u64) -> u64 {
    if at_least == 0 { u64::MAX } else { at_least }
}
