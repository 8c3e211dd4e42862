//! Changes of servers, made one at a time: live state, tracking servers, weights, backends, log lines.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::message::{self, Cause, Line, Tally, Who};
use super::result::{Outcome, Status, Verdict};
use super::schedule;
use super::standing::{Event, Standing};
use crate::backend::roster::{Reason, Rosters};
use crate::backend::{Backend, live};
use crate::observe::Loggers;
use crate::plan::{self, Plan};
use crate::runtime::clock;
use crate::state::server::{Running, admin};
use crate::state::{Process, ProxyId, ServerId};

/// All servers of the process, as those who change them see them.
pub struct Farm {
    pub(super) plan: &'static Plan,
    pub(super) process: &'static Process,
    backends: &'static [Backend],
    loggers: &'static Loggers,
    rosters: &'static Rosters,
    /// The server that one tracks, and the servers that track one.
    leaders: HashMap<ServerId, ServerId>,
    followers: HashMap<ServerId, Vec<ServerId>>,
    /// Wakes the task that checks a server when its standing changes.
    wakers: HashMap<ServerId, Notify>,
    /// Held for the length of one change, so that messages and counts agree.
    changing: Mutex<()>,
}

impl Farm {
    /// Takes charge of the servers of `plan`. Servers in maintenance by configuration begin there.
    pub fn new(
        plan: &'static Plan,
        process: &'static Process,
        backends: &'static [Backend],
        loggers: &'static Loggers,
        rosters: &'static Rosters,
    ) -> Farm {
        let mut farm = Farm {
            plan,
            process,
            backends,
            loggers,
            rosters,
            leaders: HashMap::new(),
            followers: HashMap::new(),
            wakers: HashMap::new(),
            changing: Mutex::new(()),
        };
        for (id, server) in servers(plan) {
            if let Some(leader) = server.track.as_deref().and_then(|track| farm.find(id.backend, track)) {
                farm.leaders.insert(id, leader);
                farm.followers.entry(leader).or_default().push(id);
            }
            if server.check.enabled {
                farm.wakers.insert(id, Notify::new());
            }
            if let Some(state) = process.server(id) {
                state.check.status.store(Status::Initializing as u8, Relaxed);
                if state.admin.load(Relaxed) & admin::MAINT != 0 {
                    state.running.store(Running::Stopped as u8, Relaxed);
                    state.check.health.store(0, Relaxed);
                }
            }
        }
        farm
    }

    /// The server called `[backend/]server` from within `backend`.
    fn find(&self, backend: ProxyId, name: &str) -> Option<ServerId> {
        let (backend, server) = match name.split_once('/') {
            Some((backend, server)) => (self.plan.proxies.iter().find(|proxy| proxy.name == backend)?, server),
            None => (self.plan.proxies.get(backend.index())?, name),
        };
        let index = backend.servers.iter().position(|candidate| candidate.name == server)?;
        Some(ServerId {
            backend: backend.id,
            index: index as u32,
        })
    }

    pub(super) fn plan_of(&self, id: ServerId) -> Option<(&'static plan::Proxy, &'static plan::Server)> {
        let proxy = self.plan.proxies.get(id.backend.index())?;
        Some((proxy, proxy.servers.get(id.index())?))
    }

    /// Where a server stands.
    pub fn standing(&self, id: ServerId) -> Option<Standing> {
        let (_, plan) = self.plan_of(id)?;
        let state = self.process.server(id)?;
        Some(Standing {
            running: running(state.running.load(Relaxed)),
            admin: state.admin.load(Relaxed),
            health: u32::try_from(state.check.health.load(Relaxed)).unwrap_or(0),
            rise: plan.check.rise.max(1),
            fall: plan.check.fall.max(1),
            warms_up: plan.slowstart.is_some(),
        })
    }

    /// The `status` column of a server (management manual 9.1), such as `UP 1/3`, `MAINT (via be/s1)`, `no check`.
    pub fn describe(&self, id: ServerId) -> Option<String> {
        let standing = self.standing(id)?;
        let leader = self.leaders.get(&id);
        if standing.admin & admin::RESOLUTION_MAINT != 0 {
            return Some("MAINT (resolution)".to_owned());
        }
        if let Some(leader) = leader.filter(|_| standing.admin & admin::INHERITED_MAINT != 0) {
            return Some(format!("MAINT (via {})", self.full_name(*leader)?));
        }
        if let Some(leader) = leader {
            let health = self.standing(*leader)?;
            return Some(
                Standing {
                    running: standing.running,
                    admin: standing.admin,
                    ..health
                }
                .describe(),
            );
        }
        let is_checked = self.process.server(id)?.check.enabled.load(Relaxed);
        let is_plainly_up = standing.running == Running::Up && standing.admin & (admin::MAINT | admin::DRAIN) == 0;
        match is_checked {
            true => Some(standing.describe()),
            false if is_plainly_up => Some("no check".to_owned()),
            false => Some(Standing { health: 0, ..standing }.describe()),
        }
    }

    fn full_name(&self, id: ServerId) -> Option<String> {
        let (proxy, server) = self.plan_of(id)?;
        Some(format!("{}/{}", proxy.name, server.name))
    }

    /// The server that `id` tracks.
    pub fn leader(&self, id: ServerId) -> Option<ServerId> {
        self.leaders.get(&id).copied()
    }

    /// Applies the operator's word.
    pub fn apply(&self, id: ServerId, event: Event) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let cause = match event {
            Event::SetHealth(_) => Cause::Operator,
            _ => Cause::Other,
        };
        self.change(id, event, cause);
        // Out of maintenance, a server is again what the one it tracks is.
        if let Some(leader) = self.leader(id).and_then(|leader| self.standing(leader)) {
            self.change(id, Event::Follow(leader.running), Cause::Other);
        }
    }

    /// Takes note of the end of a check.
    pub fn checked(&self, id: ServerId, outcome: &Outcome) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((proxy, _)), Some(before)) = (self.plan_of(id), self.standing(id)) else {
            return;
        };
        let Some(state) = self.process.server(id) else { return };
        // What was asked before maintenance began does not count.
        if before.is_in_maintenance() {
            return;
        }
        let event = match outcome.status.verdict() {
            Verdict::Passed => Event::CheckPassed,
            Verdict::Conditional => Event::CheckPassedConditionally,
            Verdict::Failed | Verdict::Unknown => Event::CheckFailed,
        };
        if event == Event::CheckFailed && before.health >= before.rise {
            state.counters.check_failures.increment();
        }
        let old_status = state.check.status.swap(outcome.status as u8, Relaxed);
        state.check.code.store(outcome.code.map_or(-1, i64::from), Relaxed);
        state.check.duration_ms.store(outcome.duration_ms as i64, Relaxed);
        if let Ok(mut info) = state.check.info.write() {
            info.clear();
            info.push_str(outcome.info.as_deref().unwrap_or_default());
        }
        let after = before.after(event);
        let is_news = old_status != outcome.status as u8 || before.health != after.health;
        let cause = if proxy.options.log_health_checks {
            Cause::CheckTold
        } else {
            Cause::Check(outcome)
        };
        if proxy.options.log_health_checks && is_news {
            self.with_who(id, |who| self.log(id.backend, message::check(who, outcome, &after)));
        }
        self.change(id, event, cause);
    }

    /// Sets the weight that the operator wants, from 0 to 256.
    pub fn set_weight(&self, id: ServerId, weight: u32) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = self.process.server(id) else { return };
        state.user_weight.store(weight, Relaxed);
        self.refresh(id);
    }

    /// Switches the checks of a server on or off (`enable health`, `disable health`).
    pub fn set_checking(&self, id: ServerId, enabled: bool) {
        if let Some(state) = self.process.server(id) {
            state.check.enabled.store(enabled, Relaxed);
        }
        self.wake(id);
    }

    fn wake(&self, id: ServerId) {
        if let Some(waker) = self.wakers.get(&id) {
            waker.notify_one();
        }
    }

    /// Waits for a change of a server whose checks are configured; for ever if they are not.
    pub(super) async fn changed(&self, id: ServerId) {
        match self.wakers.get(&id) {
            Some(waker) => waker.notified().await,
            None => std::future::pending().await,
        }
    }

    fn change(&self, id: ServerId, event: Event, cause: Cause) {
        let (Some(before), Some(state)) = (self.standing(id), self.process.server(id)) else {
            return;
        };
        let after = before.after(event);
        if before == after {
            return;
        }
        state.check.health.store(after.health.into(), Relaxed);
        state.admin.store(after.admin, Relaxed);
        state.running.store(after.running as u8, Relaxed);
        self.wake(id);
        if (before.running, before.admin) == (after.running, after.admin) {
            return;
        }
        let now = seconds();
        let since = state.last_change.swap(now, Relaxed);
        if before.is_down() && !after.is_down() {
            state.counters.downtime.fetch_add(now.saturating_sub(since), Relaxed);
        }
        if !before.is_down() && after.is_down() {
            state.counters.check_downs.increment();
        }
        self.shut_sessions(id, &before, &after);
        let rebuilt = self.rebuild(id);
        if let Some(tally) = self.tally(id, rebuilt.requeued) {
            self.with_who(id, |who| {
                for line in message::change(who, &before, &after, cause, &tally) {
                    self.log(id.backend, line);
                }
            });
        }
        if rebuilt.is_lost {
            self.tell_loss(id.backend);
        }
        self.lead(id, &after);
    }

    /// `on-marked-down` and `on-marked-up`.
    fn shut_sessions(&self, id: ServerId, before: &Standing, after: &Standing) {
        let Some((proxy, server)) = self.plan_of(id) else {
            return;
        };
        if server.shutdown_sessions_when_down && !before.is_down() && after.is_down() {
            self.rosters.shut(id, Reason::ServerDown);
        }
        if server.shutdown_backups_when_up && before.is_down() && !after.is_down() {
            let backups = (0..).zip(&proxy.servers).filter(|(_, server)| server.backup);
            for (index, _) in backups {
                let backend = id.backend;
                self.rosters.shut(ServerId { backend, index }, Reason::ServerUp);
            }
        }
    }

    /// Tells the servers that track `id`.
    fn lead(&self, id: ServerId, leader: &Standing) {
        let inherit = |given: bool, bit: u8| if given { bit } else { 0 };
        let set = inherit(leader.is_in_maintenance(), admin::INHERITED_MAINT)
            | inherit(leader.is_draining(), admin::INHERITED_DRAIN);
        let clear = (admin::INHERITED_MAINT | admin::INHERITED_DRAIN) & !set;
        for follower in self.followers.get(&id).into_iter().flatten() {
            self.change(*follower, Event::Administer { set, clear }, Cause::Other);
            self.change(*follower, Event::Follow(leader.running), Cause::Other);
        }
    }

    /// Weighs the server anew and has its backend choose accordingly.
    fn refresh(&self, id: ServerId) {
        if self.rebuild(id).is_lost {
            self.tell_loss(id.backend);
        }
    }

    /// As [`Farm::refresh`], but leaves it to the caller to tell that the backend lost its last server.
    fn rebuild(&self, id: ServerId) -> Rebuilt {
        let (Some((proxy, plan)), Some(state)) = (self.plan_of(id), self.process.server(id)) else {
            return Rebuilt::default();
        };
        let Some(backend) = self.backends.get(id.backend.index()) else {
            return Rebuilt::default();
        };
        let is_warming = state.running.load(Relaxed) == Running::Starting as u8;
        let warm = Duration::from_secs(seconds().saturating_sub(state.last_change.load(Relaxed)));
        let weight = schedule::effective_weight(
            state.user_weight.load(Relaxed),
            live::weight_scale(&proxy.balance.algorithm),
            warm,
            plan.slowstart.filter(|_| is_warming),
        );
        state.effective_weight.store(weight, Relaxed);
        let was_available = backend.is_available();
        let requeued = backend.refresh();
        let is_available = backend.is_available();
        if let Some(state) = self.process.proxy(id.backend).filter(|_| was_available != is_available) {
            let now = seconds();
            let since = state.backend.last_change.swap(now, Relaxed);
            if is_available {
                state.backend.downtime.fetch_add(now.saturating_sub(since), Relaxed);
            } else {
                state.backend.downs.increment();
            }
        }
        Rebuilt {
            requeued,
            is_lost: was_available && !is_available,
        }
    }

    /// Grows the weights of the servers that are warming up, and ends that when its time has come. For every second.
    pub(super) fn warm(&self) {
        for (id, server) in servers(self.plan) {
            let (Some(slowstart), Some(state)) = (server.slowstart, self.process.server(id)) else {
                continue;
            };
            if state.running.load(Relaxed) != Running::Starting as u8 {
                continue;
            }
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let since = seconds().saturating_sub(state.last_change.load(Relaxed));
            if Duration::from_secs(since) >= slowstart {
                self.change(id, Event::Warm, Cause::Other);
            } else {
                self.refresh(id);
            }
        }
    }

    fn tally(&self, id: ServerId, requeued: u64) -> Option<Tally> {
        let backend = &self.process.proxy(id.backend)?.backend;
        Some(Tally {
            active: backend.active_servers.load(Relaxed),
            backup: backend.backup_servers.load(Relaxed),
            sessions: self.process.server(id)?.sessions.get(),
            requeued,
            queued: backend.queue.get(),
        })
    }

    fn with_who(&self, id: ServerId, tell: impl FnOnce(&Who)) {
        let Some((proxy, server)) = self.plan_of(id) else {
            return;
        };
        let via = self.leader(id).and_then(|leader| self.full_name(leader));
        tell(&Who {
            backend: &proxy.name,
            server: &server.name,
            is_backup: server.backup,
            via: via.as_deref(),
        });
    }

    fn tell_loss(&self, backend: ProxyId) {
        if let Some(proxy) = self.plan.proxies.get(backend.index()) {
            let kind = if proxy.is_frontend { "proxy" } else { "backend" };
            self.log(backend, message::no_server(kind, &proxy.name));
        }
    }

    fn log(&self, backend: ProxyId, line: Line) {
        let logger = self.loggers.proxy(backend);
        if logger.is_active() {
            logger.send(clock::date(), line.level, b"", line.text.as_bytes());
        }
    }
}

/// What came of a backend taking a change into account.
#[derive(Default)]
struct Rebuilt {
    /// Sessions that waited for the server and choose again.
    requeued: u64,
    /// The backend lost its last usable server.
    is_lost: bool,
}

/// All servers of a plan.
pub(super) fn servers(plan: &Plan) -> impl Iterator<Item = (ServerId, &plan::Server)> {
    plan.proxies.iter().flat_map(|proxy| {
        let backend = proxy.id;
        (0..)
            .zip(&proxy.servers)
            .map(move |(index, server)| (ServerId { backend, index }, server))
    })
}

fn running(number: u8) -> Running {
    match number {
        0 => Running::Stopped,
        1 => Running::Starting,
        3 => Running::Stopping,
        _ => Running::Up,
    }
}

/// Seconds of the monotonic clock, as live state keeps them.
fn seconds() -> u64 {
    clock::ticks() / 1_000_000
}

#[cfg(test)]
mod tests;
