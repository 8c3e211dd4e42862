//! Denied sources, with the kernel's gate and without: clients and counters cannot tell the difference.
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use lab::{Balancer, BpfFileSystem, Client, Netns, Origin, Service, Setup, until, veth};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, connect, recv, socket_with, sockopt};
use rustix::process::Signal;
use tempfile::TempDir;

const EDGE: [&str; 2] = ["10.99.0.1", "fd99::1"];
const WELCOME: [&str; 2] = ["10.99.0.2", "fd99::2"];
/// In a listed network, but accepted by a rule above.
const EXCEPTED: [&str; 2] = ["10.99.0.76", "fd99::76"];
const DROPPED: [&str; 2] = ["10.99.0.77", "fd99::77"];
const REJECTED: [&str; 2] = ["10.99.0.66", "fd99::66"];

/// Clients on a wire to the edge, and a server behind it.
pub struct Site {
    clients: Netns,
    pub edge: Netns,
    pub origin: Origin,
    pub bpf: BpfFileSystem,
    folder: TempDir,
}

impl Site {
    pub fn new() -> Result<Self> {
        let (clients, edge) = (Netns::new()?, Netns::new()?);
        let (sources, own) = (addresses(&[WELCOME, EXCEPTED, DROPPED, REJECTED]), addresses(&[EDGE]));
        let (sources, own): (Vec<&str>, Vec<&str>) = (
            sources.iter().map(String::as_str).collect(),
            own.iter().map(String::as_str).collect(),
        );
        veth((&clients, "client0", &sources), (&edge, "edge0", &own))?;
        let origin = edge.run(|| Origin::start(Service::Http("origin")))?;
        let folder = tempfile::tempdir()?;
        fs::write(
            folder.path().join("deny.lst"),
            "# a network of each family\n10.99.0.72/29\nfd99::70/124\n",
        )?;
        Ok(Self {
            clients,
            edge,
            origin,
            bpf: BpfFileSystem::mount()?,
            folder,
        })
    }

    fn list(&self) -> PathBuf {
        self.folder.path().join("deny.lst")
    }

    fn configuration(&self, global: &str) -> String {
        format!(
            "global\n    {global}\n    ebpf.pin-dir {}
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend web
    option socket-stats
    bind *:80
    bind :::80 v6only
    tcp-request connection accept if {{ src {} {} }}
    tcp-request connection silent-drop if {{ src -f {} }}
    tcp-request connection reject if {{ src {} {} }}
    default_backend servers
backend servers
    server only {}",
            self.bpf.pin_dir().display(),
            EXCEPTED[0],
            EXCEPTED[1],
            self.list().display(),
            REJECTED[0],
            REJECTED[1],
            self.origin.address()
        )
    }

    fn start(&self, global: &str) -> Result<Balancer> {
        Setup::new(self.configuration(global)).inside(&self.edge).start()
    }

    fn asks(&self, source: &str) -> Result<u16> {
        self.asks_for(source, "/")
    }

    pub fn asks_for(&self, source: &str, path: &str) -> Result<u16> {
        let to = edge(source);
        self.clients
            .run(|| Ok(Client::connect_from(source.parse()?, to)?.get(path)?.status))
    }

    /// Neither an answer nor a refusal comes, once the attempt was counted.
    fn hears_nothing(&self, lb: &Balancer, source: &str) -> Result<()> {
        let before = denied(lb, "FRONTEND")?;
        self.clients.run(|| {
            let to = edge(source);
            let family = if to.is_ipv4() {
                AddressFamily::INET
            } else {
                AddressFamily::INET6
            };
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = socket_with(family, SocketType::STREAM, flags, None)?;
            bind(&socket, &SocketAddr::new(source.parse()?, 0))?;
            ensure!(connect(&socket, &to) == Err(Errno::INPROGRESS));
            until("the drop to be counted", || {
                (denied(lb, "FRONTEND").ok()? > before).then_some(())
            })?;
            let heard = recv(&socket, &mut [0; 16], RecvFlags::empty());
            ensure!(matches!(heard, Err(Errno::AGAIN | Errno::NOTCONN)), "{heard:?}");
            ensure!(sockopt::socket_error(&socket)? == Ok(()));
            Ok(())
        })
    }

    /// Every kind of client comes once over each family.
    fn visits(&self, lb: &Balancer) -> Result<()> {
        for family in [0, 1] {
            for source in [WELCOME[family], EXCEPTED[family]] {
                ensure!(self.asks(source)? == 200, "{source} is not served");
            }
            ensure!(self.asks(REJECTED[family]).is_err(), "a rejected source was served");
            self.hears_nothing(lb, DROPPED[family])?;
        }
        Ok(())
    }
}

fn addresses(families: &[[&str; 2]]) -> Vec<String> {
    families
        .iter()
        .flat_map(|[v4, v6]| [format!("{v4}/24"), format!("{v6}/64")])
        .collect()
}

/// The edge's address of the family of a source.
fn edge(source: &str) -> SocketAddr {
    let index = usize::from(source.contains(':'));
    SocketAddr::new(EDGE[index].parse::<IpAddr>().expect("an address"), 80)
}

/// A number of `show stat` about the frontend, or one of its listeners.
fn number(lb: &Balancer, object: &str, field: &str) -> Result<u64> {
    let text = lb.ask("show stat web 9 -1")?;
    let mut lines = text
        .trim_start_matches("# ")
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().context("show stat is empty")?;
    let column = |wanted| {
        names
            .iter()
            .position(|name| *name == wanted)
            .with_context(|| format!("no field {wanted}"))
    };
    let (object_at, field_at) = (column("svname")?, column(field)?);
    let line = lines
        .find(|line| line.get(object_at) == Some(&object))
        .with_context(|| format!("no {object}:\n{text}"))?;
    Ok(line.get(field_at).context("a short line")?.parse()?)
}

fn denied(lb: &Balancer, object: &str) -> Result<u64> {
    number(lb, object, "dcon")
}

fn counters(lb: &Balancer) -> Result<Vec<(&'static str, &'static str, u64)>> {
    let wanted = [
        ("FRONTEND", "dcon"),
        ("FRONTEND", "stot"),
        ("FRONTEND", "conn_tot"),
        ("sock-1", "dcon"),
        ("sock-2", "dcon"),
        ("sock-1", "stot"),
        ("sock-2", "stot"),
    ];
    let values = wanted.map(|(object, field)| Ok((object, field, number(lb, object, field)?)));
    values.into_iter().collect()
}

#[test]
fn kernel_and_userspace_deny_and_count_alike() -> Result<()> {
    let site = Site::new()?;
    let mut seen = Vec::new();
    for global in ["ebpf require", "ebpf off"] {
        let lb = site.start(global)?;
        site.visits(&lb)?;
        let told = lb.ask("show ebpf")?;
        let in_kernel = told.matches(": kernel, 2 connections").count();
        // The connections that a rule accepts are counted with their handshakes' first packets, too.
        ensure!(in_kernel == if global == "ebpf off" { 0 } else { 3 }, "{told}");
        seen.push(counters(&lb)?);
    }
    ensure!(seen[0] == seen[1], "kernel {:?}\nuserspace {:?}", seen[0], seen[1]);
    let expected = [4, 4, 8, 2, 2, 2, 2];
    let values: Vec<u64> = seen[0].iter().map(|(.., value)| *value).collect();
    ensure!(values == expected, "{:?}", seen[0]);
    Ok(())
}

#[test]
fn nothing_is_left_however_the_balancer_stops() -> Result<()> {
    for signal in [Signal::TERM, Signal::INT, Signal::USR1, Signal::KILL] {
        let site = Site::new()?;
        let mut lb = site.start("ebpf require")?;
        ensure!(
            !attached(&site.edge)?.contains("\"xdp\":[]"),
            "the gate is not attached"
        );
        ensure!(site.bpf.pin_dir().exists(), "nothing is pinned");
        lb.process().signal(signal)?;
        until("the end", || lb.process().ended().ok().flatten())?;
        ensure!(
            attached(&site.edge)?.contains("\"xdp\":[]"),
            "{signal:?}: {}",
            attached(&site.edge)?
        );
        // Nobody can remove pins after SIGKILL but the next one to come.
        if signal == Signal::KILL {
            drop(site.start("ebpf require")?);
        }
        ensure!(!site.bpf.pin_dir().exists(), "{signal:?} leaves pins");
    }
    Ok(())
}

/// Another process may listen where a paused frontend did: its connections are not ours to judge.
#[test]
fn a_paused_frontend_judges_nobody() -> Result<()> {
    let site = Site::new()?;
    let lb = site.start("ebpf require")?;
    ensure!(site.asks(REJECTED[0]).is_err() && denied(&lb, "FRONTEND")? == 1);
    lb.ask("disable frontend web")?;
    ensure!(site.asks(REJECTED[0]).is_err() && site.asks(WELCOME[0]).is_err());
    ensure!(denied(&lb, "FRONTEND")? == 1, "a paused frontend denies");
    lb.ask("enable frontend web")?;
    ensure!(site.asks(REJECTED[0]).is_err() && site.asks(WELCOME[0])? == 200);
    ensure!(denied(&lb, "FRONTEND")? == 2, "{}", lb.ask("show ebpf")?);
    Ok(())
}

#[test]
fn a_successor_takes_the_gate_over() -> Result<()> {
    let site = Site::new()?;
    succeed(&site, "ebpf require")
}

/// The kernel programs are loaded before the privileges go, and attached again and removed after.
#[test]
fn a_successor_without_privileges_takes_the_gate_over() -> Result<()> {
    let site = Site::new()?;
    let jail = site.folder.path().display();
    succeed(
        &site,
        &format!("ebpf require\n    uid 65534\n    gid 65534\n    chroot {jail}"),
    )
}

fn succeed(site: &Site, global: &str) -> Result<()> {
    let mut first = site.start(global)?;
    let pid = first.pid().to_string();
    let mut second = Setup::new(site.configuration(global))
        .inside(&site.edge)
        .arguments(["-sf", pid.as_str()])
        .start()?;
    until("the first to end", || first.process().ended().ok().flatten())?;
    until("the second's gate", || {
        second
            .ask("show ebpf")
            .ok()?
            .contains("interface edge0: generic")
            .then_some(())
    })?;
    site.visits(&second)?;
    ensure!(denied(&second, "FRONTEND")? == 4);
    second.process().stop()?;
    ensure!(
        attached(&site.edge)?.contains("\"xdp\":[]"),
        "{}",
        attached(&site.edge)?
    );
    let left = fs::read_dir(site.bpf.pin_dir()).map_or(0, Iterator::count);
    ensure!(left == 0, "pins are left");
    Ok(())
}

/// An unprivileged balancer on the same rules says what is off, or refuses to start where it must not be.
#[test]
fn without_privilege_userspace_does_it_all() -> Result<()> {
    let site = Site::new()?;
    let lb = Setup::new(site.configuration("ebpf auto"))
        .inside(&site.edge)
        .without_privilege()
        .start()?;
    let notice = lb.log_line(&["[NOTICE]", "The gate is off"])?;
    ensure!(notice.contains("CAP_BPF"), "{notice}");
    let told = lb.ask("show ebpf")?;
    ensure!(
        told.contains("gate: off") && told.contains("CAP_BPF: missing"),
        "{told}"
    );
    ensure!(site.asks(WELCOME[0])? == 200);
    ensure!(site.asks(REJECTED[0]).is_err());
    ensure!(denied(&lb, "FRONTEND")? == 1);
    drop(lb);
    let refused = Setup::new(site.configuration("ebpf require"))
        .inside(&site.edge)
        .without_privilege()
        .start()
        .err()
        .context("started without what it requires")?;
    let refused = format!("{refused:#}");
    ensure!(
        refused.contains("[ALERT]") && refused.contains("exit status: 1"),
        "{refused}"
    );
    Ok(())
}

/// Whatever the kernel has, the balancer starts, decides alike, and names what it lacks.
#[test]
fn what_is_missing_is_named() -> Result<()> {
    let site = Site::new()?;
    let lb = site.start("ebpf auto")?;
    site.visits(&lb)?;
    let told = lb.ask("show ebpf")?;
    println!("{told}");
    ensure!(denied(&lb, "FRONTEND")? == 4);
    if told.contains("gate: on") {
        return Ok(());
    }
    let notice = lb.log_line(&["[NOTICE]", "The gate is off"])?;
    let steps = told.lines().filter_map(|line| line.trim().split_once(": missing"));
    let missing: Vec<&str> = steps.map(|(name, _)| name).collect();
    ensure!(!missing.is_empty(), "nothing is missing, yet {notice}");
    ensure!(
        missing.iter().all(|name| notice.contains(name)),
        "{notice} does not name all of {missing:?}"
    );
    Ok(())
}

/// What `bpftool net` finds on the interfaces of a namespace.
fn attached(namespace: &Netns) -> Result<String> {
    let output = namespace.command("bpftool")?.args(["-j", "net", "show"]).output()?;
    Ok(String::from_utf8(output.stdout)?)
}
