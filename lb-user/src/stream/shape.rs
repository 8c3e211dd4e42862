//! What the balancer changes in the messages it passes on, apart from rules.

use std::net::IpAddr;

use super::exchange::Exchange;
use crate::http::connection::{self, Carrier};
use crate::http::h1::framing::{self, Framing};
use crate::http::h1::write::write_head;
use crate::http::message::{Head, Version};
use crate::language::address::contains;
use crate::plan::options::{Forwarded, HttpConnection};
use crate::plan::proxy::HttpReuse;
use crate::rules::facts::Side;
use crate::stream::body::Body;

impl Exchange<'_> {
    /// The request as the server will get it, written to the channel.
    pub(crate) fn shape_request(&mut self) {
        self.add_forwarded();
        self.add_unique_id();
        let keep = self.server_mode() == HttpConnection::KeepAlive;
        let (carrier, pretend) = (self.carrier(), self.proxy.options.http_pretend_keepalive);
        self.keep_server = connection::to_server(&mut self.request, keep || pretend, carrier) && keep;
        if self.proxy.retry_on.needs_request() {
            self.up.keep_copy();
        }
    }

    /// Writes the request to the channel, anew for each server that it goes to.
    pub(crate) fn write_request(&mut self) {
        if let Some(header) = &self.proxy.send_name_header
            && let Some(server) = self.server_plan()
        {
            self.request.set(header.as_bytes(), server.name.as_bytes());
        }
        let request = &self.request;
        self.up.rewind(|out| write_head(request, out));
    }

    /// The field in which both sides speak of their connections.
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier::of(&self.request, self.frontend.options.http_use_proxy_header)
    }

    /// The stricter of what frontend and backend say about keeping connections.
    fn server_mode(&self) -> HttpConnection {
        let (front, back) = (
            self.frontend.options.http_keep_alive,
            self.proxy.options.http_keep_alive,
        );
        match (front, back) {
            (HttpConnection::Close, _) | (_, HttpConnection::Close) => HttpConnection::Close,
            (HttpConnection::ServerClose, _) | (_, HttpConnection::ServerClose) => HttpConnection::ServerClose,
            _ => HttpConnection::KeepAlive,
        }
    }

    /// `option forwardfor` and `option originalto`; the backend's word on the header counts before the frontend's.
    fn add_forwarded(&mut self) {
        let options = [&self.proxy.options, &self.frontend.options];
        let session = &self.client.session;
        let source = (!session.is_unix).then_some(session.source.ip());
        if let (Some(forwarded), Some(ip)) = (options.iter().find_map(|options| options.forwardfor.as_ref()), source) {
            add_address(&mut self.request, forwarded, ip);
        }
        let destination = session.destination.map(|address| address.ip());
        if let (Some(original), Some(ip)) = (
            options.iter().find_map(|options| options.originalto.as_ref()),
            destination,
        ) {
            add_address(&mut self.request, original, ip);
        }
    }

    fn add_unique_id(&mut self) {
        let Some(format) = &self.frontend.unique_id_format else {
            return;
        };
        if self.facts.unique_id.is_none() {
            let mut id = Vec::new();
            format.evaluate(&self.facts(Side::Request), &mut id);
            self.facts.unique_id = Some(id);
        }
        if let (Some(header), Some(id)) = (&self.frontend.unique_id_header, &self.facts.unique_id) {
            self.request.add(header.as_bytes(), id);
        }
    }

    /// The response as the client will get it, written to the channel.
    pub(crate) fn shape_response(&mut self) {
        let framing = self.response_framing();
        let plain = self.client_version == Version::Http10 && framing == Framing::Chunked;
        if plain {
            self.response.remove(b"transfer-encoding");
        }
        self.tunnel |= framing == Framing::Tunnel;
        let endless = plain || matches!(framing, Framing::UntilClose | Framing::Tunnel);
        let client_mode = self.frontend.options.http_keep_alive;
        self.keep_client &=
            !endless && client_mode != HttpConnection::Close && self.server_mode() != HttpConnection::Close;
        self.keep_client &= !self.engine.is_stopping();
        self.keep_server &= connection::persists(&self.response, self.carrier())
            && !matches!(framing, Framing::UntilClose | Framing::Tunnel);
        if !self.tunnel {
            let carrier = self.carrier();
            self.keep_client =
                connection::to_client(&mut self.response, self.client_version, self.keep_client, carrier);
        }
        let limits = self.limits(self.proxy.options.accept_invalid_response);
        self.down.restart(Body::new(framing, limits, plain), self.phase_start);
        write_head(&self.response, &mut self.down.head);
        self.facts.status = self.response.status();
    }

    /// Where the response's body ends. What contradicts the request was refused on receipt.
    pub(crate) fn response_framing(&self) -> Framing {
        framing::of_response(&self.response, self.asked).unwrap_or(Framing::None)
    }

    /// May the server's connection be lent to other clients afterwards? Not if it was told whose it is.
    pub(crate) fn shares_server(&self) -> bool {
        let announced = self.facts.server.and_then(|id| self.proxy.servers.get(id.index()));
        self.proxy.http_reuse != HttpReuse::Never && announced.is_none_or(|plan| plan.send_proxy.is_none())
    }
}

/// Adds an address header unless the rule's conditions forbid it.
fn add_address(request: &mut Head, rule: &Forwarded, ip: IpAddr) {
    if rule.except.is_some_and(|(network, bits)| contains(network, bits, ip)) {
        return;
    }
    if rule.if_none && request.has(rule.header.as_bytes()) {
        return;
    }
    request.add(rule.header.as_bytes(), ip.to_string().as_bytes());
}
