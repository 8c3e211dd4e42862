//! Request to the server, response to the client.

use std::task::{Context, Poll};
use std::time::Duration;

use super::body::Body;
use super::channel::{Broken, Channel, Waiting};
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
    /// A whole head, of so many bytes.
    Head(usize),
    Bad(Bad),
    /// The head does not fit the buffer.
    TooLong,
    /// The server closed before a whole head.
    Closed,
    ClientAborted,
    /// The client's body cannot be read or is malformed.
    ClientBroken(Broken),
}

/// What moving bytes came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Everything was moved.
    All,
    /// Nothing came for a while, and nothing is under way.
    Quiet,
}

impl Exchange<'_> {
    /// Sends the request and waits for the final response's head; a request that a stale connection swallowed, or that
    /// `retry-on` covers, is sent again.
    pub(crate) async fn ask_server(&mut self) -> Result<(), Ending> {
        loop {
            self.reach_server().await?;
            self.write_request();
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
                Some(Heard::Head(size)) => self.response_size = size,
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
        self.count_tracked_status(self.response.status());
        Ok(())
    }

    /// Forwards the request until a response head is there. `None`: a timeout struck.
    async fn wait_for_head(&mut self, limits: &Limits) -> Option<Heard> {
        let patience = self.patience();
        let watch = self.proxy.options.abortonclose;
        let server = self.server.as_mut()?;
        let (up, response, client) = (&mut self.up, &mut self.response, &mut *self.client);
        let connection = &mut client.connection;
        let heard = client.timer.until_told(|cx| {
            let sent = up.poll(connection, &mut server.connection, cx);
            if let Poll::Ready(Err(broken @ (Broken::Source | Broken::Bad(_)))) = sent {
                return Ok(Heard::ClientBroken(broken));
            }
            match poll_head(&mut server.connection, response, limits, cx) {
                Poll::Ready(heard) => Ok(heard),
                Poll::Pending if watch && up.is_done() && client_left(connection, cx) => Ok(Heard::ClientAborted),
                Poll::Pending => Err(patience.for_head(up)),
            }
        });
        heard.await
    }

    fn patience(&self) -> Patience {
        Patience {
            since: self.phase_start,
            client: self.frontend.timeouts.client,
            server: self.facts.server_timeout,
            tunnel: self.facts.tunnel_timeout,
            client_fin: self.frontend.timeouts.client_fin,
            server_fin: self.proxy.timeouts.server_fin,
            client_apart: self.frontend.options.independent_streams,
            server_apart: self.proxy.options.independent_streams,
        }
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
        self.count_tracked_failure();
        Ending::status(cause, phase::HEADERS, status)
    }

    /// Sends 100 Continue, 103 and their like on to the client, before the response proper.
    pub(super) async fn pass_informational(&mut self) -> Result<(), Ending> {
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

    /// Moves the response, and what is left of the request, until both have ended: a response that comes early does not
    /// free the client from sending what it began.
    pub(crate) async fn forward(&mut self) -> Result<(), Ending> {
        if self.tunnel && self.http {
            let limits = self.limits(false);
            let now = clock::ticks();
            self.up.restart(Body::new(Framing::Tunnel, limits, false), now);
        }
        self.forward_until_quiet(NEVER).await.map(drop)
    }

    /// Moves bytes until both directions have ended, or none came from either side for `pause`.
    pub(crate) async fn forward_until_quiet(&mut self, pause: Ticks) -> Result<Moved, Ending> {
        let patience = self.patience();
        let Some(server) = self.server.as_mut() else {
            return Ok(Moved::All);
        };
        let (up, down, tunnel) = (&mut self.up, &mut self.down, self.tunnel);
        let client = &mut *self.client;
        let connection = &mut client.connection;
        let moved = client.timer.until_told(|cx| {
            let sent = up.poll(connection, &mut server.connection, cx);
            if tunnel && matches!(sent, Poll::Ready(Ok(()))) {
                server.connection.socket.shutdown_write();
            }
            let received = down.poll(&mut server.connection, connection, cx);
            match (received, sent) {
                (Poll::Ready(Ok(())), Poll::Pending) if tunnel => connection.socket.shutdown_write(),
                (Poll::Ready(Ok(())), Poll::Pending) => {}
                (Poll::Ready(Ok(())), Poll::Ready(sent)) if !tunnel => return Ok(sent.map_err(Broken::seen_back)),
                (Poll::Ready(received), _) => return Ok(received),
                // A server that reads no more may still answer.
                (Poll::Pending, Poll::Ready(Err(Broken::Destination))) => {}
                (Poll::Pending, Poll::Ready(Err(broken))) => return Ok(Err(broken.seen_back())),
                (Poll::Pending, _) => {}
            }
            let end = patience.until(tunnel, up, down);
            let quiet = up.active.max(down.active).saturating_add(pause);
            Err(if up.rests() && down.rests() {
                end.min(quiet)
            } else {
                end
            })
        });
        match moved.await {
            Some(Ok(())) => Ok(Moved::All),
            Some(Err(broken)) => Err(self.broken_response(broken)),
            None if clock::ticks() < patience.until(self.tunnel, &self.up, &self.down) => Ok(Moved::Quiet),
            None => Err(self.forward_timeout()),
        }
    }

    /// For how many milliseconds both sides of a tunnel may be silent (0: for ever), and is it the client's timeout that says so?
    pub(super) fn silence(&self) -> (u32, bool) {
        let patience = self.patience();
        let (end, server_is_first) = patience.for_tunnel(&self.up, &self.down);
        let active = self.up.active.max(self.down.active);
        let timeout = match end {
            NEVER => 0,
            end => u32::try_from((end - active) / 1_000).unwrap_or(u32::MAX),
        };
        (timeout, !server_is_first)
    }

    fn forward_timeout(&mut self) -> Ending {
        self.keep_client = false;
        self.keep_server = false;
        let patience = self.patience();
        let server = match self.tunnel {
            true => patience.for_tunnel(&self.up, &self.down).1,
            false if self.down.is_done() => self.up.waiting == Waiting::Destination,
            false => self.down.waiting == Waiting::Source,
        };
        let cause = if server {
            cause::SERVER_TIMEOUT
        } else {
            cause::CLIENT_TIMEOUT
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
                    return Poll::Ready(Heard::Head(consumed));
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

/// How long each side may be silent.
#[derive(Clone, Copy)]
struct Patience {
    /// Before that moment nobody could be waited for.
    since: Ticks,
    client: Option<Duration>,
    /// Milliseconds; 0 is for ever.
    server: u32,
    tunnel: u32,
    /// Once one direction of a tunnel is closed.
    client_fin: Option<Duration>,
    server_fin: Option<Duration>,
    /// Does only what a side sends itself count as its activity (`option independent-streams`)?
    client_apart: bool,
    server_apart: bool,
}

impl Patience {
    fn client_end(&self, active: Ticks) -> Ticks {
        clock::after(active, self.client)
    }

    fn server_end(&self, active: Ticks) -> Ticks {
        milliseconds_after(active, self.server)
    }

    fn until(&self, tunnel: bool, up: &Channel, down: &Channel) -> Ticks {
        match tunnel {
            true => self.for_tunnel(up, down).0,
            false if down.is_done() => self.for_head(up),
            false => self.for_body(down),
        }
    }

    /// While the body is being sent and the client is slow its timeout counts, else the server's.
    fn for_head(&self, up: &Channel) -> Ticks {
        let active = up.active.max(self.since);
        match !up.is_done() && up.waiting == Waiting::Source {
            true => self.client_end(active),
            false => self.server_end(active),
        }
    }

    fn for_body(&self, down: &Channel) -> Ticks {
        let active = down.active.max(self.since);
        match down.waiting {
            Waiting::Source => self.server_end(active),
            Waiting::Destination => self.client_end(active),
        }
    }

    /// When the first side of a tunnel was silent for too long, and whether it is the server.
    fn for_tunnel(&self, up: &Channel, down: &Channel) -> (Ticks, bool) {
        let active = up.active.max(down.active);
        let client = if self.client_apart { up.active } else { active };
        let server = if self.server_apart { down.active } else { active };
        // A side that was told the end of the other one has to end soon. Until then `timeout tunnel` counts in place of
        // both sides' own.
        let client_end = match (self.client_fin.filter(|_| down.is_done()), self.tunnel) {
            (Some(fin), _) => clock::after(client, Some(fin)),
            (None, 0) => self.client_end(client),
            (None, tunnel) => milliseconds_after(client, tunnel),
        };
        let server_end = match (self.server_fin.filter(|_| up.is_done()), self.tunnel) {
            (Some(fin), _) => clock::after(server, Some(fin)),
            (None, 0) => self.server_end(server),
            (None, tunnel) => milliseconds_after(server, tunnel),
        };
        (client_end.min(server_end), server_end < client_end)
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
