//! The fields of `show stat`: a name, what kind of value it is, what it means, and where it comes from.

use std::sync::atomic::Ordering::Relaxed;

use super::subject::{Subject, What, algorithm, check_status};
use super::value::{Kind, Tags, Value};
use crate::state::Rate;

use What::{Backend, Frontend, Listener, Server};

/// One field. Its position in [`FIELDS`] is its number.
pub struct Field {
    pub name: &'static str,
    pub tags: Tags,
    pub kind: Kind,
    /// One line for people.
    pub doc: &'static str,
    /// What it says of an object.
    pub get: fn(&Subject<'_>) -> Value,
}

/// A field that says the same of every object, or looks at its kind itself.
const fn any(
    name: &'static str,
    tags: &'static str,
    kind: Kind,
    doc: &'static str,
    get: fn(&Subject<'_>) -> Value,
) -> Field {
    Field {
        name,
        tags: Tags(tags),
        kind,
        doc,
        get,
    }
}

/// A field with a value for each kind of object that has it; the object is `$subject`.
macro_rules! field {
    ($name:literal, $tags:literal, $kind:ident, $doc:literal, $subject:ident, $($pattern:pat $(if $guard:expr)? => $value:expr),+ $(,)?) => {
        any($name, $tags, Kind::$kind, $doc, |$subject| match $subject.what {
            $($pattern $(if $guard)? => $value.into(),)+
            #[allow(unreachable_patterns)]
            _ => Value::None,
        })
    };
}

/// The fields, in the order of the manual.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    any("pxname", "KNS", Kind::Str, "Name of the proxy", |s| s.live.name.as_str().into()),
    any("svname", "KNS", Kind::Str, "FRONTEND, BACKEND, or the name of the server or listener", |s| s.name().into()),
    field!("qcur", "MGP", U32, "Requests waiting in the queue", s,
        Backend(b) => b.queue.get(), Server(v, _) => v.queue.get()),
    field!("qmax", "MMP", U32, "Most requests that ever waited in the queue", s,
        Backend(b) => b.queue.max(), Server(v, _) => v.queue.max()),
    field!("scur", "MGP", U32, "Sessions now", s,
        Listener(l, _) => l.connections.get(), Frontend(f) => f.connections.get(),
        Backend(b) => b.connections.get(), Server(v, _) => v.sessions.get()),
    field!("smax", "MMP", U32, "Most sessions there ever were", s,
        Listener(l, _) => l.connections.max(), Frontend(f) => f.connections.max(),
        Backend(b) => b.connections.max(), Server(v, _) => v.sessions.max()),
    field!("slim", "CLP", U32, "Limit of sessions: maxconn, for a backend fullconn", s,
        Listener(l, _) => l.max_connections, Frontend(f) => f.max_connections.load(Relaxed),
        Backend(b) => b.full_connections.load(Relaxed), Server(v, _) => unless_zero(v.max_connections.load(Relaxed))),
    field!("stot", "MCP", U64, "Sessions since the start", s,
        Listener(l, _) => l.sessions.get(), Frontend(f) => f.counters.sessions.get(),
        Backend(b) => b.counters.sessions.get(), Server(v, _) => v.counters.sessions.get()),
    field!("bin", "MCP", U64, "Bytes of requests", s,
        Listener(l, _) => l.bytes_in.get(), Frontend(f) => f.counters.bytes_in.get(),
        Backend(b) => b.counters.bytes_in.get(), Server(v, _) => v.counters.bytes_in.get()),
    field!("bout", "MCP", U64, "Bytes of responses", s,
        Listener(l, _) => l.bytes_out.get(), Frontend(f) => f.counters.bytes_out.get(),
        Backend(b) => b.counters.bytes_out.get(), Server(v, _) => v.counters.bytes_out.get()),
    field!("dreq", "MCP", U64, "Requests denied by rules", s,
        Listener(l, _) => l.denied_requests.get(), Frontend(f) => f.counters.denied_requests.get(),
        Backend(b) => b.counters.denied_requests.get()),
    field!("dresp", "MCP", U64, "Responses denied by rules", s,
        Listener(l, _) => l.denied_responses.get(), Frontend(f) => f.counters.denied_responses.get(),
        Backend(b) => b.counters.denied_responses.get(), Server(v, _) => v.counters.denied_responses.get()),
    field!("ereq", "MCP", U64, "Requests that were invalid or did not come whole", s,
        Listener(l, _) => l.failed_requests.get(), Frontend(f) => f.counters.failed_requests.get()),
    field!("econ", "MCP", U64, "Connections to servers that failed", s,
        Backend(b) => b.counters.connection_errors.get(), Server(v, _) => v.counters.connection_errors.get()),
    field!("eresp", "MCP", U64, "Responses that were invalid or did not come whole", s,
        Backend(b) => b.counters.response_errors.get(), Server(v, _) => v.counters.response_errors.get()),
    field!("wretr", "MCP", U64, "Connections to servers that were tried again", s,
        Backend(b) => b.counters.retries.get(), Server(v, _) => v.counters.retries.get()),
    field!("wredis", "MCP", U64, "Requests that went to another server after a failure", s,
        Backend(b) => b.counters.redispatches.get(), Server(v, _) => v.counters.redispatches.get()),
    any("status", "SGP", Kind::Str, "OPEN, FULL, PAUSED, STOP; UP, DOWN, NOLB, DRAIN, MAINT, no check", |s| s.status().into()),
    any("weight", "MaP", Kind::U32, "Weight in force; of a backend, all that is in use", |s| s.weight().into()),
    any("act", "SGP", Kind::U32, "Usable servers that are no backup", |s| s.servers(false).into()),
    any("bck", "SGP", Kind::U32, "Usable backup servers", |s| s.servers(true).into()),
    field!("chkfail", "MCP", U64, "Checks that failed while the server was up", s,
        Server(v, _) if v.check.configured => v.counters.check_failures.get()),
    field!("chkdown", "MCP", U64, "How often it went down", s,
        Backend(b) => b.downs.get(), Server(v, _) if v.check.configured => v.counters.check_downs.get()),
    field!("lastchg", "MAP", U32, "Seconds since the status changed", s,
        Backend(b) => s.seconds_since(b.last_change.load(Relaxed)),
        Server(v, _) => s.seconds_since(v.last_change.load(Relaxed))),
    any("downtime", "MCP", Kind::U32, "Seconds spent down", |s| s.downtime().into()),
    field!("qlimit", "CGS", U32, "Longest queue allowed", s, Server(v, _) => unless_zero(v.max_queue)),
    any("pid", "KGP", Kind::U32, "Number of the process, always 1", |_| 1u64.into()),
    any("iid", "KGS", Kind::U32, "Number of the proxy", |s| s.live.puid.into()),
    any("sid", "KGS", Kind::U32, "Number of the server or listener in its proxy", |s| s.number().into()),
    any("throttle", "MaP", Kind::U32, "Percentage of its weight that a starting server has", |s| s.throttle().into()),
    field!("lbtot", "MCP", U64, "How often a server was chosen", s,
        Backend(b) => b.counters.selected.get(), Server(v, _) => v.counters.selected.get()),
    any("tracked", "CNS", Kind::Str, "The server whose checks this one follows", |s| s.tracked().into()),
    any("type", "CGS", Kind::U32, "0 frontend, 1 backend, 2 server, 3 listener", |s| s.kind().2.into()),
    any("rate", "MRP", Kind::U32, "Sessions in the last second", |s| session_rate(s).map(|rate| rate.get(s.ms())).into()),
    field!("rate_lim", "CLP", U32, "Sessions allowed a second", s, Frontend(f) => f.max_session_rate.load(Relaxed)),
    any("rate_max", "MMP", Kind::U32, "Most sessions in a second", |s| session_rate(s).map(Rate::max).into()),
    field!("check_status", "MOP", Str, "What the last check found", s, Server(v, _) => check_status(v).map(|status| status.code())),
    field!("check_code", "MOP", U32, "Code that the last check was answered with", s,
        Server(v, _) if v.check.configured => unless_negative(v.check.code.load(Relaxed))),
    field!("check_duration", "MDP", U64, "Milliseconds that the last check took", s,
        Server(v, _) if v.check.configured => unless_negative(v.check.duration_ms.load(Relaxed))),
    any("hrsp_1xx", "MCP", Kind::U64, "Responses with status 100 to 199", |s| s.responses(1).into()),
    any("hrsp_2xx", "MCP", Kind::U64, "Responses with status 200 to 299", |s| s.responses(2).into()),
    any("hrsp_3xx", "MCP", Kind::U64, "Responses with status 300 to 399", |s| s.responses(3).into()),
    any("hrsp_4xx", "MCP", Kind::U64, "Responses with status 400 to 499", |s| s.responses(4).into()),
    any("hrsp_5xx", "MCP", Kind::U64, "Responses with status 500 to 599", |s| s.responses(5).into()),
    any("hrsp_other", "MCP", Kind::U64, "Responses with any other status", |s| s.responses(0).into()),
    any("hanafail", "MCP", Kind::Str, "Details of failed checks; never given", |_| Value::None),
    field!("req_rate", "MRP", U32, "Requests in the last second", s, Frontend(f) => f.counters.request_rate.get(s.ms())),
    field!("req_rate_max", "MMP", U32, "Most requests in a second", s, Frontend(f) => f.counters.request_rate.max()),
    field!("req_tot", "MCP", U64, "Requests since the start", s,
        Frontend(f) => f.counters.requests.get(),
        Backend(b) if s.live.is_http => b.counters.requests.get(),
        Server(v, _) if s.live.is_http => v.counters.requests.get()),
    field!("cli_abrt", "MCP", U64, "Transfers that the client broke off", s,
        Backend(b) => b.counters.client_aborts.get(), Server(v, _) => v.counters.client_aborts.get()),
    field!("srv_abrt", "MCP", U64, "Transfers that the server broke off", s,
        Backend(b) => b.counters.server_aborts.get(), Server(v, _) => v.counters.server_aborts.get()),
    field!("comp_in", "MCP", U64, "Bytes given to the compressor", s,
        Frontend(f) => f.counters.compression_in.get(), Backend(b) => b.counters.compression_in.get()),
    field!("comp_out", "MCP", U64, "Bytes that the compressor made of them", s,
        Frontend(f) => f.counters.compression_out.get(), Backend(b) => b.counters.compression_out.get()),
    field!("comp_byp", "MCP", U64, "Bytes that went past the compressor", s,
        Frontend(f) => f.counters.compression_bypassed.get(), Backend(b) => b.counters.compression_bypassed.get()),
    field!("comp_rsp", "MCP", U64, "Responses that were compressed", s,
        Frontend(f) => f.counters.compressed_responses.get(), Backend(b) => b.counters.compressed_responses.get()),
    field!("lastsess", "MAP", S32, "Seconds since the last session, -1 before the first", s,
        Backend(b) => age(s, b.counters.last_session.load(Relaxed)),
        Server(v, _) => age(s, v.counters.last_session.load(Relaxed))),
    field!("last_chk", "MOP", Str, "What the last check was told", s,
        Server(v, _) if v.check.configured => v.check.info.read().ok().map(|info| info.clone()).filter(|info| !info.is_empty())),
    any("last_agt", "MOP", Kind::Str, "What the last agent check was told", |_| Value::None),
    any("qtime", "MaP", Kind::U32, "Mean time in the queue over the last requests (ms)", |s| s.time(0).into()),
    any("ctime", "MaP", Kind::U32, "Mean time to connect over the last requests (ms)", |s| s.time(1).into()),
    any("rtime", "MaP", Kind::U32, "Mean time to respond over the last requests (ms)", |s| s.time(2).into()),
    any("ttime", "MaP", Kind::U32, "Mean time of a session over the last requests (ms)", |s| s.time(3).into()),
    any("agent_status", "MOP", Kind::Str, "What the last agent check found", |_| Value::None),
    any("agent_code", "MOP", Kind::U32, "Code of the last agent check", |_| Value::None),
    any("agent_duration", "MDP", Kind::U64, "Milliseconds that the last agent check took", |_| Value::None),
    field!("check_desc", "MOP", Str, "What the last check found, in words", s,
        Server(v, _) => check_status(v).map(|status| status.description())),
    any("agent_desc", "MOP", Kind::Str, "What the last agent check found, in words", |_| Value::None),
    field!("check_rise", "CGS", U32, "Successes that bring the server up", s,
        Server(v, _) if v.check.configured => unless_negative(v.check.rise)),
    field!("check_fall", "CGS", U32, "Failures that bring it down", s,
        Server(v, _) if v.check.configured => unless_negative(v.check.fall)),
    field!("check_health", "CGS", U32, "From 0 to rise+fall-1; up from rise on", s,
        Server(v, _) if v.check.configured => unless_negative(v.check.health.load(Relaxed))),
    any("agent_rise", "CGS", Kind::U32, "Agent successes that bring the server up", |_| Value::None),
    any("agent_fall", "CGS", Kind::U32, "Agent failures that bring it down", |_| Value::None),
    any("agent_health", "CGS", Kind::U32, "Position of the agent check between them", |_| Value::None),
    any("addr", "CGS", Kind::Str, "Address and port, from level operator on", |s| s.address().into()),
    field!("cookie", "CNS", Str, "The server's cookie, from level operator on", s,
        Server(_, Some(plan)) if s.legends => plan.cookie.clone()),
    any("mode", "CGS", Kind::Str, "tcp or http", |s| if s.live.is_http { "http" } else { "tcp" }.into()),
    field!("algo", "CGS", Str, "How servers are chosen, from level operator on", s, Backend(_) if s.legends => algorithm(s.plan)),
    field!("conn_rate", "MRP", U32, "Connections in the last second", s, Frontend(f) => f.counters.connection_rate.get(s.ms())),
    field!("conn_rate_max", "MMP", U32, "Most connections in a second", s, Frontend(f) => f.counters.connection_rate.max()),
    field!("conn_tot", "MCP", U64, "Connections since the start", s, Frontend(f) => f.counters.connections.get()),
    field!("intercepted", "MCP", U64, "Requests that the balancer answered itself", s,
        Frontend(f) if s.live.is_http => f.counters.intercepted.get()),
    field!("dcon", "MCP", U64, "Connections denied by tcp-request connection", s,
        Listener(l, _) => l.denied_connections.get(), Frontend(f) => f.counters.denied_connections.get()),
    field!("dses", "MCP", U64, "Sessions denied by tcp-request session", s,
        Listener(l, _) => l.denied_sessions.get(), Frontend(f) => f.counters.denied_sessions.get()),
    field!("wrew", "MCP", U64, "Header rewrites that failed", s,
        Listener(l, _) => l.failed_rewrites.get(), Frontend(f) => f.counters.failed_rewrites.get(),
        Backend(b) => b.counters.failed_rewrites.get(), Server(v, _) => v.counters.failed_rewrites.get()),
    field!("connect", "MCP", U64, "Connections to servers that were tried", s,
        Backend(b) => b.counters.connect_attempts.get(), Server(v, _) => v.counters.connect_attempts.get()),
    field!("reuse", "MCP", U64, "Requests that went over an idle connection", s,
        Backend(b) => b.counters.reuses.get(), Server(v, _) => v.counters.reuses.get()),
    field!("cache_lookups", "MCP", U64, "Requests looked up in the cache", s,
        Frontend(f) if s.live.is_http => f.counters.cache_lookups.get(),
        Backend(b) if s.live.is_http => b.counters.cache_lookups.get()),
    field!("cache_hits", "MCP", U64, "Requests found in the cache", s,
        Frontend(f) if s.live.is_http => f.counters.cache_hits.get(),
        Backend(b) if s.live.is_http => b.counters.cache_hits.get()),
    field!("srv_icur", "MGP", U32, "Idle connections to the server", s, Server(v, _) => v.counters.idle.get()),
    field!("src_ilim", "CLP", U32, "Idle connections kept at most", s, Server(_, Some(plan)) => plan.pool_max),
    any("qtime_max", "MMP", Kind::U32, "Longest time in the queue (ms)", |s| s.time_max(0).into()),
    any("ctime_max", "MMP", Kind::U32, "Longest time to connect (ms)", |s| s.time_max(1).into()),
    any("rtime_max", "MMP", Kind::U32, "Longest time to respond (ms)", |s| s.time_max(2).into()),
    any("ttime_max", "MMP", Kind::U32, "Longest session (ms)", |s| s.time_max(3).into()),
    field!("eint", "MCP", U64, "Internal errors", s,
        Listener(l, _) => l.internal_errors.get(), Frontend(f) => f.counters.internal_errors.get(),
        Backend(b) => b.counters.internal_errors.get(), Server(v, _) => v.counters.internal_errors.get()),
    field!("idle_conn_cur", "MGP", U32, "Idle connections that only their session may use again", s, Server(..) => 0u64),
    field!("safe_conn_cur", "MGP", U32, "Idle connections that any session may use", s, Server(v, _) => v.counters.idle.get()),
    field!("used_conn_cur", "MGP", U32, "Connections in use", s, Server(v, _) => v.served.get()),
    field!("need_conn_est", "MGP", U32, "Connections likely to be needed", s, Server(v, _) => v.served.max()),
    any("uweight", "MaP", Kind::U32, "Weight that the operator set; of a backend, all that is in use", |s| s.user_weight().into()),
];

fn session_rate<'a>(subject: &Subject<'a>) -> Option<&'a Rate> {
    match subject.what {
        Frontend(frontend) => Some(&frontend.counters.session_rate),
        Backend(backend) => Some(&backend.counters.session_rate),
        Server(server, _) => Some(&server.counters.session_rate),
        Listener(..) => None,
    }
}

fn age(subject: &Subject<'_>, second: u64) -> i64 {
    match second {
        0 => -1,
        second => i64::try_from(subject.seconds_since(second)).unwrap_or(i64::MAX),
    }
}

fn unless_zero(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}

fn unless_negative(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The positions are those of the manual (9.1), which tools rely on.
    #[test]
    fn fields_stand_where_the_manual_has_them() {
        let table = include_str!("../../../../tests/data/stats-csv-fields.txt");
        let mut known = 0;
        for line in table.lines() {
            let (position, name) = line.split_once(' ').expect("position and name");
            let position: usize = position.parse().expect("a number");
            assert_eq!(FIELDS.get(position).map(|field| field.name), Some(name));
            known += 1;
        }
        assert_eq!(known, FIELDS.len());
    }
}
