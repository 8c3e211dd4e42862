//! Who talks to whom: addresses, names, counts.

use std::net::{IpAddr, SocketAddr};

use super::{hexable, number, variable};
use crate::rules::Facts;
use crate::rules::context::LogVariableRow;
use crate::rules::log_format::Flags;

pub const ROWS: &[LogVariableRow] = &[
    variable(&["ci"], "Address of the client.", "log-format %ci", |f, flags, out| {
        ip(client(f), flags, out)
    }),
    variable(&["cp"], "Port of the client.", "log-format %cp", |f, flags, out| {
        port(client(f), flags, out)
    }),
    variable(
        &["fi"],
        "Address the client connected to.",
        "log-format %fi",
        |f, flags, out| {
            ip(f.session.destination, flags, out);
        },
    ),
    variable(
        &["fp"],
        "Port the client connected to.",
        "log-format %fp",
        |f, flags, out| {
            port(f.session.destination, flags, out);
        },
    ),
    variable(
        &["bi"],
        "Address the balancer connected from.",
        "log-format %bi",
        |f, flags, out| {
            ip(f.exchange.server_local, flags, out);
        },
    ),
    variable(
        &["bp"],
        "Port the balancer connected from.",
        "log-format %bp",
        |f, flags, out| {
            port(f.exchange.server_local, flags, out);
        },
    ),
    variable(&["si"], "Address of the server.", "log-format %si", |f, flags, out| {
        ip(server(f), flags, out)
    }),
    variable(&["sp"], "Port of the server.", "log-format %sp", |f, flags, out| {
        port(server(f), flags, out)
    }),
    variable(&["f"], "Name of the frontend.", "log-format %f", |f, flags, out| {
        flags.write_or_dash(Some(frontend(f)), out);
    }),
    variable(
        &["ft"],
        "Name of the frontend, with `~` behind it over TLS.",
        "log-format %ft",
        |f, flags, out| {
            flags.write_or_dash(Some(frontend(f)), out);
        },
    ),
    variable(
        &["b"],
        "Name of the backend, or of the frontend where none was chosen.",
        "log-format %b",
        |f, flags, out| {
            let backend = f
                .exchange
                .backend
                .and_then(|id| f.process.proxy(id))
                .map(|proxy| proxy.name.as_bytes());
            flags.write_or_dash(Some(backend.unwrap_or(frontend(f))), out);
        },
    ),
    variable(
        &["s"],
        "Name of the server; `<NOSRV>` where none was asked.",
        "log-format %s",
        |f, flags, out| {
            let server = f
                .exchange
                .server
                .and_then(|id| f.process.server(id))
                .map(|server| server.name.as_bytes());
            flags.write_or_dash(Some(server.unwrap_or(b"<NOSRV>")), out);
        },
    ),
    variable(&["H"], "Name of this host.", "log-format %H", |f, flags, out| {
        flags.write_or_dash(Some(f.process.node.as_bytes()), out);
    }),
    variable(&["pid"], "Id of the process.", "log-format %pid", |f, flags, out| {
        hexable(f.process.pid.into(), flags, out);
    }),
    variable(&["ac"], "Connections of the process.", "log-format %ac", |f, _, out| {
        number(f.exchange.concurrency.process, out);
    }),
    variable(
        &["fc"],
        "Connections of the frontend.",
        "log-format %fc",
        |f, _, out| {
            number(f.exchange.concurrency.frontend, out);
        },
    ),
    variable(&["bc"], "Connections of the backend.", "log-format %bc", |f, _, out| {
        number(f.exchange.concurrency.backend, out);
    }),
    variable(&["sc"], "Connections of the server.", "log-format %sc", |f, _, out| {
        number(f.exchange.concurrency.server, out);
    }),
    variable(
        &["rc"],
        "Retries, with `+` before them after a redispatch.",
        "log-format %rc",
        |f, _, out| {
            if f.exchange.redispatched {
                out.push(b'+');
            }
            number(f.exchange.retries, out);
        },
    ),
    variable(
        &["sq"],
        "Requests ahead in the server's queue.",
        "log-format %sq",
        |f, _, out| {
            number(f.exchange.server_queue, out);
        },
    ),
    variable(
        &["bq"],
        "Requests ahead in the backend's queue.",
        "log-format %bq",
        |f, _, out| {
            number(f.exchange.backend_queue, out);
        },
    ),
    variable(
        &["lc"],
        "Log lines of the frontend so far.",
        "log-format %lc",
        |f, _, out| {
            number(
                f.process
                    .proxy(f.session.frontend)
                    .map_or(0, |proxy| proxy.frontend.log_lines.get()),
                out,
            );
        },
    ),
    variable(
        &["rt"],
        "Number of the stream in this process.",
        "log-format %rt",
        |f, flags, out| {
            hexable(f.exchange.id, flags, out);
        },
    ),
    variable(
        &["sslc"],
        "Cipher of the client's TLS session.",
        "log-format %sslc",
        |_, flags, out| {
            flags.write_or_dash(None, out);
        },
    ),
    variable(
        &["sslv"],
        "Version of the client's TLS session.",
        "log-format %sslv",
        |_, flags, out| {
            flags.write_or_dash(None, out);
        },
    ),
];

fn client(facts: &Facts<'_>) -> Option<SocketAddr> {
    (!facts.session.is_unix).then_some(facts.session.source)
}

fn server(facts: &Facts<'_>) -> Option<SocketAddr> {
    let configured = facts
        .exchange
        .server
        .and_then(|id| facts.process.server(id))
        .and_then(|server| server.address());
    facts.exchange.server_remote.or(configured)
}

fn frontend<'a>(facts: &Facts<'a>) -> &'a [u8] {
    facts
        .process
        .proxy(facts.session.frontend)
        .map_or(b"", |proxy| proxy.name.as_bytes())
}

fn ip(address: Option<SocketAddr>, flags: Flags, out: &mut Vec<u8>) {
    match address.map(|address| address.ip()) {
        Some(IpAddr::V4(ip)) if flags.hex => number(format_args!("{:08X}", u32::from(ip)), out),
        Some(IpAddr::V6(ip)) if flags.hex => number(format_args!("{:032X}", u128::from(ip)), out),
        Some(ip) => flags.write(ip.to_string().as_bytes(), out),
        None => flags.write_or_dash(None, out),
    }
}

fn port(address: Option<SocketAddr>, flags: Flags, out: &mut Vec<u8>) {
    match address {
        Some(address) => hexable(address.port().into(), flags, out),
        None if flags.quote => out.push(b'0'),
        None => out.push(b'-'),
    }
}
