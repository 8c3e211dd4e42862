//! Real connections through the gate, between network namespaces: denied sources never reach a socket, and nothing stays behind.
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::frames::{CLIENT_MAC, CUSTOMER_TAG, SERVICE_TAG, Segment};
use crate::packets::assert_refusal;
use anyhow::{Context, Result, ensure};
use lab::{BpfFileSystem, Client, Netns, until, veth};
use lb_user::kernel::{
    Capabilities, Gate, GateAction, GateListener, GateRule, GateRules, GateWatch, InterfaceState, KernelError, Mode,
    RuleCount,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, getpeername, socket_with};
use rustix::thread::{CapabilitySet, CapabilitySets};

const EDGE: [&str; 2] = ["10.99.0.1", "fd99::1"];
const ALLOWED: [&str; 2] = ["10.99.0.2", "fd99::2"];
const REJECTED: [&str; 2] = ["10.99.0.66", "fd99::66"];
const DROPPED: [&str; 2] = ["10.99.0.77", "fd99::77"];
const REJECT: u32 = 3;
const DROP: u32 = 5;

#[test]
fn generic() -> Result<()> {
    deny_and_leave(Mode::Generic)
}

#[test]
fn native() -> Result<()> {
    deny_and_leave(Mode::Native)
}

/// The whole life of a gate on one interface.
fn deny_and_leave(mode: Mode) -> Result<()> {
    let (client, edge) = wired()?;
    let bpf = BpfFileSystem::mount()?;
    // A virtual Ethernet takes what the other end transmits from native XDP where it runs native XDP itself.
    let _peer = client.run(|| {
        Ok(Gate::attach(
            &[("client0".to_owned(), mode)],
            &GateRules::default(),
            &bpf.pin_dir(),
        )?)
    })?;
    let left = edge.run(|| {
        let listener = TcpListener::bind("[::]:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let mut gate = Gate::attach(&[("edge0".to_owned(), mode)], &deny_list(port), &bpf.pin_dir())?;
        ensure_runs(&mut gate, mode)?;
        for (family, edge) in EDGE.map(address).into_iter().enumerate() {
            let to = SocketAddr::new(edge, port);
            connects(&client, &listener, ALLOWED[family], to)?;
            is_refused(&client, REJECTED[family], to)?;
            is_dropped(&client, &gate, DROPPED[family], to)?;
            ensure!(nobody_waits(&listener)?, "a denied connection reached the socket");
        }
        ensure!(count(&gate, REJECT)? == (2, 2), "{:?}", gate.counters());
        ensure!(count(&gate, DROP)?.0 == 2, "{:?}", gate.counters());
        gate.swap(&GateRules::default())?;
        connects(&client, &listener, REJECTED[0], SocketAddr::new(address(EDGE[0]), port))?;
        let left = Left::of(&mut gate)?;
        left.ensure_readable()?;
        drop(gate);
        connects(&client, &listener, REJECTED[1], SocketAddr::new(address(EDGE[1]), port))?;
        Ok(left)
    })?;
    left.ensure_gone(&edge)
}

/// The frames are made by hand, since not every kernel has VLAN interfaces to do it.
#[test]
fn a_tagged_attempt_is_refused_below_its_tags() -> Result<()> {
    for mode in [Mode::Generic, Mode::Native] {
        for tags in [&[][..], &[CUSTOMER_TAG], &[SERVICE_TAG, CUSTOMER_TAG]] {
            for family in [0, 1] {
                refuse_tagged(mode, tags, family).with_context(|| format!("{mode:?} {tags:x?} {}", EDGE[family]))?;
            }
        }
    }
    Ok(())
}

fn refuse_tagged(mode: Mode, tags: &[u16], family: usize) -> Result<()> {
    let edge = Netns::new()?;
    let mut attempt = Segment::syn(address(REJECTED[family]), address(EDGE[family]), 80);
    attempt.tags = tags.to_vec();
    let answer = edge.run(|| {
        let mut wire = lab::Tap::new("edge0")?;
        add_addresses(&edge, "edge0", EDGE)?;
        edge.ip("link set edge0 up")?;
        let mut gate = Gate::attach(&[("edge0".to_owned(), mode)], &deny_list(80), Path::new("/nonexistent"))?;
        ensure_runs(&mut gate, mode)?;
        wire.send(&attempt.bytes())?;
        // The host also speaks for itself: neighbour discovery.
        let ours = |frame: &Vec<u8>| frame.starts_with(&CLIENT_MAC);
        until("an answer on the wire", || wire.receive().ok().flatten().filter(ours))
    })?;
    assert_refusal(&answer, &attempt);
    Ok(())
}

#[test]
fn a_gate_catches_up_with_its_host() -> Result<()> {
    let (client, edge) = wired()?;
    let bpf = BpfFileSystem::mount()?;
    edge.run(|| {
        let listener = TcpListener::bind("[::]:0")?;
        let port = listener.local_addr()?.port();
        let interfaces = [("edge0".to_owned(), Mode::Generic), ("edge1".to_owned(), Mode::Auto)];
        let first = Gate::attach(&interfaces[..1], &GateRules::default(), &bpf.pin_dir().join("first"))?;
        let mut gate = Gate::attach(&interfaces, &deny_list(port), &bpf.pin_dir().join("second"))?;
        let states = states(&mut gate)?;
        ensure!(
            states.contains("runs another XDP program") && states.contains("no interface 'edge1'"),
            "{states}"
        );
        drop(first);
        edge.ip("link add edge1 type veth peer name edge2\naddr add 10.99.0.3/24 dev edge0")?;
        gate.refresh()?;
        ensure!(
            self::states(&mut gate)? == "Generic Generic",
            "{}",
            self::states(&mut gate)?
        );
        is_refused(&client, REJECTED[0], SocketAddr::new(address("10.99.0.3"), port))?;
        edge.ip("link del edge1\nlink add edge1 type veth peer name edge2")?;
        gate.refresh()?;
        ensure!(
            self::states(&mut gate)? == "Generic Generic",
            "{}",
            self::states(&mut gate)?
        );
        Ok(())
    })
}

#[test]
fn rules_are_swapped_and_read_without_privilege() -> Result<()> {
    let (client, edge) = wired()?;
    edge.run(|| {
        let listener = TcpListener::bind("[::]:0")?;
        let to = SocketAddr::new(address(EDGE[0]), listener.local_addr()?.port());
        let interfaces = [("edge0".to_owned(), Mode::Generic)];
        let mut gate = Gate::attach(&interfaces, &GateRules::default(), Path::new("/nonexistent"))?;
        unprivileged(|| {
            gate.swap(&deny_list(to.port()))?;
            Ok(gate.refresh()?)
        })?;
        is_refused(&client, REJECTED[0], to)?;
        unprivileged(|| {
            ensure!(count(&gate, REJECT)? == (1, 1), "{:?}", gate.counters());
            ensure!(gate.status()?.verdicts > 0);
            Ok(())
        })
    })
}

/// Runs a closure on a thread that has no capability left.
fn unprivileged(inside: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    let drop_and_run = || {
        rustix::thread::set_capabilities(None, sets)?;
        inside()
    };
    std::thread::scope(|scope| scope.spawn(drop_and_run).join()).expect("the thread ends")
}

#[test]
fn the_gate_belongs_on_the_interfaces_that_its_listeners_face() -> Result<()> {
    let (_client, edge) = wired()?;
    edge.ip("link add edge1 type veth peer name edge2\naddr add 10.98.0.1/24 dev edge1")?;
    let on = |listened: Option<&str>| {
        let mut rules = deny_list(80);
        rules.listeners[0].address = listened.map(address);
        edge.run(|| Ok(Vec::from_iter(Gate::interfaces(&rules, false)?).join(" ")))
    };
    let cases = [
        (None, "edge0 edge1"),
        (Some("0.0.0.0"), "edge0 edge1"),
        (Some(EDGE[1]), "edge0"),
        (Some("10.98.0.1"), "edge1"),
        (Some("127.0.0.1"), ""),
    ];
    for (listened, interfaces) in cases {
        ensure!(on(listened)? == interfaces, "{listened:?}: {}", on(listened)?);
    }
    let silent = GateRules {
        listeners: vec![GateListener {
            address: None,
            ports: 80..=80,
            rules: Vec::new(),
            watch: GateWatch::default(),
        }],
        ..GateRules::default()
    };
    ensure!(
        edge.run(|| Ok(Gate::interfaces(&silent, false)?))?.is_empty(),
        "no rules, nothing to decide"
    );
    Ok(())
}

#[test]
fn two_listeners_with_different_rules_conflict() -> Result<()> {
    let mut rules = deny_list(80);
    rules.listeners.push(GateListener {
        address: Some(address("::")),
        ports: 79..=81,
        rules: Vec::new(),
        watch: GateWatch::default(),
    });
    let refused = Gate::attach(&[], &rules, Path::new("/nonexistent"))
        .err()
        .context("a conflict was admitted")?;
    ensure!(matches!(refused, KernelError::Conflict { port: 80, .. }), "{refused}");
    Ok(())
}

/// Runs itself again in a process without capabilities.
#[test]
fn without_privilege_it_says_so() -> Result<()> {
    const CHILD: &str = "LB_TEST_WITHOUT_PRIVILEGE";
    if std::env::var_os(CHILD).is_some() {
        let refused = Gate::attach(&[], &GateRules::default(), Path::new("/nonexistent")).err();
        let refused = refused.context("loaded without privilege")?.to_string();
        ensure!(refused.contains("CAP_BPF"), "{refused}");
        let capabilities = Capabilities::probe(Path::new("/nonexistent"), &[]);
        let missing: Vec<_> = capabilities.missing().map(|step| step.name.as_str()).collect();
        ensure!(
            missing.contains(&"CAP_BPF") && missing.contains(&"CAP_NET_ADMIN"),
            "{missing:?}"
        );
        return Ok(());
    }
    let mut child = Command::new("setpriv");
    child
        .args(["--bounding-set", "-all", "--inh-caps", "-all"])
        .arg(std::env::current_exe()?);
    let output = child
        .args(["--exact", "namespaces::without_privilege_it_says_so"])
        .env(CHILD, "1")
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
    Ok(())
}

/// A client and an edge, joined by a wire.
fn wired() -> Result<(Netns, Netns)> {
    let (client, edge) = (Netns::new()?, Netns::new()?);
    veth((&client, "client0", &[]), (&edge, "edge0", &[]))?;
    for sources in [ALLOWED, REJECTED, DROPPED] {
        add_addresses(&client, "client0", sources)?;
    }
    add_addresses(&edge, "edge0", EDGE)?;
    Ok((client, edge))
}

fn add_addresses(namespace: &Netns, interface: &str, [v4, v6]: [&str; 2]) -> Result<()> {
    namespace.ip(&format!(
        "addr add {v4}/24 dev {interface}\naddr add {v6}/64 dev {interface} nodad"
    ))
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn deny_list(port: u16) -> GateRules {
    let rule = |id, [v4, v6]: [&str; 2], (short, long), action| GateRule {
        id,
        networks: vec![(address(v4), short), (address(v6), long)],
        negate: false,
        action,
    };
    GateRules {
        listeners: vec![GateListener {
            address: None,
            ports: port..=port,
            rules: vec![
                rule(REJECT, REJECTED, (32, 128), GateAction::Reject),
                rule(DROP, DROPPED, (29, 125), GateAction::SilentDrop),
            ],
            watch: GateWatch::default(),
        }],
        ..GateRules::default()
    }
}

fn ensure_runs(gate: &mut Gate, mode: Mode) -> Result<()> {
    let status = gate.status()?;
    let state = status.interfaces.first().context("no interface")?.state;
    let runs = match mode {
        Mode::Native => matches!(state, InterfaceState::Native),
        _ => matches!(state, InterfaceState::Generic),
    };
    ensure!(runs, "{state:?}");
    Ok(())
}

fn states(gate: &mut Gate) -> Result<String> {
    let word = |state| match state {
        InterfaceState::Failed(error) => error.to_string(),
        other => format!("{other:?}"),
    };
    Ok(gate
        .status()?
        .interfaces
        .iter()
        .map(|interface| word(interface.state))
        .collect::<Vec<_>>()
        .join(" "))
}

/// Connections and packets of a rule.
fn count(gate: &Gate, rule: u32) -> Result<(u64, u64)> {
    let count: RuleCount = gate
        .counters()?
        .into_iter()
        .find(|count| count.id == rule)
        .context("no such rule")?;
    Ok((count.connections, count.packets))
}

fn connects(client: &Netns, listener: &TcpListener, source: &str, to: SocketAddr) -> Result<()> {
    let _connection = client.run(|| Client::connect_from(address(source), to))?;
    let (_, peer) = until("an accepted connection", || listener.accept().ok())?;
    ensure!(
        peer.ip().to_canonical() == address(source),
        "{peer} instead of {source}"
    );
    Ok(())
}

fn is_refused(client: &Netns, source: &str, to: SocketAddr) -> Result<()> {
    let error = client
        .run(|| Client::connect_from(address(source), to))
        .err()
        .context("connected")?;
    let refused = error.downcast_ref::<rustix::io::Errno>() == Some(&rustix::io::Errno::CONNREFUSED);
    ensure!(refused, "{error:#}");
    Ok(())
}

/// An attempt is counted as dropped, and its client has heard nothing.
fn is_dropped(client: &Netns, gate: &Gate, source: &str, to: SocketAddr) -> Result<()> {
    let before = count(gate, DROP)?.0;
    client.run(|| {
        let family = if to.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let socket = socket_with(
            family,
            SocketType::STREAM,
            SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            None,
        )?;
        bind(&socket, &SocketAddr::new(address(source), 0))?;
        ensure!(connect(&socket, &to) == Err(rustix::io::Errno::INPROGRESS));
        until("the drop to be counted", || {
            (count(gate, DROP).ok()?.0 > before).then_some(())
        })?;
        ensure!(getpeername(&socket) == Err(rustix::io::Errno::NOTCONN));
        ensure!(rustix::net::sockopt::socket_error(&socket)? == Ok(()));
        Ok(())
    })
}

fn nobody_waits(listener: &TcpListener) -> Result<bool> {
    match listener.accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(false),
    }
}

/// What a gate has in the kernel, to see that it goes.
struct Left {
    program: u32,
    maps: Vec<u32>,
    pins: PathBuf,
}

impl Left {
    fn of(gate: &mut Gate) -> Result<Self> {
        let status = gate.status()?;
        Ok(Self {
            program: status.program,
            maps: status.maps.iter().map(|map| map.id).collect(),
            pins: status.pins.map_err(|error| anyhow::anyhow!("{error}"))?.to_owned(),
        })
    }

    /// Every map is pinned, and prints with the names of its fields.
    fn ensure_readable(&self) -> Result<()> {
        let pins: Vec<_> = std::fs::read_dir(&self.pins)?.collect::<std::io::Result<_>>()?;
        ensure!(pins.len() == self.maps.len(), "{pins:?}");
        let reasons = bpftool([
            OsStr::new("map"),
            "dump".as_ref(),
            "pinned".as_ref(),
            self.pins.join("GATE_REASONS").as_ref(),
        ])?;
        ensure!(reasons.contains("\"silently_dropped\":"), "{reasons}");
        for id in &self.maps {
            let map = bpftool(["map", "show", "id", &id.to_string()])?;
            ensure!(map.contains("\"btf_id\":"), "{map}");
        }
        Ok(())
    }

    fn ensure_gone(&self, edge: &Netns) -> Result<()> {
        let attached = edge.command("bpftool")?.args(["-j", "net", "show"]).output()?;
        let attached = String::from_utf8_lossy(&attached.stdout).into_owned();
        ensure!(attached.contains("\"xdp\":[]"), "{attached}");
        // The kernel frees maps and programs a moment after their last user.
        until("the program to go", || {
            bpftool(["prog", "show", "id", &self.program.to_string()])
                .is_err()
                .then_some(())
        })?;
        for id in &self.maps {
            until("a map to go", || {
                bpftool(["map", "show", "id", &id.to_string()]).is_err().then_some(())
            })?;
        }
        Ok(())
    }
}

fn bpftool<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let output = Command::new("bpftool")
        .arg("-j")
        .args(arguments)
        .output()
        .context("cannot run bpftool")?;
    ensure!(
        output.status.success(),
        "bpftool: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(String::from_utf8(output.stdout)?)
}
