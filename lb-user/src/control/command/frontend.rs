//! Commands about frontends and the limits of the process.

use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::language::{Does, Error, Scope};
use crate::state::Proxy;
use crate::state::proxy::ProxyStatus;

/// Commands about frontends and the process.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["disable frontend"],
        args: "<frontend>",
        scope: Scope::CLI_ADMIN,
        doc: "temporarily disable specific frontend",
        example: "disable frontend web",
        does: Does::Works(|request| with_frontend(request, disable)),
    },
    CommandRow {
        names: &["enable frontend"],
        args: "<frontend>",
        scope: Scope::CLI_ADMIN,
        doc: "re-enable specific frontend",
        example: "enable frontend web",
        does: Does::Works(|request| with_frontend(request, enable)),
    },
    CommandRow {
        names: &["shutdown frontend"],
        args: "<frontend>",
        scope: Scope::CLI_ADMIN,
        doc: "stop a specific frontend",
        example: "shutdown frontend web",
        does: Does::Works(|request| with_frontend(request, shut_down)),
    },
    CommandRow {
        names: &["set maxconn frontend"],
        args: "<frontend> <value>",
        scope: Scope::CLI_ADMIN,
        doc: "change a frontend's maxconn setting",
        example: "set maxconn frontend web 100",
        does: Does::Works(|request| with_frontend(request, set_max_connections)),
    },
    CommandRow {
        names: &["set maxconn global"],
        args: "<value>",
        scope: Scope::CLI_ADMIN,
        doc: "change the per-process maxconn setting",
        example: "set maxconn global 1000",
        does: Does::Works(set_global_max_connections),
    },
    CommandRow {
        names: &["set rate-limit"],
        args: "<setting> <value>",
        scope: Scope::CLI_ADMIN,
        doc: "change a rate limiting value",
        example: "set rate-limit connections global 100",
        does: Does::Works(set_rate_limit),
    },
];

fn with_frontend(request: &mut Request<'_>, does: fn(&mut Request<'_>, &'static Proxy) -> Answer) -> Answer {
    let Some(name) = request.word(0) else {
        return Answer::error("A frontend name is expected.");
    };
    match request.world.frontend(name) {
        Some(frontend) => does(request, frontend),
        None => Answer::error("No such frontend."),
    }
}

fn status(frontend: &Proxy) -> ProxyStatus {
    ProxyStatus::from(frontend.status.load(Relaxed))
}

fn disable(request: &mut Request<'_>, frontend: &'static Proxy) -> Answer {
    match status(frontend) {
        ProxyStatus::Ready => turn(request, frontend, ProxyStatus::Paused, "Paused"),
        ProxyStatus::Paused => Answer::Message {
            severity: 5,
            text: "All sockets are already disabled.\n".to_owned(),
        },
        ProxyStatus::Stopped => Answer::error("Frontend was already shut down."),
    }
}

fn enable(request: &mut Request<'_>, frontend: &'static Proxy) -> Answer {
    match status(frontend) {
        ProxyStatus::Paused => turn(request, frontend, ProxyStatus::Ready, "Resumed"),
        ProxyStatus::Ready => Answer::Message {
            severity: 5,
            text: "All sockets are already enabled.\n".to_owned(),
        },
        ProxyStatus::Stopped => Answer::error("Frontend was previously shut down, cannot enable."),
    }
}

fn shut_down(request: &mut Request<'_>, frontend: &'static Proxy) -> Answer {
    match status(frontend) {
        ProxyStatus::Stopped => Answer::error("Frontend was already shut down."),
        _ => turn(request, frontend, ProxyStatus::Stopped, "Stopping"),
    }
}

/// Changes what a frontend does, and has it told in its log.
fn turn(request: &mut Request<'_>, frontend: &'static Proxy, status: ProxyStatus, done: &str) -> Answer {
    frontend.status.store(status as u8, Relaxed);
    (request.world.listen)(frontend.id, status);
    let line = format!("{done} frontend {}.", frontend.name);
    let logger = request.world.engine.loggers.proxy(frontend.id);
    logger.send(request.date, 4, b"", line.as_bytes());
    Answer::Done
}

fn set_max_connections(request: &mut Request<'_>, frontend: &'static Proxy) -> Answer {
    match integer(request.word(1), "Integer value expected.") {
        Ok(most) => {
            frontend.frontend.max_connections.store(most, Relaxed);
            Answer::Done
        }
        Err(answer) => answer,
    }
}

fn set_global_max_connections(request: &mut Request<'_>) -> Answer {
    let hard = request.world.hard_max_connections;
    match integer(request.word(0), "Expects an integer value.") {
        Ok(most) if most > hard => Answer::error("Value out of range."),
        Ok(most) => {
            let most = if most == 0 { hard } else { most };
            request.world.process().max_connections.store(most, Relaxed);
            Answer::Done
        }
        Err(answer) => answer,
    }
}

fn set_rate_limit(request: &mut Request<'_>) -> Answer {
    let process = request.world.process();
    let limit = match (request.word(0), request.word(1)) {
        (Some("connections"), Some("global")) => &process.max_connection_rate,
        (Some("sessions"), Some("global")) => &process.max_session_rate,
        (Some(name @ ("ssl-sessions" | "http-compression")), Some("global")) => {
            return Answer::error(Error::not_implemented(&format!("set rate-limit {name}")));
        }
        _ => {
            return Answer::error(
                "'set rate-limit' only supports :\n   \
                 - 'connections global' to set the per-process maximum connection rate\n   \
                 - 'sessions global' to set the per-process maximum session rate\n   \
                 - 'ssl-sessions global' to set the per-process maximum SSL session rate\n   \
                 - 'http-compression global' to set the per-process maximum compression speed in kB/s",
            );
        }
    };
    match integer(request.word(2), "Expects an integer value.") {
        Ok(most) => {
            limit.store(most, Relaxed);
            Answer::Done
        }
        Err(answer) => answer,
    }
}

/// Reads a number that may not be negative; `expected` is said where there is none.
fn integer(word: Option<&str>, expected: &str) -> Result<u32, Answer> {
    let number: i64 = word
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| Answer::error(expected))?;
    u32::try_from(number).map_err(|_| Answer::error("Value out of range."))
}
