//! Where each rule runs, and why (`lb explain`).

use std::fmt::Write as _;

use super::gate;
use super::source::Source;
use crate::language::Location;
use crate::plan::global::EbpfMode;
use crate::plan::{BindAddress, Mode, Plan, Proxy};
use crate::rules::Rule;

/// A rule with where it runs.
struct Line {
    text: String,
    place: Place,
}

enum Place {
    Gate,
    Userspace(String),
}

/// Writes, for each frontend and what stands behind it, each rule with where it runs and, where that is userspace, why.
pub fn explain(plan: &Plan, sources: &[Source]) -> String {
    let mut out = String::new();
    for proxy in plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} {} ({})", proxy.kind(), proxy.name, mode(proxy));
        for (bind, times) in binds(proxy) {
            let _ = match times {
                1 => writeln!(out, "  bind {bind}"),
                _ => writeln!(out, "  bind {bind} and {} more", times - 1),
            };
        }
        table(&lines(plan, proxy, sources), &mut out);
        let _ = writeln!(out, "  flows: {}\n", flows(plan, proxy));
    }
    for proxy in plan
        .proxies
        .iter()
        .filter(|proxy| !proxy.is_frontend && !proxy.disabled)
    {
        let lines = lines(plan, proxy, sources);
        if !lines.is_empty() {
            let _ = writeln!(out, "{} {} ({})", proxy.kind(), proxy.name, mode(proxy));
            table(&lines, &mut out);
            out.push('\n');
        }
    }
    out
}

fn mode(proxy: &Proxy) -> &'static str {
    match proxy.mode {
        Mode::Tcp => "tcp",
        Mode::Http => "http",
    }
}

/// The first address of each `bind` line with how many the line stands for.
fn binds(proxy: &Proxy) -> Vec<(String, usize)> {
    let mut binds: Vec<(String, usize, &Location)> = Vec::new();
    for bind in &proxy.binds {
        match binds.last_mut() {
            Some((_, times, line)) if **line == bind.location => *times += 1,
            _ => {
                let address = match &bind.address {
                    BindAddress::Inet(address) => address.to_string(),
                    BindAddress::Unix(path) => path.clone(),
                    BindAddress::Abstract(name) => format!("abns@{name}"),
                    BindAddress::Descriptor(fd) => format!("fd@{fd}"),
                };
                binds.push((address, 1, &bind.location));
            }
        }
    }
    binds.into_iter().map(|(address, times, _)| (address, times)).collect()
}

fn lines(plan: &Plan, proxy: &Proxy, sources: &[Source]) -> Vec<Line> {
    let mut lines = connection_rules(plan, proxy, sources);
    let rules = &proxy.rules;
    let http = match proxy.mode {
        Mode::Http => "needs the parsed message",
        Mode::Tcp => "not judged: the proxy is in TCP mode",
    };
    for (set, reason) in [
        (&rules.tcp_session, "needs what stands before the payload"),
        (&rules.tcp_content, "needs the first bytes"),
        (&rules.http_request, http),
        (&rules.redirect, http),
        (&rules.tcp_response, "needs the server's first bytes"),
        (&rules.http_response, http),
        (&rules.http_after_response, http),
    ] {
        lines.extend(set.iter().map(|rule| Line {
            text: text_at(&rule.location, sources),
            place: Place::Userspace(reason.to_owned()),
        }));
    }
    lines
}

/// The connection rules: those the gate takes, then the first that it cannot, then those below that one.
fn connection_rules(plan: &Plan, proxy: &Proxy, sources: &[Source]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut stopped_by: Option<u32> = None;
    let off = unreachable(plan, proxy);
    for rule in &proxy.rules.tcp_connection {
        let place = match (&off, stopped_by) {
            (Some(reason), _) => Place::Userspace(reason.clone()),
            (None, Some(line)) => Place::Userspace(format!("stands below line {line}, which userspace decides")),
            (None, None) => place(rule),
        };
        if stopped_by.is_none() && matches!(place, Place::Userspace(_)) {
            stopped_by = Some(rule.location.line);
        }
        lines.push(Line {
            text: text_at(&rule.location, sources),
            place,
        });
    }
    lines
}

fn place(rule: &Rule) -> Place {
    match gate::judge(rule) {
        Ok(_) => Place::Gate,
        Err(reason) => Place::Userspace(reason),
    }
}

/// Why the gate sees nothing of this frontend's connections.
fn unreachable(plan: &Plan, proxy: &Proxy) -> Option<String> {
    if plan.global.ebpf.mode == EbpfMode::Off {
        return Some("'ebpf off' in the global section".to_owned());
    }
    let seen = |address: &BindAddress| matches!(address, BindAddress::Inet(_) | BindAddress::Descriptor(_));
    let mut reasons = proxy.binds.iter().map(|bind| {
        if !seen(&bind.address) {
            return Some("the socket is no TCP socket");
        }
        if bind.options.namespace.is_some() {
            return Some("the socket is in another network namespace");
        }
        gate::shadowing(bind)
    });
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then(|| first.to_owned())
}

/// The configuration's own words at a place.
fn text_at(location: &Location, sources: &[Source]) -> String {
    let source = sources.iter().find(|source| source.name == location.file);
    let line = (location.line as usize).checked_sub(1);
    let text = source
        .zip(line)
        .and_then(|(source, line)| source.text.split(|byte| *byte == b'\n').nth(line))
        .map(|text| String::from_utf8_lossy(text).trim().to_owned());
    text.unwrap_or_else(|| location.to_string())
}

/// How the frontend's connections are carried.
fn flows(plan: &Plan, proxy: &Proxy) -> &'static str {
    match proxy.mode {
        _ if plan.global.ebpf.mode == EbpfMode::Off => "userspace ('ebpf off' in the global section)",
        _ if !proxy.options.offload => "userspace ('offload off')",
        Mode::Http => "userspace (HTTP is understood message by message)",
        Mode::Tcp => "userspace (carrying flows in the kernel is not implemented in this version)",
    }
}

/// Rules to the left, places to the right.
fn table(lines: &[Line], out: &mut String) {
    let width = lines
        .iter()
        .map(|line| line.text.chars().count())
        .max()
        .unwrap_or(0)
        .min(90);
    for Line { text, place } in lines {
        let _ = match place {
            Place::Gate => writeln!(out, "  {text:width$}  kernel (XDP gate)"),
            Place::Userspace(reason) => writeln!(out, "  {text:width$}  userspace: {reason}"),
        };
    }
}
