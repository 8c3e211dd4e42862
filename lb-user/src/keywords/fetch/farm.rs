//! Backends, servers and frontends: how many there are and how busy (manual 7.3.2).

use std::sync::atomic::Ordering::Relaxed;

use super::works;
use crate::language::Scope;
use crate::rules::{ArgKind, ArgSpec, Args, Facts, Fetch, FetchRow, Fetched, Kind, Value};
use crate::state::server::admin;
use crate::state::{Proxy, Server};

const BACKEND: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Backend, "backend")];
const FRONTEND: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Frontend, "frontend")];
const SERVER: &[ArgSpec] = &[ArgSpec::required(ArgKind::Server, "server")];

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["avg_queue"],
        "([<backend>])",
        Scope::INTERNAL,
        "Connections queued in the backend for each usable server; twice all of them where none is.",
        "avg_queue(app) # 2",
        Fetch::one(Kind::Int, |args, f| {
            backend(args, f, |proxy, _| Some(average_queue(proxy)))
        })
        .with(BACKEND),
    ),
    works(
        &["be_conn"],
        "([<backend>])",
        Scope::INTERNAL,
        "Connections of the backend.",
        "be_conn(app) # 3",
        Fetch::one(Kind::Int, |args, f| {
            backend(args, f, |proxy, _| Some(proxy.backend.connections.get() as i64))
        })
        .with(BACKEND),
    ),
    works(
        &["be_conn_free"],
        "([<backend>])",
        Scope::INTERNAL,
        "Connections that the backend's usable servers could still take; -1 where one has no limit.",
        "be_conn_free(app) # 9",
        Fetch::one(Kind::Int, |args, f| {
            backend(args, f, |proxy, _| Some(free_connections(proxy)))
        })
        .with(BACKEND),
    ),
    works(
        &["be_sess_rate"],
        "([<backend>])",
        Scope::INTERNAL,
        "New sessions a second of the backend.",
        "be_sess_rate(app) # 0",
        Fetch::one(Kind::Int, |args, f| {
            backend(args, f, |proxy, now| {
                Some(proxy.backend.counters.session_rate.get(now) as i64)
            })
        })
        .with(BACKEND),
    ),
    works(
        &["connslots"],
        "([<backend>])",
        Scope::INTERNAL,
        "Connections that the backend's servers and their queues could still take; -1 where one has no limit.",
        "connslots(app) # 29",
        Fetch::one(Kind::Int, |args, f| backend(args, f, |proxy, _| Some(slots(proxy)))).with(BACKEND),
    ),
    works(
        &["nbsrv"],
        "([<backend>])",
        Scope::INTERNAL,
        "Usable servers of the backend.",
        "nbsrv(app) # 1",
        Fetch::one(Kind::Int, |args, f| backend(args, f, |proxy, _| Some(usable(proxy)))).with(BACKEND),
    ),
    works(
        &["queue"],
        "([<backend>])",
        Scope::INTERNAL,
        "Connections queued in the backend and at its servers.",
        "queue(app) # 2",
        Fetch::one(Kind::Int, |args, f| backend(args, f, |proxy, _| Some(queued(proxy)))).with(BACKEND),
    ),
    works(
        &["fe_conn"],
        "([<frontend>])",
        Scope::INTERNAL,
        "Connections of the frontend.",
        "fe_conn(www) # 4",
        Fetch::one(Kind::Int, |args, f| {
            frontend(args, f, |proxy, _| proxy.frontend.connections.get() as i64)
        })
        .with(FRONTEND),
    ),
    works(
        &["fe_req_rate"],
        "([<frontend>])",
        Scope::INTERNAL,
        "HTTP requests a second of the frontend.",
        "fe_req_rate(www) # 0",
        Fetch::one(Kind::Int, |args, f| {
            frontend(args, f, |proxy, now| {
                proxy.frontend.counters.request_rate.get(now) as i64
            })
        })
        .with(FRONTEND),
    ),
    works(
        &["fe_sess_rate"],
        "([<frontend>])",
        Scope::INTERNAL,
        "New sessions a second of the frontend.",
        "fe_sess_rate(www) # 0",
        Fetch::one(Kind::Int, |args, f| {
            frontend(args, f, |proxy, now| {
                proxy.frontend.counters.session_rate.get(now) as i64
            })
        })
        .with(FRONTEND),
    ),
    works(
        &["srv_conn"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "Connections of the server.",
        "srv_conn(app/s1) # 1",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, _| server.sessions.get() as i64)
        })
        .with(SERVER),
    ),
    works(
        &["srv_conn_free"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "Connections that the server could still take; -1 without a limit.",
        "srv_conn_free(app/s1) # 9",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, _| free(server).unwrap_or(-1))
        })
        .with(SERVER),
    ),
    works(
        &["srv_is_up"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "Is the server up and not in maintenance?",
        "srv_is_up(app/s2) # 0",
        Fetch::one(Kind::Bool, |args, f| {
            let server = args.server(0).and_then(|id| f.process.server(id));
            server.map(|server| Value::Bool(server.is_running())).into()
        })
        .with(SERVER),
    ),
    works(
        &["srv_queue"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "Connections in the server's queue.",
        "srv_queue(app/s1) # 0",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, _| server.queue.get() as i64)
        })
        .with(SERVER),
    ),
    works(
        &["srv_sess_rate"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "New sessions a second of the server.",
        "srv_sess_rate(app/s1) # 0",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, now| server.counters.session_rate.get(now) as i64)
        })
        .with(SERVER),
    ),
    works(
        &["srv_iweight"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "The server's weight in the configuration.",
        "srv_iweight(app/s1) # 5",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, _| server.initial_weight.into())
        })
        .with(SERVER),
    ),
    works(
        &["srv_uweight"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "The server's weight as the operator sees it.",
        "srv_uweight(app/s1) # 5",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, _| server.user_weight.load(Relaxed).into())
        })
        .with(SERVER),
    ),
    works(
        &["srv_weight"],
        "([<backend>/]<server>)",
        Scope::INTERNAL,
        "The server's weight in force, slow start included.",
        "srv_weight(app/s1) # 5",
        Fetch::one(Kind::Int, |args, f| {
            server(args, f, |server, _| {
                let effective = server.effective_weight.load(Relaxed);
                effective.div_ceil(server.weight_scale.max(1)).into()
            })
        })
        .with(SERVER),
    ),
];

/// Asks the backend that the argument names, or the current one. The second argument is milliseconds of the clock
/// that rates are counted by.
fn backend<'a>(args: &Args, facts: &Facts<'a>, ask: impl Fn(&Proxy, u64) -> Option<i64>) -> Fetched<'a> {
    let named = args.proxy(0).and_then(|id| facts.process.proxy(id));
    let proxy = named.or_else(|| facts.proxy());
    proxy
        .and_then(|proxy| ask(proxy, facts.ticks / 1_000))
        .map(Value::Int)
        .into()
}

fn frontend<'a>(args: &Args, facts: &Facts<'a>, ask: impl Fn(&Proxy, u64) -> i64) -> Fetched<'a> {
    let named = args.proxy(0).and_then(|id| facts.process.proxy(id));
    let proxy = named.or_else(|| facts.frontend());
    proxy.map(|proxy| Value::Int(ask(proxy, facts.ticks / 1_000))).into()
}

fn server<'a>(args: &Args, facts: &Facts<'a>, ask: impl Fn(&Server, u64) -> i64) -> Fetched<'a> {
    let server = args.server(0).and_then(|id| facts.process.server(id));
    server.map(|server| Value::Int(ask(server, facts.ticks / 1_000))).into()
}

/// The active servers that may be used, or the backup ones where there is none.
pub(in crate::keywords) fn usable(proxy: &Proxy) -> i64 {
    let count = |backup: bool| {
        let servers = proxy.servers.iter();
        servers
            .filter(|server| server.backup == backup && server.is_usable())
            .count() as i64
    };
    match count(false) {
        0 => count(true),
        active => active,
    }
}

fn queued(proxy: &Proxy) -> i64 {
    let at_servers: u64 = proxy.servers.iter().map(|server| server.queue.get()).sum();
    (proxy.backend.queue.get() + at_servers) as i64
}

fn average_queue(proxy: &Proxy) -> i64 {
    match usable(proxy) {
        0 => queued(proxy) * 2,
        servers => (queued(proxy) + servers - 1) / servers,
    }
}

/// What a server could still take, if it has a limit.
fn free(server: &Server) -> Option<i64> {
    match server.max_connections.load(Relaxed) {
        0 => None,
        limit => Some((i64::from(limit) - server.served.get() as i64).max(0)),
    }
}

fn free_connections(proxy: &Proxy) -> i64 {
    let in_use = |server: &&std::sync::Arc<Server>| server.is_running();
    let active = proxy.servers.iter().filter(in_use).filter(|server| !server.backup);
    let total: Option<i64> = if active.clone().next().is_some() {
        active.map(|server| free(server)).sum()
    } else {
        proxy.servers.iter().filter(in_use).map(|server| free(server)).sum()
    };
    total.unwrap_or(-1)
}

fn slots(proxy: &Proxy) -> i64 {
    let is_kept = |server: &&std::sync::Arc<Server>| server.admin.load(Relaxed) & admin::MAINT == 0;
    let room = |server: &std::sync::Arc<Server>| {
        let queue = i64::from(server.max_queue) - server.queue.get() as i64;
        free(server).filter(|_| server.max_queue > 0).map(|free| free + queue)
    };
    let total: Option<i64> = proxy.servers.iter().filter(is_kept).map(room).sum();
    total.unwrap_or(-1)
}
