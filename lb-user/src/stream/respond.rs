//! The balancer's own answers: error messages, replies of rules, redirects.

use std::borrow::Cow;

use super::body::Body;
use super::ending::{Answer, Ending, cause, phase};
use super::exchange::Exchange;
use super::route::client_left;
use crate::http::connection::{self, Carrier};
use crate::http::h1::write::write_head;
use crate::http::reply::Reply;
use crate::http::uri::{self, Form};
use crate::plan::proxy::ErrorReply;
use crate::rules::facts::Side;
use crate::runtime::clock;

impl Exchange<'_> {
    /// Ends the exchange as `ending` says.
    pub(crate) async fn end(&mut self, ending: Ending) {
        self.facts.ending = [ending.cause, ending.phase];
        if ending.phase == phase::TARPIT {
            self.tarpit().await;
        }
        let reply = match ending.answer {
            Answer::Status(status) => {
                self.facts.status = status;
                self.error_reply(status)
            }
            Answer::Section { section, status } => {
                self.facts.status = status;
                self.section_reply(section, status)
            }
            Answer::Reply(reply) => {
                self.facts.status = reply.status;
                Some(reply).filter(|reply| !reply.is_silent())
            }
            Answer::Challenge { realm } => {
                let status = self.challenge_status();
                self.facts.status = status;
                let message = self.error_reply(status);
                message.map(|reply| Cow::Owned(reply.into_owned().challenge(realm)))
            }
            Answer::Silence(status) => {
                self.facts.status = status;
                None
            }
            Answer::Vanish => {
                self.client.vanish();
                None
            }
        };
        if ending.cause == cause::LOCAL {
            self.facts.intercepted = true;
        }
        let begun = self.down.has_begun() && self.responding;
        match reply {
            Some(reply) if !begun => self.answer(&reply).await,
            _ => self.keep_client = false,
        }
    }

    /// Lets the client wait for its answer (`timeout tarpit`, else `timeout connect`).
    async fn tarpit(&mut self) {
        let timeouts = &self.frontend.timeouts;
        let until = clock::after(clock::ticks(), timeouts.tarpit.or(timeouts.connect));
        let client = &mut *self.client;
        let connection = &mut client.connection;
        let left = client.timer.until(until, |cx| match client_left(connection, cx) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        });
        left.await;
        self.keep_client = false;
    }

    /// The message for an error status: the backend's or the frontend's own, else the built-in one. `None`: nothing.
    fn error_reply(&self, status: u16) -> Option<Cow<'static, Reply>> {
        if !self.http {
            return None;
        }
        let own = self
            .proxy
            .errors
            .get(&status)
            .or_else(|| self.frontend.errors.get(&status));
        match own {
            Some(own) => self.replacement(own),
            None => Some(Cow::Owned(Reply::default_for(status))),
        }
    }

    /// The message that an `http-errors` section has for a status, or else a bare answer.
    fn section_reply(&self, section: u32, status: u16) -> Option<Cow<'static, Reply>> {
        let section = self.engine.plan.http_errors.get(section as usize);
        match section.and_then(|section| section.replies.get(&status)) {
            Some(own) => self.replacement(own),
            None => Some(Cow::Owned(Reply::returned(status, Vec::new(), None, Vec::new()))),
        }
    }

    /// What the configuration puts in the place of an error message. `None`: nothing is sent.
    fn replacement(&self, own: &'static ErrorReply) -> Option<Cow<'static, Reply>> {
        match own {
            ErrorReply::Reply(reply) => Some(Cow::Borrowed(&**reply)),
            ErrorReply::Format(format) => Some(Cow::Owned(format.reply(&self.facts(Side::Request)))),
            ErrorReply::Silence => None,
            ErrorReply::Redirect { status, location } => {
                Some(Cow::Owned(Reply::error_location(*status, location.as_bytes())))
            }
        }
    }

    /// A client that names the whole target takes this for its proxy (RFC 9110 section 11.7), where
    /// `option http-use-proxy-header` lets it be one.
    fn challenge_status(&self) -> u16 {
        let form = uri::split(self.request.uri()).form;
        let as_proxy = self.frontend.options.http_use_proxy_header;
        match form {
            Form::Absolute | Form::Authority if as_proxy => 407,
            _ => 401,
        }
    }

    async fn answer(&mut self, reply: &Reply) {
        // A connection to a server that was asked already cannot be used again.
        self.keep_server = false;
        self.response.clear();
        reply.fill(&mut self.response);
        self.keep_client &= !reply.close;
        self.responding = true;
        self.judge_after_response().await;
        self.discard_request_body();
        self.keep_client &= !self.engine.is_stopping();
        connection::to_client(
            &mut self.response,
            self.client_version,
            self.keep_client,
            Carrier::Connection,
        );
        self.down.restart(Body::none(), clock::ticks());
        write_head(&self.response, &mut self.down.head);
        if !self.facts.method_is_head {
            self.down.head.extend_from_slice(&reply.body);
        }
        let deadline = clock::after(clock::ticks(), self.frontend.timeouts.client);
        if !self.down.write_out(self.client, deadline).await {
            self.keep_client = false;
        }
    }

    /// Drops the request's body if all of it is here; otherwise the connection cannot carry another request.
    fn discard_request_body(&mut self) {
        let input = &mut self.client.connection.input;
        while !self.up.body.is_done() {
            let before = input.len();
            if self.up.body.scan(input.bytes()).is_err() {
                break;
            }
            let dropped = self.up.body.take_drop() + self.up.body.ready;
            let ready = self.up.body.ready;
            self.up.body.forwarded(ready);
            self.up.body.tail.clear();
            input.consume(dropped);
            if input.len() == before {
                break;
            }
        }
        self.keep_client &= self.up.body.is_done();
    }
}
