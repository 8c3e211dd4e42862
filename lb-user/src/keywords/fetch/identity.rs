//! Names, numbers and settings of the proxies and the server that carry the exchange (manual 7.3.3).

use super::works;
use crate::language::Scope;
use crate::rules::{Fetch, FetchRow, Fetched, Kind, Value};
use crate::state::Proxy;

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["fe_name"],
        "",
        Scope::L4_CLIENT,
        "The frontend's name.",
        "fe_name # www",
        Fetch::one(Kind::Str, |_, f| text(f.frontend().map(|proxy| &*proxy.name))),
    ),
    works(
        &["fe_id"],
        "",
        Scope::L4_CLIENT,
        "The frontend's number.",
        "fe_id # 2",
        Fetch::one(Kind::Int, |_, f| number(f.frontend(), |proxy| proxy.puid)),
    ),
    works(
        &["fe_defbe"],
        "",
        Scope::L4_CLIENT,
        "The name of the frontend's default backend.",
        "fe_defbe # app",
        Fetch::one(Kind::Str, |_, f| {
            let id = f.frontend().and_then(|proxy| proxy.configured.default_backend);
            text(id.and_then(|id| f.process.proxy(id)).map(|proxy| &*proxy.name))
        }),
    ),
    works(
        &["fe_client_timeout"],
        "",
        Scope::L4_CLIENT,
        "The frontend's client timeout in milliseconds.",
        "fe_client_timeout # 30000",
        Fetch::one(Kind::Int, |_, f| {
            number(f.frontend(), |proxy| proxy.configured.client_timeout)
        }),
    ),
    works(
        &["be_name"],
        "",
        Scope::BACKEND_CHOSEN,
        "The backend's name.",
        "be_name # app",
        Fetch::one(Kind::Str, |_, f| text(f.backend().map(|proxy| &*proxy.name))),
    ),
    works(
        &["be_id"],
        "",
        Scope::BACKEND_CHOSEN,
        "The backend's number.",
        "be_id # 3",
        Fetch::one(Kind::Int, |_, f| number(f.backend(), |proxy| proxy.puid)),
    ),
    works(
        &["be_server_timeout"],
        "",
        Scope::BACKEND_CHOSEN,
        "The backend's server timeout in milliseconds.",
        "be_server_timeout # 20000",
        Fetch::one(Kind::Int, |_, f| {
            number(f.backend(), |proxy| proxy.configured.server_timeout)
        }),
    ),
    works(
        &["be_tunnel_timeout"],
        "",
        Scope::BACKEND_CHOSEN,
        "The backend's tunnel timeout in milliseconds.",
        "be_tunnel_timeout # 60000",
        Fetch::one(Kind::Int, |_, f| {
            number(f.backend(), |proxy| proxy.configured.tunnel_timeout)
        }),
    ),
    works(
        &["cur_server_timeout"],
        "",
        Scope::BACKEND_CHOSEN,
        "The server timeout in force in milliseconds.",
        "cur_server_timeout # 5000",
        Fetch::one(Kind::Int, |_, f| number(f.backend(), |_| f.exchange.server_timeout)),
    ),
    works(
        &["cur_tunnel_timeout"],
        "",
        Scope::BACKEND_CHOSEN,
        "The tunnel timeout in force in milliseconds.",
        "cur_tunnel_timeout # 60000",
        Fetch::one(Kind::Int, |_, f| number(f.backend(), |_| f.exchange.tunnel_timeout)),
    ),
    works(
        &["srv_name"],
        "",
        Scope::SERVER_CHOSEN,
        "The server's name.",
        "srv_name # s1",
        Fetch::one(Kind::Str, |_, f| text(f.server().map(|server| &*server.name))),
    ),
    works(
        &["srv_id"],
        "",
        Scope::SERVER_CHOSEN,
        "The server's number.",
        "srv_id # 1",
        Fetch::one(Kind::Int, |_, f| {
            f.server().map(|server| Value::Int(server.puid.into())).into()
        }),
    ),
];

fn text(name: Option<&str>) -> Fetched<'_> {
    name.map(|name| Value::str(name.as_bytes())).into()
}

fn number<'a>(proxy: Option<&Proxy>, of: impl Fn(&Proxy) -> u32) -> Fetched<'a> {
    proxy.map(|proxy| Value::Int(of(proxy).into())).into()
}
