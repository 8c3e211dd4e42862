//! The file grammar against what HAProxy says about the same text.
//!
//! `tests/data/grammar.txt` holds cases and the messages that were recorded from HAProxy. To record them anew, with
//! messages of another version or after adding cases: `LB_RECORD=/usr/sbin/haproxy cargo test --test grammar`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lb_user::config::environment::Environment;
use lb_user::config::section;
use lb_user::config::source::Source;
use lb_user::language::{Diagnostics, Severity};

/// A line of its own before each case's text, and before the messages about it.
const CASE: &str = "== case";
const SAYS: &str = "== says";
/// The name under which a case is read.
const FILE: &str = "case.cfg";

struct Case {
    text: String,
    says: String,
}

/// The variables that the cases use.
fn environment() -> Environment {
    [
        ("LIST", "x y  z"),
        ("EMPTY", ""),
        ("LEAD", " lead"),
        ("QUOTE", "a\"b"),
        ("SLASH", "a\\nb"),
        ("YES", "1"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/grammar.txt")
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(data()).unwrap();
    text.split(&format!("{CASE}\n"))
        .skip(1)
        .map(|case| {
            let (text, says) = case.split_once(&format!("{SAYS}\n")).unwrap();
            Case {
                text: text.to_owned(),
                says: says.to_owned(),
            }
        })
        .collect()
}

/// What `lb` says, a message per paragraph, in the form of the table.
fn ours(text: &str) -> String {
    let source = Source {
        name: Arc::from(FILE),
        text: text.as_bytes().to_vec(),
    };
    let mut diagnostics = Diagnostics::default();
    section::split(&[source], environment(), &mut diagnostics);
    let mut says = String::new();
    for message in diagnostics.messages() {
        if message.severity != Severity::Diag {
            writeln!(says, "[{}] {}", message.severity.label(), message.text).unwrap();
        }
    }
    says
}

/// What the peer says, without process identifiers and what is not about a line.
fn peers(program: &str, text: &str) -> String {
    let folder = std::env::temp_dir().join(format!("lb-grammar-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(FILE), text).unwrap();
    let output = Command::new(program)
        .args(["-c", "-f", FILE])
        .current_dir(&folder)
        .env_clear()
        .envs(environment().iter())
        .output()
        .unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    let mut says = String::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let about_a_line = line
            .split_once(" : ")
            .filter(|_| line.starts_with('['))
            .and_then(|(head, rest)| {
                let text = rest.strip_prefix("config : ").unwrap_or(rest);
                let label = head.split_whitespace().next()?;
                text.starts_with("parsing [").then(|| format!("{label} {text}"))
            });
        match about_a_line {
            Some(text) => writeln!(says, "{text}").unwrap(),
            None if line.starts_with("  ") => writeln!(says, "{line}").unwrap(),
            None => {}
        }
    }
    says
}

#[test]
fn the_grammar_says_what_the_peer_says() {
    let cases = cases();
    if let Ok(program) = std::env::var("LB_RECORD") {
        let mut table = String::new();
        for case in &cases {
            let says = peers(&program, &case.text);
            write!(table, "{CASE}\n{}{SAYS}\n{says}", case.text).unwrap();
        }
        std::fs::write(data(), table).unwrap();
        return;
    }
    assert!(cases.len() > 50, "the table is cut short");
    let mut differences = String::new();
    for case in &cases {
        let ours = ours(&case.text);
        if ours != case.says {
            writeln!(
                differences,
                "about\n{}we say\n{ours}the peer says\n{}",
                case.text, case.says
            )
            .unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}
