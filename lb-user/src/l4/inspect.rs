//! `tcp-request content` and `tcp-response content`: rules over bytes that may not all be there yet.

use std::task::Poll;
use std::time::Duration;

use crate::http::h1::{Parsed, parse_request};
use crate::plan::Proxy;
use crate::rules::RuleSet;
use crate::rules::condition::Verdict;
use crate::rules::effect::Effect;
use crate::rules::facts::{Glimpse, Side};
use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::Received;
use crate::stream::channel::Broken;
use crate::stream::ending::{Ending, cause, phase};
use crate::stream::exchange::Exchange;

/// What the frontend's rules made of a connection's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspected {
    Tcp,
    /// `switch-mode http`: an HTTP engine reads it from its first byte.
    Http,
}

/// One pass over a rule set.
enum Judged {
    Passed,
    Http,
    /// A rule cannot be decided before more bytes have come.
    Undecided,
    Ended(Ending),
}

impl Exchange<'_> {
    /// The frontend's rules.
    pub(super) async fn inspect_client(&mut self) -> Result<Inspected, Ending> {
        self.begin();
        self.inspect_request(self.frontend).await
    }

    /// The rules of a backend that is not the frontend itself.
    pub(super) async fn inspect_for_backend(&mut self) -> Result<(), Ending> {
        if self.proxy.id != self.frontend.id {
            self.inspect_request(self.proxy).await?;
        }
        Ok(())
    }

    async fn inspect_request(&mut self, proxy: &'static Proxy) -> Result<Inspected, Ending> {
        if proxy.rules.tcp_content.is_empty() {
            return Ok(Inspected::Tcp);
        }
        let deadline = inspection_end(proxy.inspect_delay);
        loop {
            let input = &self.client.connection;
            self.request_whole = clock::ticks() >= deadline || input.ended || input.input.is_full();
            self.glimpse_request();
            match self.judge_content(&proxy.rules.tcp_content, Side::Request) {
                Judged::Passed => return Ok(Inspected::Tcp),
                Judged::Http => return Ok(Inspected::Http),
                Judged::Ended(ending) => return Err(ending),
                Judged::Undecided if self.request_whole => return Ok(Inspected::Tcp),
                Judged::Undecided => self.read_client(deadline).await?,
            }
        }
    }

    /// Reads more from the client; at the deadline the next pass has to decide.
    async fn read_client(&mut self, deadline: Ticks) -> Result<(), Ending> {
        let client = &mut *self.client;
        let connection = &mut client.connection;
        match client.timer.until(deadline, |cx| connection.poll_receive(cx)).await {
            Some(Err(_)) => Err(Ending::silent(cause::CLIENT, phase::REQUEST, 0)),
            _ => Ok(()),
        }
    }

    /// The backend's rules over the server's first bytes, while the client's go on to the server.
    pub(super) async fn inspect_server(&mut self) -> Result<(), Ending> {
        let rules = &self.proxy.rules.tcp_response;
        if rules.is_empty() {
            return Ok(());
        }
        let deadline = inspection_end(self.proxy.response_inspect_delay);
        loop {
            let Some(server) = &self.server else { return Ok(()) };
            let input = &server.connection;
            self.response_whole = clock::ticks() >= deadline || input.ended || input.input.is_full();
            match self.judge_content(rules, Side::Response) {
                Judged::Passed | Judged::Http => return Ok(()),
                Judged::Ended(ending) => return Err(ending),
                Judged::Undecided if self.response_whole => return Ok(()),
                Judged::Undecided => self.read_server(deadline).await?,
            }
        }
    }

    async fn read_server(&mut self, deadline: Ticks) -> Result<(), Ending> {
        let Some(server) = self.server.as_mut() else {
            return Ok(());
        };
        let up = &mut self.up;
        let client = &mut *self.client;
        let connection = &mut client.connection;
        let read = client.timer.until(deadline, |cx| {
            if let Poll::Ready(Err(broken)) = up.poll(connection, &mut server.connection, cx) {
                return Poll::Ready(Err(broken));
            }
            server.connection.poll_receive(cx).map_err(|_| Broken::Destination)
        });
        match read.await {
            None | Some(Ok(Received::Bytes(_) | Received::End | Received::Full)) => Ok(()),
            Some(Err(broken)) => Err(self.broken_response(broken)),
        }
    }

    /// Looks for a request at the beginning of what the client sent, for rules that ask about one.
    fn glimpse_request(&mut self) {
        let limits = self.limits(false);
        let bytes = self.client.connection.input.bytes();
        self.glimpse = match parse_request(bytes, &mut self.request, &limits) {
            Ok(Parsed::Complete { .. }) => Glimpse::Head(()),
            Ok(Parsed::Partial) => Glimpse::Partial,
            Ok(Parsed::Http2Preface) | Err(_) => Glimpse::Foreign,
        };
    }

    fn judge_content(&mut self, rules: &'static RuleSet, side: Side) -> Judged {
        for rule in rules {
            let effect = {
                let facts = self.facts(side);
                match rule
                    .condition
                    .as_ref()
                    .map_or(Verdict::Yes, |condition| condition.evaluate(&facts))
                {
                    Verdict::No => continue,
                    Verdict::Wait => return Judged::Undecided,
                    Verdict::Yes => rule.action.run(&facts).detach(),
                }
            };
            self.facts.apply_writes(&mut self.client.session, self.engine.process);
            match effect {
                Effect::Allow => return Judged::Passed,
                Effect::SwitchToHttp => return Judged::Http,
                Effect::Wait(_) => return Judged::Undecided,
                effect => {
                    if let Err(ending) = self.perform_content(effect, side) {
                        return Judged::Ended(ending);
                    }
                }
            }
        }
        Judged::Passed
    }
}

fn inspection_end(delay: Option<Duration>) -> Ticks {
    clock::ticks() + delay.map_or(0, |delay| delay.as_micros() as Ticks)
}
