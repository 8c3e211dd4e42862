//! The runtime API beside the peer's: both run one configuration and are told the same.
//!
//! What differs and is meant to is listed here, with the reason. The peer installed is HAProxy 2.6, whose answers to these
//! commands are those of 2.4 but for additions.
use std::path::Path;

use anyhow::{Context, Result};
use lab::{Balancer, Client, Origin, Service, Setup, until};

const PEER: &str = "/usr/sbin/haproxy";

/// Both balancers in front of one origin.
struct Pair {
    ours: Balancer,
    peers: Balancer,
    _origin: Origin,
}

impl Pair {
    /// `None` where the peer is not installed.
    fn start() -> Result<Option<Pair>> {
        if !Path::new(PEER).is_file() {
            eprintln!("skipped: {PEER} is not installed");
            return Ok(None);
        }
        let origin = Origin::start(Service::Http("origin"))?;
        let start = |program: Option<&str>| -> Result<Balancer> {
            let setup = Setup::new(configuration(&origin)).listen("web")?;
            let balancer = match program {
                Some(program) => setup.program(program).start()?,
                None => setup.start()?,
            };
            until("the first check", || {
                balancer.ask("show stat").ok()?.contains("L4OK").then_some(())
            })?;
            Ok(balancer)
        };
        let (ours, peers) = (start(None)?, start(Some(PEER))?);
        Ok(Some(Pair {
            ours,
            peers,
            _origin: origin,
        }))
    }

    /// What the two say differently in `show stat`, apart from what is meant to be different.
    fn different_columns(&self) -> Result<Vec<String>> {
        let [ours, peers] = self.ask("show stat")?;
        let (ours, peers) = (table(&ours)?, table(&peers)?);
        assert_eq!(ours.len(), peers.len());
        let mut differences = Vec::new();
        for (our, their) in ours.iter().zip(&peers) {
            for ((name, value), (_, other)) in our.iter().zip(their) {
                let is_known = OTHER_COLUMNS.iter().any(|(column, _)| column == name);
                if value != other && !is_known {
                    differences.push(format!(
                        "{}/{} {name}: {value:?}, the peer's {other:?}",
                        our[0].1, our[1].1
                    ));
                }
            }
        }
        Ok(differences)
    }

    /// Both answers, without what is different from run to run.
    fn ask(&self, command: &str) -> Result<[String; 2]> {
        Ok([settled(&self.ours.ask(command)?), settled(&self.peers.ask(command)?)])
    }
}

fn configuration(origin: &Origin) -> String {
    let origin = origin.address();
    format!(
        "
    log ring@events local0
    maxconn 500
    nbthread 1
    node edge
    setenv WORD value

ring events
    format raw
    size 65536

defaults
    mode http
    log global
    timeout connect 5s
    timeout client 10s
    timeout server 10s

frontend web
    bind \"fd@${{web}}\" name door
    option socket-stats
    maxconn 100
    rate-limit sessions 55
    stick-table type ip size 1k expire 30s store gpc0,gpc1,gpt0,conn_rate(10s),http_req_rate(10s),bytes_out_cnt,server_id
    default_backend plain

backend plain
    server s1 {origin} weight 10 maxconn 30
    server s2 {origin} weight 20 id 7 maxqueue 5
    server s3 {origin} disabled
    server s4 {origin} backup
    server s5 {origin} track plain/s6
    server s6 {origin} check inter 1h

backend fixed
    id 77
    balance static-rr
    server s1 {origin} weight 10

backend names
    mode tcp
    balance leastconn
    stick-table type string len 5 size 10 expire 1h store gpc0,conn_cur

backend numbers
    stick-table type integer size 10 expire 1h store gpc0,bytes_out_cnt,gpc0_rate(2s)

backend sixes
    stick-table type ipv6 size 10 expire 1h store server_id

backend blobs
    stick-table type binary len 4 size 10 expire 1h store gpc0
"
    )
}

/// The answer with everything that differs from run to run as `N`: numbers of entries and streams, ages, dates, sockets.
fn settled(answer: &str) -> String {
    let mut text = String::new();
    for line in answer.split_inclusive('\n') {
        let mut words = line.split_inclusive(' ').map(|word| {
            let end = &word[word.trim_end().len()..];
            match word.trim_end() {
                id if id.starts_with("0x") => format!("N:{end}"),
                age if age.starts_with("exp=") => format!("exp=N{end}"),
                other => format!("{other}{end}"),
            }
        });
        text.extend(words.by_ref());
    }
    text
}

/// Commands that both must answer alike, in this order: errors, silence, and what changed.
const ALIKE: &[&str] = &[
    "show cli level",
    "operator;show cli level;disable server plain/s1",
    "user;show sess;show cli level;operator",
    "set severity-output number;set weight plain/zz 1",
    "set severity-output foo",
    "set timeout",
    "set timeout cli",
    "set timeout cli abc",
    "set timeout cli 5s",
    "experimental-mode",
    "experimental-mode on;experimental-mode",
    "show env WORD",
    "show env NOBODY",
    "show backend",
    "show servers state",
    "show servers state plain",
    "show servers state nobody",
    "show servers conn nobody",
    "show table",
    "show table web",
    "show table nobody",
    "show errors nobody",
    "show sess 0x1",
    "get weight",
    "get weight plain",
    "get weight plain/s1",
    "get weight nobody/s1",
    "get weight plain/nobody",
    "get weight #3/#7",
    "set weight plain/s1",
    "set weight plain/s1 5",
    "set weight plain/s1 50%",
    "set weight plain/s1 300",
    "set weight plain/s1 -1",
    "set weight plain/s1 5000%",
    "get weight plain/s1",
    "set weight fixed/s1 5",
    "set weight fixed/s1 0",
    "set weight fixed/s1 100%",
    "set server",
    "set server plain/s1",
    "set server plain/s1 foo",
    "set server plain/s1 weight",
    "set server plain/s1 weight 10",
    "set server plain/s1 state",
    "set server plain/s1 state drain",
    "set server plain/s1 state maint",
    "show servers state plain",
    "set server plain/s1 state ready",
    "set server plain/s1 health",
    "set server plain/s2 health down",
    "set server plain/s2 health up",
    "set server plain/s5 health up",
    "set server plain/s1 agent up",
    "set server plain/s1 addr",
    "set server plain/s1 addr foo",
    "set server plain/s1 addr 127.0.0.2",
    "set server plain/s1 addr 127.0.0.2",
    "set server plain/s1 addr 127.0.0.3 port 99",
    "set server plain/s1 addr 127.0.0.3 port 99",
    "set server plain/s1 addr 127.0.0.3 port abc",
    "set server plain/s1 fqdn",
    "set server plain/s1 fqdn foo",
    "enable server",
    "enable server plain",
    "enable server plain/",
    "disable server plain/s1",
    "disable server plain/s1",
    "enable server plain/s1",
    "enable server plain/s3",
    "disable server plain/s3",
    "disable server plain/s4",
    "disable server plain/s2",
    "disable server plain/s1",
    "set server plain/s1 state ready",
    "enable server plain/s2",
    "enable server plain/s4",
    "show servers state plain",
    "disable health plain/s1",
    "enable health plain/s1",
    "disable agent plain/s1",
    "enable agent plain/s1",
    "set maxconn server",
    "set maxconn server plain/s1",
    "set maxconn server plain/s1 44",
    "set maxconn frontend",
    "set maxconn frontend nobody 3",
    "set maxconn frontend web",
    "set maxconn frontend web -5",
    "set maxconn frontend web 50",
    "set maxconn global",
    "set maxconn global 10000",
    "set maxconn global 100",
    "set maxconn global 0",
    "set rate-limit",
    "set rate-limit connections",
    "set rate-limit connections global",
    "set rate-limit connections global 10",
    "set rate-limit sessions global 11",
    "set rate-limit connections global 0;set rate-limit sessions global 0",
    "disable frontend",
    "disable frontend nobody",
    "disable frontend plain",
    "shutdown frontend",
    "shutdown frontend nobody",
    "enable frontend web",
    "shutdown session",
    "shutdown session 0x123",
    "shutdown session xyz",
    "shutdown sessions server",
    "shutdown sessions server plain/s1",
    "shutdown sessions server plain/nobody",
    "get var",
    "get var proc.nobody",
    "get var txn.x",
    "set table",
    "set table nobody key 1",
    "set table names",
    "set table names key",
    "set table names key abcdefgh data.gpc0 3",
    "set table names key abcde data.gpc0 4",
    "set table names key a\\ b data.gpc0 1 data.conn_cur 7",
    "set table names key abcde data.foo 1",
    "set table names key abcde data.gpc0",
    "set table names key abcde data.gpc0 abc",
    "set table names key abcde data.conn_cnt 1",
    "set table names key abcde foo 1",
    "show table names",
    "show table names key abcde",
    "show table names key nobody",
    "show table names key",
    "show table names foo",
    "show table names data.gpc0 gt 1",
    "show table names data.gpc0 gt 0 data.gpc0 lt 4",
    "show table names data.gpc0 xx 0",
    "show table names data.gpc0 gt",
    "show table names data.gpc0 gt abc",
    "show table names data.foo gt 1",
    "show table names data.conn_cnt gt 1",
    "clear table",
    "clear table nobody",
    "clear table names foo",
    "clear table names key",
    "clear table names key a\\ b",
    "clear table names data.gpc0 eq 4",
    "show table names",
    "set table numbers key 12 data.bytes_out_cnt 123456789012",
    "set table numbers key 7 data.gpc0 99999999999 data.gpc0_rate 10",
    "set table numbers key -1",
    "set table numbers key 4294967296",
    "set table numbers key abc",
    "show table numbers",
    "clear table numbers",
    "show table numbers",
    "set table sixes key ::1 data.server_id 3",
    "set table sixes key 127.0.0.1",
    "show table sixes",
    "set table blobs key 61626364",
    "show stat nobody 1 1",
    "show stat domain foo",
    "clear counters",
    "clear counters all",
];

#[test]
fn commands_are_answered_as_the_peer_answers_them() -> Result<()> {
    let Some(pair) = Pair::start()? else { return Ok(()) };
    let mut differences = String::new();
    for command in ALIKE {
        let [ours, peers] = pair.ask(command)?;
        if aside(&ours) != aside(&peers) {
            differences += &format!("--- {command}\nours:\n{ours}\npeer's:\n{peers}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
    let [ours, peers] = pair.ask("show events events")?;
    assert_eq!(ours, peers, "what was told of the servers in the log");
    Ok(())
}

/// `show servers state` without the seconds since the last change, which a slow machine may count differently, and
/// without the health of servers that nobody checks, which the peer leaves at zero after maintenance.
fn aside(answer: &str) -> String {
    if !answer.starts_with("1\n# be_id") {
        return answer.to_owned();
    }
    let settled = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if let [_, _, _, _, _, _, _, _, _, age, _, _, health, state, ..] = &mut words[..] {
            *age = "N";
            if *state != "6" {
                *health = "N";
            }
        }
        words.join(" ")
    };
    answer.lines().map(settled).collect::<Vec<_>>().join("\n")
}

/// Columns of `show stat` whose values differ, and why.
const OTHER_COLUMNS: &[(&str, &str)] = &[
    (
        "slim",
        "a listener's limit is 0 here and there, a frontend's is its own; only the sum of all may differ in 2.6",
    ),
    ("lastchg", "an age"),
    ("lastsess", "an age"),
    ("downtime", "an age"),
    ("rate", "depends on the second"),
    ("rate_max", "depends on the second"),
    ("req_rate", "depends on the second"),
    ("req_rate_max", "depends on the second"),
    ("conn_rate", "depends on the second"),
    ("conn_rate_max", "depends on the second"),
    ("qtime", "a time"),
    ("ctime", "a time"),
    ("rtime", "a time"),
    ("ttime", "a time"),
    ("qtime_max", "a time"),
    ("ctime_max", "a time"),
    ("rtime_max", "a time"),
    ("ttime_max", "a time"),
    ("check_duration", "a time"),
    (
        "bin",
        "bytes on the wire; the peer counts those of its own form of a message",
    ),
    ("bout", "as bin"),
    ("addr", "inherited listeners have another port in each process"),
    (
        "idle_conn_cur",
        "the peer sorts idle connections by safety; here all are safe",
    ),
    ("safe_conn_cur", "as idle_conn_cur"),
    ("need_conn_est", "an estimate"),
];

/// `show stat` as rows of named columns; only those that 2.4 has.
fn table(answer: &str) -> Result<Vec<Vec<(String, String)>>> {
    let mut lines = answer.lines().filter(|line| !line.is_empty());
    let names: Vec<&str> = lines
        .next()
        .context("no header")?
        .trim_start_matches("# ")
        .split(',')
        .collect();
    let known = names.iter().position(|name| *name == "uweight").context("no uweight")?;
    Ok(lines
        .map(|line| {
            let values = line.split(',').map(str::to_owned);
            names
                .iter()
                .map(|name| (*name).to_owned())
                .zip(values)
                .take(known + 1)
                .collect()
        })
        .collect())
}

#[test]
fn statistics_say_what_the_peers_say() -> Result<()> {
    let Some(pair) = Pair::start()? else { return Ok(()) };
    for balancer in [&pair.ours, &pair.peers] {
        let mut client = Client::connect(balancer.address("web")?)?;
        for path in ["/", "/a"] {
            assert_eq!(client.get(path)?.status, 200);
        }
        balancer.ask("disable server plain/s2;set server plain/s4 state drain")?;
    }
    // Workers count what they sent after it is sent, so the client may be quicker than the count.
    let mut differences = Vec::new();
    let alike = until("the same statistics", || {
        differences = pair.different_columns().ok()?;
        differences.is_empty().then_some(())
    });
    alike.with_context(|| differences.join("\n"))?;
    Ok(())
}
