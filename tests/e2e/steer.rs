//! Connections steered to listeners and workers: many addresses on few sockets, one worker for each source, and nobody can tell.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use lab::{Balancer, BpfFileSystem, Client, Netns, Process, Setup, binary, until};
use lb_common::steer;
use rustix::process::Signal;

const WORKERS: u32 = 3;
const ADDRESSES: u8 = 200;
const PORTS: std::ops::RangeInclusive<u16> = 1000..=2000;

/// A host with hundreds of addresses.
struct Site {
    host: Netns,
    bpf: BpfFileSystem,
}

/// What a client was told: where it came to, the listener's number and name, and the worker.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    destination: String,
    listener: String,
    worker: u32,
}

impl Site {
    fn new() -> Result<Self> {
        let host = Netns::new()?;
        let lines: String = (1..=ADDRESSES)
            .map(|last| format!("addr add 10.1.0.{last}/32 dev lo\n"))
            .collect();
        host.ip(&lines)?;
        Ok(Self {
            host,
            bpf: BpfFileSystem::mount()?,
        })
    }

    /// Two hundred addresses, a range of ports on all addresses of either family, and a port in the range that is another frontend's.
    fn configuration(&self, global: &str) -> String {
        let addresses: Vec<String> = (1..=ADDRESSES).map(|last| format!("10.1.0.{last}:80")).collect();
        let (first, last) = (PORTS.start(), PORTS.end());
        format!(
            "global\n    nbthread {WORKERS}\n    {global}\n    ebpf.pin-dir {}
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend web
    bind {}
    bind *:{first}-{last} name range
    bind :::{first}-{last} v6only name range6
    http-request return status 200 content-type text/plain lf-string \"%[dst]:%[dst_port] %[so_id]-%[so_name] %[thread]\"
frontend other
    bind 127.0.0.1:1500
    bind 127.0.0.1:22 name inside
    http-request return status 200 content-type text/plain lf-string \"%[dst]:%[dst_port] %[so_id]-other %[thread]\"",
            self.bpf.pin_dir().display(),
            addresses.join(",")
        )
    }

    fn start(&self, global: &str) -> Result<Balancer> {
        Setup::new(self.configuration(global)).inside(&self.host).start()
    }

    fn ask(&self, source: Option<IpAddr>, to: &str) -> Result<Told> {
        let to: SocketAddr = to.parse()?;
        let answer = self.host.run(|| {
            let mut client = match source {
                Some(source) => Client::connect_from(source, to)?,
                None => Client::connect(to)?,
            };
            client.get("/")
        })?;
        let text = answer.text();
        let mut words = text.split_whitespace();
        let mut word = || words.next().map(str::to_owned).context(text.clone());
        Ok(Told {
            destination: word()?,
            listener: word()?,
            worker: word()?.parse()?,
        })
    }

    /// What clients are told at some of the addresses, but for the worker.
    fn visits(&self) -> Result<Vec<(String, String)>> {
        let places = (1..=ADDRESSES).map(|last| format!("10.1.0.{last}:80"));
        let ports = [1000, 1001, 1499, 1500, 1501, 2000];
        let hosts = ["127.0.0.1", "127.0.0.2", "10.1.0.77", "[::1]"];
        let ports = ports.iter().flat_map(|port| hosts.map(|host| format!("{host}:{port}")));
        let told = places.chain(ports).map(|place| {
            let told = self.ask(None, &place).with_context(|| place.clone())?;
            Ok((told.destination, told.listener))
        });
        told.collect()
    }

    /// How many sockets listen.
    fn listening(&self) -> Result<usize> {
        let output = self.host.command("ss")?.args(["-Hltn"]).output()?;
        Ok(String::from_utf8(output.stdout)?.lines().count())
    }

    /// Whether a program of the namespace still chooses sockets.
    fn is_steered(&self) -> Result<bool> {
        let inode = self.host.run(|| Ok(fs::read_link("/proc/thread-self/ns/net")?))?;
        let inode: String = inode.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let output = self.host.command("bpftool")?.args(["-j", "link", "show"]).output()?;
        Ok(String::from_utf8(output.stdout)?.contains(&format!("\"netns_ino\":{inode}")))
    }
}

/// The numbers of the programs and maps that the balancer tells of.
fn kernel_objects(told: &str) -> Vec<(&'static str, String)> {
    let after = |kind, marker| {
        let rest = told.split(marker).skip(1);
        rest.map(move |rest: &str| (kind, rest.chars().take_while(char::is_ascii_digit).collect()))
    };
    let programs = after("prog", "sk_lookup program ").chain(after("prog", "sk_reuseport program "));
    programs.chain(after("map", "(id ")).collect()
}

fn is_there(kind: &str, id: &str) -> Result<bool> {
    let mut command = std::process::Command::new("bpftool");
    let shown = command
        .args([kind, "show", "id", id])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(shown.status()?.success())
}

#[test]
fn hundreds_of_addresses_cost_one_socket_for_each_worker() -> Result<()> {
    let site = Site::new()?;
    let mut seen = Vec::new();
    let workers = WORKERS as usize;
    // The v4 addresses with their range, the v6 range, and the two of the other frontend.
    let steered = 4 * workers;
    let ordinary = (usize::from(ADDRESSES) + 2 * PORTS.count() + 2) * workers;
    for (global, sockets) in [("ebpf require", steered), ("ebpf off", ordinary)] {
        let lb = site.start(global)?;
        ensure!(site.listening()? == sockets, "{global}: {} sockets", site.listening()?);
        seen.push(site.visits()?);
        ensure!(site.ask(None, "127.0.0.1:2001").is_err() && site.ask(None, "10.1.0.201:80").is_err());
        let told = lb.ask("show ebpf")?;
        let steers = told.contains("steering to listeners: on") && told.contains("steering to workers: on");
        ensure!(steers == (global == "ebpf require"), "{told}");
    }
    let different = seen[0]
        .iter()
        .zip(&seen[1])
        .find(|(kernel, userspace)| kernel != userspace);
    ensure!(different.is_none(), "{different:?}");
    let listeners: BTreeSet<&str> = seen[0].iter().map(|(_, listener)| listener.as_str()).collect();
    ensure!(
        listeners.contains("1-other") && listeners.contains("701-range"),
        "{listeners:?}"
    );
    Ok(())
}

#[test]
fn a_source_comes_to_one_worker_and_sources_spread() -> Result<()> {
    let site = Site::new()?;
    let mut lb = site.start("ebpf require")?;
    for successor in [false, true] {
        if successor {
            let pid = lb.pid().to_string();
            let next = Setup::new(site.configuration("ebpf require")).inside(&site.host);
            let next = next.arguments(["-sf", pid.as_str()]).start()?;
            until("the first to end", || lb.process().ended().ok().flatten())?;
            lb = next;
        }
        let mut sources = BTreeMap::<u32, u32>::new();
        for last in 1..=60 {
            let source = IpAddr::V4(Ipv4Addr::new(127, 0, 5, last));
            let expected = steer::worker(&source.into(), WORKERS);
            // A steered address, a steered port and a socket of its own.
            for to in ["10.1.0.9:80", "127.0.0.1:1234", "127.0.0.1:22"] {
                let told = site.ask(Some(source), to)?;
                ensure!(
                    told.worker == expected,
                    "{source} to {to}: {told:?} instead of {expected}"
                );
            }
            *sources.entry(expected).or_default() += 1;
        }
        ensure!(
            sources.len() == WORKERS as usize && sources.values().all(|&count| count >= 10),
            "{sources:?}"
        );
    }
    drop(lb);
    let lb = site.start("ebpf require\n    ebpf.steer connection")?;
    let source = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 5, 1)));
    let workers = (0..64).map(|_| Ok(site.ask(source, "10.1.0.9:80")?.worker));
    ensure!(
        workers.collect::<Result<BTreeSet<u32>>>()?.len() > 1,
        "{}",
        lb.ask("show ebpf")?
    );
    Ok(())
}

#[test]
fn a_paused_frontend_refuses_at_all_of_its_addresses() -> Result<()> {
    let site = Site::new()?;
    let lb = site.start("ebpf require")?;
    let refused = |to: &str| {
        let error = site.ask(None, to).err();
        error.is_some_and(|error| format!("{error:#}").contains("refused"))
    };
    for _ in 0..2 {
        lb.ask("disable frontend web")?;
        ensure!(refused("10.1.0.1:80") && refused("10.1.0.150:80") && refused("[::1]:1700"));
        ensure!(site.ask(None, "127.0.0.1:1500")?.listener == "1-other");
        lb.ask("enable frontend web")?;
        ensure!(site.visits()?.len() > usize::from(ADDRESSES));
    }
    lb.ask("shutdown frontend web")?;
    ensure!(refused("10.1.0.150:80") && refused("127.0.0.1:1700"));
    Ok(())
}

#[test]
fn nothing_is_left_however_the_balancer_stops() -> Result<()> {
    for signal in [Signal::TERM, Signal::USR1, Signal::KILL] {
        let site = Site::new()?;
        let mut lb = site.start("ebpf require")?;
        let objects = kernel_objects(&lb.ask("show ebpf")?);
        ensure!(objects.len() == 8, "{objects:?}");
        for (kind, id) in &objects {
            ensure!(is_there(kind, id)?, "no {kind} {id}");
        }
        ensure!(site.is_steered()? && site.bpf.pin_dir().exists());
        lb.process().signal(signal)?;
        until("the end", || lb.process().ended().ok().flatten())?;
        ensure!(!site.is_steered()?, "{signal:?} leaves the program");
        // Nobody can remove pins after SIGKILL but the next one to come.
        if signal == Signal::KILL {
            drop(site.start("ebpf require")?);
        }
        ensure!(!site.bpf.pin_dir().exists(), "{signal:?} leaves pins");
        // The kernel frees what nobody holds a little later.
        for (kind, id) in &objects {
            until("the kernel to free it", || (!is_there(kind, id).ok()?).then_some(()))
                .with_context(|| format!("{signal:?} leaves {kind} {id}"))?;
        }
    }
    Ok(())
}

/// An address that cannot be had fails as if it had sockets of its own, and what was begun is undone.
#[test]
fn an_address_that_cannot_be_bound_fails_the_start() -> Result<()> {
    let site = Site::new()?;
    for (bind, why) in [
        (
            "127.0.0.1:3000-3099,192.0.2.1:80",
            "Cannot assign requested address) for [192.0.2.1:80]",
        ),
        ("127.0.0.1:3000-3099", "Address already in use) for [127.0.0.1:3050]"),
    ] {
        let taken = site.host.run(|| Ok(std::net::TcpListener::bind("127.0.0.1:3050")?))?;
        let configuration = format!("frontend web\n    mode tcp\n    timeout client 1s\n    bind {bind}\n");
        let error = Setup::new(&configuration).inside(&site.host).start().err();
        let error = format!("{:#}", error.context("it started")?);
        ensure!(error.contains("cannot bind socket") && error.contains(why), "{error}");
        ensure!(!site.is_steered()?, "the program is left");
        drop(taken);
    }
    Ok(())
}

/// A transparent listener takes addresses that are not the host's.
#[test]
fn a_transparent_listener_may_be_anywhere() -> Result<()> {
    let site = Site::new()?;
    site.host.ip("route add local 192.0.2.0/24 dev lo")?;
    let addresses: Vec<String> = (1..=20).map(|last| format!("192.0.2.{last}:80")).collect();
    let configuration = format!(
        "global\n    nbthread {WORKERS}\n    ebpf require
frontend web
    mode http
    timeout client 5s
    bind {} transparent
    http-request return status 200 content-type text/plain lf-string \"%[dst]:%[dst_port] %[so_id] %[thread]\"",
        addresses.join(",")
    );
    let _lb = Setup::new(configuration).inside(&site.host).start()?;
    ensure!(site.listening()? == WORKERS as usize);
    for (number, address) in (1..).zip(&addresses) {
        let told = site.ask(None, address)?;
        ensure!(
            told.destination == *address && told.listener == number.to_string(),
            "{told:?}"
        );
    }
    Ok(())
}

#[test]
fn a_reload_loses_no_steered_connection() -> Result<()> {
    let site = Site::new()?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::write(path("cfg"), site.configuration("ebpf require") + "\n")?;
    let output = fs::File::create(path("log"))?;
    let mut command = site.host.command(binary()?)?;
    command.arg("-W").arg("-f").arg(path("cfg"));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let mut master = Process::spawn(&mut command)?;
    let log = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    until("the start", || {
        log(&path("log")).contains("Loading success.").then_some(())
    })
    .with_context(|| log(&path("log")))?;
    for reload in 1..4 {
        master.signal(Signal::USR2)?;
        let mut asked = 0_u16;
        while log(&path("log")).matches("Loading success.").count() <= reload {
            asked += 1;
            let port = PORTS.start() + asked % 1000;
            let told = site
                .ask(None, &format!("10.1.0.7:{port}"))
                .with_context(|| format!("after {asked}"))?;
            ensure!(told.listener.ends_with("-range"), "{told:?}");
        }
    }
    until("the end of former workers", || {
        (log(&path("log")).matches("Former worker").count() == 3).then_some(())
    })?;
    ensure!(site.visits()?.len() > usize::from(ADDRESSES));
    master.stop()?;
    until("the end of steering", || (!site.is_steered().ok()?).then_some(()))?;
    ensure!(!site.bpf.pin_dir().exists(), "pins are left");
    Ok(())
}

#[test]
fn without_privilege_every_address_has_sockets_of_its_own() -> Result<()> {
    let site = Site::new()?;
    let lb = Setup::new(site.configuration("ebpf auto"))
        .inside(&site.host)
        .without_privilege()
        .start()?;
    lb.log_line(&["[NOTICE]", "Every address has sockets of its own", "CAP_BPF"])?;
    let told = lb.ask("show ebpf")?;
    ensure!(
        told.contains("steering to listeners: off") && told.contains("CAP_BPF: missing"),
        "{told}"
    );
    ensure!(site.visits()?.len() > usize::from(ADDRESSES));
    Ok(())
}
