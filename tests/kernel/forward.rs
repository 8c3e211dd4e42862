//! Connections that the kernel forwards, between network namespaces: a client, the edge, two servers.
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Netns, veth};
use lb_common::flow::{Choice, Kind, Service, ServiceKey, Slot};
use lb_common::packet::Address;
use lb_user::kernel::forward::{Forwarder, Ring, Size, Targets};

const SIZE: Size = Size {
    connections: 1000,
    half_open: 1000,
    numbers: 16,
};

const SERVICE: u32 = 1;
const BACKEND: u32 = 2;
const FIRST: u32 = 3;

/// Addresses by family: IPv4, IPv6.
const EDGE: [&str; 2] = ["10.81.0.1", "fd81::1"];

struct Stage {
    client: Netns,
    edge: Netns,
    servers: [Netns; 2],
}

impl Stage {
    fn new() -> Result<Self> {
        let stage = Self {
            client: Netns::new()?,
            edge: Netns::new()?,
            servers: [Netns::new()?, Netns::new()?],
        };
        veth(
            (&stage.client, "client0", &["10.81.0.2/24", "fd81::2/64"]),
            (&stage.edge, "edge0", &["10.81.0.1/24", "fd81::1/64"]),
        )?;
        for (server, number) in stage.servers.iter().zip(1..) {
            veth(
                (
                    server,
                    "server0",
                    &[&format!("10.82.{number}.2/24"), &format!("fd82:{number}::2/64")],
                ),
                (
                    &stage.edge,
                    &format!("edge{number}"),
                    &[&format!("10.82.{number}.1/24"), &format!("fd82:{number}::1/64")],
                ),
            )?;
        }
        Ok(stage)
    }

    fn server_address(number: usize, family: usize) -> IpAddr {
        let number = number + 1;
        let text = match family {
            0 => format!("10.82.{number}.2"),
            _ => format!("fd82:{number}::2"),
        };
        text.parse().expect("an address")
    }
}

fn targets(forwarder: &Forwarder, port: u16, to: &[SocketAddr]) -> Result<Targets> {
    let service = Service {
        patience: 3_000_000_000,
        number: SERVICE,
        slots: 0,
        length: 0,
        cycle: 0,
        limit: 0,
        half_open: 100,
        turns: BACKEND,
        choice: Choice::Turns,
        bits: 0,
        draws: 0,
        avalanche: false,
    };
    let mut targets = Targets::default();
    let mut slots = Vec::new();
    for (number, address) in (FIRST..).zip(to) {
        let server = forwarder.server(*address, None, 0);
        targets.servers.insert(number, server.expect("a route to the server"));
        slots.push(Slot {
            place: 0,
            server: number,
            weight: 1,
        });
    }
    targets.rings.push(Ring {
        choice: Choice::Turns,
        cycle: 0,
        draws: 0,
        avalanche: false,
        slots,
    });
    let edge: IpAddr = EDGE[usize::from(to[0].is_ipv6())].parse()?;
    targets
        .services
        .insert(ServiceKey::new(Address::from(edge), port.to_be_bytes()), (0, service));
    Ok(targets)
}

#[test]
fn connections_are_carried_to_servers_in_turn() -> Result<()> {
    let stage = Stage::new()?;
    stage.edge.run(|| {
        let mut forwarder = Forwarder::load(&SIZE, Path::new("/nonexistent"))?;
        forwarder.attach(&Forwarder::interfaces()?)?;
        for family in [0, 1] {
            let listeners = [0, 1].map(|number| {
                stage.servers[number]
                    .run(|| Ok(TcpListener::bind((Stage::server_address(number, family), 0))?))
                    .expect("a listener")
            });
            let to = listeners
                .each_ref()
                .map(|listener| listener.local_addr().expect("an address"));
            forwarder.publish(&targets(&forwarder, 80, &to)?)?;
            let at: SocketAddr = (EDGE[family].parse::<IpAddr>()?, 80).into();
            for turn in 0..4 {
                exchange(&stage.client, at, &listeners[turn % 2])?;
            }
            let mut kinds = BTreeMap::new();
            forwarder.events(Duration::from_secs(1), |event| {
                *kinds.entry(event.kind as u8).or_insert(0) += 1;
                if event.kind == Kind::Closed {
                    assert_eq!((event.bytes_in, event.bytes_out), (300_000, 500_000));
                }
            });
            ensure!(
                kinds == BTreeMap::from([(Kind::Began as u8, 4), (Kind::Closed as u8, 4)]),
                "{kinds:?}"
            );
        }
        ensure!(forwarder.load_of(SERVICE)? == 0 && forwarder.load_of(0)? == 0);
        Ok(())
    })
}

/// A whole connection, with some bytes each way, compared.
fn exchange(client: &Netns, to: SocketAddr, listener: &TcpListener) -> Result<()> {
    let request: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let response: Vec<u8> = (0..500_000_u32).map(|at| (at % 241) as u8).collect();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            client.run(|| {
                let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(3))?;
                stream.set_read_timeout(Some(Duration::from_secs(10)))?;
                stream.write_all(&request)?;
                stream.shutdown(std::net::Shutdown::Write)?;
                let mut got = Vec::new();
                stream.read_to_end(&mut got)?;
                Ok(got)
            })
        });
        listener.set_nonblocking(true)?;
        let mut stream = lab::until("a connection at the server", || listener.accept().ok())?.0;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut got = Vec::new();
        stream.read_to_end(&mut got)?;
        ensure!(got == request, "the server got {} bytes", got.len());
        stream.write_all(&response)?;
        drop(stream);
        let got = asked.join().expect("the client's thread")?;
        ensure!(got == response, "the client got {} bytes", got.len());
        Ok(())
    })
}
