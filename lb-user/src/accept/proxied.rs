//! Connections behind a PROXY header (`accept-proxy`): the header is read before anything else.

use crate::backend::proxy_protocol::{self, AUTHORITY, Header, UNIQUE_ID};
use crate::rules::facts::Proxied;
use crate::runtime::clock;
use crate::runtime::connection::Received;
use crate::stream::Client;

/// The connection brought no sound header in time, and is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHeader;

impl Client {
    /// Reads the header and takes the addresses it tells for the session's own.
    pub(super) async fn read_proxy_header(&mut self) -> Result<(), NoHeader> {
        let deadline = clock::after(clock::ticks(), self.frontend.timeouts.client);
        loop {
            match proxy_protocol::read(self.connection.input.bytes()) {
                Ok(Some(header)) => {
                    self.take_header(&header);
                    return Ok(());
                }
                Ok(None) => {}
                Err(_) => return Err(NoHeader),
            }
            let Client { connection, timer, .. } = self;
            match timer.until(deadline, |cx| connection.poll_receive(cx)).await {
                Some(Ok(Received::Bytes(_))) => {}
                _ => return Err(NoHeader),
            }
        }
    }

    fn take_header(&mut self, header: &Header) {
        self.connection.input.consume(header.length);
        if let Some((source, destination)) = header.addresses {
            self.session.source = source;
            self.session.destination = Some(destination);
            self.session.is_unix = false;
        }
        self.session.proxied = Some(Box::new(Proxied {
            authority: header.field(AUTHORITY).map(<[u8]>::to_vec),
            unique_id: header.field(UNIQUE_ID).map(<[u8]>::to_vec),
        }));
    }
}
