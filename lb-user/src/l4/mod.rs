//! A TCP stream: content inspection, promotion to HTTP, relay.
//!
//! It shares the exchange with HTTP: the same facts, server choice, retries, channels and log line, without messages.

pub mod carried;
mod handover;
mod inspect;

use crate::backend::roster;
use crate::http::h1::{Framing, Limits};
use crate::runtime::clock;
use crate::stream::Client;
use crate::stream::body::Body;
use crate::stream::client;
use crate::stream::ending::Ending;
use crate::stream::exchange::Exchange;
use handover::{Carried, Offer, Pair};
use inspect::Inspected;

/// Serves one connection of a `mode tcp` frontend. What comes before and after the relay is boxed, so that a stream that
/// idles does not hold its state.
pub async fn serve(mut client: Box<Client>) {
    let offer = Offer::new(&client);
    let mut exchange = Box::new(Exchange::for_tcp(&mut client));
    let place = exchange.enrolled.place();
    let opened = Box::pin(roster::unless_ended(place, exchange.open(offer))).await;
    let ended = match opened.unwrap_or_else(|reason| Err(exchange.ended(reason))) {
        Ok(Opened::Http) => {
            drop(exchange);
            return client::serve(client).await;
        }
        Ok(Opened::Tcp(pair)) => {
            let carried = match pair {
                Some(pair) => Box::pin(roster::unless_ended(place, exchange.carry(pair))).await,
                None => roster::unless_ended(place, exchange.forward())
                    .await
                    .map(|ended| ended.map(|()| Carried::Here)),
            };
            match carried.unwrap_or_else(|reason| Err(exchange.ended(reason))) {
                Ok(Carried::Away(away)) => {
                    drop(exchange);
                    return away.leave(*client);
                }
                Ok(Carried::Here) => Ok(()),
                Err(ending) => Err(ending),
            }
        }
        Err(ending) => Err(ending),
    };
    if let Err(ending) = ended {
        Box::pin(exchange.end(ending)).await;
    }
    exchange.finish();
    if client.lingers() {
        Box::pin(client.drain()).await;
    }
}

/// What a connection was opened as.
enum Opened {
    Http,
    /// A stream, with what may hand it over.
    Tcp(Option<Pair>),
}

impl Exchange<'_> {
    /// The phases of a TCP stream until bytes are relayed, unless it is an HTTP engine's.
    async fn open(&mut self, offer: Option<Offer>) -> Result<Opened, Ending> {
        if self.inspect_client().await? == Inspected::Http {
            return Ok(Opened::Http);
        }
        self.choose_backend()?;
        self.inspect_for_backend().await?;
        self.bind_to_server();
        self.reach_server().await?;
        let server = self.server.as_ref();
        let pair = offer.and_then(|offer| offer.with_server(&server?.connection.socket));
        self.open_tunnel();
        self.log_early();
        self.inspect_server().await?;
        Ok(Opened::Tcp(pair))
    }

    fn open_tunnel(&mut self) {
        let now = clock::ticks();
        let endless = || Body::new(Framing::Tunnel, Limits::default(), false);
        self.up.restart(endless(), now);
        self.down.restart(endless(), now);
        self.tunnel = true;
        self.responding = true;
    }
}
