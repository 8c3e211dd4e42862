//! Request to the server, response to the client.

use std::task::{Context, Poll};

use super::body::Body;
use super::channel::{Broken, Waiting};
use super::ending::{Ending, cause, phase};
use super::exchange::Exchange;
use super::route::client_left;
use crate::http::h1::framing::{self, Framing};
use crate::http::h1::write::write_head;
use crate::http::h1::{Bad, Limits, Parsed, parse_response};
use crate::runtime::clock::{self, NEVER, Ticks};
use crate::runtime::connection::Received;

/// What waiting for a response head came to.
enum Heard {
    Head,
    Bad(Bad),
    /// The head does not fit the buffer.
    TooLong,
    /// The server closed before a whole head.
    Closed,
    ClientAborted,
    /// The client's body cannot be read or is malformed.
    ClientBroken(Broken),
}

impl Exchange<'_> {
    /// Sends the request and waits for the final response's head; a request that a stale connection swallowed, or that
    /// `retry-on` covers, is sent again.
    pub(crate) async fn ask_server(&mut self) -> Result<(), Ending> {
        loop {
            self.reach_server().await?;
            let limits = self.limits(self.proxy.options.accept_invalid_response);
            match self.hear_response(limits).await {
                Ok(()) if self.retries_status(self.facts.status) => {}
                Ok(()) => return Ok(()),
                Err(failure) => self.retry_request(failure)?,
            }
        }
    }

    /// Waits for a response head, passing informational ones on.
    async fn hear_response(&mut self, limits: Limits) -> Result<(), Ending> {
        loop {
            self.response.clear();
            match self.wait_for_head(&limits).await {
                Some(Heard::Head) => {}
                Some(Heard::Bad(bad)) => return Err(self.bad_response(Some(bad))),
                Some(Heard::TooLong) => return Err(self.bad_response(None)),
                Some(Heard::Closed) => return Err(self.response_failed(cause::SERVER, 502)),
                Some(Heard::ClientAborted) => return Err(self.client_aborted(phase::HEADERS, 400)),
                Some(Heard::ClientBroken(Broken::Bad(_))) => {
                    self.keep_client = false;
                    return Err(Ending::status(cause::PROXY, phase::DATA, 400));
                }
                Some(Heard::ClientBroken(_)) => return Err(self.client_aborted(phase::DATA, 400)),
                None => return Err(self.head_timeout()),
            }
            if framing::of_response(&self.response, self.asked).is_err() {
                return Err(self.bad_response(None));
            }
            let informational = (100..200).contains(&self.response.status()) && self.response.status() != 101;
            if !informational {
                break;
            }
            self.pass_informational().await?;
        }
        self.facts.times.response = self.lap();
        self.responding = true;
        self.learn_server();
        self.facts.status = self.response.status();
        self.engine
            .count_response(self.backend, self.facts.server, self.response.status());
        Ok(())
    }

    /// Forwards the request until a response head is there. `None`: a timeout struck.
    async fn wait_for_head(&mut self, limits: &Limits) -> Option<Heard> {
        loop {
            let deadline = self.ask_deadline();
            let watch = self.proxy.options.abortonclose;
            let server = self.server.as_mut()?;
            let (up, response, client) = (&mut self.up, &mut self.response, &mut *self.client);
            let connection = &mut client.connection;
            let heard = client.timer.until(deadline, |cx| {
                let sent = up.poll(connection, &mut server.connection, cx);
                if let Poll::Ready(Err(broken @ (Broken::Source | Broken::Bad(_)))) = sent {
                    return Poll::Ready(Heard::ClientBroken(broken));
                }
                let heard = poll_head(&mut server.connection, response, limits, cx);
                if heard.is_pending() && watch && up.is_done() && client_left(connection, cx) {
                    return Poll::Ready(Heard::ClientAborted);
                }
                heard
            });
            let outcome = heard.await;
            if outcome.is_some() || clock::ticks() >= self.ask_deadline() {
                return outcome;
            }
        }
    }

    /// While the body is being sent the slower side's timeout counts, then the server's.
    fn ask_deadline(&self) -> Ticks {
        let since = self.up.active.max(self.phase_start);
        if !self.up.is_done() && self.up.waiting == Waiting::Source {
            return clock::after(since, self.frontend.timeouts.client);
        }
        milliseconds_after(since, self.facts.server_timeout)
    }

    fn head_timeout(&mut self) -> Ending {
        if !self.up.is_done() && self.up.waiting == Waiting::Source {
            self.keep_client = false;
            return Ending::status(cause::CLIENT_TIMEOUT, phase::DATA, 408);
        }
        self.response_failed(cause::SERVER_TIMEOUT, 504)
    }

    fn bad_response(&mut self, bad: Option<Bad>) -> Ending {
        self.keep_bad_response(bad);
        self.response_failed(cause::PROXY, 502)
    }

    fn response_failed(&mut self, cause: u8, status: u16) -> Ending {
        self.keep_server = false;
        self.engine.count_response_error(self.backend, self.facts.server);
        Ending::status(cause, phase::HEADERS, status)
    }

    /// Sends 100 Continue, 103 and their like on to the client, before the response proper.
    async fn pass_informational(&mut self) -> Result<(), Ending> {
        if self.client_version < crate::http::message::Version::Http11 {
            return Ok(());
        }
        self.down.restart(Body::none(), clock::ticks());
        write_head(&self.response, &mut self.down.head);
        let deadline = clock::after(clock::ticks(), self.frontend.timeouts.client);
        let client = &mut *self.client;
        match self.down.write_out(client, deadline).await {
            true => Ok(()),
            false => Err(self.client_aborted(phase::HEADERS, 400)),
        }
    }

    /// Moves the response, and what is left of the request, until the response has ended.
    pub(crate) async fn forward(&mut self) -> Result<(), Ending> {
        if self.tunnel {
            let limits = self.limits(false);
            let now = clock::ticks();
            self.up.restart(Body::new(Framing::Tunnel, limits, false), now);
        }
        loop {
            let deadline = self.forward_deadline();
            let Some(server) = self.server.as_mut() else {
                return Ok(());
            };
            let (up, down, tunnel) = (&mut self.up, &mut self.down, self.tunnel);
            let client = &mut *self.client;
            let connection = &mut client.connection;
            let moved = client.timer.until(deadline, |cx| {
                let sent = up.poll(connection, &mut server.connection, cx);
                if tunnel && matches!(sent, Poll::Ready(Ok(()))) {
                    server.connection.socket.shutdown_write();
                }
                match (down.poll(&mut server.connection, connection, cx), sent) {
                    (Poll::Ready(Ok(())), Poll::Pending) if tunnel => {
                        connection.socket.shutdown_write();
                        Poll::Pending
                    }
                    (Poll::Pending, Poll::Ready(Err(Broken::Source))) => Poll::Ready(Err(Broken::Destination)),
                    (received, _) => received,
                }
            });
            match moved.await {
                Some(Ok(())) => return Ok(()),
                Some(Err(broken)) => return Err(self.broken_response(broken)),
                None if clock::ticks() >= self.forward_deadline() => return Err(self.forward_timeout()),
                None => {}
            }
        }
    }

    fn forward_deadline(&self) -> Ticks {
        let active = self.down.active.max(self.up.active);
        if self.tunnel {
            if self.facts.tunnel_timeout > 0 {
                return milliseconds_after(active, self.facts.tunnel_timeout);
            }
            let client = clock::after(active, self.frontend.timeouts.client);
            return client.min(milliseconds_after(active, self.facts.server_timeout));
        }
        match self.down.waiting {
            Waiting::Source => milliseconds_after(active, self.facts.server_timeout),
            Waiting::Destination => clock::after(self.down.active, self.frontend.timeouts.client),
        }
    }

    fn forward_timeout(&mut self) -> Ending {
        self.keep_client = false;
        self.keep_server = false;
        let cause = match self.down.waiting {
            Waiting::Source if !self.tunnel => cause::SERVER_TIMEOUT,
            _ => cause::CLIENT_TIMEOUT,
        };
        Ending::silent(cause, phase::DATA, self.facts.status)
    }

    pub(crate) fn broken_response(&mut self, broken: Broken) -> Ending {
        self.keep_client = false;
        self.keep_server = false;
        let cause = match broken {
            Broken::Source => {
                self.engine.count_server_abort(self.backend, self.facts.server);
                cause::SERVER
            }
            Broken::Destination => {
                self.engine.count_client_abort(self.backend, self.facts.server);
                cause::CLIENT
            }
            Broken::Bad(_) => cause::PROXY,
        };
        Ending::silent(cause, phase::DATA, self.facts.status)
    }
}

/// Reads from the server until `response` holds a whole head.
fn poll_head(
    server: &mut crate::runtime::Connection,
    response: &mut crate::http::Head,
    limits: &Limits,
    cx: &mut Context<'_>,
) -> Poll<Heard> {
    loop {
        if !server.input.is_empty() {
            match parse_response(server.input.bytes(), response, limits) {
                Ok(Parsed::Complete { consumed }) => {
                    server.input.consume(consumed);
                    return Poll::Ready(Heard::Head);
                }
                Ok(_) => {}
                Err(bad) => return Poll::Ready(Heard::Bad(bad)),
            }
        }
        match std::task::ready!(server.poll_receive(cx)) {
            Ok(Received::Bytes(_)) => {}
            Ok(Received::Full) => return Poll::Ready(Heard::TooLong),
            Ok(Received::End) | Err(_) => return Poll::Ready(Heard::Closed),
        }
    }
}

/// `milliseconds` (0: none) after `since`.
fn milliseconds_after(since: Ticks, milliseconds: u32) -> Ticks {
    if milliseconds == 0 {
        NEVER
    } else {
        since + Ticks::from(milliseconds) * 1_000
    }
}
