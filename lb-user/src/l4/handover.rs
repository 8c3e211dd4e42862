//! Streams that the kernel can carry by itself: watched while they are relayed, handed over when both sides rest.

use std::cell::RefCell;
use std::os::fd::AsFd;

use lb_common::flow::Tuple;

use crate::backend::Slot;
use crate::kernel::handover::{Socket as Side, Stays, Tables, Unfit, tuple};
use crate::plan::options::Offload;
use crate::runtime::Socket;
use crate::runtime::clock::{self, NEVER, Ticks};
use crate::stream::Client;
use crate::stream::ending::Ending;
use crate::stream::exchange::Exchange;
use crate::stream::flows::{Accounted, Flows};
use crate::stream::forward::Moved;

/// How long both sides have to be silent before a stream is handed over, and how long at most after it could not.
const PAUSE: Ticks = 5_000;
const LONGEST_PAUSE: Ticks = 640_000;

thread_local! {
    /// This worker's handle on the tables.
    static TABLES: RefCell<Option<Tables>> = const { RefCell::new(None) };
}

/// What became of a stream.
pub(super) enum Carried {
    /// It has ended.
    Here,
    /// The kernel carries it on.
    Away(Box<Away>),
}

/// A stream that was handed over. Its sockets are closed in silence, whenever that is.
pub(super) struct Away {
    pair: Pair,
    accounted: Accounted,
    slot: Option<Slot>,
}

/// A stream that may be handed over, whose client is watched.
pub(super) struct Offer {
    client: Watched,
    started: u64,
}

/// A stream that may be handed over, both sides of which are watched.
pub(super) struct Pair {
    offer: Offer,
    server: Watched,
}

/// A connection whose peer's segments the kernel program notes, until this is dropped.
struct Watched {
    flows: &'static Flows,
    tuple: Tuple,
    forget: bool,
}

impl Watched {
    fn new(flows: &'static Flows, socket: &Socket, from_client: bool) -> Option<Self> {
        let Socket::Bare(_) = socket else { return None };
        let ends = socket2::SockRef::from(socket);
        let (peer, local) = (ends.peer_addr().ok()?, ends.local_addr().ok()?);
        let tuple = tuple(peer.as_socket()?, local.as_socket()?);
        with_tables(flows, |tables| tables.watch(&tuple, from_client).ok())??;
        Some(Self {
            flows,
            tuple,
            forget: true,
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.forget {
            with_tables(self.flows, |tables| tables.forget(&self.tuple));
        }
    }
}

fn with_tables<T>(flows: &Flows, work: impl FnOnce(&mut Tables) -> T) -> Option<T> {
    TABLES.with_borrow_mut(|tables| {
        if tables.is_none() {
            *tables = flows.handover.tables().ok();
        }
        tables.as_mut().map(work)
    })
}

impl Offer {
    /// `None` where the stream has to stay.
    pub(super) fn new(client: &Client) -> Option<Self> {
        let options = &client.frontend.options;
        let flows = client.engine.flows.get()?;
        // Continuous statistics would stand still.
        if options.offload != Offload::Handover || options.contstats || !flows.is_open() {
            return None;
        }
        Some(Self {
            client: Watched::new(flows, &client.connection.socket, true)?,
            started: clock::kernel(),
        })
    }

    /// Has the server's side watched, too, before it can have said anything that matters.
    pub(super) fn with_server(self, server: &Socket) -> Option<Pair> {
        let server = Watched::new(self.client.flows, server, false)?;
        Some(Pair { offer: self, server })
    }
}

impl Exchange<'_> {
    /// Forwards until the stream has ended or the kernel carries it.
    pub(super) async fn carry(&mut self, pair: Pair) -> Result<Carried, Ending> {
        let (mut pause, mut tried_after) = (PAUSE, NEVER);
        loop {
            if self.forward_until_quiet(pause).await? == Moved::All {
                return Ok(Carried::Here);
            }
            match self.hand_over(&pair) {
                Ok(accounted) => {
                    let slot = self.slot.take();
                    return Ok(Carried::Away(Box::new(Away { pair, accounted, slot })));
                }
                Err(Stays::ForNow(_)) => {}
                Err(Stays::ForGood(_)) => break,
            }
            // Bytes came since the last time: the wait begins anew.
            let active = self.up.active.max(self.down.active);
            pause = if active == tried_after {
                LONGEST_PAUSE.min(pause * 2)
            } else {
                2 * PAUSE
            };
            tried_after = active;
        }
        drop(pair);
        self.forward().await.map(|()| Carried::Here)
    }

    fn hand_over(&mut self, pair: &Pair) -> Result<Accounted, Stays> {
        let Watched { flows, tuple, .. } = pair.offer.client;
        let handed = with_tables(flows, |tables| {
            for side in self.sides(pair)? {
                side.rests()?;
            }
            let accounted = flows.account(tables, self, tuple, pair.server.tuple);
            let accounted = accounted.ok_or(Unfit::Unaccountable)?;
            let [client, server] = self.sides(pair)?;
            let taken = flows.handover.take(tables, client, server, pair.offer.started);
            if taken.is_err() {
                tables.forget_flow(&tuple);
            }
            taken.map(|()| accounted)
        });
        handed.unwrap_or_else(|| Err(Unfit::Gone.into()))
    }

    fn sides(&self, pair: &Pair) -> Result<[Side<'_>; 2], Unfit> {
        let server = self.server.as_ref().ok_or(Unfit::Closing)?;
        let side = |socket, watched: &Watched, bytes| Side {
            socket,
            tuple: watched.tuple,
            bytes,
        };
        Ok([
            side(self.client.connection.socket.as_fd(), &pair.offer.client, self.up.moved),
            side(server.connection.socket.as_fd(), &pair.server, self.down.moved),
        ])
    }
}

impl Away {
    /// Closes the client's socket, and has the flow looked after.
    pub(super) fn leave(mut self, client: Client) {
        self.pair.offer.client.forget = false;
        self.pair.server.forget = false;
        let Watched { flows, tuple, .. } = self.pair.offer.client;
        let Client { engine, _admitted, .. } = client;
        flows.keep(engine, tuple, &self.accounted, _admitted, self.slot);
    }
}
