//! Whole configurations against the messages they must cause.
//!
//! `tests/data/config.txt` holds cases, our messages, and the peer's where they differ on purpose (another version of
//! the language, a keyword that is refused by name). With `LB_PEER=/usr/sbin/haproxy` the installed peer is asked too.
//! `LB_RECORD=1` writes our messages into the table, for a look at the difference in version control; together with
//! `LB_PEER` it records the peer's as well.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, Loaded, load};
use lb_user::language::{Diagnostics, Host, Severity};
use lb_user::plan::{BindAddress, Mode, Plan};

const CASE: &str = "== case\n";
const SAYS: &str = "== says\n";
const PEER: &str = "== peer\n";
/// The name under which a case is read.
const FILE: &str = "case.cfg";

/// A machine on which only `localhost` and `root` are known.
struct Machine;

impl Host for Machine {
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        match name {
            "localhost" => vec![IpAddr::from([127, 0, 0, 1])],
            _ => Vec::new(),
        }
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn hostname(&self) -> String {
        "edge".to_owned()
    }
}

fn read(text: &str) -> (Loaded, Diagnostics) {
    let source = Source {
        name: Arc::from(FILE),
        text: text.as_bytes().to_vec(),
    };
    let mut diagnostics = Diagnostics::default();
    let inputs = Inputs {
        sources: &[source],
        environment: Environment::default(),
        registry: &lb_user::keywords::RULES,
        host: &Machine,
        read_file: &|path| std::fs::read(path),
    };
    (load(inputs, &mut diagnostics), diagnostics)
}

fn plan(text: &str) -> Plan {
    let (loaded, diagnostics) = read(text);
    let messages = diagnostics.messages();
    loaded.plan.unwrap_or_else(|| panic!("{messages:?}"))
}

struct Case {
    text: String,
    says: String,
    /// What the peer says, where it differs.
    peer: Option<String>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/config.txt")
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(data()).unwrap();
    table
        .split(CASE)
        .skip(1)
        .map(|case| {
            let (text, rest) = case.split_once(SAYS).unwrap_or((case, ""));
            let (says, peer) = match rest.split_once(PEER) {
                Some((says, peer)) => (says, Some(peer.to_owned())),
                None => (rest, None),
            };
            Case {
                text: text.to_owned(),
                says: says.to_owned(),
                peer,
            }
        })
        .collect()
}

/// Our messages, in the form of the table.
fn ours(text: &str) -> String {
    let (_, diagnostics) = read(text);
    let mut says = String::new();
    for message in diagnostics.messages() {
        if message.severity != Severity::Diag {
            let text = normal(&message.text);
            writeln!(says, "[{}] {text}", message.severity.label()).unwrap();
        }
    }
    says
}

/// Versions of the peer differ in what they put before a message, and in full stops.
fn normal(text: &str) -> String {
    let text = text.strip_prefix("config : ").unwrap_or(text);
    let text = text
        .strip_prefix("Parsing")
        .map_or(text.to_owned(), |rest| format!("parsing{rest}"));
    let text = match text.starts_with('[') {
        true => format!("parsing {text}"),
        false => text,
    };
    let text = text.replacen("]: ", "] : ", 1);
    let text = match text.strip_suffix("..") {
        Some(start) => format!("{start}."),
        None => text,
    };
    // One mistake may be announced twice.
    let twice = format!("parsing [{FILE}");
    match text.rfind(&twice) {
        Some(at) if at > 0 && text.starts_with(&twice) && text.get(at - 3..at) == Some(" : ") => {
            text.get(at..).unwrap_or_default().to_owned()
        }
        _ => text,
    }
}

/// The peer's messages, without process identifiers and what sums up.
fn peers(program: &str, text: &str) -> String {
    let folder = std::env::temp_dir().join(format!("lb-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(FILE), text).unwrap();
    let output = Command::new(program)
        .args(["-c", "-f", FILE])
        .current_dir(&folder)
        .env_clear()
        .output()
        .unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let mut says = String::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let summing_up = line.contains("found in configuration") || line.starts_with("[NOTICE]");
        let message = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .and_then(|(label, rest)| Some((label, rest.split_once(") : ")?.1)));
        match message {
            _ if summing_up => {}
            Some((label, text)) => writeln!(says, "[{label}] {}", normal(text)).unwrap(),
            None if line.starts_with("  ") => writeln!(says, "{line}").unwrap(),
            None => {}
        }
    }
    says
}

#[test]
fn configurations_cause_their_messages() {
    let cases = cases();
    let peer = std::env::var("LB_PEER").ok();
    if std::env::var("LB_RECORD").is_ok() {
        return record(&cases, peer.as_deref());
    }
    assert!(cases.len() > 10, "the table is cut short");
    let mut differences = String::new();
    for case in &cases {
        let ours = ours(&case.text);
        if ours != case.says {
            let (text, says) = (&case.text, &case.says);
            writeln!(differences, "about\n{text}we say\n{ours}the table says\n{says}").unwrap();
        }
        let Some(program) = &peer else { continue };
        let theirs = peers(program, &case.text);
        let expected = case.peer.as_ref().unwrap_or(&case.says);
        if theirs != *expected {
            let text = &case.text;
            writeln!(
                differences,
                "about\n{text}the peer says\n{theirs}the table says\n{expected}"
            )
            .unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

fn record(cases: &[Case], peer: Option<&str>) {
    let mut table = String::new();
    for case in cases {
        let says = ours(&case.text);
        let theirs = match peer {
            Some(program) => Some(peers(program, &case.text)).filter(|theirs| *theirs != says),
            None => case.peer.clone(),
        };
        write!(table, "{CASE}{}{SAYS}{says}", case.text).unwrap();
        if let Some(theirs) = theirs {
            write!(table, "{PEER}{theirs}").unwrap();
        }
    }
    std::fs::write(data(), table).unwrap();
}

/// A frontend around one line, and a backend that it may name.
fn around(line: &str) -> String {
    format!(
        "defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
frontend f
  bind 127.0.0.1:8080
  log 127.0.0.1 local0
  {line}
backend b1
  mode http
  server s1 127.0.0.1:1
"
    )
}

/// `tests/data/lines.txt` holds lines of a frontend with, after tabs, our messages and the peer's where they differ. Lines
/// within messages end in `\n` there. It is recorded as the other table is.
#[test]
fn lines_cause_their_messages() {
    let path = data().with_file_name("lines.txt");
    let table = std::fs::read_to_string(&path).unwrap();
    let (peer, records) = (std::env::var("LB_PEER").ok(), std::env::var("LB_RECORD").is_ok());
    let flat = |says: String| says.trim_end().replace('\n', "\\n");
    let (mut recorded, mut differences) = (String::new(), String::new());
    for case in table.lines() {
        let mut columns = case.split('\t');
        let mut column = || columns.next().unwrap_or_default().to_owned();
        let (line, says, theirs) = (column(), column(), column());
        let configuration = around(&line);
        let ours = flat(ours(&configuration));
        let now = match &peer {
            Some(program) => flat(peers(program, &configuration)),
            None if theirs.is_empty() => says.clone(),
            None => theirs.clone(),
        };
        let kept = if now == ours { String::new() } else { format!("\t{now}") };
        writeln!(recorded, "{line}\t{ours}{kept}").unwrap();
        if ours != says {
            writeln!(differences, "{line}\n  we say {ours}\n  the table says {says}").unwrap();
        }
        let expected = if theirs.is_empty() { &says } else { &theirs };
        if now != *expected {
            writeln!(
                differences,
                "{line}\n  the peer says {now}\n  the table says {expected}"
            )
            .unwrap();
        }
    }
    if records {
        std::fs::write(path, recorded).unwrap();
    } else {
        assert!(differences.is_empty(), "{differences}");
    }
}

#[test]
fn a_plan_holds_what_was_said() {
    let plan = plan(
        "global
    maxconn 500
    nbthread 2
    log 127.0.0.1:5140 local3 notice
defaults
    mode http
    timeout client 10s
    timeout server 11s
    timeout connect 12s
    option httpclose
    retries 5
frontend web
    bind 127.0.0.1:8080-8082 name public,
    default_backend app
backend app
    balance leastconn
    default-server weight 7
    server a 127.0.0.1:9000
    server b localhost:9001 weight 9 backup
",
    );
    assert_eq!(plan.global.max_connections, Some(500));
    assert_eq!(plan.global.logs.len(), 1);
    let [web, app] = &plan.proxies[..] else {
        panic!("two proxies");
    };
    assert_eq!((web.mode, app.mode), (Mode::Http, Mode::Http));
    assert_eq!(web.default_backend, Some(app.id));
    assert_eq!(web.binds.len(), 3);
    assert_eq!(
        web.binds[2].address,
        BindAddress::Inet("127.0.0.1:8082".parse().unwrap())
    );
    assert_eq!(app.retries, 5);
    let weights: Vec<_> = app
        .servers
        .iter()
        .map(|server| (server.weight, server.backup))
        .collect();
    assert_eq!(weights, [(7, false), (9, true)]);
}
