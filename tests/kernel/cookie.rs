//! SYN cookies: what floods of attempts are answered with, and clients that come through one.
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use etherparse::{NetSlice, SlicedPacket, TcpOptionElement as Option_, TransportSlice};
use lab::{Balancer, BpfFileSystem, Client, Netns, Setup, until, veth};
use lb_common::gate::ListenerKey;
use lb_user::kernel::cookie::Cookies;
use rustix::net::{AddressFamily, Protocol, RawProtocol, SendFlags, SocketType, sendto, socket};

use crate::frames::{CLIENT_MAC, CUSTOMER_TAG, HOST_MAC, SERVICE_TAG, Segment};

const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

const MSS: Option_ = Option_::MaximumSegmentSize(1460);
const SACK: Option_ = Option_::SelectiveAcknowledgementPermitted;
const CLOCK: Option_ = Option_::Timestamp(7777, 0);
const SCALE: Option_ = Option_::WindowScale(5);

/// A namespace whose stack makes cookies for every attempt.
fn host(timestamps: u32) -> Result<Netns> {
    let host = Netns::new()?;
    host.ip("addr add 198.51.100.1/24 dev lo\naddr add 2001:db8::1/64 dev lo nodad")?;
    set(&host, "tcp_syncookies", 2)?;
    set(&host, "tcp_timestamps", timestamps)?;
    Ok(host)
}

fn set(host: &Netns, name: &str, value: u32) -> Result<()> {
    host.run(|| Ok(std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value.to_string())?))
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn attempt(v4: bool, port: u16, options: &[Option_]) -> Segment {
    let (from, to) = if v4 {
        ("192.0.2.7", "198.51.100.1")
    } else {
        ("2001:db8::7", "2001:db8::1")
    };
    let mut segment = Segment::syn(address(from), address(to), port);
    segment.tcp.set_options(options).expect("options that fit");
    segment
}

#[test]
fn attempts_are_answered_with_what_they_offer() -> Result<()> {
    // (sysctl, offered, kept in the answer beside its own segment size; `None` where the stack is to answer).
    type Case<'a> = (u32, &'a [Option_], Option<&'a [Option_]>);
    let cases: [Case<'_>; 8] = [
        (
            2,
            &[MSS, SACK, CLOCK, Option_::Noop, SCALE],
            Some(&[SACK, CLOCK, SCALE]),
        ),
        (
            2,
            &[MSS, Option_::Noop, SCALE, Option_::Noop, Option_::Noop, CLOCK, SACK],
            Some(&[SACK, CLOCK, SCALE]),
        ),
        (2, &[MSS, CLOCK], Some(&[CLOCK])),
        (2, &[CLOCK, SACK], Some(&[SACK, CLOCK])),
        // Without a timestamp the stack has nowhere to keep the others.
        (2, &[MSS, SACK, Option_::Noop, SCALE], Some(&[])),
        (2, &[], Some(&[])),
        (1, &[MSS, SACK, CLOCK, Option_::Noop, SCALE], None),
        (0, &[MSS, SACK, CLOCK, Option_::Noop, SCALE], Some(&[])),
    ];
    for (timestamps, offered, kept) in cases {
        let host = host(timestamps)?;
        for v4 in [true, false] {
            for tags in [&[][..], &[CUSTOMER_TAG], &[SERVICE_TAG, CUSTOMER_TAG]] {
                let judged = host.run(|| {
                    let listener = TcpListener::bind("[::]:0")?;
                    let mut segment = attempt(v4, listener.local_addr()?.port(), offered);
                    segment.tags = tags.to_vec();
                    Ok((judge(&segment)?, segment))
                });
                let ((action, answer), segment) = judged?;
                let told = || format!("{timestamps} {offered:?} {tags:x?} {v4}: {action} {answer:x?}");
                match kept {
                    None => ensure!(action == XDP_PASS && answer == segment.bytes(), told()),
                    Some(kept) => {
                        ensure!(action == XDP_TX, told());
                        check(&answer, &segment, kept).with_context(told)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// What becomes of an attempt in a flood.
fn judge(segment: &Segment) -> Result<(u32, Vec<u8>)> {
    let key = ListenerKey {
        address: segment.destination.into(),
        port: segment.tcp.destination_port.into(),
    };
    let mut cookies = Cookies::load(0, BTreeSet::from([key]), Path::new("/nonexistent"))?;
    Ok(cookies.judge(&segment.bytes())?)
}

fn check(answer: &[u8], attempt: &Segment, kept: &[Option_]) -> Result<()> {
    ensure!(answer[..12] == [CLIENT_MAC, HOST_MAC].concat());
    ensure!(answer[12..attempt.network()] == attempt.bytes()[12..attempt.network()]);
    let packet = SlicedPacket::from_ethernet(answer)?;
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
        anyhow::bail!("no TCP");
    };
    let (addresses, checksum, headers) = match packet.net.as_ref().context("no IP")? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            ensure!(header.header_checksum == header.calc_header_checksum());
            let checksum = tcp.calc_checksum_ipv4(header.source, header.destination)?;
            ((header.source.into(), header.destination.into()), checksum, 40)
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header().to_header();
            let checksum = tcp.calc_checksum_ipv6(header.source, header.destination)?;
            ((header.source.into(), header.destination.into()), checksum, 60)
        }
        _ => anyhow::bail!("neither IPv4 nor IPv6"),
    };
    ensure!(addresses == (attempt.destination, attempt.source));
    ensure!(tcp.checksum() == checksum, "checksum");
    ensure!(tcp.syn() && tcp.ack() && !tcp.rst() && !tcp.fin() && !tcp.ece());
    ensure!(tcp.acknowledgment_number() == attempt.tcp.sequence_number.wrapping_add(1));
    ensure!((tcp.source_port(), tcp.destination_port()) == (attempt.tcp.destination_port, attempt.tcp.source_port));
    let options = tcp.options_iterator().collect::<Result<Vec<_>, _>>()?;
    // The loopback interface takes packets of 65536 bytes.
    ensure!(
        options.first() == Some(&Option_::MaximumSegmentSize((65536 - headers) as u16)),
        "{options:?}"
    );
    let rest = options[1..].iter().filter(|option| **option != Option_::Noop);
    let mut seen = Vec::new();
    for option in rest {
        seen.push(match option {
            // What the stack reads from it again: the client's scale, and whether it takes selective acknowledgements.
            Option_::Timestamp(value, 7777) => {
                let scale = if kept.contains(&SCALE) { 5 } else { 15 };
                ensure!(
                    value & 15 == scale && (value >> 4 & 1 == 1) == kept.contains(&SACK),
                    "{value:b}"
                );
                CLOCK
            }
            // Ours, not the client's.
            Option_::WindowScale(scale) if *scale == own_scale()? => SCALE,
            other => other.clone(),
        });
    }
    ensure!(seen == kept, "{options:?}");
    Ok(())
}

/// The scale that the largest receive buffer of a connection needs.
fn own_scale() -> Result<u8> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem")?;
    let largest: u32 = text.split_whitespace().nth(2).context("three sizes")?.parse()?;
    Ok(largest.ilog2().saturating_sub(15).min(14) as u8)
}

const EDGE: [&str; 2] = ["10.99.0.1", "fd99::1"];
const LIMIT: u32 = 200;

/// A balancer behind a wire, and clients in front of it.
struct Site {
    clients: Netns,
    edge: Netns,
    bpf: BpfFileSystem,
}

impl Site {
    fn new(timestamps: u32) -> Result<Self> {
        let (clients, edge) = (Netns::new()?, Netns::new()?);
        veth(
            (&clients, "client0", &["10.99.0.2/24", "fd99::2/64"]),
            (&edge, "edge0", &["10.99.0.1/24", "fd99::1/64"]),
        )?;
        set(&edge, "tcp_syncookies", 2)?;
        set(&edge, "tcp_timestamps", timestamps)?;
        Ok(Self {
            clients,
            edge,
            bpf: BpfFileSystem::mount()?,
        })
    }

    fn start(&self) -> Result<Balancer> {
        let configuration = format!(
            "global\n    nbthread 2\n    ebpf require\n    ebpf.syn-cookies {LIMIT}\n    ebpf.pin-dir {}
frontend web
    mode http
    timeout client 20s
    bind 10.99.0.1:80
    bind fd99::1:80
    bind 10.99.0.1:1000-1100
    http-request return status 200 content-type text/plain string through",
            self.bpf.pin_dir().display()
        );
        Setup::new(configuration).inside(&self.edge).start()
    }

    fn connect(&self, to: SocketAddr) -> Result<Client> {
        self.clients.run(|| {
            let mut client = Client::connect(to)?;
            ensure!(client.get("/")?.text() == "through");
            Ok(client)
        })
    }

    /// Attempts from a thousand sources that never answer: twice what a flood is.
    fn flood(&self, port: u16) -> Result<()> {
        self.clients.run(|| {
            let raw = Protocol::from_raw(RawProtocol::new(libc::IPPROTO_RAW as u32).context("a number")?);
            let socket = socket(AddressFamily::INET, SocketType::RAW, Some(raw))?;
            for number in 0..2 * LIMIT {
                let source = IpAddr::from([10, 99, 0, 100 + (number % 100) as u8]);
                let mut attempt = Segment::syn(source, address(EDGE[0]), port);
                attempt.tcp.sequence_number = number;
                attempt.tcp.source_port = 1024 + number as u16;
                let packet = &attempt.bytes()[14..];
                sendto(
                    &socket,
                    packet,
                    SendFlags::empty(),
                    &SocketAddr::new(attempt.destination, 0),
                )?;
            }
            Ok(())
        })
    }

    /// What a new connection has agreed upon, as the edge's stack tells.
    fn options(&self, to: SocketAddr) -> Result<Vec<String>> {
        let _client = self.connect(to)?;
        let mut ss = self.edge.command("ss")?;
        ss.args(["-Hntio", "state", "established"])
            .arg(format!("sport = :{}", to.port()));
        let text = String::from_utf8(ss.output()?.stdout)?;
        let wanted = |word: &&str| {
            let agreed = ["wscale:", "mss:", "advmss:"];
            ["ts", "sack"].contains(word) || agreed.iter().any(|name| word.starts_with(name))
        };
        let options: Vec<String> = text.split_whitespace().filter(wanted).map(str::to_owned).collect();
        ensure!(options.len() == 5, "{text}");
        Ok(options)
    }

    /// How many connections the stack made of cookies.
    fn made_of_cookies(&self) -> Result<u64> {
        let text = self
            .edge
            .run(|| Ok(std::fs::read_to_string("/proc/thread-self/net/netstat")?))?;
        let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (lines.next().context("names")?, lines.next().context("values")?);
        let mut fields = names.split(' ').zip(values.split(' '));
        let (_, value) = fields
            .find(|(name, _)| *name == "SyncookiesRecv")
            .context("no such field")?;
        Ok(value.parse()?)
    }
}

fn answered(lb: &Balancer) -> Result<u64> {
    let told = lb.ask("show ebpf")?;
    let rest = told.split("answered ").nth(1);
    let digits = rest.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.map_or(Ok(0), |digits| digits.parse().context(told))
}

#[test]
fn clients_come_through_a_flood_with_all_that_they_offer() -> Result<()> {
    let site = Site::new(2)?;
    let lb = site.start()?;
    let (port, steered) = (
        SocketAddr::new(address(EDGE[0]), 80),
        SocketAddr::new(address(EDGE[0]), 1077),
    );
    // No flood: the stack answers.
    let ordinary = site.options(port)?;
    drop(site.connect(steered)?);
    ensure!(answered(&lb)? == 0, "{}", lb.ask("show ebpf")?);
    for to in [port, steered] {
        let before = site.made_of_cookies()?;
        site.flood(to.port())?;
        let told = lb.ask("show ebpf")?;
        ensure!(
            told.contains(&format!("flood: {} port {}", to.ip(), to.port())),
            "{told}"
        );
        let answers = answered(&lb)?;
        ensure!(answers >= u64::from(LIMIT) / 2, "{told}");
        let options = site.options(to)?;
        ensure!(
            answered(&lb)? > answers && site.made_of_cookies()? > before,
            "{}",
            lb.ask("show ebpf")?
        );
        ensure!(options == ordinary, "{options:?} instead of {ordinary:?}");
        // The other listener has no flood.
        let answers = answered(&lb)?;
        drop(site.connect(SocketAddr::new(address(EDGE[1]), 80))?);
        ensure!(answered(&lb)? == answers);
        until("the end of the flood", || {
            (!lb.ask("show ebpf").ok()?.contains("flood:")).then_some(())
        })?;
        let answers = answered(&lb)?;
        drop(site.connect(to)?);
        ensure!(answered(&lb)? == answers, "answered without a flood");
    }
    Ok(())
}

/// What only the stack can keep is left to it.
#[test]
fn the_stack_answers_whom_it_alone_can_answer() -> Result<()> {
    let site = Site::new(1)?;
    let lb = site.start()?;
    site.flood(80)?;
    let told = lb.ask("show ebpf")?;
    ensure!(
        told.contains("flood: 10.99.0.1 port 80") && told.contains("net.ipv4.tcp_timestamps is 1"),
        "{told}"
    );
    ensure!(answered(&lb)? == 0, "{told}");
    let options = site.options(SocketAddr::new(address(EDGE[0]), 80))?;
    ensure!(
        options.iter().any(|option| option.starts_with("wscale:")),
        "{options:?}"
    );
    Ok(())
}
