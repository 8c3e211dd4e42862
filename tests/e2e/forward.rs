//! Connections that the kernel forwards and such that userspace does: clients, counters and logs cannot tell the difference.
use std::net::{IpAddr, SocketAddr, TcpListener};

use anyhow::{Context, Result, ensure};
use lab::{Balancer, BpfFileSystem, Client, Netns, Origin, Service, Setup, until, veth};

/// By family: IPv4, IPv6.
const EDGE: [&str; 2] = ["10.97.0.1", "fd97::1"];
const PORTS: [u16; 2] = [80, 81];

/// Clients on a wire to the edge, and two servers each on a wire of its own, in both families.
struct Site {
    clients: Netns,
    edge: Netns,
    servers: [Netns; 2],
    bpf: BpfFileSystem,
}

impl Site {
    fn new() -> Result<Self> {
        let (clients, edge, servers) = (Netns::new()?, Netns::new()?, [Netns::new()?, Netns::new()?]);
        veth(
            (&clients, "client0", &["10.97.0.2/24", "fd97::2/64"]),
            (&edge, "edge0", &["10.97.0.1/24", "fd97::1/64"]),
        )?;
        for (number, server) in servers.iter().enumerate() {
            let near = [
                format!("10.97.{}.1/24", number + 1),
                format!("fd97:{}::1/64", number + 1),
            ];
            let far = [
                format!("10.97.{}.2/24", number + 1),
                format!("fd97:{}::2/64", number + 1),
            ];
            veth(
                (
                    &edge,
                    &format!("edge{}", number + 1),
                    &near.each_ref().map(String::as_str),
                ),
                (server, "server0", &far.each_ref().map(String::as_str)),
            )?;
        }
        Ok(Self {
            clients,
            edge,
            servers,
            bpf: BpfFileSystem::mount()?,
        })
    }

    /// Starts what answers on a server's address of a family.
    fn origin(&self, number: usize, family: usize, service: Service) -> Result<Origin> {
        self.servers[number].run(|| {
            Origin::on(
                TcpListener::bind((far(number, family)?, 8000 + family as u16))?,
                service,
            )
        })
    }

    fn start(&self, offload: &str, balance: &str) -> Result<Balancer> {
        let mut configuration = format!(
            "global\n    maxconn 1000\n    ebpf.pin-dir {}
defaults
    mode tcp
    option tcplog
    log stdout format raw local0
    timeout connect 5s
    timeout client 20s
    timeout server 20s\n",
            self.bpf.pin_dir().display()
        );
        for family in [0, 1] {
            configuration += &format!(
                "frontend front{family}\n    offload {offload}\n    bind {}:{}\n    default_backend back{family}
backend back{family}\n    balance {balance}\n    server one {}:{} weight 2\n    server two {}:{}\n",
                EDGE[family],
                PORTS[family],
                far(0, family)?,
                8000 + family,
                far(1, family)?,
                8000 + family
            );
        }
        let lb = Setup::new(configuration).inside(&self.edge).start()?;
        if offload != "off" {
            until("the services", || {
                lb.ask("show ebpf").ok()?.contains("(TC), 2 addresses").then_some(())
            })?;
        }
        Ok(lb)
    }

    /// Asks over a connection of its own, and answers with the server's name.
    fn ask(&self, family: usize) -> Result<String> {
        let to = SocketAddr::new(EDGE[family].parse()?, PORTS[family]);
        self.clients.run(|| {
            let mut client = Client::connect(to)?;
            client.send("GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n")?;
            let answer = client.response()?;
            ensure!(client.to_end()?.is_empty());
            Ok(answer.text().trim().to_owned())
        })
    }
}

fn far(number: usize, family: usize) -> Result<IpAddr> {
    let text = match family {
        0 => format!("10.97.{}.2", number + 1),
        _ => format!("fd97:{}::2", number + 1),
    };
    text.parse().context("an address")
}

/// What was asked, of whom, and what the counters and the log say of it.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    servers: Vec<String>,
    counters: Vec<String>,
    log: Vec<String>,
}

fn story(site: &Site, offload: &str, balance: &str) -> Result<Story> {
    let lb = site.start(offload, balance)?;
    let mut servers = Vec::new();
    for family in [0, 1].repeat(6) {
        servers.push(site.ask(family)?);
    }
    let ended = |line: &&str| line.contains(" front") && line.contains(" back");
    let lines = until("the log", || {
        let log = lb.log().ok()?;
        let mut lines: Vec<String> = log.lines().filter(ended).map(timeless).collect();
        lines.sort();
        (lines.len() == servers.len()).then_some(lines)
    })?;
    let carried = lb.ask("show ebpf")?.contains("packets: carried");
    ensure!(carried == (offload != "off"), "{}", lb.ask("show ebpf")?);
    let csv = until("the end of all connections", || {
        let csv = lb.ask("show stat").ok()?;
        let mut rows = csv.lines().filter(|row| row.starts_with("front"));
        rows.all(|row| row.split(',').nth(4) == Some("0")).then_some(csv)
    })?;
    // Names, current and total sessions, bytes, errors, retries: by their place among the fields.
    let wanted = [0, 1, 4, 7, 8, 9, 12, 13, 14, 15, 16];
    let row = |row: &str| {
        let fields: Vec<&str> = row.split(',').collect();
        wanted.map(|at| fields.get(at).copied().unwrap_or_default()).join(",")
    };
    let ours = csv
        .lines()
        .filter(|row| row.starts_with("front") || row.starts_with("back"));
    Ok(Story {
        servers,
        counters: ours.map(row).collect(),
        log: lines,
    })
}

/// A log line without ports, dates, durations and how many connections there were: one may end while the next one begins.
fn timeless(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for (at, word) in words.iter_mut().enumerate() {
        if matches!(at, 0 | 1 | 4 | 7) {
            *word = "";
        }
    }
    words.join(" ")
}

#[test]
fn connections_tell_the_same_story_forwarded_or_not() -> Result<()> {
    let site = Site::new()?;
    let mut origins = Vec::new();
    for family in [0, 1] {
        origins.push(site.origin(0, family, Service::Http("one"))?);
        origins.push(site.origin(1, family, Service::Http("two"))?);
    }
    for balance in [
        "roundrobin",
        "static-rr",
        "source",
        "leastconn",
        "first",
        "source\n    hash-type consistent",
    ] {
        let (userspace, kernel) = (story(&site, "off", balance)?, story(&site, "nat", balance)?);
        ensure!(userspace == kernel, "{balance}: {userspace:#?} {kernel:#?}");
    }
    Ok(())
}
