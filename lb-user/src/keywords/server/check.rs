//! Server options about health checks.

use std::time::Duration;

use super::{BOTH, ServerRow, delay, integer, option, refused, value};
use crate::keywords::{Reading, place};
use crate::language::address::Accepts;
use crate::language::row::Does::Works;
use crate::language::{Error, Words};
use crate::plan::Server;

const ADDRESS: Accepts = Accepts {
    stream: true,
    datagram: false,
    port_required: false,
    port_range: false,
    port_offset: false,
};

pub(super) const ROWS: &[ServerRow] = &[
    option(
        &["check", "no-check"],
        "",
        BOTH,
        "Check the server's health.",
        "server s1 127.0.0.1:8080 check",
        Works(|name, _, server, _| {
            server.check.enabled = name == "check";
            Ok(())
        }),
    ),
    option(
        &["addr"],
        "<ipv4|ipv6>",
        BOTH,
        "Send checks to this address instead.",
        "server s1 127.0.0.1:8080 check addr 127.0.0.2",
        Works(address),
    ),
    option(
        &["port"],
        "<port>",
        BOTH,
        "Send checks to this port instead.",
        "server s1 127.0.0.1:8080 check port 8081",
        Works(|name, words, server, _| {
            let port = words.next().and_then(|word| word.parse().ok());
            server.check.port =
                Some(port.ok_or_else(|| Error::new(format!("'{name}' expects a port number as argument.")))?);
            Ok(())
        }),
    ),
    option(
        &["inter"],
        "<delay>",
        BOTH,
        "Time between checks, 2 s by default.",
        "server s1 127.0.0.1:8080 check inter 1s",
        Works(|name, words, server, _| {
            server.check.inter = interval(name, words, server)?;
            Ok(())
        }),
    ),
    option(
        &["fastinter"],
        "<delay>",
        BOTH,
        "Time between checks while the server's state is changing.",
        "server s1 127.0.0.1:8080 check fastinter 500ms",
        Works(|name, words, server, _| {
            server.check.fast_inter = Some(interval(name, words, server)?);
            Ok(())
        }),
    ),
    option(
        &["downinter"],
        "<delay>",
        BOTH,
        "Time between checks while the server is down.",
        "server s1 127.0.0.1:8080 check downinter 5s",
        Works(|name, words, server, _| {
            server.check.down_inter = Some(interval(name, words, server)?);
            Ok(())
        }),
    ),
    option(
        &["rise"],
        "<count>",
        BOTH,
        "How many good checks in a row make a server up, 2 by default.",
        "server s1 127.0.0.1:8080 check rise 1",
        Works(|name, words, server, _| {
            server.check.rise = count(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["fall"],
        "<count>",
        BOTH,
        "How many failed checks in a row make a server down, 3 by default.",
        "server s1 127.0.0.1:8080 check fall 2",
        Works(|name, words, server, _| {
            server.check.fall = count(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["check-send-proxy"],
        "",
        BOTH,
        "Open checks with a PROXY protocol header; they have the server's own where neither `addr` nor `port` leads elsewhere.",
        "server s1 127.0.0.1:8080 check check-send-proxy",
        Works(|_, _, server, _| {
            server.check.send_proxy = true;
            Ok(())
        }),
    ),
    option(
        &["track"],
        "[<proxy>/]<server>",
        BOTH,
        "Be up when that server is, without checks of its own.",
        "server s1 127.0.0.1:8080 check\nserver s2 127.0.0.1:8081 track s1",
        Works(|name, words, server, _| {
            server.track = Some(value(name, words, "[<proxy>/]<server>")?);
            Ok(())
        }),
    ),
    option(
        &["init-addr"],
        "{last | libc | none | <ip>},[...]*",
        BOTH,
        "Where the address comes from at start; `none` starts the server down if its name does not resolve.",
        "server s1 127.0.0.1:8080 init-addr libc,none",
        Works(super::transport::initial_address),
    ),
    refused(&["agent-check"], "", "Ask an agent on the server for its state."),
    refused(&["agent-send"], "<string>", "What the agent is sent."),
    refused(&["agent-inter"], "<delay>", "Time between questions to the agent."),
    refused(&["agent-addr"], "<addr>", "Where the agent listens."),
    refused(&["agent-port"], "<port>", "The agent's port."),
    refused(
        &["check-alpn"],
        "<protocols>",
        "Application protocols offered by checks.",
    ),
    refused(&["check-proto"], "<name>", "The HTTP version of checks."),
    refused(&["check-via-socks4"], "", "Checks go through the SOCKS4 proxy."),
    refused(&["observe"], "<mode>", "Watch live traffic for failures."),
    refused(&["on-error"], "<mode>", "What too many observed failures lead to."),
    refused(&["error-limit"], "<count>", "How many observed failures are too many."),
];

fn address(name: &str, words: &mut Words<'_>, server: &mut Server, reading: &mut Reading<'_>) -> Result<(), Error> {
    let word = value(name, words, "<addr>")?;
    let (ip, port) = place::inet(&word, ADDRESS, reading).map_err(|error| error.within(format_args!("'{name}'")))?;
    server.check.address = Some(ip);
    if port.is_some() {
        return Err(Error::new(format!(
            "'{name}' : port specification not permitted here in '{word}'"
        )));
    }
    Ok(())
}

fn interval(name: &str, words: &mut Words<'_>, server: &Server) -> Result<Duration, Error> {
    let time = delay(name, words, &server.name)?;
    if time.is_zero() {
        let label = &server.name;
        return Err(Error::new(format!(
            "invalid value 0 for argument '{name}' of server {label}."
        )));
    }
    Ok(time)
}

fn count(name: &str, words: &mut Words<'_>) -> Result<u32, Error> {
    match integer(name, words)? {
        0 => Err(Error::new(format!("'{name}' has to be > 0."))),
        count => Ok(count),
    }
}
