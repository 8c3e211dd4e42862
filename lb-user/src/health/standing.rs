//! What a server is worth now: the machine that checks, operators and tracked servers drive.

use crate::state::server::{Running, admin};

/// The part of a server's state that decides whether it gets sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub running: Running,
    /// Bits of [`admin`].
    pub admin: u8,
    /// From 0 (down) over `rise` (up, one failure from down) to `rise + fall - 1` (up without doubt).
    pub health: u32,
    /// Successes that bring the server up, at least 1.
    pub rise: u32,
    /// Failures that bring it down, at least 1.
    pub fall: u32,
    /// Does it start slowly when it comes up (`slowstart`)?
    pub warms_up: bool,
}

/// What may change a standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    CheckPassed,
    /// Passed, but no new sessions are wanted (`http-check disable-on-404`).
    CheckPassedConditionally,
    CheckFailed,
    /// `set server … health`.
    SetHealth(SetHealth),
    /// What the operator, or the tracked server, says: bits of [`admin`].
    Administer {
        set: u8,
        clear: u8,
    },
    /// The tracked server changed.
    Follow(Running),
    /// The time of `slowstart` is over.
    Warm,
}

/// The operator's word on a server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetHealth {
    Up,
    Stopping,
    Down,
}

impl Standing {
    /// Has anyone put it in maintenance?
    pub fn is_in_maintenance(&self) -> bool {
        self.admin & admin::MAINT != 0
    }

    /// Shall it get no new sessions?
    pub fn is_draining(&self) -> bool {
        self.admin & admin::DRAIN != 0
    }

    /// Does it refuse sessions?
    pub fn is_down(&self) -> bool {
        self.running == Running::Stopped
    }

    /// Is it up with no failure since the last success, or down with no success since the last failure?
    pub fn is_settled(&self) -> bool {
        self.health == 0 || self.health == self.best()
    }

    /// Standing after `event`. Maintenance silences everything but its end.
    pub fn after(mut self, event: Event) -> Standing {
        match event {
            Event::Administer { set, clear } => self.administer((self.admin | set) & !clear),
            _ if self.is_in_maintenance() => {}
            Event::CheckPassed => {
                self.improve();
                if self.health >= self.rise && matches!(self.running, Running::Stopped | Running::Stopping) {
                    self.come_up();
                }
            }
            // A stopped server stays stopped.
            Event::CheckPassedConditionally if self.is_down() => {}
            Event::CheckPassedConditionally => {
                self.improve();
                self.running = Running::Stopping;
            }
            Event::CheckFailed if self.health > self.rise => self.health -= 1,
            Event::CheckFailed | Event::SetHealth(SetHealth::Down) => {
                self.health = 0;
                self.running = Running::Stopped;
            }
            Event::SetHealth(SetHealth::Up) => {
                self.health = self.best();
                self.follow(Running::Up);
            }
            Event::SetHealth(SetHealth::Stopping) => {
                self.health = self.best();
                self.running = Running::Stopping;
            }
            Event::Follow(lead) => self.follow(lead),
            Event::Warm if self.running == Running::Starting => self.running = Running::Up,
            Event::Warm => {}
        }
        self
    }

    fn administer(&mut self, admin: u8) {
        let was_in_maintenance = self.is_in_maintenance();
        self.admin = admin;
        match (was_in_maintenance, self.is_in_maintenance()) {
            (false, true) => {
                self.health = 0;
                self.running = Running::Stopped;
            }
            // On probation: the first failure brings it down.
            (true, false) => {
                self.health = self.rise;
                self.come_up();
            }
            _ => {}
        }
    }

    fn follow(&mut self, lead: Running) {
        match lead {
            Running::Starting | Running::Up if matches!(self.running, Running::Stopped | Running::Stopping) => {
                self.come_up();
            }
            Running::Starting | Running::Up => {}
            Running::Stopping | Running::Stopped => self.running = lead,
        }
    }

    fn come_up(&mut self) {
        self.running = if self.warms_up { Running::Starting } else { Running::Up };
    }

    /// One success more; being up is certain at once.
    fn improve(&mut self) {
        self.health = if self.health + 1 >= self.rise {
            self.best()
        } else {
            self.health + 1
        };
    }

    fn best(&self) -> u32 {
        self.rise + self.fall - 1
    }

    /// Position on the way down or up: `2/3` is two more failures from down, or two of three successes to up.
    pub fn progress(&self) -> (u32, u32) {
        if self.health >= self.rise {
            (self.health - self.rise + 1, self.fall)
        } else {
            (self.health, self.rise)
        }
    }

    /// The `status` column of a server whose checks are on, such as `UP 1/3`.
    pub fn describe(&self) -> String {
        let word = match self.running {
            _ if self.is_in_maintenance() => return "MAINT".to_owned(),
            Running::Stopped => "DOWN",
            Running::Stopping => "NOLB",
            _ if self.is_draining() => return "DRAIN".to_owned(),
            Running::Starting | Running::Up => "UP",
        };
        match self.progress() {
            _ if self.is_settled() => word.to_owned(),
            (at, of) => format!("{word} {at}/{of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fresh(rise: u32, fall: u32) -> Standing {
        Standing {
            running: Running::Up,
            admin: 0,
            health: rise,
            rise,
            fall,
            warms_up: false,
        }
    }

    fn event(word: &str) -> Event {
        let administer = |set, clear| Event::Administer { set, clear };
        match word {
            "pass" => Event::CheckPassed,
            "404" => Event::CheckPassedConditionally,
            "fail" => Event::CheckFailed,
            "maint" => administer(admin::FORCED_MAINT, 0),
            "drain" => administer(admin::FORCED_DRAIN, 0),
            "ready" => administer(0, admin::MAINT | admin::DRAIN),
            "up" => Event::SetHealth(SetHealth::Up),
            "stopping" => Event::SetHealth(SetHealth::Stopping),
            _ => Event::SetHealth(SetHealth::Down),
        }
    }

    /// What happens to a server with `rise` and `fall`, and its status column after each event.
    const HISTORIES: &[(u32, u32, &str)] = &[
        (
            2,
            3,
            "pass UP, fail UP 2/3, fail UP 1/3, fail DOWN, fail DOWN, pass DOWN 1/2, fail DOWN, pass DOWN 1/2, pass UP",
        ),
        (2, 3, "fail DOWN, pass DOWN 1/2, pass UP"),
        (1, 1, "pass UP, fail DOWN, pass UP"),
        (2, 3, "pass UP, fail UP 2/3, pass UP"),
        (
            2,
            3,
            "pass UP, 404 NOLB, 404 NOLB, fail NOLB 2/3, 404 NOLB, pass UP, 404 NOLB, fail NOLB 2/3, fail NOLB 1/3, fail DOWN",
        ),
        (
            2,
            3,
            "pass UP, maint MAINT, pass MAINT, fail MAINT, down MAINT, ready UP 1/3, pass UP",
        ),
        (2, 3, "fail DOWN, maint MAINT, ready UP 1/3, fail DOWN"),
        (2, 3, "pass UP, drain DRAIN, fail DRAIN, down DOWN, up DRAIN, ready UP"),
        (2, 3, "pass UP, drain DRAIN, 404 NOLB, maint MAINT, ready UP 1/3"),
        (2, 3, "down DOWN, stopping NOLB, up UP"),
    ];

    #[test]
    fn histories_read_as_the_peers() {
        for (rise, fall, history) in HISTORIES {
            let mut standing = fresh(*rise, *fall);
            for step in history.split(", ") {
                let (word, expected) = step.split_once(' ').unwrap();
                standing = standing.after(event(word));
                assert_eq!(standing.describe(), expected, "{step} in {history}");
            }
        }
    }

    #[test]
    fn a_slow_starter_warms_up() {
        let standing = Standing {
            warms_up: true,
            ..fresh(1, 1)
        };
        let down = standing.after(Event::CheckFailed);
        let starting = down.after(Event::CheckPassed);
        assert_eq!(starting.running, Running::Starting);
        assert_eq!(starting.after(Event::CheckPassed).running, Running::Starting);
        assert_eq!(starting.after(Event::Warm).running, Running::Up);
        assert_eq!(down.after(Event::Warm).running, Running::Stopped);
    }

    proptest! {
        /// Health stays on its scale, and agrees with the state of a server that nobody tracks.
        #[test]
        fn health_and_state_agree(
            rise in 1u32..5,
            fall in 1u32..5,
            words in prop::collection::vec(
                prop::sample::select(vec!["pass", "404", "fail", "maint", "drain", "ready", "up", "stopping", "down"]),
                0..40,
            ),
        ) {
            let mut standing = fresh(rise, fall);
            for word in words {
                standing = standing.after(event(word));
                prop_assert!(standing.health < rise + fall);
                prop_assert_eq!(standing.health >= rise, !standing.is_down());
                prop_assert!(!standing.is_in_maintenance() || standing.is_down());
            }
        }
    }
}
