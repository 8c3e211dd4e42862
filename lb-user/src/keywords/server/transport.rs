//! Server options about the connection to it.

use std::net::SocketAddr;

use super::{BOTH, ServerRow, delay, integer, option, refused, value};
use crate::keywords::{Reading, place};
use crate::language::address::Accepts;
use crate::language::row::Does::Works;
use crate::language::{Error, Words};
use crate::plan::Server;
use crate::plan::server::{InitialAddress, ProxyVersion};

const SOURCE: Accepts = Accepts {
    stream: true,
    datagram: false,
    port_required: false,
    port_range: false,
    port_offset: false,
};

pub(super) const ROWS: &[ServerRow] = &[
    option(
        &["send-proxy", "no-send-proxy"],
        "",
        BOTH,
        "Open each connection with a PROXY protocol header, version 1.",
        "server s1 127.0.0.1:8080 send-proxy",
        Works(|name, _, server, _| {
            server.send_proxy = (name == "send-proxy").then_some(ProxyVersion::V1);
            Ok(())
        }),
    ),
    option(
        &["send-proxy-v2", "no-send-proxy-v2"],
        "",
        BOTH,
        "Open each connection with a PROXY protocol header, version 2.",
        "server s1 127.0.0.1:8080 send-proxy-v2",
        Works(|name, _, server, _| {
            server.send_proxy = (name == "send-proxy-v2").then_some(ProxyVersion::V2);
            Ok(())
        }),
    ),
    option(
        &["max-reuse"],
        "<count>",
        BOTH,
        "How many times a connection is used again; -1: without limit.",
        "server s1 127.0.0.1:8080 max-reuse 100",
        Works(|name, words, server, _| {
            server.max_reuse = limit(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["pool-low-conn"],
        "<max>",
        BOTH,
        "Below so many idle connections a worker takes none from another one.",
        "server s1 127.0.0.1:8080 pool-low-conn 10",
        Works(|name, words, server, _| {
            server.pool_low = number(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["pool-max-conn"],
        "<max>",
        BOTH,
        "How many idle connections are kept; -1: without limit.",
        "server s1 127.0.0.1:8080 pool-max-conn 50",
        Works(|name, words, server, _| {
            server.pool_max = limit(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["pool-purge-delay"],
        "<delay>",
        BOTH,
        "How often half of the idle connections in excess are closed, 5 s by default.",
        "server s1 127.0.0.1:8080 pool-purge-delay 10s",
        Works(|name, words, server, _| {
            let label = server.name.clone();
            server.pool_purge_delay = delay(name, words, &label)?;
            Ok(())
        }),
    ),
    option(
        &["proto"],
        "<name>",
        BOTH,
        "The HTTP version to speak: h1.",
        "server s1 127.0.0.1:8080 proto h1",
        Works(|name, words, _, _| match value(name, words, "<value>")?.as_str() {
            "h1" => Ok(()),
            known @ ("h2" | "fcgi" | "none") => Err(Error::not_implemented(&format!("{name} {known}"))),
            other => Err(Error::new(format!("'{name}' :  unknown MUX protocol '{other}'"))),
        }),
    ),
    option(
        &["source"],
        "<addr>[:<pl>[-<ph>]] [interface <name>]",
        BOTH,
        "Connect from this address.",
        "server s1 127.0.0.1:8080 source 127.0.0.2",
        Works(|name, words, server, reading| {
            let from = source(name, words, reading)?;
            server.source = from.address;
            if from.interface.is_some() {
                server.interface = from.interface;
            }
            Ok(())
        }),
    ),
    option(
        &["namespace"],
        "<name>",
        BOTH,
        "Connect from within this network namespace.",
        "server s1 127.0.0.1:8080 namespace edge",
        Works(|name, words, server, reading| {
            let namespace = value(name, words, "<name>")?;
            if namespace == "*" {
                return Err(Error::not_implemented(&format!("{name} *")));
            }
            server.namespace = Some(place::namespace(namespace, reading)?);
            Ok(())
        }),
    ),
    option(
        &["tcp-ut"],
        "<delay>",
        BOTH,
        "How long sent data may stay unacknowledged before the kernel gives the connection up.",
        "server s1 127.0.0.1:8080 tcp-ut 30s",
        Works(|name, words, server, _| {
            if words.is_empty() {
                return Err(Error::new(format!("'{name}' : missing TCP User Timeout value")));
            }
            let label = server.name.clone();
            server.tcp_user_timeout = Some(delay(name, words, &label)?);
            Ok(())
        }),
    ),
    option(
        &["tfo", "no-tfo"],
        "",
        BOTH,
        "Send data in the first packet of a connection (TCP Fast Open).",
        "server s1 127.0.0.1:8080 tfo",
        Works(|name, _, server, _| {
            server.tfo = name == "tfo";
            Ok(())
        }),
    ),
    refused(&["log-proto"], "<logproto>", "How a ring's server frames messages."),
    refused(&["socks4"], "<addr>:<port>", "Connect through a SOCKS4 proxy."),
    refused(
        &["proxy-v2-options"],
        "<option>[,<option>]*",
        "What else the PROXY header of version 2 carries.",
    ),
    refused(
        &["shard"],
        "<shard>",
        "Which part of a peer's stick table the server holds.",
    ),
];

/// Where connections start from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct From {
    pub address: Option<SocketAddr>,
    pub interface: Option<String>,
}

/// Reads the arguments of `source`, of a server or of a backend.
pub fn source(name: &str, words: &mut Words<'_>, reading: &mut Reading<'_>) -> Result<From, Error> {
    let Some(text) = words.next() else {
        return Err(Error::new(format!(
            "'{name}' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>."
        )));
    };
    let (ip, port) = place::inet(text, SOURCE, reading).map_err(|error| error.within(format_args!("'{name}'")))?;
    let mut from = From {
        address: Some(SocketAddr::new(ip, port.unwrap_or(0))),
        interface: None,
    };
    while let Some(word) = words.peek() {
        match word {
            "usesrc" => return Err(Error::not_implemented("source … usesrc")),
            "interface" => {
                words.next();
                let interface = words
                    .next()
                    .ok_or_else(|| Error::new(format!("'{name}' : missing interface name.")))?;
                from.interface = Some(interface.to_owned());
            }
            _ => break,
        }
    }
    if from
        .address
        .is_some_and(|address| address.ip().is_unspecified() && address.port() == 0)
    {
        from.address = None;
    }
    Ok(from)
}

/// Reads the methods of `init-addr`.
pub fn initial_address(
    name: &str,
    words: &mut Words<'_>,
    server: &mut Server,
    _: &mut Reading<'_>,
) -> Result<(), Error> {
    let mut methods = Vec::new();
    for method in value(name, words, "<method>")?.split(',') {
        methods.push(match (method, method.parse()) {
            ("last", _) => InitialAddress::Last,
            ("libc", _) => InitialAddress::Libc,
            ("none", _) => InitialAddress::None,
            (_, Ok(ip)) => InitialAddress::Ip(ip),
            _ => {
                return Err(Error::new(format!(
                    "'{name}' : unknown init-addr method '{method}', supported methods are 'libc', 'last', 'none'."
                )));
            }
        });
    }
    server.initial_address = methods;
    Ok(())
}

fn number(name: &str, words: &mut Words<'_>) -> Result<u32, Error> {
    let word = value(name, words, "<value>")?;
    word.parse()
        .map_err(|_| Error::new(format!("'{name}' must be >= 0 (got '{word}')")))
}

/// A number, or -1 for no limit.
fn limit(name: &str, words: &mut Words<'_>) -> Result<Option<u32>, Error> {
    if words.take("-1") {
        return Ok(None);
    }
    if words.is_empty() {
        return Err(Error::new(format!("'{name}' expects <value> as argument.")));
    }
    integer::<u32>(name, words)
        .map(Some)
        .map_err(|_| Error::new(format!("'{name}' must be >= -1")))
}
