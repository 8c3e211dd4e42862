//! Where rules are placed: which the gate takes, which listeners it leaves alone, and what the rules count.
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, load};
use lb_user::kernel::placement::{Endpoint, Listening, Placement};
use lb_user::kernel::{GateAction, GateListener};
use lb_user::keywords::RULES;
use lb_user::language::{Diagnostics, NoNames};
use lb_user::plan::Plan;
use lb_user::state::{ListenerId, ProxyId};

fn plan(text: &str) -> Result<Plan> {
    let mut diagnostics = Diagnostics::default();
    let source = Source {
        name: Arc::from("test.cfg"),
        text: text.as_bytes().to_owned(),
    };
    let inputs = Inputs {
        sources: &[source],
        environment: Environment::default(),
        registry: &RULES,
        host: &NoNames,
        read_file: &|path| match path.to_str() {
            Some("deny.map") => Ok(b"192.0.2.0/24 spam\n2001:db8::/32 robots\n".to_vec()),
            _ => Ok(b"# who is not welcome\n192.0.2.0/24\n2001:db8::7\n".to_vec()),
        },
    };
    let loaded = load(inputs, &mut diagnostics);
    loaded
        .plan
        .with_context(|| format!("{text}\n{:?}", diagnostics.messages()))
}

fn frontend(lines: &[&str]) -> Result<Plan> {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    plan(&format!("frontend web\n    timeout client 1s\n{lines}"))
}

/// `80 reject 192.0.2.0/24`: ports, then the rules.
fn describe(listener: &GateListener) -> String {
    let mut text = String::new();
    if let Some(address) = listener.address {
        let _ = write!(text, "{address} ");
    }
    let (first, last) = (listener.ports.start(), listener.ports.end());
    let _ = if first == last {
        write!(text, "{first}")
    } else {
        write!(text, "{first}-{last}")
    };
    for rule in &listener.rules {
        let action = match rule.action {
            GateAction::Accept => "accept",
            GateAction::Reject => "reject",
            GateAction::SilentDrop => "silent-drop",
        };
        let not = if rule.negate { " not" } else { "" };
        let _ = write!(text, "; {} {action}{not}", rule.id);
        for (address, length) in &rule.networks {
            let _ = write!(text, " {address}/{length}");
        }
    }
    text
}

fn listeners(placement: &Placement) -> String {
    let listeners: Vec<String> = placement.rules.listeners.iter().map(describe).collect();
    listeners.join(" | ")
}

fn configured(plan: &Plan) -> Placement {
    Placement::new(plan, &Listening::configured(plan))
}

#[test]
fn rules_that_are_placed_in_the_kernel() -> Result<()> {
    let cases: &[(&[&str], &str)] = &[
        (&["reject"], "0 reject not"),
        (&["reject if { src 192.0.2.7 }"], "0 reject 192.0.2.7/32"),
        (&["reject if !{ src 10.0.0.0/8 }"], "0 reject not 10.0.0.0/8"),
        (&["reject unless { src 10.0.0.0/8 }"], "0 reject not 10.0.0.0/8"),
        (&["reject unless !{ src 10.0.0.0/8 }"], "0 reject 10.0.0.0/8"),
        (
            &["reject if { src 1.2.3.4 } || { src 2001:db8::/32 }"],
            "0 reject 1.2.3.4/32 2001:db8::/32",
        ),
        (
            &["silent-drop if { src -f deny.lst }"],
            "0 silent-drop 192.0.2.0/24 2001:db8::7/128",
        ),
        (
            &["silent-drop if { src -M -f deny.map }"],
            "0 silent-drop 192.0.2.0/24 2001:db8::/32",
        ),
        (&["reject if LOCALHOST"], "0 reject 127.0.0.0/8"),
        (
            &["accept if { src 192.0.2.7 }", "reject if { src 192.0.2.0/24 }"],
            "0 accept 192.0.2.7/32; 1 reject 192.0.2.0/24",
        ),
        // What follows a rule that userspace decides may never be reached.
        (
            &[
                "accept if { src 1.2.3.4 }",
                "accept if { src_port 7 }",
                "reject if { src 1.2.3.0/24 }",
            ],
            "0 accept 1.2.3.4/32",
        ),
        (&["accept if { dst 1.2.3.4 }", "reject if { src 1.2.3.0/24 }"], ""),
        (&["reject if { src 1.2.3.4 } { src_port 7 }"], ""),
        (&["reject if { src 1.2.3.4 } { src 1.2.3.4 }"], ""),
        (&["reject if !{ src 1.2.3.4 } || !{ src 1.2.3.5 }"], ""),
        (&["reject if { src -m str 1.2.3.4 }"], ""),
        (&["reject if { src 1.2.3.4/255.0.255.0 }"], ""),
        (&["set-src int(1)", "reject"], ""),
    ];
    for (rules, expected) in cases {
        let lines: Vec<String> = rules
            .iter()
            .map(|rule| format!("tcp-request connection {rule}"))
            .collect();
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines.insert(0, "bind :80");
        let placement = configured(&frontend(&lines)?);
        let expected = if expected.is_empty() {
            "0.0.0.0 80".to_owned()
        } else {
            format!("0.0.0.0 80; {expected}")
        };
        ensure!(
            listeners(&placement) == expected,
            "{rules:?}: {}",
            listeners(&placement)
        );
        let in_kernel = placement.frontends[0]
            .rules
            .iter()
            .filter(|reason| reason.is_none())
            .count();
        ensure!(
            in_kernel == expected.matches(';').count(),
            "{rules:?}: {:?}",
            placement.frontends[0].rules
        );
    }
    Ok(())
}

#[test]
fn an_acl_of_several_lines_is_one_rule() -> Result<()> {
    let plan = frontend(&[
        "bind :80",
        "acl bad src 192.0.2.7",
        "tcp-request connection reject if bad",
        "acl bad src -f deny.lst",
    ])?;
    let placed = listeners(&configured(&plan));
    ensure!(
        placed == "0.0.0.0 80; 0 reject 192.0.2.7/32 192.0.2.0/24 2001:db8::7/128",
        "{placed}"
    );
    Ok(())
}

#[test]
fn listeners_that_the_gate_judges() -> Result<()> {
    const RULE: &str = "tcp-request connection reject if { src 1.2.3.4 }";
    const REJECTS: &str = "; 0 reject 1.2.3.4/32";
    let cases: &[(&[&str], &str, bool)] = &[
        (&["bind :80-82"], "0.0.0.0 80-82R", true),
        (&["bind :80", "bind :82"], "0.0.0.0 80R | 0.0.0.0 82R", true),
        (&["bind :::80"], "80R", true),
        (&["bind :::80 v4v6"], "80R", true),
        (&["bind :::80 v6only"], ":: 80R", true),
        (&["bind ::ffff:192.0.2.1:80"], "192.0.2.1 80R", true),
        (&["bind :80 accept-proxy"], "0.0.0.0 80", false),
        (&["bind :80 interface lo"], "0.0.0.0 80", false),
        (&["bind /tmp/never-bound.sock"], "", false),
        // Only who runs it knows.
        (&["bind fd@7"], "", true),
        (&["bind /tmp/never-bound.sock", "bind :80"], "0.0.0.0 80R", true),
    ];
    for (binds, expected, in_kernel) in cases {
        let lines: Vec<&str> = binds.iter().copied().chain([RULE]).collect();
        let placement = configured(&frontend(&lines)?);
        ensure!(
            listeners(&placement) == expected.replace('R', REJECTS),
            "{binds:?}: {}",
            listeners(&placement)
        );
        ensure!(placement.frontends[0].rules[0].is_none() == *in_kernel, "{binds:?}");
    }
    Ok(())
}

#[test]
fn two_frontends_on_one_address_are_left_to_userspace() -> Result<()> {
    let rule = "tcp-request connection reject if { src 1.2.3.4 }";
    let plan = plan(&format!(
        "defaults\n timeout client 1s\nfrontend a\n bind :80\n bind :81\n {rule}\nfrontend b\n bind :::80\n {rule}\nfrontend c\n bind 10.0.0.1:81\n"
    ))?;
    let placed = listeners(&configured(&plan));
    ensure!(
        placed == "0.0.0.0 80 | 0.0.0.0 81; 0 reject 1.2.3.4/32 | 80 | 10.0.0.1 81",
        "{placed}"
    );
    Ok(())
}

#[test]
fn an_inherited_socket_is_judged_where_it_listens() -> Result<()> {
    let plan = frontend(&["bind fd@7", "tcp-request connection reject if { src 1.2.3.4 }"])?;
    let listening = Listening {
        listener: Some(ListenerId {
            frontend: ProxyId(0),
            index: 0,
        }),
        endpoint: Some(Endpoint::new("127.0.0.1:8080".parse()?, false)),
    };
    let placed = listeners(&Placement::new(&plan, &[listening]));
    ensure!(placed == "127.0.0.1 8080; 0 reject 1.2.3.4/32", "{placed}");
    Ok(())
}

/// Counters are told apart by listener only where somebody looks at listeners, and keep their numbers when lists change.
#[test]
fn counters_follow_from_the_configuration_alone() -> Result<()> {
    let lines = [
        "bind :80",
        "bind :81",
        "tcp-request connection accept if { src -f deny.lst }",
        "tcp-request connection reject",
    ];
    let together = configured(&frontend(&lines)?);
    ensure!(
        listeners(&together).starts_with("0.0.0.0 80-81; 0 accept"),
        "{}",
        listeners(&together)
    );
    ensure!(together.counted.len() == 2 && together.counted.iter().all(|counted| counted.listener.is_none()));

    let apart = frontend(&[&lines[..], &["option socket-stats"]].concat())?;
    let before = configured(&apart);
    let ids = |placement: &Placement| -> Vec<Vec<u32>> {
        let listeners = placement.rules.listeners.iter();
        listeners
            .map(|listener| listener.rules.iter().map(|rule| rule.id).collect())
            .collect()
    };
    ensure!(ids(&before) == [[0, 2], [1, 3]], "{:?}", ids(&before));
    let listener = before.counted[3].listener.context("no listener")?;
    ensure!((before.counted[3].rule, listener.index) == (1, 1));

    let list = apart.patterns.get("deny.lst").context("no list")?;
    ensure!(before.is_current());
    list.edit(|entries| entries.truncate(1))?;
    ensure!(!before.is_current(), "a changed list is noticed");
    let after = configured(&apart);
    ensure!(ids(&after) == ids(&before) && after.counted == before.counted);
    ensure!(
        after.rules.listeners[0].rules[0].networks.len() == 1,
        "the gate is given the list as it is now"
    );
    Ok(())
}

/// `0 tracks; 1 reject 4.. +1`: the rules on tables, with the numbers that match and whether this connection is one of them.
fn watched(listener: &GateListener) -> String {
    let tracks = listener
        .watch
        .tracks
        .iter()
        .map(|track| format!("{} tracks {}", track.rule, track.table));
    let checks = listener.watch.checks.iter().map(|check| {
        let high = if check.high > i64::MAX as u64 / 2 {
            String::new()
        } else {
            check.high.to_string()
        };
        let not = if check.negate == 1 { " not" } else { "" };
        let plus = if check.tracked > 0 {
            format!(" +{}", check.tracked)
        } else {
            String::new()
        };
        format!("{} {:?}{not} {}..{high}{plus}", check.rule, check.action, check.low)
    });
    tracks.chain(checks).collect::<Vec<_>>().join("; ")
}

#[test]
fn rules_on_tables_that_are_placed_in_the_kernel() -> Result<()> {
    const IP: &str = "type ip size 1k store conn_rate(10s),gpc0,gpt0";
    let cases: &[(&str, &[&str], &str)] = &[
        (
            IP,
            &["track-sc0 src", "reject if { sc0_conn_rate gt 3 }"],
            "0 tracks 0; 1 Reject 4.. +1",
        ),
        (
            IP,
            &["track-sc1 src", "reject if { sc_conn_rate(1) ge 3 }"],
            "0 tracks 0; 1 Reject 3.. +1",
        ),
        (
            IP,
            &["track-sc0 src", "reject if { src_conn_rate(web) gt 3 }"],
            "0 tracks 0; 1 Reject 4.. +1",
        ),
        (IP, &["reject if { src_get_gpt0 gt 0 }"], "0 Reject 1.."),
        (
            IP,
            &["silent-drop if { src_get_gpc0 1 3:5 }"],
            "0 SilentDrop 1..1; 0 SilentDrop 3..5",
        ),
        (IP, &["reject unless { src_get_gpc0 lt 2 }"], "0 Reject not 0..1"),
        (IP, &["reject if { src_get_gpc0 lt 0 }"], "0 Reject 1..0"),
        (
            IP,
            &["reject if { src_get_gpt0 gt 0 } || { src_get_gpc0 gt 0 }"],
            "0 Reject 1..; 0 Reject 1..",
        ),
        // Not stored, not followed, not the source, only sometimes, more than one test.
        (IP, &["reject if { src_http_req_rate gt 0 }"], ""),
        (IP, &["reject if { sc0_conn_rate gt 3 }"], ""),
        (IP, &["track-sc0 dst", "reject if { src_get_gpt0 gt 0 }"], ""),
        (IP, &["track-sc0 src if { src_port 7 }", "reject"], ""),
        (IP, &["reject if { src_get_gpt0 gt 0 } { src 1.2.3.4 }"], ""),
        (IP, &["reject if { src_get_gpt0 gt 0 } || { src 1.2.3.4 }"], ""),
        (IP, &["reject unless { src_get_gpc0 1 3 }"], ""),
        (IP, &["reject if { src_inc_gpc0 gt 3 }"], ""),
        (
            "type string len 9 size 1k store gpt0",
            &["reject if { src_get_gpt0 gt 0 }"],
            "",
        ),
        ("type ip size 1m store gpt0", &["reject if { src_get_gpt0 gt 0 }"], ""),
    ];
    for (table, rules, expected) in cases {
        let rules: Vec<String> = rules
            .iter()
            .map(|rule| format!("tcp-request connection {rule}"))
            .collect();
        let table = format!("stick-table {table}");
        let mut lines = vec!["bind :80", &table];
        lines.extend(rules.iter().map(String::as_str));
        let placement = configured(&frontend(&lines)?);
        let placed = placement.rules.listeners.first().map(watched).unwrap_or_default();
        ensure!(
            placed == *expected,
            "{rules:?}: {placed} {:?}",
            placement.frontends[0].rules
        );
    }
    Ok(())
}
