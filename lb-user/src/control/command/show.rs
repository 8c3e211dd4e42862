//! Commands that show what is there: environment, backends, servers, kernel help, variables.

use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::control::world::Found;
use crate::health::result::Status;
use crate::language::{Does, Scope};
use crate::state::server::admin;
use crate::stream::flows::Flows;

/// Commands that show what is there.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["show env"],
        args: "[var]",
        scope: Scope::CLI_OPERATOR,
        doc: "dump environment variables known to the process",
        example: "show env HOME",
        does: Does::Works(show_env),
    },
    CommandRow {
        names: &["show backend"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "list backends in the current running config",
        example: "show backend",
        does: Does::Works(show_backend),
    },
    CommandRow {
        names: &["show servers state"],
        args: "[<backend>]",
        scope: Scope::CLI_USER,
        doc: "dump volatile server information (all or for a single backend)",
        example: "show servers state",
        does: Does::Works(|request| servers(request, STATE_HEADER, state_line)),
    },
    CommandRow {
        names: &["show servers conn"],
        args: "[<backend>]",
        scope: Scope::CLI_USER,
        doc: "dump server connections status (all or for a single backend)",
        example: "show servers conn",
        does: Does::Works(|request| servers(request, CONNECTIONS_HEADER, connections_line)),
    },
    CommandRow {
        names: &["show ebpf"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "report what the kernel does: programs, rules and their counters",
        example: "show ebpf",
        does: Does::Works(|request| {
            let flows = request
                .world
                .engine
                .flows
                .get()
                .map_or_else(String::new, Flows::describe);
            Answer::Text(request.world.kernel.describe() + &flows)
        }),
    },
];

fn show_env(request: &mut Request<'_>) -> Answer {
    let environment = &request.world.environment;
    match request.word(0) {
        Some(name) => match environment.get(name) {
            Some(value) => Answer::Text(format!("{name}={value}\n")),
            None => Answer::error("Variable not found"),
        },
        None => Answer::Text(
            environment
                .iter()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect(),
        ),
    }
}

fn show_backend(request: &mut Request<'_>) -> Answer {
    let backends = request.world.process().proxies.iter().filter(|proxy| proxy.is_backend);
    let names: String = backends.map(|proxy| format!("{}\n", proxy.name)).collect();
    Answer::Text(format!("# name\n{names}"))
}

/// Servers of all backends or of the one that is named, a line each.
fn servers(request: &mut Request<'_>, header: &str, line: fn(Found, u32) -> String) -> Answer {
    let world = request.world;
    let wanted = match request.word(0) {
        None => None,
        Some(name) => match world.backend(name) {
            Some(backend) => Some(backend.id),
            None => return Answer::error("Can't find backend."),
        },
    };
    let mut text = header.to_owned();
    for found in world.servers(|proxy| wanted.is_none_or(|id| id == proxy.id)) {
        let number = world.process().proxy(found.id.backend).map_or(0, |proxy| proxy.puid);
        text += &line(found, number);
    }
    Answer::Text(text)
}

/// Version and columns of `show servers state` (management manual 9.3).
const STATE_HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight \
    srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
    srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
    srv_check_addr srv_agent_addr srv_agent_port\n";

/// Bits of `srv_check_state`.
mod check_state {
    /// A check is configured.
    pub const CONFIGURED: u8 = 0x02;
    /// It is switched on.
    pub const ENABLED: u8 = 0x04;
    /// It rests: the server is in maintenance, or began there.
    pub const PAUSED: u8 = 0x08;
}

fn state_line(found: Found, backend_number: u32) -> String {
    let Found {
        live, plan, backend, ..
    } = found;
    let since = crate::runtime::clock::ticks() / 1_000_000;
    let status = Status::from_number(live.check.status.load(Relaxed));
    let admin = live.admin.load(Relaxed);
    let rests = if live.check.configured {
        admin::MAINT | admin::CONFIG_MAINT
    } else {
        admin::CONFIG_MAINT
    };
    let mut check = 0;
    if live.check.configured {
        check |= check_state::CONFIGURED;
    }
    if live.check.configured && live.check.enabled.load(Relaxed) {
        check |= check_state::ENABLED;
    }
    if admin & rests != 0 {
        check |= check_state::PAUSED;
    }
    let (address, port) = place(found);
    let check_address = live.check.address.read().ok().and_then(|address| *address);
    format!(
        "{backend_number} {} {} {} {address} {} {} {} {} {} {} {} {} {check} 0 {} {} - {port} - 0 {} {} - 0\n",
        backend.name,
        live.puid,
        live.name,
        live.running.load(Relaxed),
        live.admin.load(Relaxed),
        live.user_weight.load(Relaxed),
        live.initial_weight,
        since.saturating_sub(live.last_change.load(Relaxed)),
        status as u8,
        status.verdict() as u8,
        live.check.health.load(Relaxed),
        u8::from(backend.puid.is_some()),
        u8::from(plan.id.is_some()),
        live.check.port.load(Relaxed),
        check_address.map_or("-".to_owned(), |address| address.to_string()),
    )
}

/// A server's address and port, `-` and 0 where it has none.
fn place(found: Found) -> (String, u16) {
    match found.live.address() {
        Some(address) => (address.ip().to_string(), address.port()),
        None => (found.live.unix_path.clone().unwrap_or_else(|| "-".to_owned()), 0),
    }
}

/// Columns of `show servers conn`.
const CONNECTIONS_HEADER: &str = "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est \
    unsafe_nb safe_nb idle_lim idle_cur\n";

fn connections_line(found: Found, backend_number: u32) -> String {
    let Found {
        live, plan, backend, ..
    } = found;
    let (address, port) = place(found);
    let idle = live.counters.idle.get();
    format!(
        "{}/{} {backend_number}/{} {address} {port} - {} {} {} {} 0 {idle} {} {idle}\n",
        backend.name,
        live.name,
        live.puid,
        plan.pool_purge_delay.as_millis(),
        live.served.get(),
        live.served.max(),
        live.served.max(),
        plan.pool_max.map_or(-1, i64::from),
    )
}
