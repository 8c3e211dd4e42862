//! Lines against those of the peer.

use super::super::result::Status;
use super::super::standing::{Event, SetHealth};
use super::*;

const WHO: Who = Who {
    backend: "be1",
    server: "s1",
    is_backup: false,
    via: None,
};
const FOLLOWER: Who = Who {
    server: "t1",
    via: Some("be1/s1"),
    ..WHO
};

fn up() -> Standing {
    Standing {
        running: Running::Up,
        admin: 0,
        health: 4,
        rise: 2,
        fall: 3,
        warms_up: false,
    }
}

fn refused() -> Outcome {
    Outcome {
        status: Status::L4Connection,
        info: Some("Connection refused".to_owned()),
        ..Outcome::default()
    }
}

/// The lines of `event`, each with its severity.
fn told(who: &Who, before: Standing, event: Event, cause: Cause, tally: &Tally) -> Vec<String> {
    let lines = change(who, &before, &before.after(event), cause, tally);
    lines
        .into_iter()
        .map(|line| format!("{} {}", line.level, line.text))
        .collect()
}

fn administered(who: &Who, before: u8, set: u8, clear: u8) -> Vec<String> {
    let before = up().after(Event::Administer { set: before, clear: 0 });
    let one = Tally {
        active: 1,
        ..Tally::default()
    };
    told(who, before, Event::Administer { set, clear }, Cause::Other, &one)
}

#[test]
fn going_down_and_coming_up() {
    let none = Tally::default();
    let last = Standing { health: 2, ..up() };
    let down = last.after(Event::CheckFailed);
    let nearly_up = down.after(Event::CheckPassed);
    let stopping = up().after(Event::CheckPassedConditionally);
    let doubted = Standing { health: 2, ..stopping };
    let draining = Standing {
        admin: admin::FORCED_DRAIN,
        ..last
    };
    let outcome = refused();
    let passed = Outcome {
        status: Status::L7Ok,
        code: Some(200),
        ..Outcome::default()
    };
    let left = "0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.";
    let online = "0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.";
    let why = "reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms";
    let fine = "reason: Layer7 check passed, code: 200, check duration: 0ms";
    for (before, event, cause, expected) in [
        (
            last,
            Event::CheckFailed,
            Cause::Check(&outcome),
            vec![format!("1 Server be1/s1 is DOWN, {why}. {left}")],
        ),
        (
            last,
            Event::CheckFailed,
            Cause::CheckTold,
            vec![format!("1 Server be1/s1 is DOWN. {left}")],
        ),
        (
            last,
            Event::SetHealth(SetHealth::Down),
            Cause::Operator,
            vec![format!("1 Server be1/s1 is DOWN, changed from CLI. {left}")],
        ),
        (
            doubted,
            Event::CheckFailed,
            Cause::CheckTold,
            vec![format!("5 Server be1/s1 is DOWN. {left}")],
        ),
        (
            draining,
            Event::CheckFailed,
            Cause::CheckTold,
            vec![
                format!("5 Server be1/s1 is DOWN. {left}"),
                "5 Server be1/s1 remains in forced drain mode.".to_owned(),
            ],
        ),
        (up(), Event::CheckFailed, Cause::Check(&outcome), vec![]),
        (
            nearly_up,
            Event::CheckPassed,
            Cause::Check(&passed),
            vec![format!("5 Server be1/s1 is UP, {fine}. {online}")],
        ),
        (
            up(),
            Event::CheckPassedConditionally,
            Cause::CheckTold,
            vec![format!("5 Server be1/s1 is stopping. {online}")],
        ),
        (
            stopping,
            Event::CheckPassed,
            Cause::CheckTold,
            vec![format!("5 Server be1/s1 is UP. {online}")],
        ),
    ] {
        assert_eq!(told(&WHO, before, event, cause, &none), expected);
    }
}

#[test]
fn backups_and_queues_are_counted() {
    let tally = Tally {
        active: 0,
        backup: 1,
        sessions: 2,
        requeued: 3,
        queued: 4,
    };
    let who = Who { is_backup: true, ..WHO };
    assert_eq!(
        told(
            &who,
            Standing { health: 2, ..up() },
            Event::CheckFailed,
            Cause::CheckTold,
            &tally
        ),
        [
            "1 Backup Server be1/s1 is DOWN. 0 active and 1 backup servers left. Running on backup. \
          2 sessions active, 3 requeued, 4 remaining in queue."
        ]
    );
}

#[test]
fn followers_name_their_leader() {
    let one = Tally {
        active: 1,
        ..Tally::default()
    };
    let follow = |before: Standing, lead| told(&FOLLOWER, before, Event::Follow(lead), Cause::Other, &one);
    assert_eq!(
        follow(up(), Running::Stopped),
        [
            "1 Server be1/t1 is DOWN via be1/s1. 1 active and 0 backup servers left. \
          0 sessions active, 0 requeued, 0 remaining in queue."
        ]
    );
    assert_eq!(
        follow(up().after(Event::CheckPassedConditionally), Running::Up),
        [
            "5 Server be1/t1 is UP via be1/s1. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
        ]
    );
}

#[test]
fn maintenance_begins_and_ends() {
    use admin::{CONFIG_MAINT, FORCED_MAINT, INHERITED_MAINT};
    let left = "1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.";
    for (who, before, set, clear, expected) in [
        (
            &WHO,
            0,
            FORCED_MAINT,
            0,
            format!("1 Server be1/s1 is going DOWN for maintenance. {left}"),
        ),
        (
            &WHO,
            admin::FORCED_DRAIN,
            FORCED_MAINT,
            admin::FORCED_DRAIN,
            format!("5 Server be1/s1 is going DOWN for maintenance. {left}"),
        ),
        (
            &FOLLOWER,
            0,
            INHERITED_MAINT,
            0,
            format!("1 Server be1/t1 is going DOWN for maintenance via be1/s1. {left}"),
        ),
        (
            &WHO,
            FORCED_MAINT,
            0,
            FORCED_MAINT,
            "5 Server be1/s1 is UP/READY (leaving forced maintenance).".to_owned(),
        ),
        (
            &WHO,
            FORCED_MAINT | CONFIG_MAINT,
            0,
            admin::MAINT,
            "5 Server be1/s1 is UP/READY (leaving forced maintenance).".to_owned(),
        ),
        (
            &FOLLOWER,
            INHERITED_MAINT,
            0,
            INHERITED_MAINT,
            "5 Server be1/t1 is UP/READY (leaving maintenance).".to_owned(),
        ),
        (
            &FOLLOWER,
            INHERITED_MAINT | FORCED_MAINT,
            0,
            FORCED_MAINT,
            "5 Server be1/t1 is leaving forced maintenance but remains in maintenance via be1/s1.".to_owned(),
        ),
    ] {
        assert_eq!(administered(who, before, set, clear), [expected]);
    }
    assert!(administered(&FOLLOWER, INHERITED_MAINT, FORCED_MAINT, 0).is_empty());
    let down = Standing { health: 2, ..up() }.after(Event::CheckFailed);
    let maint = Event::Administer {
        set: FORCED_MAINT,
        clear: 0,
    };
    assert_eq!(
        told(&WHO, down, maint, Cause::Other, &Tally::default()),
        ["5 Server be1/s1 was DOWN and now enters maintenance."]
    );
}

#[test]
fn drains_begin_and_end() {
    use admin::{FORCED_DRAIN, FORCED_MAINT, INHERITED_DRAIN};
    let online = "1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.";
    for (who, before, set, clear, expected) in [
        (
            &WHO,
            0,
            FORCED_DRAIN,
            0,
            vec![format!("5 Server be1/s1 enters drain state. {online}")],
        ),
        (
            &FOLLOWER,
            0,
            INHERITED_DRAIN,
            0,
            vec![format!("5 Server be1/t1 enters drain state via be1/s1. {online}")],
        ),
        (
            &WHO,
            FORCED_DRAIN,
            0,
            FORCED_DRAIN,
            vec!["5 Server be1/s1 is UP (leaving forced drain).".to_owned()],
        ),
        (
            &FOLLOWER,
            FORCED_DRAIN,
            INHERITED_DRAIN,
            0,
            vec!["5 Server be1/t1 remains in forced drain mode.".to_owned()],
        ),
        (
            &FOLLOWER,
            FORCED_DRAIN | INHERITED_DRAIN,
            0,
            FORCED_DRAIN,
            vec!["5 Server be1/t1 is leaving forced drain but remains in drain mode via be1/s1.".to_owned()],
        ),
        (
            &WHO,
            FORCED_MAINT,
            FORCED_DRAIN,
            FORCED_MAINT,
            vec![
                "5 Server be1/s1 is UP/DRAIN (leaving forced maintenance).".to_owned(),
                "5 Server be1/s1 remains in forced drain mode.".to_owned(),
            ],
        ),
    ] {
        assert_eq!(administered(who, before, set, clear), expected);
    }
}

#[test]
fn checks_tell_how_far_the_server_is() {
    let passed = Outcome {
        status: Status::L4Ok,
        ..Outcome::default()
    };
    let retired = Outcome {
        status: Status::L7OkConditional,
        code: Some(404),
        ..Outcome::default()
    };
    let outcome = refused();
    let backup = Who { is_backup: true, ..WHO };
    let why = "reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms";
    for (who, outcome, health, expected) in [
        (
            &WHO,
            &passed,
            4,
            "Health check for server be1/s1 succeeded, reason: Layer4 check passed, check duration: 0ms, \
             status: 3/3 UP."
                .to_owned(),
        ),
        (
            &WHO,
            &passed,
            1,
            "Health check for server be1/s1 succeeded, reason: Layer4 check passed, check duration: 0ms, \
             status: 1/2 DOWN."
                .to_owned(),
        ),
        (
            &WHO,
            &outcome,
            3,
            format!("Health check for server be1/s1 failed, {why}, status: 2/3 UP."),
        ),
        (
            &backup,
            &outcome,
            0,
            format!("Health check for backup server be1/s1 failed, {why}, status: 0/2 DOWN."),
        ),
        (
            &WHO,
            &retired,
            4,
            "Health check for server be1/s1 conditionally succeeded, reason: Layer7 check conditionally passed, \
             code: 404, check duration: 0ms, status: 3/3 UP."
                .to_owned(),
        ),
    ] {
        let line = check(who, outcome, &Standing { health, ..up() });
        assert_eq!((line.level, line.text), (level::NOTICE, expected));
    }
    assert_eq!(no_server("backend", "be1").text, "backend be1 has no server available!");
}
