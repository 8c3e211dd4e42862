//! The first phase: a whole request head, or a reason why there is none.

use super::ending::{Ending, cause, phase};
use super::exchange::Exchange;
use crate::http::connection;
use crate::http::h1::framing::{self, Asked};
use crate::http::h1::{Bad, Framing, Parsed, parse_request};
use crate::runtime::clock;
use crate::runtime::connection::Received;
use crate::stream::body::Body;

impl Exchange<'_> {
    /// Reads and parses the request head, then finds out where the body ends.
    pub(crate) async fn receive_request(&mut self) -> Result<(), Ending> {
        let limits = self.limits(self.frontend.options.accept_invalid_request);
        self.begin();
        self.count_tracked_request();
        let timeouts = &self.frontend.timeouts;
        let since = if self.facts.is_first {
            self.client.idle_since
        } else {
            self.started
        };
        let deadline = clock::after(since, timeouts.http_request.or(timeouts.client));
        loop {
            let input = self.client.connection.input.bytes();
            match parse_request(input, &mut self.request, &limits) {
                Ok(Parsed::Complete { consumed }) => {
                    self.client.connection.input.consume(consumed);
                    self.request_size = consumed;
                    break;
                }
                Ok(Parsed::Partial) => self.receive_more(deadline).await?,
                Ok(Parsed::Http2Preface) => return Err(self.refuse_request(None)),
                Err(bad) => return Err(self.refuse_request(Some(bad))),
            }
        }
        self.accept_request(limits);
        Ok(())
    }

    /// Notes when the request began.
    pub(crate) fn begin(&mut self) {
        let times = &mut self.facts.times;
        times.start = self.started;
        times.start_date = clock::date();
        times.idle = ((self.started - self.client.idle_since) / 1_000) as i64;
        self.facts.id = self.engine.next_stream();
    }

    async fn receive_more(&mut self, deadline: clock::Ticks) -> Result<(), Ending> {
        let client = &mut *self.client;
        let connection = &mut client.connection;
        match client.timer.until(deadline, |cx| connection.poll_receive(cx)).await {
            Some(Ok(Received::Bytes(_))) => Ok(()),
            Some(Ok(Received::Full)) => Err(self.refuse_request(None)),
            Some(Ok(Received::End) | Err(_)) => {
                self.count_failed_request();
                self.count_tracked_error();
                Err(Ending::status(cause::CLIENT, phase::REQUEST, 400))
            }
            None => {
                self.count_failed_request();
                Err(Ending::status(cause::CLIENT_TIMEOUT, phase::REQUEST, 408))
            }
        }
    }

    /// Refuses bytes that are no request, and keeps them for `show errors`.
    fn refuse_request(&mut self, bad: Option<Bad>) -> Ending {
        self.count_failed_request();
        self.count_tracked_error();
        self.keep_client = false;
        self.keep_bad_request(bad);
        Ending::status(
            cause::PROXY,
            phase::REQUEST,
            bad.map_or(400, |bad| bad.fault.request_status()),
        )
    }

    pub(crate) fn count_failed_request(&mut self) {
        self.keep_client = false;
        self.client.counters(|frontend, listener| {
            frontend.failed_requests.increment();
            listener.failed_requests.increment();
        });
    }

    fn accept_request(&mut self, limits: crate::http::h1::Limits) {
        self.facts.times.request = self.lap();
        self.client_version = self.request.version();
        self.asked = Asked::of(&self.request);
        self.keep_client = connection::persists(&self.request, self.carrier());
        self.facts.method_is_head = self.request.method() == b"HEAD";
        self.note_request_line();
        let body = match framing::of_request(&self.request) {
            // What follows CONNECT waits for the server's consent.
            Framing::Tunnel => Body::none(),
            framing => Body::new(framing, limits, false),
        };
        self.up.restart(body, self.phase_start);
        self.engine.process.total_requests.increment();
        let now = self.phase_start / 1_000;
        self.client.counters(|frontend, _| {
            frontend.requests.increment();
            frontend.request_rate.add(1, now);
        });
    }

    /// Keeps the request line as it came, for the log.
    fn note_request_line(&mut self) {
        let line = &mut self.facts.request_line;
        line.clear();
        for part in [
            self.request.method(),
            b" ",
            self.request.uri(),
            b" HTTP/",
            self.request.version_digits(),
        ] {
            line.extend_from_slice(part);
        }
        line.truncate(self.engine.plan.global.tune.log_uri_length);
    }
}
