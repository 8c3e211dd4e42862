//! How changes of a server are told in logs.

use super::result::{Outcome, Verdict};
use super::standing::Standing;
use crate::state::server::{Running, admin};

/// Severities of syslog.
pub mod level {
    /// A backend has no server left.
    pub const EMERG: u8 = 0;
    /// A server was lost unexpectedly.
    pub const ALERT: u8 = 1;
    /// Everything else.
    pub const NOTICE: u8 = 5;
}

/// One log line of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Severity of syslog.
    pub level: u8,
    pub text: String,
}

/// The server that changes.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    pub backend: &'a str,
    pub server: &'a str,
    pub is_backup: bool,
    /// `backend/server` whose change this follows.
    pub via: Option<&'a str>,
}

/// Why it changes.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    Check(&'a Outcome),
    /// A check that has its own line (`option log-health-checks`).
    CheckTold,
    Operator,
    /// The server it tracks, the end of slow start, or an administrative state: nothing to say about it.
    Other,
}

/// What is left after the change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Usable servers of the backend.
    pub active: u32,
    pub backup: u32,
    /// Sessions on the server.
    pub sessions: u64,
    /// Sessions that left the server's queue for the backend's.
    pub requeued: u64,
    /// Sessions that wait in the backend's queue.
    pub queued: u64,
}

/// The line of one check, where it changed something and `option log-health-checks` is on.
pub fn check(who: &Who, outcome: &Outcome, after: &Standing) -> Line {
    let result = match outcome.status.verdict() {
        Verdict::Passed => "succeeded",
        Verdict::Conditional => "conditionally succeeded",
        Verdict::Failed | Verdict::Unknown => "failed",
    };
    let (at, of) = after.progress();
    let state = if after.health >= after.rise { "UP" } else { "DOWN" };
    notice(format!(
        "Health check for {}server {}/{} {result}, {}, status: {at}/{of} {state}.",
        if who.is_backup { "backup " } else { "" },
        who.backend,
        who.server,
        outcome.reason(),
    ))
}

/// A backend lost its last usable server. `kind` is `backend`, or `proxy` for a `listen` section.
pub fn no_server(kind: &str, backend: &str) -> Line {
    Line {
        level: level::EMERG,
        text: format!("{kind} {backend} has no server available!"),
    }
}

/// The lines of a change from `before` to `after`; none where nothing worth telling changed.
pub fn change(who: &Who, before: &Standing, after: &Standing, cause: Cause, tally: &Tally) -> Vec<Line> {
    let story = Story {
        who,
        before,
        after,
        cause,
        tally,
    };
    match (before.is_in_maintenance(), after.is_in_maintenance()) {
        (false, true) => vec![story.enters_maintenance()],
        (true, true) => story.stays_in_maintenance().into_iter().collect(),
        (true, false) => [Some(story.leaves_maintenance()), story.drain_note()]
            .into_iter()
            .flatten()
            .collect(),
        (false, false) if before.running != after.running => [Some(story.runs_otherwise()), story.drain_note()]
            .into_iter()
            .flatten()
            .collect(),
        (false, false) if before.admin != after.admin => story.drains_otherwise().into_iter().collect(),
        (false, false) => Vec::new(),
    }
}

struct Story<'a> {
    who: &'a Who<'a>,
    before: &'a Standing,
    after: &'a Standing,
    cause: Cause<'a>,
    tally: &'a Tally,
}

impl Story<'_> {
    fn enters_maintenance(&self) -> Line {
        let via = if self.after.admin & admin::INHERITED_MAINT == 0 {
            String::new()
        } else {
            self.via()
        };
        if self.before.is_down() {
            return notice(format!("{} was DOWN and now enters maintenance{via}.", self.name()));
        }
        self.loss(format!(
            "{} is going DOWN for maintenance{via}. {}",
            self.name(),
            self.left()
        ))
    }

    fn stays_in_maintenance(&self) -> Option<Line> {
        let forced = admin::FORCED_MAINT;
        let left_forced = self.before.admin & forced != 0 && self.after.admin & forced == 0;
        left_forced.then(|| {
            notice(format!(
                "{} is leaving forced maintenance but remains in maintenance{}.",
                self.name(),
                self.via()
            ))
        })
    }

    fn leaves_maintenance(&self) -> Line {
        let forced = self.before.admin & admin::FORCED_MAINT != 0;
        notice(format!(
            "{} is {}/{} (leaving {}maintenance).",
            self.name(),
            self.up_or_down(),
            if self.after.is_draining() { "DRAIN" } else { "READY" },
            if forced { "forced " } else { "" },
        ))
    }

    fn runs_otherwise(&self) -> Line {
        let verb = match self.after.running {
            Running::Stopped => "DOWN",
            Running::Stopping => "stopping",
            Running::Starting | Running::Up => "UP",
        };
        let text = format!(
            "{} is {verb}{}{}. {}",
            self.name(),
            self.via(),
            self.reason(),
            self.left()
        );
        if self.after.is_down() {
            self.loss(text)
        } else {
            notice(text)
        }
    }

    fn drains_otherwise(&self) -> Option<Line> {
        match (self.before.is_draining(), self.after.is_draining()) {
            (false, true) => {
                let via = if self.after.admin & admin::INHERITED_DRAIN == 0 {
                    String::new()
                } else {
                    self.via()
                };
                Some(notice(format!(
                    "{} enters drain state{via}. {}",
                    self.name(),
                    self.left()
                )))
            }
            (true, false) => Some(notice(format!(
                "{} is {} (leaving forced drain).",
                self.name(),
                self.up_or_down()
            ))),
            _ => self.drain_note(),
        }
    }

    fn drain_note(&self) -> Option<Line> {
        let text = match self.after.admin & admin::DRAIN {
            0 => return None,
            bits if bits & admin::FORCED_DRAIN != 0 => format!("{} remains in forced drain mode.", self.name()),
            _ => format!(
                "{} is leaving forced drain but remains in drain mode{}.",
                self.name(),
                self.via()
            ),
        };
        Some(notice(text))
    }

    /// An alert, unless the server was taking no new sessions anyway.
    fn loss(&self, text: String) -> Line {
        let expected = self.before.running == Running::Stopping || self.before.is_draining();
        Line {
            level: if expected { level::NOTICE } else { level::ALERT },
            text,
        }
    }

    fn name(&self) -> String {
        let kind = if self.who.is_backup { "Backup Server" } else { "Server" };
        format!("{kind} {}/{}", self.who.backend, self.who.server)
    }

    fn via(&self) -> String {
        self.who.via.map_or(String::new(), |via| format!(" via {via}"))
    }

    fn up_or_down(&self) -> &'static str {
        if self.after.is_down() { "DOWN" } else { "UP" }
    }

    fn reason(&self) -> String {
        match self.cause {
            Cause::Check(outcome) => format!(", {}", outcome.reason()),
            Cause::Operator => ", changed from CLI".to_owned(),
            Cause::CheckTold | Cause::Other => String::new(),
        }
    }

    fn left(&self) -> String {
        let Tally {
            active,
            backup,
            sessions,
            requeued,
            queued,
        } = self.tally;
        let running = if *active == 0 && *backup > 0 {
            " Running on backup."
        } else {
            ""
        };
        if self.after.is_down() {
            format!(
                "{active} active and {backup} backup servers left.{running} \
                 {sessions} sessions active, {requeued} requeued, {queued} remaining in queue."
            )
        } else {
            format!(
                "{active} active and {backup} backup servers online.{running} \
                 {requeued} sessions requeued, {queued} total in queue."
            )
        }
    }
}

fn notice(text: String) -> Line {
    Line {
        level: level::NOTICE,
        text,
    }
}

#[cfg(test)]
mod tests;
