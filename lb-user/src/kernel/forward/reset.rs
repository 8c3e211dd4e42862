//! Ending a flow for both its ends: a segment with RST, as their other end would send it (RFC 9293 section 3.5.2).
use std::io;
use std::net::{IpAddr, SocketAddr};

use lb_common::flow::{Tuple, Way};
use lb_common::packet::Address;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::Flow;

/// Raw sockets, which send with any address of this host.
pub struct Resets {
    v4: Socket,
    v6: Option<Socket>,
}

const TCP: i32 = libc::IPPROTO_TCP;

impl Resets {
    /// Opens the sockets. Needs CAP_NET_RAW, which the process may drop afterwards.
    pub fn open() -> io::Result<Self> {
        let open = |domain| {
            let socket = Socket::new(domain, Type::RAW.cloexec(), Some(Protocol::from(libc::IPPROTO_RAW)))?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(socket)
        };
        Ok(Self {
            v4: open(Domain::IPV4)?,
            v6: open(Domain::IPV6).ok(),
        })
    }

    /// Resets both ends. Best effort: an end that does not hear it finds out when it sends.
    pub fn send(&self, flow: &Flow) {
        self.reset(&flow.up, &flow.down);
        self.reset(&flow.down, &flow.up);
    }

    /// Resets the end that `towards` leads to, which has sent what came the way `from`.
    fn reset(&self, towards: &Way, from: &Way) {
        let by = &towards.translation;
        let sequence = towards.next().wrapping_add(by.sequence);
        let acknowledged = from.next();
        let packet = packet(&towards.to, sequence, acknowledged);
        let destination = SocketAddr::new(ip(&towards.to.destination), 0);
        let socket = if destination.is_ipv4() {
            Some(&self.v4)
        } else {
            self.v6.as_ref()
        };
        if let Some(socket) = socket {
            let _ = socket.send_to(&packet, &SockAddr::from(destination));
        }
    }
}

fn ip(address: &Address) -> IpAddr {
    IpAddr::from(address.bytes).to_canonical()
}

/// The packet, from its IP header on. The kernel fills in an IPv4 header's checksum and identification.
fn packet(tuple: &Tuple, sequence: u32, acknowledged: u32) -> Vec<u8> {
    const RST_ACK: u8 = 0x14;
    let [s0, s1, s2, s3] = sequence.to_be_bytes();
    let [a0, a1, a2, a3] = acknowledged.to_be_bytes();
    let mut tcp = tuple.ports.word().to_ne_bytes().to_vec();
    tcp.extend([s0, s1, s2, s3, a0, a1, a2, a3, 0x50, RST_ACK, 0, 0, 0, 0, 0, 0]);
    let addresses = match (ip(&tuple.source), ip(&tuple.destination)) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        _ => [tuple.source.bytes, tuple.destination.bytes].concat(),
    };
    let words = addresses.chunks(2).chain(tcp.chunks(2)).map(|word| match word {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    });
    let sum = words.sum::<u32>() + TCP as u32 + tcp.len() as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut packet = if addresses.len() == 8 {
        vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, TCP as u8, 0, 0]
    } else {
        vec![0x60, 0, 0, 0, 0, 20, TCP as u8, 64]
    };
    packet.extend(addresses);
    packet.extend(tcp);
    packet
}
