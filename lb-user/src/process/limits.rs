//! How many descriptors the process needs, and whether it may have them.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use super::messages::Messages;
use crate::plan::Plan;

/// Connections allowed when the limits leave room for less.
const LEAST_CONNECTIONS: u64 = 100;
/// Descriptors that each worker's runtime keeps: its poller, its waker, timers, a socket for logs.
const PER_WORKER: u64 = 6;
/// Standard streams, signals, a pidfile and what libraries open.
const FIXED: u64 = 16;

/// The sizes in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// `maxconn` of the process.
    pub connections: u64,
    /// Descriptors that so many connections may need.
    pub descriptors: u64,
}

impl Sizes {
    /// A connection takes two descriptors, the client's and the server's. Without a configured `maxconn`
    /// (`configured`), what `limit` descriptors leave is spent on connections.
    fn of(configured: Option<u64>, fixed: u64, limit: u64) -> Sizes {
        let connections = configured.unwrap_or_else(|| (limit.saturating_sub(fixed) / 2).max(LEAST_CONNECTIONS));
        Sizes {
            connections,
            descriptors: connections.saturating_mul(2).saturating_add(fixed),
        }
    }
}

/// Descriptors in use before the first connection.
fn fixed(plan: &Plan, workers: u64) -> u64 {
    let frontends = plan.proxies.iter().map(|proxy| proxy.binds.len() as u64).sum::<u64>();
    let servers = plan.proxies.iter().map(|proxy| proxy.servers.len() as u64).sum::<u64>();
    let cli = plan.global.cli.len() as u64 + u64::from(plan.global.stats_max_connections);
    frontends * workers + servers + cli + workers * PER_WORKER + FIXED
}

/// Sets the limits of the process, as the configuration says or as its `maxconn` needs. Returns the sizes in force,
/// or `None` if the process must not start.
pub fn apply(plan: &Plan, workers: usize, maxconn: Option<u32>, messages: &mut Messages) -> Option<Sizes> {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            messages.alert(format!("[lb.main()] Cannot read the FD limit: {}.", error.desc()));
            return None;
        }
    };
    let configured = maxconn.or(plan.global.max_connections).filter(|maxconn| *maxconn > 0);
    let limit = plan.global.ulimit_n.unwrap_or(hard);
    let sizes = Sizes::of(configured.map(u64::from), fixed(plan, workers as u64), limit);
    let wanted = plan.global.ulimit_n.unwrap_or(sizes.descriptors);
    let granted = match wanted {
        wanted if wanted <= soft && plan.global.ulimit_n.is_none() => soft,
        wanted if setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted.max(hard)).is_ok() => wanted,
        wanted => {
            refuse(
                plan,
                messages,
                format!("[lb.main()] Cannot raise FD limit to {wanted}, limit is {hard}."),
            )?;
            raise_to(hard, soft)
        }
    };
    if granted < sizes.descriptors {
        let Sizes {
            connections,
            descriptors,
        } = sizes;
        refuse(
            plan,
            messages,
            format!(
                "[lb.main()] FD limit ({granted}) too low for maxconn={connections}/maxsock={descriptors}. Please raise 'ulimit-n' to {descriptors} or more to avoid any trouble."
            ),
        )?;
    }
    Some(sizes)
}

/// A limit that cannot be met: an alert and no start under `strict-limits`, else a warning.
fn refuse(plan: &Plan, messages: &mut Messages, text: String) -> Option<()> {
    match plan.global.strict_limits {
        true => {
            messages.alert(text);
            None
        }
        false => {
            messages.warning(text);
            Some(())
        }
    }
}

/// Raises the soft limit as far as an unprivileged process may.
fn raise_to(hard: rlim_t, soft: rlim_t) -> rlim_t {
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// `-m`: the memory of the process, in MiB. Returns whether the limit is in force.
pub fn limit_memory(megabytes: u64) -> bool {
    let bytes = megabytes.saturating_mul(1 << 20);
    setrlimit(Resource::RLIMIT_AS, bytes, bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fill_the_limit() {
        for (configured, limit, connections, descriptors) in [
            (None, 20_000, 9_985, 20_000),
            (None, 60, 100, 230),
            (None, 0, 100, 230),
            (Some(1_000), 60, 1_000, 2_030),
            (Some(u64::MAX), 60, u64::MAX, u64::MAX),
        ] {
            assert_eq!(
                Sizes::of(configured, 30, limit),
                Sizes {
                    connections,
                    descriptors
                },
                "{configured:?} in {limit}"
            );
        }
    }
}
