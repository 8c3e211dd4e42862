//! Options of listening sockets.

use std::time::Duration;

use super::{BindRow, ParseBind};
use crate::keywords::place;
use crate::language::row::Does::{self, Refused};
use crate::language::{Error, Row, Scope, Words, units};
use crate::plan::bind::{BindOptions, SeverityOutput};
use crate::plan::global::CliLevel;

const fn row(
    names: &'static [&'static str],
    args: &'static str,
    doc: &'static str,
    example: &'static str,
    does: Does<ParseBind>,
) -> BindRow {
    Row {
        names,
        args,
        scope: Scope::FRONTEND,
        doc,
        example,
        does,
    }
}

/// A switch that sets one field.
macro_rules! switch {
    ($name:literal, $field:ident, $doc:literal) => {
        row(
            &[$name],
            "",
            $doc,
            concat!("bind 127.0.0.1:8080 ", $name),
            Does::Works(|_, _, options, _| {
                options.$field = true;
                Ok(())
            }),
        )
    };
}

pub(super) const ROWS: &[BindRow] = &[
    switch!(
        "accept-proxy",
        accept_proxy,
        "Every connection must open with a PROXY protocol header."
    ),
    switch!(
        "defer-accept",
        defer_accept,
        "The kernel hands a connection over when its first data have come."
    ),
    switch!(
        "tfo",
        tfo,
        "Accept data in the first packet of a connection (TCP Fast Open)."
    ),
    switch!(
        "transparent",
        transparent,
        "Accept connections for addresses that this machine does not have."
    ),
    switch!("v4v6", v4v6, "An IPv6 socket also takes IPv4 connections."),
    switch!("v6only", v6only, "An IPv6 socket takes no IPv4 connections."),
    row(
        &["backlog"],
        "<backlog>",
        "How many connections may wait to be accepted.",
        "bind 127.0.0.1:8080 backlog 1000",
        Does::Works(|name, words, options, _| {
            options.backlog = Some(positive(name, words)?);
            Ok(())
        }),
    ),
    row(
        &["maxconn"],
        "<maxconn>",
        "How many connections this socket may have at once.",
        "bind 127.0.0.1:8080 maxconn 1000",
        Does::Works(|name, words, options, _| {
            options.max_connections = Some(positive(name, words)?);
            Ok(())
        }),
    ),
    row(
        &["id"],
        "<id>",
        "The socket's number in statistics.",
        "bind 127.0.0.1:8080 id 1001",
        Does::Works(id),
    ),
    row(
        &["name"],
        "<name>",
        "The socket's name in statistics and in fetches.",
        "bind 127.0.0.1:8080 name public",
        Does::Works(|name, words, options, _| {
            options.name = Some(value(name, words, "missing name")?);
            Ok(())
        }),
    ),
    row(
        &["interface"],
        "<interface>",
        "Take only what arrives on this interface.",
        "bind 127.0.0.1:8080 interface lo",
        Does::Works(|name, words, options, _| {
            options.interface = Some(value(name, words, "missing interface name")?);
            Ok(())
        }),
    ),
    row(
        &["namespace"],
        "<name>",
        "Listen in this network namespace.",
        "bind 127.0.0.1:8080 namespace edge",
        Does::Works(|name, words, options, reading| {
            let namespace = value(name, words, "missing namespace id")?;
            options.namespace = Some(place::namespace(namespace, reading)?);
            Ok(())
        }),
    ),
    row(
        &["mss"],
        "<maxseg>",
        "Longest TCP segment announced; negative: that much below the interface's.",
        "bind 127.0.0.1:8080 mss 1400",
        Does::Works(mss),
    ),
    row(
        &["nice"],
        "<nice>",
        "Accepted, from -1024 to 1024; sessions are served in the order in which they become ready.",
        "bind 127.0.0.1:8080 nice 10",
        Does::Works(nice),
    ),
    row(
        &["tcp-ut"],
        "<delay>",
        "How long sent data may stay unacknowledged before the kernel gives the connection up.",
        "bind 127.0.0.1:8080 tcp-ut 30s",
        Does::Works(tcp_ut),
    ),
    row(
        &["uid"],
        "<uid>",
        "Owner of a unix socket, by number.",
        "bind /var/run/lb.sock uid 0",
        Does::Works(|name, words, options, _| {
            options.uid = Some(identity(name, words)?);
            Ok(())
        }),
    ),
    row(
        &["gid"],
        "<gid>",
        "Group of a unix socket, by number.",
        "bind /var/run/lb.sock gid 0",
        Does::Works(|name, words, options, _| {
            options.gid = Some(identity(name, words)?);
            Ok(())
        }),
    ),
    row(
        &["user"],
        "<user>",
        "Owner of a unix socket.",
        "bind /var/run/lb.sock user root",
        Does::Works(|name, words, options, reading| {
            let user = value(name, words, "missing user name")?;
            let number = reading.host.user(&user);
            options.uid = Some(number.ok_or_else(|| Error::new(format!("'{name}' : unknown user name '{user}'")))?);
            Ok(())
        }),
    ),
    row(
        &["group"],
        "<group>",
        "Group of a unix socket.",
        "bind /var/run/lb.sock group root",
        Does::Works(|name, words, options, reading| {
            let group = value(name, words, "missing group name")?;
            let number = reading.host.group(&group);
            options.gid = Some(number.ok_or_else(|| Error::new(format!("'{name}' : unknown group name '{group}'")))?);
            Ok(())
        }),
    ),
    row(
        &["mode"],
        "<mode>",
        "Permission bits of a unix socket, in octal.",
        "bind /var/run/lb.sock mode 600",
        Does::Works(mode),
    ),
    row(
        &["level"],
        "<level>",
        "What sessions of a runtime API socket may do: user, operator or admin.",
        "stats socket /var/run/lb.sock level admin",
        Does::Works(level),
    ),
    row(
        &["severity-output"],
        "<format>",
        "Prefix runtime API messages with their severity: none, number or string.",
        "stats socket /var/run/lb.sock severity-output number",
        Does::Works(severity),
    ),
    row(
        &["expose-fd"],
        "listeners",
        "Hand the listening sockets to a new process over this runtime API socket.",
        "stats socket /var/run/lb.sock expose-fd listeners",
        Does::Works(|_, words, options, _| {
            if words.next() != Some("listeners") {
                return Err(Error::new("'expose-fd' only supports 'listeners'"));
            }
            options.expose_listeners = true;
            Ok(())
        }),
    ),
    row(
        &["process"],
        "<process-set>[/<thread-set>]",
        "Accepted where it means the only process; every worker has its own socket whatever the threads named.",
        "bind 127.0.0.1:8080 process 1/all",
        Does::Works(process),
    ),
    row(
        &["proto"],
        "<name>",
        "The HTTP version to expect: h1, which is what is spoken without it, too.",
        "bind 127.0.0.1:8080 proto h1",
        Does::Works(proto),
    ),
    row(
        &["accept-netscaler-cip"],
        "<magic number>",
        "Every connection must open with a NetScaler Client IP header.",
        "bind 127.0.0.1:8080 accept-netscaler-cip 0x3343",
        Refused,
    ),
];

/// The next word, or `'name' : missing …`.
fn value(name: &str, words: &mut Words<'_>, missing: &str) -> Result<String, Error> {
    words
        .next()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| Error::new(format!("'{name}' : {missing}")))
}

fn positive(name: &str, words: &mut Words<'_>) -> Result<u32, Error> {
    let word = value(name, words, "missing value")?;
    word.parse().map_err(|_| {
        Error::new(format!(
            "'{name}' : invalid value '{word}', a positive integer is expected"
        ))
    })
}

fn identity(name: &str, words: &mut Words<'_>) -> Result<u32, Error> {
    let word = value(name, words, "missing value")?;
    word.parse()
        .map_err(|_| Error::new(format!("'{name}' : invalid value '{word}', a number is expected")))
}

fn id(name: &str, words: &mut Words<'_>, options: &mut BindOptions, _: &mut super::Reading<'_>) -> Result<(), Error> {
    let word = words
        .next()
        .ok_or_else(|| Error::new(format!("'{name}' : expects an integer argument")))?;
    let number = word.parse().ok().filter(|number| *number > 0);
    options.id = Some(number.ok_or_else(|| Error::new(format!("'{name}' : custom id has to be > 0")))?);
    Ok(())
}

fn mss(name: &str, words: &mut Words<'_>, options: &mut BindOptions, _: &mut super::Reading<'_>) -> Result<(), Error> {
    let word = value(name, words, "missing MSS value")?;
    let number = word
        .parse()
        .ok()
        .filter(|mss: &i32| mss.unsigned_abs() < 65_536 && *mss != 0);
    options.mss = Some(number.ok_or_else(|| {
        Error::new(format!(
            "'{name}' : expects an MSS with and absolute value between 1 and 65535"
        ))
    })?);
    Ok(())
}

fn nice(name: &str, words: &mut Words<'_>, options: &mut BindOptions, _: &mut super::Reading<'_>) -> Result<(), Error> {
    let word = value(name, words, "missing value")?;
    let number = word.parse().ok().filter(|nice| (-1024..=1024).contains(nice));
    options.nice =
        number.ok_or_else(|| Error::new(format!("'{name}' : invalid value {word}, allowed range is -1024..1024")))?;
    Ok(())
}

fn tcp_ut(
    name: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    _: &mut super::Reading<'_>,
) -> Result<(), Error> {
    let word = value(name, words, "missing TCP User Timeout value")?;
    let delay = units::time(&word, Duration::from_millis(1))
        .map_err(|_| Error::new(format!("'{name}' : expects a positive delay in milliseconds")))?;
    options.tcp_user_timeout = Some(delay);
    Ok(())
}

fn mode(name: &str, words: &mut Words<'_>, options: &mut BindOptions, _: &mut super::Reading<'_>) -> Result<(), Error> {
    let word = words.next().unwrap_or_default();
    let bits = u32::from_str_radix(word, 8).ok().filter(|bits| *bits <= 0o777);
    options.mode = Some(bits.ok_or_else(|| {
        Error::new(format!(
            "'{name}' : missing or invalid mode '{word}' (octal integer expected)"
        ))
    })?);
    Ok(())
}

fn level(
    name: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    _: &mut super::Reading<'_>,
) -> Result<(), Error> {
    options.level = Some(match words.next().unwrap_or_default() {
        "user" => CliLevel::User,
        "operator" => CliLevel::Operator,
        "admin" => CliLevel::Admin,
        other => {
            return Err(Error::new(format!(
                "'{name}' only supports 'user', 'operator', and 'admin' (got '{other}')"
            )));
        }
    });
    Ok(())
}

fn severity(
    name: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    _: &mut super::Reading<'_>,
) -> Result<(), Error> {
    options.severity_output = match words.next().unwrap_or_default() {
        "none" => None,
        "number" => Some(SeverityOutput::Number),
        "string" => Some(SeverityOutput::Text),
        other => {
            return Err(Error::new(format!(
                "'{name}' only supports 'none', 'number', and 'string' (got '{other}')"
            )));
        }
    };
    Ok(())
}

fn process(name: &str, words: &mut Words<'_>, _: &mut BindOptions, _: &mut super::Reading<'_>) -> Result<(), Error> {
    let word = words.next().unwrap_or_default();
    let (processes, threads) = word.split_once('/').unwrap_or((word, "all"));
    for (set, low) in [(processes, 1), (threads, 1)] {
        let numbers = set.split_once('-').unwrap_or((set, set));
        let is_number = |text: &str| text.parse().is_ok_and(|number: u32| number >= low);
        let known = matches!(set, "all" | "odd" | "even") || (is_number(numbers.0) && is_number(numbers.1));
        if !known {
            return Err(Error::new(format!("'{name}' : '{set}' is not a valid number/range.")));
        }
    }
    match processes {
        "all" | "odd" => Ok(()),
        set if set.split('-').next() == Some("1") => Ok(()),
        _ => Err(Error::new(format!(
            "'{name}' : there is only process 1 (got '{processes}')"
        ))),
    }
}

fn proto(
    name: &str,
    words: &mut Words<'_>,
    options: &mut BindOptions,
    _: &mut super::Reading<'_>,
) -> Result<(), Error> {
    match value(name, words, "missing value")?.as_str() {
        "h1" => {
            options.http1_only = true;
            Ok(())
        }
        known @ ("h2" | "fcgi" | "none") => Err(Error::not_implemented(&format!("{name} {known}"))),
        other => Err(Error::new(format!("'{name}' :  unknown MUX protocol '{other}'"))),
    }
}
