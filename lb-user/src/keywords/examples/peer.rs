//! Formats and conditions against what HAProxy makes of them.
//!
//! `tests/data/formats.txt` holds log formats and `tests/data/conditions.txt` the words of conditions, each with a tab and what
//! HAProxy gave for the request in `tests/data/request.http`. Where we mean to differ ` != ` follows, what we give, a tab
//! and why. To record them anew, after adding lines (without a tab) or
//! with another version: `LB_RECORD=/usr/sbin/haproxy cargo test --lib peer`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Scene;
use crate::http::h1::{Limits, parse_request};
use crate::http::message::Head;
use crate::language::{Location, Scope, Word, Words};
use crate::rules::log_format::Style;
use crate::rules::{Condition, Exchange, LogFormat, Side, Verdict};

fn data(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../tests/data", file].iter().collect()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(data(file)).unwrap()
}

/// The request as it goes over the wire.
fn wire() -> String {
    read("request.http").replace('\n', "\r\n")
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    // The peer was asked in the clear.
    scene.session.tls = None;
    let mut head = Head::new();
    parse_request(wire().as_bytes(), &mut head, &Limits::default()).unwrap();
    scene.exchange = Exchange {
        is_first: true,
        request_line: wire().split("\r\n").next().unwrap_or_default().into(),
        ..Exchange::default()
    };
    scene.request_body = b"";
    scene.request = head;
    scene
}

fn format(text: &str) -> String {
    let mut scene = scene();
    let format = scene.compile(Scope::HTTP_REQUEST, |context| {
        LogFormat::parse(text, Style::TEXT, context)
    });
    match format {
        Ok(format) => String::from_utf8_lossy(&format.string(&scene.facts(true, Side::Request))).into_owned(),
        Err(error) => error,
    }
}

fn condition(text: &str) -> String {
    let mut scene = scene();
    let words = format!("if {text}");
    let words: Vec<Word> = words
        .split(' ')
        .map(|word| if word == "\"\"" { "" } else { word }.to_owned())
        .collect();
    let location = Location::default();
    let condition = scene.compile(Scope::HTTP_REQUEST, |context| {
        Condition::parse(&mut Words::new(&words, &location), context)
    });
    match condition.map(|condition| condition.evaluate(&scene.facts(true, Side::Request))) {
        Ok(Verdict::Yes) => "1".to_owned(),
        Ok(_) => "0".to_owned(),
        Err(error) => error,
    }
}

/// One line of a table.
struct Case<'t> {
    text: &'t str,
    theirs: &'t str,
    /// What we give where we mean to differ, and why.
    ours: Option<&'t str>,
}

impl Case<'_> {
    fn read(line: &str) -> Case<'_> {
        let (line, ours) = match line.split_once("\t!= ") {
            Some((line, ours)) => (line, Some(ours)),
            None => (line, None),
        };
        let (text, theirs) = line.split_once('\t').unwrap_or((line, ""));
        Case { text, theirs, ours }
    }
}

/// Compares a table with what `ours` makes of its lines, or records what the peer's rule makes of them.
fn check(file: &str, ours: fn(&str) -> String, rule: fn(usize, &str) -> String) {
    let table = read(file);
    let cases = table.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let cases: Vec<Case<'_>> = cases.map(Case::read).collect();
    if let Ok(program) = std::env::var("LB_RECORD") {
        let rules: String = cases.iter().enumerate().map(|(at, case)| rule(at, case.text)).collect();
        let mut answers = answers(&program, &rules, cases.len()).into_iter();
        let mut recorded = String::new();
        for line in table.lines() {
            let is_case = !line.is_empty() && !line.starts_with("# ");
            recorded += &match is_case.then(|| answers.next()).flatten() {
                Some(answer) => {
                    let case = Case::read(line);
                    let ours = case.ours.map(|ours| format!("\t!= {ours}")).unwrap_or_default();
                    format!("{}\t{answer}{ours}\n", case.text)
                }
                None => format!("{line}\n"),
            };
        }
        std::fs::write(data(file), recorded).unwrap();
        return;
    }
    let mut wrong = String::new();
    for Case {
        text,
        theirs,
        ours: meant,
    } in cases
    {
        let expected = match meant {
            Some(meant) => meant.split_once('\t').expect("a reason").0,
            None => theirs,
        };
        let ours = ours(text);
        if ours != expected {
            wrong += &format!("{text}\n  we say {ours}\n  the peer says {theirs}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A word as the configuration quotes it.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("\"{escaped}\"")
}

/// Asks the peer: each rule of `rules` answers the request that carries its number.
fn answers(program: &str, rules: &str, count: usize) -> Vec<String> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = std::env::temp_dir().join(format!("lb-peer-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in super::FILES {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let configuration = format!(
        "userlist people\n user ann insecure-password secret groups staff,admin\n group staff\n group admin\n\
         defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
         frontend www\n bind 127.0.0.1:{port}\n{rules}backend app\n server s1 127.0.0.1:1\n server s2 127.0.0.1:1 disabled\n"
    );
    std::fs::write(folder.join("peer.cfg"), configuration).unwrap();
    let mut peer = Command::new(program)
        .args(["-db", "-f", "peer.cfg"])
        .current_dir(&folder)
        .env("COLOUR", "green")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let answers = (0..count).map(|at| ask(port, at)).collect();
    peer.kill().unwrap();
    peer.wait().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    answers
}

/// The body of the peer's answer.
fn ask(port: u16, case: usize) -> String {
    let mut stream = (0..100)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            TcpStream::connect(("127.0.0.1", port))
                .inspect_err(|_| std::thread::sleep(Duration::from_millis(50)))
                .ok()
        })
        .expect("the peer listens");
    let request = wire().replace("\r\n\r\n", &format!("\r\nX-Case: {case}\r\nConnection: close\r\n\r\n"));
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "case {case}: {head}");
    body.to_owned()
}

#[test]
fn formats_show_what_the_peer_shows() {
    check("formats.txt", format, |at, text| {
        format!(
            " http-request return content-type text/plain lf-string {} if {{ req.hdr(x-case) {at} }}\n",
            quoted(text)
        )
    });
}

#[test]
fn conditions_hold_where_the_peers_do() {
    check("conditions.txt", condition, |at, text| {
        let words: Vec<String> = text
            .split(' ')
            .map(|word| if word == "\"\"" { word.to_owned() } else { quoted(word) })
            .collect();
        let words = words.join(" ");
        let case = format!("{{ req.hdr(x-case) {at} }}");
        // Alternatives are first made one answer: the number of the case is a term of its own.
        format!(
            " http-request set-var(txn.c{at}) bool(1) if {words}\n \
             http-request return content-type text/plain string 1 if {case} {{ var(txn.c{at}) -m bool }}\n \
             http-request return content-type text/plain string 0 if {case}\n"
        )
    });
}
