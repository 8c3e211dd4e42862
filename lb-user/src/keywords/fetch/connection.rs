//! The client's and the server's connection (manual 7.3.3).

use std::net::SocketAddr;

use super::works;
use crate::http::message::Version;
use crate::language::Scope;
use crate::rules::{Facts, Fetch, FetchRow, Fetched, Kind, Value};

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["src"],
        "",
        Scope::L4_CLIENT,
        "The client's address.",
        "src # 198.51.100.7",
        Fetch::one(Kind::Address, |_, f| ip(client(f))),
    ),
    works(
        &["src_port"],
        "",
        Scope::L4_CLIENT,
        "The client's port.",
        "src_port # 51000",
        Fetch::one(Kind::Int, |_, f| port(client(f))),
    ),
    works(
        &["dst"],
        "",
        Scope::L4_CLIENT,
        "The address that the client connected to.",
        "dst # 192.0.2.10",
        Fetch::one(Kind::Address, |_, f| ip(f.session.destination)),
    ),
    works(
        &["dst_port"],
        "",
        Scope::L4_CLIENT,
        "The port that the client connected to.",
        "dst_port # 8080",
        Fetch::one(Kind::Int, |_, f| port(f.session.destination)),
    ),
    works(
        &["dst_conn"],
        "",
        Scope::L4_CLIENT,
        "Connections of the listener, this one included.",
        "dst_conn # 2",
        Fetch::one(Kind::Int, |_, f| {
            let listener = f.process.listener(f.session.listener);
            listener
                .map(|listener| Value::Int(listener.connections.get() as i64))
                .into()
        }),
    ),
    works(
        &["so_id"],
        "",
        Scope::L4_CLIENT,
        "The number of the listener.",
        "so_id # 1",
        Fetch::one(Kind::Int, |_, f| Value::Int(f.session.listener_puid.into()).into()),
    ),
    works(
        &["so_name"],
        "",
        Scope::L4_CLIENT,
        "The name of the listener.",
        "so_name # public",
        Fetch::one(Kind::Str, |_, f| {
            let name = f.session.listener_name.as_deref();
            name.map(|name| Value::str(name.as_bytes())).into()
        }),
    ),
    works(
        &["fc_rcvd_proxy"],
        "",
        Scope::L4_CLIENT,
        "Did the connection open with a PROXY header?",
        "fc_rcvd_proxy # 1",
        Fetch::one(Kind::Bool, |_, f| Value::Bool(f.session.proxied.is_some()).into()),
    ),
    works(
        &["fc_pp_authority"],
        "",
        Scope::L4_CLIENT,
        "The authority in the PROXY header.",
        "fc_pp_authority # example.com",
        Fetch::one(Kind::Str, |_, f| {
            let proxied = f.session.proxied.as_ref();
            proxied
                .and_then(|proxied| proxied.authority.as_deref())
                .map(Value::str)
                .into()
        }),
    ),
    works(
        &["fc_pp_unique_id"],
        "",
        Scope::L4_CLIENT,
        "The unique id in the PROXY header.",
        "fc_pp_unique_id # 6c62",
        Fetch::one(Kind::Str, |_, f| {
            let proxied = f.session.proxied.as_ref();
            proxied
                .and_then(|proxied| proxied.unique_id.as_deref())
                .map(Value::str)
                .into()
        }),
    ),
    works(
        &["fc_http_major"],
        "",
        Scope::L4_CLIENT,
        "The major version of HTTP on the client's connection.",
        "fc_http_major # 1",
        Fetch::one(Kind::Int, |_, f| {
            let is_two = f.request.is_some_and(|head| head.version() == Version::Http2);
            Value::Int(if is_two { 2 } else { 1 }).into()
        }),
    ),
    works(
        &["bc_src"],
        "",
        Scope::L4_SERVER,
        "The address that the balancer connected to the server from.",
        "bc_src # 203.0.113.1",
        Fetch::one(Kind::Address, |_, f| ip(f.exchange.server_local)),
    ),
    works(
        &["bc_src_port"],
        "",
        Scope::L4_SERVER,
        "The port that the balancer connected to the server from.",
        "bc_src_port # 40000",
        Fetch::one(Kind::Int, |_, f| port(f.exchange.server_local)),
    ),
    works(
        &["bc_dst"],
        "",
        Scope::L4_SERVER,
        "The address of the server's connection.",
        "bc_dst # 203.0.113.20",
        Fetch::one(Kind::Address, |_, f| ip(f.exchange.server_remote)),
    ),
    works(
        &["bc_dst_port"],
        "",
        Scope::L4_SERVER,
        "The port of the server's connection.",
        "bc_dst_port # 8000",
        Fetch::one(Kind::Int, |_, f| port(f.exchange.server_remote)),
    ),
    works(
        &["bc_http_major"],
        "",
        Scope::L4_SERVER,
        "The major version of HTTP on the server's connection.",
        "bc_http_major # 1",
        Fetch::one(Kind::Int, |_, f| f.exchange.server_remote.map(|_| Value::Int(1)).into()),
    ),
];

fn client(facts: &Facts<'_>) -> Option<SocketAddr> {
    (!facts.session.is_unix).then_some(facts.session.source)
}

fn ip<'a>(address: Option<SocketAddr>) -> Fetched<'a> {
    address.map(|address| Value::address(address.ip())).into()
}

fn port<'a>(address: Option<SocketAddr>) -> Fetched<'a> {
    address.map(|address| Value::Int(address.port().into())).into()
}
