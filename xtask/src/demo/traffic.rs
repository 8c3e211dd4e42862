//! The demo's clients, and what became of them.
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use lab::{Client, until};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::stage::{self, BROKERS, Stage};

/// What the clients of one kind met.
pub struct Flow {
    pub client: String,
    pub asked: String,
    pub came_to: String,
    /// How the demo knows.
    pub source: &'static str,
    /// Whether that is what the configuration says.
    pub as_configured: bool,
}

/// Everything that happened.
pub struct Told {
    pub flows: Vec<Flow>,
}

impl Told {
    /// Fails where something went otherwise than the configuration says.
    pub fn verdict(&self) -> Result<()> {
        let wrong = self.flows.iter().filter(|flow| !flow.as_configured).count();
        ensure!(wrong == 0, "{wrong} flows went otherwise than the configuration says");
        Ok(())
    }
}

/// Sends every kind of client through the balancer.
pub fn run(stage: &Stage) -> Result<Told> {
    let mut flows = Vec::new();
    wait_for_checks(stage)?;
    flows.push(http(stage, "192.0.2.10", "192.0.2.1")?);
    flows.push(http(stage, "2001:db8:1::10", "[2001:db8:1::1]")?);
    for id in ["thermometer", "doorbell", "lamp"] {
        flows.push(mqtt(stage, id)?);
    }
    flows.push(subscriber(stage)?);
    flows.push(not_mqtt(stage)?);
    for source in ["192.0.2.66", "2001:db8:1::66", "192.0.2.77"] {
        flows.push(denied(stage, source)?);
    }
    Ok(Told { flows })
}

/// Both servers answer once each has been used.
fn wait_for_checks(stage: &Stage) -> Result<()> {
    until("both HTTP servers", || {
        let answers: Vec<String> = (0..2)
            .filter_map(|_| served_by(stage, "192.0.2.10", "192.0.2.1").ok())
            .collect();
        (answers.len() == 2 && answers[0] != answers[1]).then_some(())
    })
    .with_context(|| stage::log("lb"))
}

fn http(stage: &Stage, source: &str, edge: &str) -> Result<Flow> {
    let mut servers = BTreeMap::new();
    for _ in 0..4 {
        *servers.entry(served_by(stage, source, edge)?).or_insert(0) += 1;
    }
    Ok(Flow {
        client: source.to_owned(),
        asked: "4 × GET / over HTTP".to_owned(),
        as_configured: servers.values().eq(&[2, 2]),
        came_to: spread(&servers),
        source: "header x-served-by",
    })
}

/// The server that answered one request of curl.
fn served_by(stage: &Stage, source: &str, edge: &str) -> Result<String> {
    let url = format!("http://{edge}/");
    let output = client(
        stage,
        "curl",
        &["-sS", "--max-time", "5", "--interface", source, "-D", "-", &url],
    )?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let header = text.lines().find_map(|line| line.strip_prefix("x-served-by: "));
    Ok(header
        .with_context(|| format!("curl: {text}{}", String::from_utf8_lossy(&output.stderr)))?
        .to_owned())
}

/// Publishes several times with one client identifier, each on a connection of its own.
fn mqtt(stage: &Stage, id: &str) -> Result<Flow> {
    for message in ["1", "2", "3"] {
        let arguments = [
            "-h",
            "192.0.2.1",
            "-p",
            "1993",
            "-i",
            id,
            "-t",
            "demo",
            "-m",
            message,
            "-q",
            "1",
        ];
        let output = client(stage, "mosquitto_pub", &arguments)?;
        ensure!(
            output.status.success(),
            "mosquitto_pub: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let brokers = brokers_of(id, 3)?;
    Ok(Flow {
        client: format!("MQTT client {id}"),
        asked: "3 connections, one message each".to_owned(),
        as_configured: brokers.len() == 1,
        came_to: spread(&brokers),
        source: "the brokers' logs",
    })
}

/// Subscribes to what every broker tells of itself: bytes of the broker reach the client.
fn subscriber(stage: &Stage) -> Result<Flow> {
    let id = "subscriber";
    let topic = "$SYS/broker/version";
    let arguments = [
        "-h",
        "192.0.2.1",
        "-p",
        "1993",
        "-i",
        id,
        "-t",
        topic,
        "-C",
        "1",
        "-W",
        "5",
    ];
    let output = client(stage, "mosquitto_sub", &arguments)?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let brokers = brokers_of(id, 1)?;
    Ok(Flow {
        client: format!("MQTT client {id}"),
        asked: format!("subscribe to {topic}"),
        as_configured: answer.starts_with("mosquitto version"),
        came_to: format!("{}: {answer}", spread(&brokers)),
        source: "its output",
    })
}

/// How often each broker logged a connection of a client, once there were so many.
fn brokers_of(id: &str, connections: usize) -> Result<BTreeMap<String, usize>> {
    let mark = format!(" as {id} ");
    let count = |name: &str| stage::log(name).lines().filter(|line| line.contains(&mark)).count();
    until("the brokers' logs", || {
        let seen: BTreeMap<_, _> = BROKERS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), count(name)))
            .collect();
        (seen.values().sum::<usize>() >= connections).then_some(seen)
    })
    .map(|seen| seen.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Talks HTTP to the MQTT listener.
fn not_mqtt(stage: &Stage) -> Result<Flow> {
    let edge = SocketAddr::from(([192, 0, 2, 1], 1993));
    let outcome = stage.clients.run(|| {
        let mut client = Client::connect(edge)?;
        client.send("GET / HTTP/1.0\r\n\r\n")?;
        client.to_end()
    });
    let closed = match &outcome {
        Ok(bytes) => bytes.is_empty(),
        Err(error) => error.to_string().contains("read"),
    };
    Ok(Flow {
        client: "192.0.2.10".to_owned(),
        asked: "HTTP on the MQTT port".to_owned(),
        as_configured: closed,
        came_to: if closed {
            "rejected, no broker saw it".to_owned()
        } else {
            format!("{outcome:?}")
        },
        source: "the connection's end",
    })
}

/// Asks from an address that the rules deny, and looks whether the edge's TCP saw anything of it.
fn denied(stage: &Stage, source: &str) -> Result<Flow> {
    let is_ipv4 = source.parse::<IpAddr>()?.is_ipv4();
    let url = if is_ipv4 {
        "http://192.0.2.1/"
    } else {
        "http://[2001:db8:1::1]/"
    };
    let before = accepted(stage)?;
    let output = client(stage, "curl", &["-sS", "--max-time", "2", "--interface", source, url])?;
    let accepted = accepted(stage)? - before;
    let met = match output.status.code() {
        Some(7) => "connection refused",
        Some(28) => "no answer at all",
        Some(52 | 56) => "connection closed",
        _ => "an answer",
    };
    let socket = if accepted == 0 {
        "before a socket existed"
    } else {
        "after a socket was made"
    };
    Ok(Flow {
        client: source.to_owned(),
        asked: "GET / over HTTP".to_owned(),
        as_configured: !output.status.success(),
        came_to: format!("{met}, {socket}"),
        source: "curl, and the edge's TCP counters",
    })
}

/// How many connections the edge's TCP ever accepted from outside.
fn accepted(stage: &Stage) -> Result<u64> {
    let text = stage
        .edge
        .run(|| Ok(fs::read_to_string("/proc/thread-self/net/snmp")?))?;
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (Some(names), Some(values)) = (rows.next(), rows.next()) else {
        bail!("no TCP counters")
    };
    let found = names
        .split(' ')
        .zip(values.split(' '))
        .find(|(name, _)| *name == "PassiveOpens");
    Ok(found.context("no PassiveOpens")?.1.parse()?)
}

/// Runs a client program where the clients are. It ends at the latest when we do.
fn client(stage: &Stage, program: &str, arguments: &[&str]) -> Result<Output> {
    let mut command: Command = stage.clients.command(program)?;
    // SAFETY: the closure only makes a system call, which is safe between fork and exec.
    unsafe { command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?)) };
    command
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program}"))
}

/// `web1 ×2, web2 ×2`
fn spread(servers: &BTreeMap<String, usize>) -> String {
    let counted: Vec<String> = servers.iter().map(|(name, count)| format!("{name} ×{count}")).collect();
    counted.join(", ")
}
