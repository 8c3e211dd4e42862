//! What SIGHUP and a soft stop say about proxies and servers.

use std::sync::atomic::Ordering::Relaxed;

use crate::state::{Process, Proxy, Server};

/// The state of every server and proxy (SIGHUP).
pub fn describe(process: &Process) -> Vec<String> {
    let mut lines = vec!["SIGHUP received, dumping servers states.".to_owned()];
    for proxy in &process.proxies {
        lines.extend(proxy.servers.iter().map(|server| server_line(proxy, server)));
        lines.push(proxy_line(proxy));
    }
    lines
}

fn server_line(proxy: &Proxy, server: &Server) -> String {
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

fn proxy_line(proxy: &Proxy) -> String {
    let (active, backup) = (
        proxy.backend.active_servers.load(Relaxed),
        proxy.backend.backup_servers.load(Relaxed),
    );
    let servers = match (proxy.servers.is_empty(), active + backup) {
        (true, _) => "has no servers".to_owned(),
        (false, 0) => "has no server available !".to_owned(),
        (false, _) if active == 0 => format!("is running on {backup} backup servers"),
        (false, _) => format!("has {active} active servers and {backup} backup servers available"),
    };
    let end = if servers.ends_with('!') { "" } else { "." };
    let (name, frontend, backend) = (&proxy.name, &proxy.frontend, &proxy.backend);
    let waiting = proxy.servers.iter().map(|server| server.queue.get()).sum::<u64>() + backend.queue.get();
    format!(
        "SIGHUP: Proxy {name} {servers}{end} Conn: act(FE+BE): {}+{}, {waiting} pend ({} unass), tot(FE+BE): {}+{}.",
        frontend.connections.get(),
        backend.connections.get(),
        backend.queue.get(),
        frontend.counters.connections.get(),
        backend.counters.sessions.get(),
    )
}

/// One line for each proxy that a soft stop ends.
pub fn farewell(process: &Process) -> Vec<String> {
    let line = |proxy: &Proxy| {
        format!(
            "Proxy {} stopped (cumulated conns: FE: {}, BE: {}).",
            proxy.name,
            proxy.frontend.counters.connections.get(),
            proxy.backend.counters.sessions.get(),
        )
    };
    process.proxies.iter().map(line).collect()
}
