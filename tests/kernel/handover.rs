//! Streams handed over to the kernel: two connections become one, and nobody on them notices.
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use anyhow::{Context, Result, ensure};
use lab::{BpfFileSystem, Netns, until, veth};
use lb_common::flow::{State, Tuple};
use lb_user::kernel::handover::{self, Handover, Socket, Stays, Tables, tuple};

/// A client, the edge, a server.
struct Site {
    client: Netns,
    edge: Netns,
    server: Netns,
    bpf: BpfFileSystem,
}

const CLIENT: [&str; 2] = ["10.99.0.2", "fd99::2"];
const EDGE: [&str; 2] = ["10.99.0.1", "fd99::1"];
const BEHIND: [&str; 2] = ["10.98.0.1", "fd98::1"];
const SERVER: [&str; 2] = ["10.98.0.2", "fd98::2"];

impl Site {
    fn new() -> Result<Self> {
        let site = Self {
            client: Netns::new()?,
            edge: Netns::new()?,
            server: Netns::new()?,
            bpf: BpfFileSystem::mount()?,
        };
        let with = |[v4, v6]: [&str; 2]| [format!("{v4}/24"), format!("{v6}/64")];
        let wire = |left: (&Netns, &str, [&str; 2]), right: (&Netns, &str, [&str; 2])| {
            let (one, two) = (with(left.2), with(right.2));
            veth(
                (left.0, left.1, &[&one[0], &one[1]]),
                (right.0, right.1, &[&two[0], &two[1]]),
            )
        };
        wire((&site.client, "client0", CLIENT), (&site.edge, "edge0", EDGE))?;
        wire((&site.edge, "edge1", BEHIND), (&site.server, "server0", SERVER))?;
        Ok(site)
    }

    fn attach(&self) -> Result<Handover> {
        let interfaces = ["edge0".to_owned(), "edge1".to_owned()];
        let handover = self
            .edge
            .run(|| Ok(Handover::attach(&interfaces, 64, &self.bpf.pin_dir())?))?;
        for (name, attached) in &handover.interfaces {
            if let Err(error) = attached {
                anyhow::bail!("{name}: {error}");
            }
        }
        Ok(handover)
    }
}

/// A relayed stream: the ends of its peers, and the relay's own.
struct Stream {
    client: TcpStream,
    front: TcpStream,
    back: TcpStream,
    server: TcpStream,
    tuples: [Tuple; 2],
}

impl Stream {
    fn open(site: &Site, tables: &mut Tables, family: usize) -> Result<Self> {
        let at = |address: &str| -> Result<SocketAddr> { Ok(SocketAddr::new(address.parse()?, 0)) };
        let front = site.edge.run(|| Ok(TcpListener::bind(at(EDGE[family])?)?))?;
        let back = site.server.run(|| Ok(TcpListener::bind(at(SERVER[family])?)?))?;
        let client = site.client.run(|| Ok(TcpStream::connect(front.local_addr()?)?))?;
        let (front, peer) = front.accept()?;
        let front_tuple = tuple(peer, front.local_addr()?);
        tables.watch(&front_tuple, true)?;
        let to = back.local_addr()?;
        let upstream = site.edge.run(|| Ok(TcpStream::connect(to)?))?;
        let back_tuple = tuple(to, upstream.local_addr()?);
        tables.watch(&back_tuple, false)?;
        let (server, _) = back.accept()?;
        Ok(Self {
            client,
            front,
            back: upstream,
            server,
            tuples: [front_tuple, back_tuple],
        })
    }

    /// One message each way, through the relay.
    fn relay(&mut self) -> Result<()> {
        pass(&mut self.client, &mut self.front, b"hello")?;
        pass(&mut self.back, &mut self.server, b"hello")?;
        pass(&mut self.server, &mut self.back, b"welcome")?;
        pass(&mut self.front, &mut self.client, b"welcome")
    }

    fn hand_over(self, handover: &Handover, tables: &Tables) -> Result<(TcpStream, TcpStream)> {
        let [front, back] = self.tuples;
        let side = |socket, tuple, bytes| Socket { socket, tuple, bytes };
        let handed = until("a quiet moment", || {
            let client = side(self.front.as_fd(), front, 5);
            match handover.take(tables, client, side(self.back.as_fd(), back, 7), 0) {
                Err(Stays::ForNow(_)) => None,
                other => Some(other),
            }
        })?;
        handed?;
        Ok((self.client, self.server))
    }
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, message: &[u8]) -> Result<()> {
    from.write_all(message)?;
    let mut received = vec![0; message.len()];
    to.read_exact(&mut received)?;
    ensure!(received == message, "{received:?}");
    Ok(())
}

#[test]
fn a_stream_goes_on_without_its_relay() -> Result<()> {
    let site = Site::new()?;
    let handover = site.attach()?;
    let mut tables = handover.tables()?;
    for family in [0, 1] {
        let mut stream = Stream::open(&site, &mut tables, family)?;
        stream.relay()?;
        let tuples = stream.tuples;
        let (mut client, mut server) = stream.hand_over(&handover, &tables)?;
        for round in 0..20_u8 {
            let message = vec![round; 1 + usize::from(round) * 997];
            pass(&mut client, &mut server, &message)?;
            pass(&mut server, &mut client, &message)?;
        }
        let bulk: Vec<u8> = (0..1_u32 << 20).flat_map(u32::to_le_bytes).collect();
        let (mut writer, sent) = (client.try_clone()?, bulk.clone());
        let writing = std::thread::spawn(move || writer.write_all(&sent));
        let mut received = vec![0; bulk.len()];
        server.read_exact(&mut received)?;
        ensure!(received == bulk, "the bulk was changed");
        writing.join().expect("the writer ends")?;
        client.shutdown(Shutdown::Write)?;
        ensure!(server.read(&mut [0; 1])? == 0);
        pass(&mut server, &mut client, b"half open still")?;
        ensure!(tables.way(&tuples[0])?.state == State::Established);
        drop(server);
        ensure!(client.read(&mut [0; 1])? == 0);
        until("both ways to close", || {
            let closed = |tuple| tables.way(tuple).is_ok_and(|way| way.state == State::Closed);
            tuples.iter().all(closed).then_some(())
        })?;
        let way = tables.way(&tuples[0])?;
        let small: u64 = (0..20).map(|round| 1 + round * 997).sum();
        ensure!(way.sent == 5 + small + bulk.len() as u64, "{} bytes", way.sent);
        let ended = handover.ends()?.next().context("the end was not told")?;
        ensure!(ended.client == tuples[0], "{ended:?}");
    }
    Ok(())
}

#[test]
fn a_flow_is_reset_on_both_sides() -> Result<()> {
    let site = Site::new()?;
    let handover = site.attach()?;
    let mut tables = handover.tables()?;
    for family in [0, 1] {
        let mut stream = Stream::open(&site, &mut tables, family)?;
        stream.relay()?;
        let flow = stream.tuples[0];
        let (mut client, mut server) = stream.hand_over(&handover, &tables)?;
        pass(&mut client, &mut server, b"on its own")?;
        site.edge.run(|| Ok(handover::reset(&mut tables, &flow)?))?;
        for side in [&mut client, &mut server] {
            let ended = side.read(&mut [0; 1]).err().context("no reset")?;
            ensure!(ended.kind() == std::io::ErrorKind::ConnectionReset, "{ended}");
        }
        ensure!(tables.ways().is_empty());
    }
    Ok(())
}
