//! Changes of whole farms, and the log lines they make.

use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;

use super::super::standing::SetHealth;
use super::super::testing::{DRAIN, MAINT, READY, checked, id, lab, server};
use super::*;
use crate::backend::Assignment;
use crate::backend::queue::Priority;
use crate::plan::Server;

#[test]
fn checks_bring_servers_down_and_up() {
    let lab = lab(true, vec![vec![checked("s1")]]);
    let s1 = id(0, 0);
    assert_eq!(lab.status(s1), "UP 1/3");
    lab.check(s1, Status::L4Ok);
    lab.check(s1, Status::L4Ok);
    lab.check(s1, Status::L4Connection);
    assert_eq!(lab.status(s1), "UP 2/3");
    lab.check(s1, Status::L4Connection);
    lab.check(s1, Status::L4Connection);
    lab.check(s1, Status::L4Connection);
    assert_eq!(lab.status(s1), "DOWN");
    let passed = "5 Health check for server be0/s1 succeeded, reason: Layer4 check passed, check duration: 0ms";
    let failed = "5 Health check for server be0/s1 failed, reason: Layer4 connection problem, check duration: 0ms";
    assert_eq!(
        lab.lines(),
        [
            &format!("{passed}, status: 3/3 UP."),
            &format!("{failed}, status: 2/3 UP."),
            &format!("{failed}, status: 1/3 UP."),
            &format!("{failed}, status: 0/2 DOWN."),
            "1 Server be0/s1 is DOWN. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
            "0 backend be0 has no server available!",
        ]
    );
    assert!(!lab.farm.backends[0].is_available());
    lab.check(s1, Status::L4Ok);
    lab.check(s1, Status::L4Ok);
    assert_eq!(
        lab.lines(),
        [
            &format!("{passed}, status: 1/2 DOWN."),
            &format!("{passed}, status: 3/3 UP."),
            "5 Server be0/s1 is UP. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
        ]
    );
    assert!(lab.farm.backends[0].is_available());
    assert!(lab.is_quiet());
    let counters = &lab.farm.process.server(s1).unwrap().counters;
    assert_eq!((counters.check_failures.get(), counters.check_downs.get()), (3, 1));
}

#[test]
fn changes_tell_their_reason_where_checks_do_not() {
    let lab = lab(false, vec![vec![checked("s1"), checked("s2")]]);
    lab.check(id(0, 0), Status::L4Timeout);
    assert_eq!(
        lab.lines(),
        [
            "1 Server be0/s1 is DOWN, reason: Layer4 timeout, check duration: 0ms. 1 active and 0 backup servers left. \
             0 sessions active, 0 requeued, 0 remaining in queue."
        ]
    );
    lab.check(id(0, 0), Status::L4Connection);
    lab.farm.apply(id(0, 1), Event::SetHealth(SetHealth::Stopping));
    assert_eq!(
        lab.lines(),
        [
            "5 Server be0/s2 is stopping, changed from CLI. 0 active and 0 backup servers online. \
             0 sessions requeued, 0 total in queue.",
            "0 backend be0 has no server available!"
        ]
    );
    assert_eq!(lab.status(id(0, 1)), "NOLB");
}

#[test]
fn followers_do_as_their_leader() {
    let tracking = Server {
        track: Some("be0/s1".to_owned()),
        backup: true,
        ..server("t1")
    };
    let lab = lab(
        false,
        vec![vec![checked("s1"), server("s2")], vec![tracking, server("s2")]],
    );
    let (leader, follower) = (id(0, 0), id(1, 0));
    lab.check(leader, Status::L4Ok);
    assert_eq!(lab.status(follower), "UP");
    lab.farm.apply(leader, MAINT);
    let left = "1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.";
    assert_eq!(
        lab.lines(),
        [
            format!("1 Server be0/s1 is going DOWN for maintenance. {left}"),
            format!("1 Backup Server be1/t1 is going DOWN for maintenance via be0/s1. {left}"),
        ]
    );
    assert_eq!(
        [leader, follower].map(|id| lab.status(id)),
        ["MAINT", "MAINT (via be0/s1)"]
    );
    lab.farm.apply(leader, DRAIN);
    assert_eq!(
        lab.lines(),
        [
            "5 Server be0/s1 is UP/DRAIN (leaving forced maintenance).",
            "5 Server be0/s1 remains in forced drain mode.",
            "5 Backup Server be1/t1 is UP/DRAIN (leaving maintenance).",
            "5 Backup Server be1/t1 is leaving forced drain but remains in drain mode via be0/s1.",
        ]
    );
    lab.farm.apply(leader, READY);
    assert_eq!(
        lab.lines(),
        [
            "5 Server be0/s1 is UP (leaving forced drain).",
            "5 Backup Server be1/t1 is UP (leaving forced drain)."
        ]
    );
    assert_eq!([leader, follower].map(|id| lab.status(id)), ["UP 1/3", "UP 1/3"]);
    lab.farm.apply(leader, Event::SetHealth(SetHealth::Down));
    let [_, line] = lab.lines();
    assert!(
        line.starts_with("1 Backup Server be1/t1 is DOWN via be0/s1. 1 active"),
        "{line}"
    );
    lab.farm.apply(follower, MAINT);
    lab.farm.apply(follower, READY);
    assert_eq!(lab.status(follower), "DOWN");
}

#[test]
fn maintenance_by_configuration_ends_like_any_other() {
    let disabled = Server {
        disabled: true,
        ..checked("s1")
    };
    let lab = lab(false, vec![vec![disabled]]);
    assert_eq!(lab.status(id(0, 0)), "MAINT");
    lab.check(id(0, 0), Status::L4Ok);
    assert_eq!(lab.status(id(0, 0)), "MAINT");
    lab.farm.apply(id(0, 0), READY);
    assert_eq!(
        lab.lines(),
        ["5 Server be0/s1 is UP/READY (leaving forced maintenance)."]
    );
    assert_eq!(lab.status(id(0, 0)), "UP 1/3");
}

#[test]
fn unchecked_servers_have_a_status_of_their_own() {
    let lab = lab(false, vec![vec![server("s1")]]);
    let s1 = id(0, 0);
    for (event, expected) in [
        (READY, "no check"),
        (DRAIN, "DRAIN"),
        (Event::SetHealth(SetHealth::Down), "DOWN"),
        (Event::SetHealth(SetHealth::Up), "DRAIN"),
        (READY, "no check"),
        (MAINT, "MAINT"),
    ] {
        lab.farm.apply(s1, event);
        assert_eq!(lab.status(s1), expected, "{event:?}");
    }
}

#[test]
fn a_weight_of_zero_takes_a_server_out() {
    let lab = lab(false, vec![vec![server("s1")]]);
    lab.farm.set_weight(id(0, 0), 0);
    assert_eq!(lab.lines(), ["0 backend be0 has no server available!"]);
    lab.farm.set_weight(id(0, 0), 7);
    assert!(lab.farm.backends[0].is_available());
    assert_eq!(
        lab.farm
            .process
            .server(id(0, 0))
            .unwrap()
            .effective_weight
            .load(Relaxed),
        112
    );
}

#[test]
fn a_slow_starter_begins_with_little_weight() {
    let slow = Server {
        slowstart: Some(Duration::from_secs(1000)),
        weight: 16,
        ..checked("s1")
    };
    let lab = lab(false, vec![vec![slow, server("s2")]]);
    let s1 = id(0, 0);
    lab.check(s1, Status::L4Timeout);
    lab.check(s1, Status::L4Ok);
    lab.check(s1, Status::L4Ok);
    assert_eq!(lab.farm.standing(s1).unwrap().running, Running::Starting);
    assert_eq!(lab.farm.process.server(s1).unwrap().effective_weight.load(Relaxed), 16);
    lab.farm.warm();
    assert_eq!(lab.farm.standing(s1).unwrap().running, Running::Starting);
}

#[test]
fn those_who_wait_for_a_lost_server_choose_again() {
    let narrow = Server {
        max_connections: 1,
        ..server("s1")
    };
    let lab = lab(false, vec![vec![narrow, server("s2")]]);
    let backend = &lab.farm.backends[0];
    let Assignment::Server(_held) = backend.assign_to(0, Priority::default()) else {
        panic!("no slot")
    };
    let Assignment::Queued(mut waiter) = backend.assign_to(0, Priority::default()) else {
        panic!("no queue")
    };
    lab.farm.apply(id(0, 0), MAINT);
    assert!(matches!(waiter.grant.try_recv(), Err(TryRecvError::Closed)));
    assert_eq!(
        lab.lines(),
        [
            "1 Server be0/s1 is going DOWN for maintenance. 1 active and 0 backup servers left. \
          0 sessions active, 1 requeued, 0 remaining in queue."
        ]
    );
}
