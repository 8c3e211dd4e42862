//! What SIGHUP, a pause and a soft stop say about proxies and servers.

use std::sync::atomic::Ordering::Relaxed;

use crate::state::{Process, Proxy, ProxyId, Server};

/// A line for the terminal and, where it is about a proxy, for that proxy's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub proxy: Option<ProxyId>,
    pub text: String,
}

/// The state of every server and proxy (SIGHUP).
pub fn describe(process: &Process) -> Vec<Line> {
    let mut lines = vec![Line {
        proxy: None,
        text: "SIGHUP received, dumping servers states.".to_owned(),
    }];
    for proxy in &process.proxies {
        let servers = proxy.servers.iter().map(|server| server_state(proxy, server));
        lines.extend(servers.chain([proxy_state(proxy)]).map(|text| about(proxy, text)));
    }
    lines
}

fn about(proxy: &Proxy, text: String) -> Line {
    Line {
        proxy: Some(proxy.id),
        text,
    }
}

fn server_state(proxy: &Proxy, server: &Server) -> String {
    let status = if server.is_running() { "UP" } else { "DOWN" };
    format!(
        "SIGHUP: Server {}/{} is {status}. Conn: {} act, {} pend, {} tot.",
        proxy.name,
        server.name,
        server.sessions.get(),
        server.queue.get(),
        server.counters.sessions.get(),
    )
}

fn proxy_state(proxy: &Proxy) -> String {
    let (active, backup) = (
        proxy.backend.active_servers.load(Relaxed),
        proxy.backend.backup_servers.load(Relaxed),
    );
    let servers = match (active, backup) {
        _ if proxy.servers.is_empty() => "has no servers.".to_owned(),
        (0, 0) => "has no server available !".to_owned(),
        (0, _) => format!("is running on {backup} backup servers."),
        _ => format!("has {active} active servers and {backup} backup servers available."),
    };
    let (name, frontend, backend) = (&proxy.name, &proxy.frontend, &proxy.backend);
    let unassigned = backend.queue.get();
    let waiting = proxy.servers.iter().map(|server| server.queue.get()).sum::<u64>() + unassigned;
    format!(
        "SIGHUP: Proxy {name} {servers} Conn: act(FE+BE): {}+{}, {waiting} pend ({unassigned} unass), tot(FE+BE): {}+{}.",
        frontend.connections.get(),
        backend.connections.get(),
        frontend.counters.connections.get(),
        backend.counters.sessions.get(),
    )
}

/// One line for each proxy with a listener, which was `done` something: paused, resumed.
pub fn listening(process: &Process, done: &str) -> Vec<Line> {
    let listening = process.proxies.iter().filter(|proxy| proxy.is_frontend);
    let kind = |proxy: &Proxy| if proxy.is_backend { "proxy" } else { "frontend" };
    listening
        .map(|proxy| about(proxy, format!("{done} {} {}.", kind(proxy), proxy.name)))
        .collect()
}

/// One line for each proxy that a soft stop ends.
pub fn farewell(process: &Process) -> Vec<Line> {
    let text = |proxy: &Proxy| {
        format!(
            "Proxy {} stopped (cumulated conns: FE: {}, BE: {}).",
            proxy.name,
            proxy.frontend.counters.connections.get(),
            proxy.backend.counters.sessions.get(),
        )
    };
    process.proxies.iter().map(|proxy| about(proxy, text(proxy))).collect()
}
