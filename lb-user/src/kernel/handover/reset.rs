//! Ending a flow that has no sockets: one is made for each side, as if it had always been there, and resets its connection.
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use lb_common::flow::{Tuple, Way};
use lb_common::packet::Address;
use socket2::{Domain, Protocol, Socket, Type};

use super::repair;
use super::tables::Tables;

/// Ends a flow: takes it out of the tables and resets both of its connections.
///
/// # Errors
/// The kernel's, of either side; the flow is out of the tables all the same, and the host's stack resets what still comes.
pub fn reset(tables: &mut Tables, client: &Tuple) -> io::Result<()> {
    let Ok(way) = tables.way(client) else { return Ok(()) };
    let server = way.other();
    let back = tables.way(&server);
    tables.forget(client);
    tables.forget(&server);
    let Ok(back) = back else { return Ok(()) };
    let told = reset_side(client, &way, &back);
    reset_side(&server, &back, &way).and(told)
}

/// Resets the connection whose peer's segments come with `tuple` on `way`, and go to it on `back`.
fn reset_side(tuple: &Tuple, way: &Way, back: &Way) -> io::Result<()> {
    let (peer, local) = addresses(tuple);
    let socket = Socket::new(Domain::for_address(peer), Type::STREAM, Some(Protocol::TCP))?;
    let send_next = back.next().wrapping_add(back.translation.sequence);
    repair::restore(socket.as_fd(), send_next, way.next(), || {
        socket.bind(&local.into())?;
        socket.connect(&peer.into())
    })?;
    // Closed so, it resets.
    socket.set_linger(Some(Duration::ZERO))
}

/// Source and destination.
fn addresses(tuple: &Tuple) -> (SocketAddr, SocketAddr) {
    let ip = |address: &Address| IpAddr::V6(Ipv6Addr::from(address.bytes)).to_canonical();
    (
        SocketAddr::new(ip(&tuple.source), tuple.source_port()),
        SocketAddr::new(ip(&tuple.destination), tuple.destination_port()),
    )
}
