//! Stick tables from the outside, and beside the peer's: both are told the same and then hold the same entries.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use lab::{Balancer, Client, Origin, Service, Setup, until};

const PEER: &str = "/usr/sbin/haproxy";

const DEFAULTS: &str = "
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    retries 0
";

/// A server whose answers have the status that the path ends in.
fn statuses() -> Result<Balancer> {
    let answers = [200, 404, 429, 500, 501, 503, 505]
        .map(|status| format!("    http-request return status {status} if {{ path_end /{status} }}\n"));
    Setup::new(format!(
        "{DEFAULTS}\nfrontend origin\n    bind \"fd@${{origin}}\"\n{}",
        answers.concat()
    ))
    .listen("origin")?
    .start()
}

/// Everything that is counted for a request, over periods that do not end within a test. Bytes of HTTP messages are
/// left out: the peer counts those of its own form of a message.
const HTTP: &str = "gpt0,gpc0,gpc0_rate(1h),gpc1,gpc1_rate(1h),conn_cnt,conn_cur,conn_rate(1h),sess_cnt,sess_rate(1h),\
                    http_req_cnt,http_req_rate(1h),http_err_cnt,http_err_rate(1h),http_fail_cnt,http_fail_rate(1h)";

const TABLES: &[&str] = &["connections", "sixes", "contents", "requests", "paths", "nets", "relay"];

fn configuration(statuses: SocketAddr, echo: SocketAddr) -> String {
    let table =
        |name: &str, key: &str| format!("backend {name}\n    stick-table type {key} size 1k expire 1h store {HTTP}\n");
    let rules = "
    http-request deny if { path /deny }
    http-request tarpit if { path /tarpit }
    http-request auth if { path /auth }
    http-request return status 404 if { path /return }
    http-request redirect location / if { path /redirect }
    http-request reject if { path /reject }
    http-request sc-inc-gpc0(0) if { path_beg /inc }
    http-request sc-set-gpt0(0) path,length if { path_beg /inc }
    http-request deny if { path_beg /clear } { sc0_clr_gpc0 gt 2 }
    http-request deny if { path_beg /count } { src_inc_gpc1(nets) gt 4 }
    http-request deny if { sc0_http_err_cnt gt 25 } ! { path,table_conn_cnt(paths) lt 9 }
    http-response sc-inc-gpc1(0) if { status 500 }
    use_backend nowhere if { path /nowhere }
    default_backend app
";
    format!(
        "{DEFAULTS}
    timeout tarpit 20ms
{}{}{}
frontend connections
    bind \"fd@${{connections}}\"
    stick-table type ip size 1k expire 1h store {HTTP}
    tcp-request connection track-sc0 src
    http-request track-sc1 path table paths
{rules}
frontend sessions
    bind \"fd@${{sessions}}\"
    tcp-request session track-sc0 src table sixes
    tcp-request content track-sc1 src,ipmask(31) table nets
{rules}
frontend requests
    bind \"fd@${{requests}}\"
    stick-table type ip size 1k expire 1h store {HTTP}
    http-request track-sc0 src
    http-request track-sc0 path table paths
    http-request track-sc2 req.hdr(host) table paths if {{ path_beg /inc }}
{rules}
frontend contents
    bind \"fd@${{contents}}\"
    stick-table type ip size 1k expire 1h store {HTTP}
    tcp-request content track-sc0 src
    http-response track-sc1 status table paths
{rules}
backend app
    http-request deny if {{ path_beg /backend }}
    server s {statuses}
backend nowhere
listen relay
    mode tcp
    bind \"fd@${{relay}}\"
    stick-table type ipv6 size 1k expire 1h store conn_cnt,conn_cur,conn_rate(1h),sess_cnt,bytes_in_cnt,bytes_in_rate(1h),bytes_out_cnt,bytes_out_rate(1h)
    tcp-request connection track-sc0 src
    tcp-request content track-sc1 src table contents
    server s {echo}
",
        table("paths", "string len 20"),
        table("nets", "ip"),
        table("sixes", "ipv6"),
    )
}

/// Both balancers, told the same.
struct Pair {
    balancers: [Balancer; 2],
    clients: Vec<(&'static str, [Client; 2])>,
}

/// A sequence of numbers that only looks random.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

const PATHS: &[&str] = &[
    "/200",
    "/200",
    "/404",
    "/429",
    "/500",
    "/501",
    "/503",
    "/505",
    "/deny",
    "/tarpit",
    "/auth",
    "/return",
    "/redirect",
    "/inc/200",
    "/inc/500",
    "/clear/200",
    "/count/404",
    "/backend/200",
    "/nowhere",
];

impl Pair {
    fn ask(&self, command: &str) -> Result<[String; 2]> {
        Ok([
            settled(&self.balancers[0].ask(command)?),
            settled(&self.balancers[1].ask(command)?),
        ])
    }

    fn connect(&mut self, draw: &mut Draw) -> Result<()> {
        let frontend = draw.of(&["connections", "sessions", "requests", "contents", "relay"]);
        let source = IpAddr::from(Ipv4Addr::new(127, 0, 0, 1 + draw.below(6) as u8));
        let connect = |balancer: &Balancer| Client::connect_from(source, balancer.address(frontend)?);
        let clients = [connect(&self.balancers[0])?, connect(&self.balancers[1])?];
        self.clients.push((frontend, clients));
        Ok(())
    }

    /// Sends a request, or bytes, and reads what comes back. A connection that ends is forgotten.
    fn send(&mut self, draw: &mut Draw) -> Result<()> {
        if self.clients.is_empty() {
            return Ok(());
        }
        let number = draw.below(self.clients.len());
        let path = draw.of(PATHS);
        let (frontend, clients) = &mut self.clients[number];
        let mut ended = false;
        for client in clients {
            if *frontend == "relay" {
                client.send(path)?;
                client.exactly(path.len())?;
            } else {
                let response = client.get(path).with_context(|| format!("{frontend}{path}"))?;
                ended |= response.header("connection") == Some("close");
            }
        }
        if ended {
            self.clients.swap_remove(number);
        }
        Ok(())
    }

    fn close(&mut self, draw: &mut Draw) {
        if !self.clients.is_empty() {
            let number = draw.below(self.clients.len());
            self.clients.swap_remove(number);
        }
    }

    /// Waits until both hold the same: what a closed connection counts for comes a little later.
    fn agree(&self, step: &str) -> Result<()> {
        for table in TABLES {
            let command = format!("show table {table}");
            let mut last = Default::default();
            let agreed = until("tables alike", || {
                last = self.ask(&command).ok()?;
                (last[0] == last[1]).then_some(())
            });
            if agreed.is_err() {
                assert_eq!(last[0], last[1], "after {step}");
            }
        }
        Ok(())
    }
}

/// The answer without what is different from run to run: entries' numbers and ages.
fn settled(answer: &str) -> String {
    let words = answer.split_inclusive([' ', '\n']);
    words
        .filter(|word| !word.starts_with("0x") && !word.starts_with("exp="))
        .collect()
}

/// Something that an operator does to a table.
fn command(draw: &mut Draw) -> String {
    let table = draw.of(&["connections", "requests", "contents", "nets"]);
    let key = format!("127.0.0.{}", 1 + draw.below(7));
    let kind = draw.of(&[
        "gpc0",
        "gpt0",
        "conn_cnt",
        "http_req_rate",
        "http_err_cnt",
        "conn_cur",
        "server_id",
    ]);
    let number = draw.below(6);
    let operator = draw.of(&["eq", "ne", "le", "ge", "lt", "gt"]);
    match draw.below(5) {
        0 => format!("set table {table} key {key} data.gpc0 {number} data.gpt0 7"),
        1 => format!("clear table {table} key {key}"),
        2 => format!("clear table {table} data.gpc0 gt {number}"),
        3 => format!("show table {table} key {key}"),
        _ => format!("show table {table} data.{kind} {operator} {number}"),
    }
}

#[test]
fn tables_agree_with_the_peers_after_whatever_happens() -> Result<()> {
    if !Path::new(PEER).is_file() {
        eprintln!("skipped: {PEER} is not installed");
        return Ok(());
    }
    let (statuses, echo) = (statuses()?, Origin::start(Service::Echo)?);
    for seed in 1..=3 {
        let configuration = configuration(statuses.address("origin")?, echo.address());
        let setup = || -> Result<Setup<'_>> {
            ["connections", "sessions", "requests", "contents", "relay"]
                .into_iter()
                .try_fold(Setup::new(configuration.clone()), Setup::listen)
        };
        let mut pair = Pair {
            balancers: [setup()?.start()?, setup()?.program(PEER).start()?],
            clients: Vec::new(),
        };
        let mut draw = Draw(seed);
        for number in 0..100 {
            let step = match draw.below(10) {
                0..3 => {
                    pair.connect(&mut draw)?;
                    "a connection".to_owned()
                }
                3..7 => {
                    pair.send(&mut draw)?;
                    "a message".to_owned()
                }
                7..9 => {
                    pair.close(&mut draw);
                    "a close".to_owned()
                }
                _ => {
                    let command = command(&mut draw);
                    if command.starts_with("clear") {
                        // The peer passes over some entries beside one that is in use.
                        pair.clients.clear();
                        pair.agree("all clients left")?;
                    }
                    let [ours, peers] = pair.ask(&command)?;
                    assert_eq!(ours, peers, "seed {seed}, step {number}: {command}");
                    command
                }
            };
            pair.agree(&format!("seed {seed}, step {number}: {step}"))?;
        }
    }
    Ok(())
}

#[test]
fn a_circuit_breaks_when_too_many_requests_fail() -> Result<()> {
    let origin = statuses()?;
    let lb = Setup::new(format!(
        r#"{DEFAULTS}
frontend web
    bind "fd@${{web}}"
    default_backend serviceA

backend serviceA
    # Create storage for tracking client info
    stick-table type string size 1 expire 30s store http_req_rate(10s),http_fail_rate(10s),gpc1
    # Is the circuit broken?
    acl circuit_open be_name,table_gpc1 gt 0
    # Reject request if circuit is broken
    http-request return status 503 content-type "application/json" string "{{ \"message\": \"Circuit Breaker tripped\" }}" if circuit_open
    # Begin tracking requests
    http-request track-sc0 be_name
    # Store the HTTP request rate and error rate in variables
    http-response set-var(res.req_rate) sc_http_req_rate(0)
    http-response set-var(res.err_rate) sc_http_fail_rate(0)
    # Check if error rate is greater than 50% using some math
    http-response sc-inc-gpc1(0) if {{ int(100),mul(res.err_rate),div(res.req_rate) gt 50 }}
    server s1 {} check
"#,
        origin.address("origin")?
    ))
    .listen("web")?
    .start()?;
    let mut client = Client::connect(lb.address("web")?)?;
    let mut ask = |path: &str| -> Result<(u16, bool)> {
        let response = client.get(path)?;
        Ok((response.status, response.text().contains("Circuit Breaker tripped")))
    };
    for (path, expected) in [
        ("/200", (200, false)),
        ("/500", (500, false)),
        ("/404", (404, false)),
        // Two of four: half is not more than half.
        ("/500", (500, false)),
        ("/500", (500, false)),
        ("/200", (503, true)),
        ("/200", (503, true)),
    ] {
        assert_eq!(ask(path)?, expected, "{path}");
    }
    assert!(lb.ask("show table serviceA")?.contains("key=serviceA"));
    // The operator closes it again.
    lb.ask("set table serviceA key serviceA data.gpc1 0")?;
    assert_eq!(ask("/200")?, (200, false));
    Ok(())
}
