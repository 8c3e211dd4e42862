//! The rooms of `lb-user`: their order, their purity, and the one that has the clock.
use super::Finding;
use super::source::Source;

/// The rooms, highest first. A room imports only from rows below its own.
const ROOMS: &[&[&str]] = &[
    &["process"],
    &["control"],
    &["config"],
    &["keywords"],
    &["accept"],
    &["l4"],
    &["stream"],
    &["health", "resolve"],
    &["backend"],
    &["kernel"],
    &["observe"],
    &["plan"],
    &["rules"],
    &["tls"],
    &["language"],
    &["state"],
    &["stick"],
    &["http"],
    &["runtime"],
];

/// Files and folders that hold pure code: decisions without sockets, clock, randomness or a runtime.
const PURE: &[&str] = &[
    "backend/balance",
    "config",
    "health/answer",
    "health/message",
    "health/probe",
    "health/request",
    "health/result",
    "health/schedule",
    "health/standing",
    "http",
    "keywords/convert",
    "keywords/fetch",
    "language",
    "plan",
    "rules",
    "tls",
];

/// What pure code does not name.
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["mio"],
    &["socket2"],
    &["rustix"],
    &["rand"],
    &["fastrand"],
    &["getrandom"],
    &["TcpStream"],
    &["TcpListener"],
    &["UdpSocket"],
    &["UnixStream"],
    &["UnixListener"],
    &["UnixDatagram"],
];

/// The clocks, which only the room `runtime` reads.
const CLOCKS: &[&[&str]] = &[
    &["Instant", ":", ":", "now"],
    &["SystemTime", ":", ":", "now"],
    &["clock_gettime"],
];

/// The path below `lb-user/src`, where the file is one of the balancer's.
fn path(source: &Source) -> Option<&str> {
    source.name.strip_prefix("lb-user/src/")
}

fn height(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

/// A room imports only from rooms below it.
pub fn only_downward(source: &Source) -> Vec<Finding> {
    let Some((own, _)) = path(source).and_then(|path| path.split_once('/')) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let Some(own_height) = height(own) else {
        let what = format!("room `{own}` has no place in the order of the rooms");
        return vec![Finding { line: 1, what }];
    };
    for (room, line) in imports(source) {
        let above = height(room).is_some_and(|height| height <= own_height);
        if above && room != own {
            let what = format!("room `{own}` imports from `{room}`, which is not below it");
            findings.push(Finding { line, what });
        }
    }
    findings
}

/// The first segment of every path that starts with `crate::`, and its line.
fn imports(source: &Source) -> Vec<(&str, usize)> {
    const CRATE: &[&str] = &["crate", ":", ":"];
    let token = |index: usize| source.tokens.get(index).map(|token| (token.text.as_str(), token.line));
    let mut found = Vec::new();
    for start in source.places(CRATE) {
        let first = start + CRATE.len();
        if !source.reads(first, &["{"]) {
            found.extend(token(first));
            continue;
        }
        // Of `crate::{a::b, c::{d, e}}` the segments are the words that follow the outer brace and its commas.
        let (mut depth, mut index, mut starts) = (0, first, false);
        while let Some((text, line)) = token(index) {
            match text {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ if starts => found.push((text, line)),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            starts = depth == 1 && matches!(text, "{" | ",");
            index += 1;
        }
    }
    found
}

/// Pure code names no runtime, socket or source of randomness.
pub fn pure_ones_stay_pure(source: &Source) -> Vec<Finding> {
    let is_pure = |path: &str| {
        PURE.iter()
            .any(|pure| path.strip_prefix(pure).is_some_and(|rest| rest.starts_with(['/', '.'])))
    };
    if !path(source).is_some_and(is_pure) {
        return Vec::new();
    }
    named(source, IMPURE, "is not for pure code")
}

/// Only `runtime` reads a clock; others are told the time.
pub fn one_home_for_the_clock(source: &Source) -> Vec<Finding> {
    match path(source) {
        Some(path) if !path.starts_with("runtime/") => named(source, CLOCKS, "is for the room `runtime` alone"),
        _ => Vec::new(),
    }
}

fn named(source: &Source, names: &[&[&str]], why: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in names {
        for index in source.places(name) {
            let what = format!("`{}` {why}", name.concat());
            findings.push(Finding {
                line: source.line(index),
                what,
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Result;

    fn lines(rule: super::super::Rule, name: &str, text: &str) -> Result<Vec<usize>> {
        let source = Source::parse(format!("lb-user/src/{name}"), text)?;
        Ok(rule(&source).iter().map(|finding| finding.line).collect())
    }

    #[test]
    fn upward_imports_are_found_wherever_they_are_written() -> Result<()> {
        let text = "use crate::http::x;\nuse crate::{runtime::{stream, y}, plan::z,\n    stream};\nfn f() { format!(\"{}\", crate::process::g()) }\n";
        assert_eq!(lines(only_downward, "rules/acl.rs", text)?, [2, 3, 4]);
        assert!(lines(only_downward, "process/mod.rs", text)?.is_empty());
        assert!(lines(only_downward, "lib.rs", text)?.is_empty());
        assert_eq!(lines(only_downward, "health/x.rs", "use crate::resolve::y;")?, [1]);
        assert_eq!(lines(only_downward, "cellar/x.rs", "")?, [1]);
        Ok(())
    }

    #[test]
    fn pure_code_is_found_impure() -> Result<()> {
        let text = "use std::time::Instant;\nuse tokio::net::TcpStream;\n";
        assert_eq!(lines(pure_ones_stay_pure, "http/h1/head.rs", text)?, [2, 2]);
        assert_eq!(lines(pure_ones_stay_pure, "language.rs", text)?, [2, 2]);
        assert!(lines(pure_ones_stay_pure, "l4/relay.rs", text)?.is_empty());
        Ok(())
    }

    #[test]
    fn the_clock_has_one_home() -> Result<()> {
        let text = "fn f() {\n    std::time::Instant::now();\n}\n";
        assert_eq!(lines(one_home_for_the_clock, "l4/relay.rs", text)?, [2]);
        assert!(lines(one_home_for_the_clock, "runtime/clock.rs", text)?.is_empty());
        Ok(())
    }
}
