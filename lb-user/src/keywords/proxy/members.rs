//! The sockets and servers of a proxy.

use super::{BACK, Draft, ONLY_BACK, ONLY_FRONT, ProxyRow, works};
use crate::keywords::{Reading, bind, place, server};
use crate::language::address::{Accepts, Target};
use crate::language::{Error, Words};
use crate::plan::bind::BindOptions;
use std::net::SocketAddr;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["bind"],
        "[<address>]:<port_range> [, ...] [param*]",
        ONLY_FRONT,
        "Listen here.",
        "bind 127.0.0.1:8080,127.0.0.1:8081-8082 name public",
        bind_line,
    ),
    works(
        &["server"],
        "<name> <address>[:[port]] [param*]",
        ONLY_BACK,
        "A server of the backend.",
        "server s1 127.0.0.1:8080 weight 10 check",
        |_, words, draft, reading| {
            let server = server::parse(words, &draft.proxy.default_server, &draft.proxy.name, reading)?;
            draft.proxy.servers.push(server);
            Ok(())
        },
    ),
    works(
        &["server-template"],
        "<prefix> <num | range> <fqdn>[:<port>] [params*]",
        ONLY_BACK,
        "Several servers that differ in the number at the end of their names only.",
        "server-template web 1-3 127.0.0.1:8080",
        |_, words, draft, reading| {
            let servers = server::parse_template(words, &draft.proxy.default_server, &draft.proxy.name, reading)?;
            draft.proxy.servers.extend(servers);
            Ok(())
        },
    ),
    works(
        &["default-server"],
        "[param*]",
        BACK,
        "Options that the servers below start from.",
        "default-server inter 3s rise 2 slowstart 60s",
        |_, words, draft, reading| server::parse_default(words, &mut draft.proxy.default_server, reading),
    ),
    works(
        &["dispatch"],
        "<address>:<port>",
        ONLY_BACK,
        "Where everything goes when no server is configured.",
        "dispatch 127.0.0.1:8080",
        dispatch,
    ),
];

fn bind_line(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    if words.is_empty() {
        return Err(Error::new(format!(
            "'{keyword}' expects {{<path>|[addr1]:port1[-end1]}}{{,[addr]:port[-end]}}... as arguments."
        )));
    }
    let section = match draft.proxy.is_backend {
        true => "listen",
        false => "frontend",
    };
    let binds = bind::parse(keyword, section, words, BindOptions::default(), reading)?;
    draft.proxy.binds.extend(binds);
    Ok(())
}

fn dispatch(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    const ADDRESS: Accepts = Accepts {
        stream: true,
        datagram: false,
        port_required: true,
        port_range: false,
        port_offset: false,
    };
    let text = words.next().unwrap_or_default();
    let parsed = crate::language::address::parse(text, ADDRESS, reading.variable)
        .map_err(|error| error.within(format_args!("'{keyword}'")))?;
    if !matches!(parsed.target, Target::Inet { .. }) {
        return Err(Error::not_implemented("dispatch to a unix socket"));
    }
    let (ip, port) = place::inet(text, ADDRESS, reading).map_err(|error| error.within(format_args!("'{keyword}'")))?;
    words.end(keyword)?;
    draft.proxy.dispatch = Some(SocketAddr::new(ip, port.unwrap_or(0)));
    Ok(())
}
