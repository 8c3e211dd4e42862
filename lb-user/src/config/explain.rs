//! Where each rule runs, and why (`lb explain`).

use std::fmt::Write as _;

use super::source::Source;
use crate::kernel::placement::{Listening, Placed, Placement, RuleReason, carried, listener_reason};
use crate::kernel::steer::{Groups, Role};
use crate::language::Location;
use crate::plan::global::EbpfMode;
use crate::plan::options::Offload;
use crate::plan::{Bind, Mode, Plan, Proxy};
use crate::state::ListenerId;

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
    let placement = Placement::new(plan, &Listening::configured(plan));
    let groups = Groups::new(plan);
    for proxy in plan.proxies.iter().filter(|proxy| proxy.is_frontend && !proxy.disabled) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} {} ({})", proxy.kind(), proxy.name, mode(proxy));
        let placed = placement.frontends.iter().find(|placed| placed.frontend == proxy.id);
        binds(proxy, placed, &groups, &mut out);
        let mut lines = placed.map_or(Vec::new(), |placed| connection_rules(plan, proxy, placed, sources));
        lines.extend(other_rules(proxy, sources));
        table(&lines, &mut out);
        let _ = writeln!(out, "  flows: {}\n", flows(plan, proxy));
    }
    for proxy in plan
        .proxies
        .iter()
        .filter(|proxy| !proxy.is_frontend && !proxy.disabled)
    {
        let lines = other_rules(proxy, sources);
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

/// Writes the first address of each `bind` line with how many the line stands for, whether they share a listener, and why the gate leaves
/// them alone, if it does.
fn binds(proxy: &Proxy, placed: Option<&Placed>, groups: &Groups, out: &mut String) {
    let same_line = |one: &Bind, other: &Bind| one.location == other.location;
    let mut index = 0;
    for line in proxy.binds.chunk_by(same_line) {
        let reason = placed.and_then(|placed| placed.listeners.get(index).copied().flatten());
        let frontend = proxy.id;
        let role = |index| groups.role(ListenerId { frontend, index });
        let shared = (index..index + line.len()).filter(|&index| role(index as u32) != Role::Ordinary);
        let shared = shared.count();
        index += line.len();
        let Some(first) = line.first() else { continue };
        let _ = write!(out, "  bind {}", first.address);
        if line.len() > 1 {
            let _ = write!(out, " and {} more", line.len() - 1);
        }
        let _ = match shared {
            0 => Ok(()),
            all if all == line.len() => write!(out, "  (one listener: the kernel steers)"),
            some => write!(out, "  (one listener for {some} of them: the kernel steers)"),
        };
        let _ = match reason {
            Some(reason) => writeln!(out, "  (gate: {reason})"),
            None => writeln!(out),
        };
    }
}

/// The rules that only userspace knows.
fn other_rules(proxy: &Proxy, sources: &[Source]) -> Vec<Line> {
    let mut lines = Vec::new();
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

/// The connection rules, of which the gate takes the first.
fn connection_rules(plan: &Plan, proxy: &Proxy, placed: &Placed, sources: &[Source]) -> Vec<Line> {
    let off = plan.global.ebpf.mode == EbpfMode::Off;
    let place = |reason: &Option<RuleReason>| match reason {
        _ if off => Place::Userspace("'ebpf off' in the global section".to_owned()),
        Some(reason) => Place::Userspace(reason.to_string()),
        None => Place::Gate,
    };
    let rules = proxy.rules.tcp_connection.iter().zip(&placed.rules);
    let lines = rules.map(|(rule, reason)| Line {
        text: text_at(&rule.location, sources),
        place: place(reason),
    });
    lines.collect()
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
fn flows(plan: &Plan, proxy: &Proxy) -> String {
    match carried(plan, proxy) {
        Err(_) if proxy.mode == Mode::Tcp && proxy.options.offload == Offload::Handover => {
            "userspace, then the kernel once both sides are quiet ('offload handover')".to_owned()
        }
        Err(reason) => format!("userspace ({reason})"),
        Ok(_) => match proxy.binds.iter().find_map(listener_reason) {
            None => "kernel, from the first SYN (TC)".to_owned(),
            Some(reason) => format!("kernel, from the first SYN (TC); userspace for some listeners ({reason})"),
        },
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
