//! Watching over what is carried: what idles for too long is ended, and what is over goes.

use std::time::Duration;

use super::{Carrier, account};
use crate::kernel::forward::{Flow, Sweep};
use crate::plan::{Plan, Proxy};
use crate::runtime::clock;
use crate::stream::ending::{cause, phase};
use lb_common::flow::{Event, HALF_OPEN, Kind, State, flag};

/// How many batches are looked at in one turn.
const BATCHES: usize = 64;

/// How often a walk through all flows begins, in ticks.
const WALK: clock::Ticks = 1_000_000;

/// How long a flow stays after its end, for what is sent again; and one that userspace was left.
const LINGER: Duration = Duration::from_secs(5);
const LEFT: Duration = Duration::from_secs(60);

/// How long a handshake may take: four retransmissions of a SYN.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// What is to be counted of a flow that was looked at.
enum Found {
    /// It began, and nobody had told.
    Began,
    /// It ended so.
    Ended([u8; 2]),
    /// It was removed before it began.
    Abandoned,
}

impl Carrier {
    /// Looks at some flows, or at none until it is time for another walk.
    pub(super) fn watch(&mut self) {
        let ticks = clock::ticks();
        if ticks < self.walked + WALK {
            return;
        }
        let now = self.now;
        let (lines, plan) = (&self.lines, self.engine.plan);
        let mut found = Vec::new();
        for _ in 0..BATCHES {
            let ended = self.forwarder.sweep(|flow| {
                let line = lines.line(flow.up.service.into());
                let proxies = line.map(|line| (line.frontend, line.backend));
                let (sweep, what) = judge(flow, now, || limits(plan, proxies, flow));
                found.extend(what.into_iter().map(|what| (event(flow, now), what, sweep)));
                sweep
            });
            if ended {
                self.walked = ticks;
                break;
            }
        }
        for (event, found, sweep) in found {
            self.settle(&event, &found, sweep);
        }
    }

    fn settle(&mut self, event: &Event, found: &Found, sweep: Sweep) {
        match found {
            Found::Began => {
                self.begin(event);
                // Untold again it would count twice, unless it is over by then.
                let _ = self.forwarder.mark(&event.client, flag::TOLD);
            }
            Found::Ended(ending) => self.end(event, *ending),
            Found::Abandoned => *self.removed.entry(HALF_OPEN).or_default() += 1,
        }
        if sweep == Sweep::Reset || matches!(found, Found::Abandoned) {
            for number in [event.service_number, event.server_number] {
                *self.removed.entry(number.into()).or_default() += 1;
            }
        }
    }
}

fn judge(flow: &Flow, now: u64, limits: impl FnOnce() -> Limits) -> (Sweep, Vec<Found>) {
    let Flow { up, down, .. } = flow;
    let idle = Duration::from_nanos(now.saturating_sub(up.seen.max(down.seen)));
    let told = up.flags & flag::TOLD != 0;
    let unheard = (!told).then_some(Found::Began);
    match up.state {
        State::Opening if idle > HANDSHAKE => (Sweep::Remove, vec![Found::Abandoned]),
        State::Userspace if idle > LEFT => (Sweep::Remove, Vec::new()),
        State::Closed if idle > LINGER => {
            let mut found = Vec::new();
            if up.flags & flag::ENDED == 0 {
                found.extend(unheard);
                found.push(Found::Ended(account::ending(Kind::Closed)));
            }
            (Sweep::Remove, found)
        }
        State::Established => {
            let limits = limits();
            let mut found = Vec::from_iter(unheard);
            if idle <= limits.idle {
                return (Sweep::Keep, found);
            }
            found.push(Found::Ended([limits.cause, phase::DATA]));
            (Sweep::Reset, found)
        }
        _ => (Sweep::Keep, Vec::new()),
    }
}

/// How long a flow may idle, and whose silence ends it.
struct Limits {
    idle: Duration,
    cause: u8,
}

fn limits(plan: &Plan, proxies: Option<(crate::state::ProxyId, crate::state::ProxyId)>, flow: &Flow) -> Limits {
    let proxy = |id: crate::state::ProxyId| plan.proxies.get(id.index());
    let (frontend, backend) = match proxies {
        Some((frontend, backend)) => (proxy(frontend), proxy(backend)),
        None => (None, None),
    };
    let timeout =
        |proxy: Option<&Proxy>, of: fn(&Proxy) -> Option<Duration>| proxy.and_then(of).unwrap_or(Duration::MAX);
    let half_closed = (flow.up.flags | flow.down.flags) & flag::FINISHED != 0;
    let mut client = timeout(frontend, |proxy| proxy.timeouts.client);
    let mut server = timeout(backend, |proxy| proxy.timeouts.server);
    let tunnel = backend.and_then(|proxy| proxy.timeouts.tunnel);
    if let Some(tunnel) = tunnel {
        (client, server) = (tunnel, tunnel);
    }
    if half_closed {
        let fin = |proxy: Option<&Proxy>, of: fn(&Proxy) -> Option<Duration>| proxy.and_then(of);
        client = fin(frontend, |proxy| proxy.timeouts.client_fin).unwrap_or(client);
        server = fin(backend, |proxy| proxy.timeouts.server_fin).unwrap_or(server);
    }
    Limits {
        idle: client.min(server),
        cause: if client <= server {
            cause::CLIENT_TIMEOUT
        } else {
            cause::SERVER_TIMEOUT
        },
    }
}

/// What the kernel would have told of a flow.
fn event(flow: &Flow, now: u64) -> Event {
    let Flow { client, up, down } = flow;
    Event {
        client: *client,
        server: up.to,
        kind: Kind::Closed,
        unused: 0,
        service_number: up.service,
        server_number: up.server,
        connect: up.connect,
        bytes_in: up.sent,
        bytes_out: down.sent,
        started: up.started,
        now: match up.state {
            State::Closed => up.seen.max(down.seen),
            _ => now,
        },
    }
}
