//! Whose connections the kernel may carry from their first SYN: those of which nobody has to see a byte.
use thiserror::Error;

use crate::plan::balance::Algorithm;
use crate::plan::global::EbpfMode;
use crate::plan::options::Offload;
use crate::plan::server::ServerAddress;
use crate::plan::{Bind, BindAddress, Mode, Plan, Proxy, Server};
use crate::state::ProxyId;

/// Why a frontend's connections, or those of one of its listeners, are userspace's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FlowReason {
    #[error("'ebpf off' in the global section")]
    Ebpf,
    #[error("'offload {0}'")]
    Offload(&'static str),
    #[error("HTTP is understood message by message")]
    Http,
    #[error("its '{0}' rules are judged there")]
    Rules(&'static str),
    #[error("it has no single backend")]
    Backend,
    #[error("backend '{0}' has no servers")]
    NoServers(String),
    #[error("'{0}' needs the sockets")]
    Needs(&'static str),
    #[error("'balance' needs more than the source")]
    Balance,
    #[error("server '{server}': {why}")]
    Server { server: String, why: &'static str },
}

/// The backend that all connections of a frontend go to, where the kernel can carry them as the configuration says.
///
/// # Errors
/// The first reason why not.
pub fn carried(plan: &Plan, frontend: &Proxy) -> Result<ProxyId, FlowReason> {
    match frontend.options.offload {
        _ if plan.global.ebpf.mode == EbpfMode::Off => return Err(FlowReason::Ebpf),
        Offload::Nat => {}
        Offload::Auto => return Err(FlowReason::Offload("auto")),
        Offload::Off => return Err(FlowReason::Offload("off")),
        Offload::Handover => return Err(FlowReason::Offload("handover")),
    }
    if frontend.mode == Mode::Http {
        return Err(FlowReason::Http);
    }
    frontend_reason(frontend).map_or(Ok(()), Err)?;
    let backend = match (frontend.rules.use_backend.is_empty(), frontend.default_backend) {
        (true, Some(backend)) => backend,
        (true, None) if frontend.is_backend => frontend.id,
        _ => return Err(FlowReason::Backend),
    };
    let proxy = plan.proxies.get(backend.index()).ok_or(FlowReason::Backend)?;
    backend_reason(proxy).map_or(Ok(backend), Err)
}

/// The first that holds.
fn first<T: Copy>(cases: &[(bool, T)]) -> Option<T> {
    cases.iter().find(|(holds, _)| *holds).map(|(_, reason)| *reason)
}

fn frontend_reason(frontend: &Proxy) -> Option<FlowReason> {
    let rules = &frontend.rules;
    let judged = first(&[
        (!rules.tcp_connection.is_empty(), "tcp-request connection"),
        (!rules.tcp_session.is_empty(), "tcp-request session"),
        (!rules.tcp_content.is_empty(), "tcp-request content"),
    ]);
    let options = &frontend.options;
    let needs = first(&[
        (options.clitcpka, "option clitcpka"),
        (options.contstats, "option contstats"),
        (options.logasap, "option logasap"),
        (options.nolinger, "option nolinger"),
        (options.dontlognull, "option dontlognull"),
        (frontend.rate_limit_sessions > 0, "rate-limit sessions"),
        (frontend.unique_id_format.is_some(), "unique-id-format"),
    ]);
    let judged = judged.map(FlowReason::Rules);
    judged.or_else(|| needs.map(FlowReason::Needs))
}

fn backend_reason(backend: &Proxy) -> Option<FlowReason> {
    if backend.mode == Mode::Http {
        return Some(FlowReason::Http);
    }
    let rules = &backend.rules;
    let judged = first(&[
        (!rules.tcp_content.is_empty(), "tcp-request content"),
        (!rules.tcp_response.is_empty(), "tcp-response content"),
        (!rules.use_server.is_empty(), "use-server"),
        (!rules.stick.is_empty(), "stick"),
    ]);
    if let Some(rules) = judged {
        return Some(FlowReason::Rules(rules));
    }
    let options = &backend.options;
    let needs = first(&[
        (backend.dispatch.is_some(), "dispatch"),
        (options.transparent, "option transparent"),
        (options.http_proxy, "option http_proxy"),
        (options.srvtcpka, "option srvtcpka"),
        (options.nolinger, "option nolinger"),
        (backend.source_interface.is_some(), "source interface"),
    ]);
    if let Some(option) = needs {
        return Some(FlowReason::Needs(option));
    }
    let choosable = match &backend.balance.algorithm {
        Algorithm::RoundRobin
        | Algorithm::StaticRoundRobin
        | Algorithm::LeastConnections
        | Algorithm::First
        | Algorithm::Source => true,
        Algorithm::Random { draws } => *draws <= 4,
        _ => false,
    };
    if !choosable || backend.balance.factor > 0 {
        return Some(FlowReason::Balance);
    }
    if backend.servers.is_empty() {
        return Some(FlowReason::NoServers(backend.name.clone()));
    }
    backend.servers.iter().find_map(server_reason)
}

fn server_reason(server: &Server) -> Option<FlowReason> {
    let why = first(&[
        (
            !matches!(server.address, ServerAddress::Inet(_)),
            "its address is no address and port",
        ),
        (server.send_proxy.is_some(), "it is sent a PROXY header"),
        (server.tcp_user_timeout.is_some(), "'tcp-ut' needs the socket"),
        (server.tfo, "'tfo' needs the socket"),
        (server.interface.is_some(), "it is reached by a given interface"),
        (server.namespace.is_some(), "it is in another network namespace"),
        (
            server.source.is_some_and(|source| source.port() > 0),
            "it is reached from a given port",
        ),
        (server.min_connections > 0, "'minconn' moves its limit"),
        (server.redirect.is_some(), "'redir' answers in its place"),
        (server.shutdown_sessions_when_down, "'on-marked-down' ends its sessions"),
        (server.shutdown_backups_when_up, "'on-marked-up' ends others' sessions"),
    ]);
    why.map(|why| FlowReason::Server {
        server: server.name.clone(),
        why,
    })
}

/// What a listener's connections need userspace for, if they do.
pub fn listener_reason(bind: &Bind) -> Option<FlowReason> {
    let options = &bind.options;
    let needs = first(&[
        (
            !matches!(bind.address, BindAddress::Inet(_)),
            "a socket of another kind",
        ),
        (bind.acceptor.is_some(), "ssl"),
        (options.accept_proxy, "accept-proxy"),
        (options.interface.is_some(), "interface"),
        (options.namespace.is_some(), "namespace"),
        (options.max_connections.is_some(), "maxconn"),
        (options.mss.is_some(), "mss"),
        (options.tcp_user_timeout.is_some(), "tcp-ut"),
        (options.tfo, "tfo"),
        (options.defer_accept, "defer-accept"),
        (options.transparent, "transparent"),
    ]);
    needs.map(FlowReason::Needs)
}
