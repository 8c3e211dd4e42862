//! Who talks to whom: addresses, names, counts.

use std::net::SocketAddr;

use super::variable;
use crate::rules::Facts;
use crate::rules::log_format::{Flags, LogVariableRow, write};

/// The rows of this file.
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
        write::text(out, flags, frontend(f));
    }),
    variable(
        &["ft"],
        "Name of the frontend, with `~` behind it over TLS.",
        "log-format %ft",
        |f, flags, out| {
            let name = frontend(f);
            match f.session.tls {
                Some(_) => write::text(out, flags, &[name, b"~"].concat()),
                None => write::text(out, flags, name),
            }
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
            write::text(out, flags, backend.unwrap_or(frontend(f)));
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
            write::text(out, flags, server.unwrap_or(b"<NOSRV>"));
        },
    ),
    variable(&["H"], "Name of this host.", "log-format %H", |f, flags, out| {
        write::text(out, flags, f.process.hostname.as_bytes());
    }),
    variable(&["pid"], "Id of the process.", "log-format %pid", |f, flags, out| {
        write::short(out, flags, f.process.pid.into());
    }),
    variable(&["ac"], "Connections of the process.", "log-format %ac", |f, _, out| {
        write::number(out, f.exchange.concurrency.process);
    }),
    variable(
        &["fc"],
        "Connections of the frontend.",
        "log-format %fc",
        |f, _, out| {
            write::number(out, f.exchange.concurrency.frontend);
        },
    ),
    variable(&["bc"], "Connections of the backend.", "log-format %bc", |f, _, out| {
        write::number(out, f.exchange.concurrency.backend);
    }),
    variable(&["sc"], "Connections of the server.", "log-format %sc", |f, _, out| {
        write::number(out, f.exchange.concurrency.server);
    }),
    variable(
        &["rc"],
        "Retries, with `+` before them after a redispatch.",
        "log-format %rc",
        |f, _, out| {
            if f.exchange.redispatched {
                out.push(b'+');
            }
            write::number(out, f.exchange.retries);
        },
    ),
    variable(
        &["sq"],
        "Requests ahead in the server's queue.",
        "log-format %sq",
        |f, _, out| {
            write::number(out, f.exchange.server_queue);
        },
    ),
    variable(
        &["bq"],
        "Requests ahead in the backend's queue.",
        "log-format %bq",
        |f, _, out| {
            write::number(out, f.exchange.backend_queue);
        },
    ),
    variable(
        &["lc"],
        "Log lines of the frontend so far.",
        "log-format %lc",
        |f, _, out| {
            write::number(out, f.frontend().map_or(0, |proxy| proxy.frontend.log_lines.get()));
        },
    ),
    variable(
        &["rt"],
        "Number of the stream in this process.",
        "log-format %rt",
        |f, flags, out| {
            write::short(out, flags, f.exchange.id);
        },
    ),
    variable(
        &["sslc"],
        "Cipher of the client's TLS session.",
        "log-format %sslc",
        |f, flags, out| match &f.session.tls {
            Some(tls) => write::text(out, flags, tls.cipher.as_bytes()),
            None => write::nothing(out, flags),
        },
    ),
    variable(
        &["sslv"],
        "Version of the client's TLS session.",
        "log-format %sslv",
        |f, flags, out| match &f.session.tls {
            Some(tls) => write::text(out, flags, tls.version.as_bytes()),
            None => write::nothing(out, flags),
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
    match address {
        Some(address) => write::address(out, flags, address.ip()),
        None => write::nothing(out, flags),
    }
}

fn port(address: Option<SocketAddr>, flags: Flags, out: &mut Vec<u8>) {
    match address {
        Some(address) => write::short(out, flags, address.port().into()),
        None => write::nothing(out, flags),
    }
}
