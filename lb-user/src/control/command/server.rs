//! Commands that change servers: state, health, weight, limits, addresses.

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::control::world::Found;
use crate::health::standing::{Event, SetHealth};
use crate::language::{Does, Error, Scope};
use crate::plan::balance::{Algorithm, HashMethod};
use crate::state::server::admin;

/// Commands that change servers.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["disable server"],
        args: "(DEPRECATED)",
        scope: Scope::CLI_ADMIN,
        doc: "disable a server for maintenance (use 'set server' instead)",
        example: "disable server be/srv",
        does: Does::Works(|request| with_server(request, |request, found| administer(request, found, Word::Maint))),
    },
    CommandRow {
        names: &["enable server"],
        args: " (DEPRECATED)",
        scope: Scope::CLI_ADMIN,
        doc: "enable a disabled server (use 'set server' instead)",
        example: "enable server be/srv",
        does: Does::Works(|request| with_server(request, enable)),
    },
    CommandRow {
        names: &["set server"],
        args: "<bk>/<srv> [opts]",
        scope: Scope::CLI_ADMIN,
        doc: "change a server's state, weight, address or ssl",
        example: "set server be/srv state drain",
        does: Does::Works(|request| with_server(request, set)),
    },
    CommandRow {
        names: &["set weight"],
        args: "<bk>/<srv>  (DEPRECATED)",
        scope: Scope::CLI_ADMIN,
        doc: "change a server's weight (use 'set server' instead)",
        example: "set weight be/srv 50%",
        does: Does::Works(|request| with_server(request, |request, found| weigh(request, found, request.word(1)))),
    },
    CommandRow {
        names: &["get weight"],
        args: "<bk>/<srv>",
        scope: Scope::CLI_USER,
        doc: "report a server's current weight",
        example: "get weight be/srv",
        does: Does::Works(|request| {
            with_server(request, |_, found| {
                let now = found.live.user_weight.load(Relaxed);
                Answer::Text(format!("{now} (initial {})\n", found.live.initial_weight))
            })
        }),
    },
    CommandRow {
        names: &["disable health"],
        args: "",
        scope: Scope::CLI_ADMIN,
        doc: "disable health checks",
        example: "disable health be/srv",
        does: Does::Works(|request| {
            with_server(request, |request, found| {
                request.world.engine.farm.set_checking(found.id, false);
                Answer::Done
            })
        }),
    },
    CommandRow {
        names: &["enable health"],
        args: "",
        scope: Scope::CLI_ADMIN,
        doc: "enable health checks",
        example: "enable health be/srv",
        does: Does::Works(|request| {
            with_server(request, |request, found| match found.live.check.configured {
                true => {
                    request.world.engine.farm.set_checking(found.id, true);
                    Answer::Done
                }
                false => Answer::error("Health check was not configured on this server, cannot enable."),
            })
        }),
    },
    CommandRow {
        names: &["disable agent"],
        args: "",
        scope: Scope::CLI_ADMIN,
        doc: "disable agent checks",
        example: "disable agent be/srv",
        does: Does::Works(|request| with_server(request, |_, _| Answer::Done)),
    },
    CommandRow {
        names: &["enable agent"],
        args: "",
        scope: Scope::CLI_ADMIN,
        doc: "enable agent checks",
        example: "enable agent be/srv",
        does: Does::Works(|request| {
            with_server(request, |_, _| {
                Answer::error("Agent was not configured on this server, cannot enable.")
            })
        }),
    },
    CommandRow {
        names: &["set maxconn server"],
        args: "<bk>/<srv>",
        scope: Scope::CLI_ADMIN,
        doc: "change a server's maxconn setting",
        example: "set maxconn server be/srv 50",
        does: Does::Works(|request| with_server(request, set_max_connections)),
    },
];

/// What `state` may be set to.
#[derive(Clone, Copy)]
enum Word {
    Ready,
    Drain,
    Maint,
}

/// Does something with the server that the first word names.
pub fn with_server(request: &mut Request<'_>, does: impl FnOnce(&mut Request<'_>, Found) -> Answer) -> Answer {
    match request.world.server(request.word(0).unwrap_or_default()) {
        Ok(found) => does(request, found),
        Err(text) => Answer::error(text),
    }
}

fn administer(request: &Request<'_>, found: Found, word: Word) -> Answer {
    let (set, clear) = match word {
        Word::Ready => (0, admin::FORCED_MAINT | admin::FORCED_DRAIN),
        Word::Drain => (admin::FORCED_DRAIN, admin::FORCED_MAINT),
        Word::Maint => (admin::FORCED_MAINT, admin::FORCED_DRAIN),
    };
    request
        .world
        .engine
        .farm
        .apply(found.id, Event::Administer { set, clear });
    Answer::Done
}

/// Ends maintenance, but not draining.
fn enable(request: &mut Request<'_>, found: Found) -> Answer {
    let clear = admin::FORCED_MAINT;
    request
        .world
        .engine
        .farm
        .apply(found.id, Event::Administer { set: 0, clear });
    Answer::Done
}

fn set(request: &mut Request<'_>, found: Found) -> Answer {
    match request.word(1) {
        Some("weight") => weigh(request, found, request.word(2)),
        Some("state") => match request.word(2) {
            Some("ready") => administer(request, found, Word::Ready),
            Some("drain") => administer(request, found, Word::Drain),
            Some("maint") => administer(request, found, Word::Maint),
            _ => Answer::error("'set server <srv> state' expects 'ready', 'drain' and 'maint'."),
        },
        Some("health") => set_health(request, found),
        Some("addr") => set_address(request, found),
        Some("check-addr") => set_check_address(request, found),
        Some("check-port") => set_check_port(request, found),
        Some("agent" | "agent-send") => Answer::error("agent checks are not enabled on this server."),
        Some("agent-addr" | "agent-port") => Answer::error("agent checks are not enabled on this server"),
        Some("fqdn") => match request.word(2) {
            None => Answer::error("set server <b>/<s> fqdn requires a FQDN."),
            Some(_) => Answer::error("set server <b>/<s> fqdn failed because no resolution is configured."),
        },
        Some("ssl") => Answer::error(Error::not_implemented("set server ssl")),
        _ => Answer::error(
            "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
             check-addr | check-port | fqdn | health | ssl | state | weight",
        ),
    }
}

fn set_health(request: &Request<'_>, found: Found) -> Answer {
    if found.plan.track.is_some() {
        return Answer::error("cannot change health on a tracking server.");
    }
    let health = match request.word(2) {
        Some("up") => SetHealth::Up,
        Some("stopping") => SetHealth::Stopping,
        Some("down") => SetHealth::Down,
        _ => return Answer::error("'set server <srv> health' expects 'up', 'stopping', or 'down'."),
    };
    request.world.engine.farm.apply(found.id, Event::SetHealth(health));
    Answer::Done
}

/// Sets a weight given as such or as a percentage of the configured one.
fn weigh(request: &Request<'_>, found: Found, word: Option<&str>) -> Answer {
    let Some(word) = word else {
        return Answer::error("Require <weight> or <weight%>.");
    };
    let (digits, is_relative) = match word.strip_suffix('%') {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let Ok(number) = digits.parse::<i64>() else {
        return Answer::error(match digits.starts_with(|c: char| c.is_ascii_digit()) {
            true => "Trailing garbage in weight string",
            false => "Empty weight string empty or preceded by garbage",
        });
    };
    let initial = found.live.initial_weight;
    let weight = match is_relative {
        true if number < 0 => return Answer::error("Relative weight must be positive."),
        true => (i64::from(initial).saturating_mul(number) / 100).min(256),
        false => number,
    };
    let Some(weight) = u32::try_from(weight).ok().filter(|weight| *weight <= 256) else {
        return Answer::error("Absolute weight can only be between 0 and 256 inclusive.");
    };
    if is_static(found) && weight != 0 && weight != initial {
        return Answer::error("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.");
    }
    request.world.engine.farm.set_weight(found.id, weight);
    Answer::Done
}

/// Does the backend's algorithm lay out the servers once and for all?
fn is_static(found: Found) -> bool {
    let balance = &found.backend.balance;
    match balance.algorithm {
        Algorithm::StaticRoundRobin => true,
        Algorithm::Source
        | Algorithm::Uri(_)
        | Algorithm::UrlParam { .. }
        | Algorithm::Header { .. }
        | Algorithm::RdpCookie { .. }
        | Algorithm::Hash(_) => balance.hash.method == HashMethod::MapBased,
        _ => false,
    }
}

fn set_max_connections(request: &mut Request<'_>, found: Found) -> Answer {
    let Some(word) = request.word(1) else {
        return Answer::error("Require <maxconn>.");
    };
    match word.parse() {
        Ok(most) => {
            found.live.max_connections.store(most, Relaxed);
            Answer::Done
        }
        Err(_) => Answer::error("maxconn string empty or preceded by garbage"),
    }
}

/// `addr <ip> [port <port>]`, told as the peer tells it.
fn set_address(request: &Request<'_>, found: Found) -> Answer {
    const BY: &str = "by 'stats socket command'";
    let Some(word) = request.word(2) else {
        return Answer::error("set server <b>/<s> addr requires an address and optionally a port.");
    };
    let Ok(ip) = word.parse::<IpAddr>() else {
        return Answer::error(format!("Invalid addr '{word}' {BY}"));
    };
    let Ok(mut address) = found.live.address.write() else {
        return Answer::error("The address cannot be changed now.");
    };
    let Some(old) = *address else {
        return Answer::error(format!("The server has no address that could be changed {BY}"));
    };
    let mut new = old;
    new.set_ip(ip);
    let mut told = match old.ip() == ip {
        true => "no need to change the addr".to_owned(),
        false => format!("IP changed from '{}' to '{ip}'", old.ip()),
    };
    if request.word(3) == Some("port") {
        let word = request.word(4).unwrap_or_default();
        match word.parse::<u16>() {
            Ok(port) if port == old.port() => told += ", no need to change the port",
            Ok(port) => {
                new.set_port(port);
                told += &format!(", port changed from '{}' to '{port}'", old.port());
            }
            Err(_) => told += &format!(", problem converting port '{word}' to an int"),
        }
    }
    *address = Some(new);
    drop(address);
    if let Some(backend) = request.world.engine.backend(found.id.backend) {
        backend.name_servers();
    }
    Answer::info(format!("{told} {BY}"))
}

fn set_check_address(request: &Request<'_>, found: Found) -> Answer {
    let check = &found.live.check;
    if !check.configured {
        return Answer::error("health checks are not enabled on this server");
    }
    let Some(word) = request.word(2) else {
        return Answer::error("set server <b>/<s> check-addr requires an address and optionally a port.");
    };
    let Ok(ip) = word.parse() else {
        return Answer::error(format!("'{word}' is not an address"));
    };
    if request.word(3) == Some("port")
        && let Err(answer) = store_check_port(found, request.word(4).unwrap_or_default())
    {
        return answer;
    }
    if let Ok(mut address) = check.address.write() {
        *address = Some(ip);
    }
    Answer::Done
}

fn set_check_port(request: &Request<'_>, found: Found) -> Answer {
    if !found.live.check.configured {
        return Answer::error("health checks are not enabled on this server");
    }
    match request.word(2) {
        Some(word) => store_check_port(found, word).map_or_else(|answer| answer, |()| Answer::Done),
        None => Answer::error("set server <b>/<s> check-port requires a port."),
    }
}

fn store_check_port(found: Found, word: &str) -> Result<(), Answer> {
    let number: i64 = word
        .parse()
        .map_err(|_| Answer::error("provided port is not an integer"))?;
    let port = u16::try_from(number).map_err(|_| Answer::error("provided port is invalid"))?;
    found.live.check.port.store(port, Relaxed);
    Ok(())
}
