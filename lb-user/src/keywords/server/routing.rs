//! Server options that decide which server gets what.

use super::{BOTH, ONE, ServerRow, delay, integer, option, refused, value};
use crate::language::row::Does::Works;
use crate::language::{Error, Words};
use crate::plan::Server;

pub(super) const ROWS: &[ServerRow] = &[
    option(
        &["backup", "no-backup"],
        "",
        BOTH,
        "Use this server only when no other one can be.",
        "server s1 127.0.0.1:8080 backup",
        Works(|name, _, server, _| {
            server.backup = name == "backup";
            Ok(())
        }),
    ),
    option(
        &["disabled", "enabled"],
        "",
        BOTH,
        "Start in maintenance (or not).",
        "server s1 127.0.0.1:8080 disabled",
        Works(|name, _, server, _| {
            server.disabled = name == "disabled";
            Ok(())
        }),
    ),
    option(
        &["cookie"],
        "<value>",
        ONE,
        "The value that names this server in the persistence cookie.",
        "server s1 127.0.0.1:8080 cookie s1",
        Works(|name, words, server, _| {
            server.cookie = Some(value(name, words, "<value>")?);
            Ok(())
        }),
    ),
    option(
        &["id"],
        "<value>",
        ONE,
        "The server's number in statistics and in consistent hashing.",
        "server s1 127.0.0.1:8080 id 1001",
        Works(|name, words, server, _| {
            let number = words.next().and_then(|word| word.parse().ok()).filter(|id| *id > 0);
            server.id = Some(number.ok_or_else(|| Error::new(format!("'{name}' : custom id has to be > 0.")))?);
            Ok(())
        }),
    ),
    option(
        &["weight"],
        "<weight>",
        BOTH,
        "The server's share of the load, 0 to 256.",
        "server s1 127.0.0.1:8080 weight 10",
        Works(weight),
    ),
    option(
        &["maxconn"],
        "<maxconn>",
        BOTH,
        "How many requests or connections the server gets at once; more wait in the queue. 0: no limit.",
        "server s1 127.0.0.1:8080 maxconn 30",
        Works(|name, words, server, _| {
            server.max_connections = integer(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["minconn"],
        "<minconn>",
        BOTH,
        "The limit when the backend is idle; it rises to `maxconn` with the backend's load.",
        "server s1 127.0.0.1:8080 minconn 10 maxconn 30",
        Works(|name, words, server, _| {
            server.min_connections = integer(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["maxqueue"],
        "<maxqueue>",
        BOTH,
        "How many requests may wait for this very server. 0: no limit.",
        "server s1 127.0.0.1:8080 maxqueue 100",
        Works(|name, words, server, _| {
            server.max_queue = integer(name, words)?;
            Ok(())
        }),
    ),
    option(
        &["non-stick", "stick"],
        "",
        BOTH,
        "Never store this server in a stick table (or do).",
        "server s1 127.0.0.1:8080 non-stick",
        Works(|name, _, server, _| {
            server.non_stick = name == "non-stick";
            Ok(())
        }),
    ),
    option(
        &["redir"],
        "<prefix>",
        BOTH,
        "Answer GET and HEAD with a redirect to this prefix instead of forwarding.",
        "server s1 127.0.0.1:8080 redir http://static.example.com",
        Works(|name, words, server, _| {
            server.redirect = Some(value(name, words, "<prefix>")?);
            Ok(())
        }),
    ),
    option(
        &["slowstart"],
        "<start_time_in_ms>",
        BOTH,
        "How long a server that comes back takes to reach its full weight.",
        "server s1 127.0.0.1:8080 slowstart 30s",
        Works(|name, words, server, _| {
            let label = server.name.clone();
            server.slowstart = Some(delay(name, words, &label)?).filter(|time| !time.is_zero());
            Ok(())
        }),
    ),
    option(
        &["on-marked-down"],
        "<action>",
        BOTH,
        "What happens to a server's sessions when it goes down: shutdown-sessions.",
        "server s1 127.0.0.1:8080 on-marked-down shutdown-sessions",
        Works(|name, words, server, _| {
            only(name, words, "shutdown-sessions")?;
            server.shutdown_sessions_when_down = true;
            Ok(())
        }),
    ),
    option(
        &["on-marked-up"],
        "<action>",
        BOTH,
        "What happens to the backups' sessions when this server comes up: shutdown-backup-sessions.",
        "server s1 127.0.0.1:8080 on-marked-up shutdown-backup-sessions",
        Works(|name, words, server, _| {
            only(name, words, "shutdown-backup-sessions")?;
            server.shutdown_backups_when_up = true;
            Ok(())
        }),
    ),
    refused(
        &["resolvers"],
        "<id>",
        "The `resolvers` section that follows the server's name.",
    ),
    refused(&["resolve-prefer"], "<family>", "The family of addresses to prefer."),
    refused(
        &["resolve-net"],
        "<network>[,<network[,...]]",
        "The networks whose addresses are preferred.",
    ),
    refused(
        &["resolve-opts"],
        "<option>,<option>,...",
        "How answers of the resolvers are used.",
    ),
];

fn only(name: &str, words: &mut Words<'_>, action: &str) -> Result<(), Error> {
    match words.next().unwrap_or_default() {
        word if word == action => Ok(()),
        other => Err(Error::new(format!("'{name}' expects '{action}' but got '{other}'"))),
    }
}

fn weight(name: &str, words: &mut Words<'_>, server: &mut Server, _: &mut super::Reading<'_>) -> Result<(), Error> {
    let weight: u32 = integer(name, words)?;
    if weight > 256 {
        let label = &server.name;
        return Err(Error::new(format!(
            "weight of server {label} is not within 0 and 256 ({weight})."
        )));
    }
    server.weight = weight;
    Ok(())
}
