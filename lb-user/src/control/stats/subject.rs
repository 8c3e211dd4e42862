//! What statistics are about: a listener, a frontend, a backend or a server, with all that is known of it.

use std::sync::atomic::Ordering::Relaxed;

use crate::backend::live;
use crate::health::result::Status;
use crate::health::standing::Standing;
use crate::plan::balance::Algorithm;
use crate::plan::{self, BindAddress};
use crate::state::proxy::{BackendState, FrontendState, Listener, ProxyStatus};
use crate::state::server::{Running, admin};
use crate::state::{Counter, Proxy, Server};

/// One object.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub what: What<'a>,
    pub live: &'a Proxy,
    pub plan: &'a plan::Proxy,
    /// Microseconds of the monotonic clock.
    pub ticks: u64,
    /// May addresses, cookies and algorithms be shown?
    pub legends: bool,
}

/// The object's kind and its state.
#[derive(Clone, Copy)]
pub enum What<'a> {
    Listener(&'a Listener, Option<&'a plan::Bind>),
    Frontend(&'a FrontendState),
    Backend(&'a BackendState),
    Server(&'a Server, Option<&'a plan::Server>),
}

impl<'a> Subject<'a> {
    /// The frontend of a proxy.
    pub fn frontend(live: &'a Proxy, plan: &'a plan::Proxy, ticks: u64) -> Subject<'a> {
        Subject {
            what: What::Frontend(&live.frontend),
            live,
            plan,
            ticks,
            legends: true,
        }
    }

    /// The same proxy's other object.
    pub fn with(self, what: What<'a>) -> Subject<'a> {
        Subject { what, ..self }
    }

    /// The letter of typed output, the word of JSON and the number of the `type` column.
    pub fn kind(&self) -> (char, &'static str, u64) {
        match self.what {
            What::Frontend(_) => ('F', "Frontend", 0),
            What::Backend(_) => ('B', "Backend", 1),
            What::Server(..) => ('S', "Server", 2),
            What::Listener(..) => ('L', "Listener", 3),
        }
    }

    /// The number within the proxy, 0 for the proxy itself.
    pub fn number(&self) -> u32 {
        match self.what {
            What::Listener(listener, _) => listener.puid,
            What::Server(server, _) => server.puid,
            What::Frontend(_) | What::Backend(_) => 0,
        }
    }

    /// Its name, or what stands for it.
    pub fn name(&self) -> &'a str {
        match self.what {
            What::Listener(listener, _) => &listener.name,
            What::Server(server, _) => &server.name,
            What::Frontend(_) => "FRONTEND",
            What::Backend(_) => "BACKEND",
        }
    }

    /// Milliseconds of the monotonic clock.
    pub fn ms(&self) -> u64 {
        self.ticks / 1_000
    }

    /// Seconds since `second` of the monotonic clock.
    pub fn seconds_since(&self, second: u64) -> u64 {
        (self.ticks / 1_000_000).saturating_sub(second)
    }

    /// Answers of a class (1 to 5, 0 for others), where the proxy speaks HTTP.
    pub fn responses(&self, class: usize) -> Option<u64> {
        let counters: &[Counter; 6] = match self.what {
            What::Frontend(frontend) => &frontend.counters.responses,
            What::Backend(backend) => &backend.counters.responses,
            What::Server(server, _) => &server.counters.responses,
            What::Listener(..) => return None,
        };
        let index = class.checked_sub(1).unwrap_or(5);
        counters.get(index).filter(|_| self.live.is_http).map(Counter::get)
    }

    /// Mean of a time over the last requests: queue 0, connect 1, response 2, total 3 (ms).
    pub fn time(&self, which: usize) -> Option<u64> {
        let (sums, count) = match self.what {
            What::Backend(backend) => (&backend.counters.times, backend.counters.sessions.get()),
            What::Server(server, _) => (&server.counters.times, server.counters.sessions.get()),
            _ => return None,
        };
        let samples = count.clamp(1, 1024);
        sums.get(which).map(|sum| sum.load(Relaxed).div_ceil(samples))
    }

    /// Longest of a time ever seen.
    pub fn time_max(&self, which: usize) -> Option<u64> {
        let times = match self.what {
            What::Backend(backend) => &backend.counters.times_max,
            What::Server(server, _) => &server.counters.times_max,
            _ => return None,
        };
        times.get(which).map(|time| time.load(Relaxed))
    }

    /// The `status` column.
    pub fn status(&self) -> String {
        match self.what {
            What::Listener(listener, _) => match listener.max_connections {
                0 => "OPEN".to_owned(),
                most if listener.connections.get() >= most.into() => "FULL".to_owned(),
                _ => "OPEN".to_owned(),
            },
            What::Frontend(_) => match ProxyStatus::from(self.live.status.load(Relaxed)) {
                ProxyStatus::Ready => "OPEN".to_owned(),
                ProxyStatus::Paused => "PAUSED".to_owned(),
                ProxyStatus::Stopped => "STOP".to_owned(),
            },
            What::Backend(_) => {
                let up = self.live.servers.is_empty() || self.live.servers.iter().any(|server| server.is_usable());
                if up { "UP" } else { "DOWN" }.to_owned()
            }
            What::Server(server, plan) => server_status(server, plan),
        }
    }

    /// Usable servers of a backend; whether a server is of that sort.
    pub fn servers(&self, backup: bool) -> Option<u64> {
        match self.what {
            What::Backend(_) => Some(self.usable(backup).count() as u64),
            What::Server(server, _) => Some((server.backup == backup).into()),
            _ => None,
        }
    }

    /// The weight in force: of a backend, that of the servers it would choose from.
    pub fn weight(&self) -> Option<u64> {
        self.sum(|server| weight(server, self.plan))
    }

    /// The weight that the operator set.
    pub fn user_weight(&self) -> Option<u64> {
        self.sum(|server| server.user_weight.load(Relaxed).into())
    }

    /// Percentage of its weight that a server has while it starts slowly.
    pub fn throttle(&self) -> Option<u64> {
        match self.what {
            What::Server(server, _) if Running::from(server.running.load(Relaxed)) == Running::Starting => {
                (self.weight()? * 100).checked_div(self.user_weight()?)
            }
            _ => None,
        }
    }

    fn sum(&self, weight: impl Fn(&Server) -> u64) -> Option<u64> {
        match self.what {
            What::Backend(_) => {
                let backup = self.usable(false).next().is_none();
                Some(self.usable(backup).map(weight).sum())
            }
            What::Server(server, _) => Some(weight(server)),
            _ => None,
        }
    }

    fn usable(&self, backup: bool) -> impl Iterator<Item = &'a Server> + use<'a> {
        let servers = self.live.servers.iter().map(|server| &**server);
        servers.filter(move |server| server.is_usable() && server.backup == backup)
    }

    /// `backend/server` that a server follows.
    pub fn tracked(&self) -> Option<&'a str> {
        match self.what {
            What::Server(_, Some(plan)) => plan.track.as_deref(),
            _ => None,
        }
    }

    /// The address, where it may be shown.
    pub fn address(&self) -> Option<String> {
        match self.what {
            _ if !self.legends => None,
            What::Listener(_, Some(bind)) => Some(match &bind.address {
                BindAddress::Inet(address) => address.to_string(),
                BindAddress::Unix(_) | BindAddress::Abstract(_) => "unix".to_owned(),
                BindAddress::Descriptor(fd) => format!("fd@{fd}"),
            }),
            What::Server(server, _) => match (server.address(), &server.unix_path) {
                (Some(address), _) => Some(address.to_string()),
                (None, Some(_)) => Some("unix".to_owned()),
                (None, None) => Some("unknown".to_owned()),
            },
            _ => None,
        }
    }

    /// Milliseconds spent down, before and since the last change.
    pub fn downtime(&self) -> Option<u64> {
        let (before, since, down) = match self.what {
            What::Backend(backend) => {
                let down = self.status() == "DOWN";
                (backend.downtime.load(Relaxed), backend.last_change.load(Relaxed), down)
            }
            What::Server(server, _) if server.check.configured => {
                let down = server.running.load(Relaxed) == Running::Stopped as u8;
                (
                    server.counters.downtime.load(Relaxed),
                    server.last_change.load(Relaxed),
                    down,
                )
            }
            _ => return None,
        };
        Some(before + if down { self.seconds_since(since) } else { 0 })
    }
}

/// The standing that a server's live state amounts to.
pub fn standing(server: &Server) -> Standing {
    Standing {
        running: Running::from(server.running.load(Relaxed)),
        admin: server.admin.load(Relaxed),
        health: u32::try_from(server.check.health.load(Relaxed)).unwrap_or(0),
        rise: u32::try_from(server.check.rise).unwrap_or(1),
        fall: u32::try_from(server.check.fall).unwrap_or(1),
        warms_up: false,
    }
}

fn server_status(server: &Server, plan: Option<&plan::Server>) -> String {
    let standing = standing(server);
    if standing.is_in_maintenance() {
        let via = plan.and_then(|plan| plan.track.as_deref());
        return match (standing.admin, via) {
            (bits, Some(via)) if bits & admin::MAINT == admin::INHERITED_MAINT => format!("MAINT (via {via})"),
            (bits, _) if bits & admin::MAINT == admin::RESOLUTION_MAINT => "MAINT (resolution)".to_owned(),
            _ => "MAINT".to_owned(),
        };
    }
    let is_tracking = plan.is_some_and(|plan| plan.track.is_some());
    let is_checked = server.check.configured && server.check.enabled.load(Relaxed);
    match standing.running {
        _ if is_checked => standing.describe(),
        Running::Stopped => "DOWN".to_owned(),
        Running::Stopping => "NOLB".to_owned(),
        _ if standing.is_draining() => "DRAIN".to_owned(),
        _ if is_tracking => "UP".to_owned(),
        _ => "no check".to_owned(),
    }
}

/// The weight of a server in force, without the room that algorithms leave for slow starts.
fn weight(server: &Server, plan: &plan::Proxy) -> u64 {
    let scale = live::weight_scale(&plan.balance.algorithm);
    server.effective_weight.load(Relaxed).div_ceil(scale.max(1)).into()
}

/// What the last check of a server found; `None` where none is configured.
pub fn check_status(server: &Server) -> Option<Status> {
    server
        .check
        .configured
        .then(|| Status::from_number(server.check.status.load(Relaxed)))
}

/// The name of `balance`'s algorithm.
pub fn algorithm(plan: &plan::Proxy) -> &'static str {
    match &plan.balance.algorithm {
        Algorithm::RoundRobin => "roundrobin",
        Algorithm::StaticRoundRobin => "static-rr",
        Algorithm::LeastConnections => "leastconn",
        Algorithm::First => "first",
        Algorithm::Source => "source",
        Algorithm::Uri(_) => "uri",
        Algorithm::UrlParam { .. } => "url_param",
        Algorithm::Header { .. } => "hdr",
        Algorithm::Random { .. } => "random",
        Algorithm::RdpCookie { .. } => "rdp-cookie",
        Algorithm::Hash(_) => "hash",
    }
}
