//! Commands about streams: who is connected to what, and ending that.

use std::fmt::Write;

use super::server::with_server;
use super::{Answer, Request};
use crate::backend::roster::{Doomed, StreamInfo};
use crate::control::CommandRow;
use crate::control::world::World;
use crate::language::{Does, Scope};
use crate::state::ProxyId;

/// Commands about streams.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["show sess"],
        args: "[id]",
        scope: Scope::CLI_OPERATOR,
        doc: "report the list of current sessions or dump this exact session",
        example: "show sess",
        does: Does::Works(show),
    },
    CommandRow {
        names: &["shutdown session"],
        args: "[id]",
        scope: Scope::CLI_ADMIN,
        doc: "kill a specific session",
        example: "shutdown session 0x400",
        does: Does::Works(shut_down),
    },
    CommandRow {
        names: &["shutdown sessions server"],
        args: "<bk>/<srv>",
        scope: Scope::CLI_ADMIN,
        doc: "kill sessions on a server",
        example: "shutdown sessions server be/srv",
        does: Does::Works(|request| {
            with_server(request, |request, found| {
                request.world.engine.end_streams(Doomed::Server(found.id));
                Answer::Done
            })
        }),
    },
];

fn show(request: &mut Request<'_>) -> Answer {
    let streams = request.world.engine.streams();
    let describe = |stream: &StreamInfo| match request.word(0) {
        None => brief(request.world, stream, request.ticks),
        Some(_) => detailed(request.world, stream, request.ticks, request.date),
    };
    match request.word(0) {
        None | Some("all") => Answer::Text(streams.iter().map(describe).collect()),
        Some(word) => {
            let id = number(word);
            match streams.iter().find(|stream| Some(stream.id) == id) {
                Some(stream) => Answer::Text(describe(stream)),
                None => Answer::error("Session not found."),
            }
        }
    }
}

fn shut_down(request: &mut Request<'_>) -> Answer {
    let Some(id) = request.word(0).and_then(number) else {
        return Answer::error("Session pointer expected (use 'show sess').");
    };
    match request.world.engine.end_streams(Doomed::Id(id)) {
        0 => Answer::error("No such session (use 'show sess')."),
        _ => Answer::Done,
    }
}

/// A stream's number as it is shown, `0x…`; the prefix may be left out.
fn number(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok()
}

fn proxy_name(world: &World, id: Option<ProxyId>) -> &'static str {
    let proxy = id.and_then(|id| world.plan().proxies.get(id.index()));
    proxy.map_or("<NONE>", |proxy| &proxy.name)
}

/// Protocol and source of the client.
fn origin(stream: &StreamInfo) -> (&'static str, String) {
    match stream.source {
        Some(source) if source.is_ipv4() => ("tcpv4", source.to_string()),
        Some(source) => ("tcpv6", source.to_string()),
        None => ("unix_stream", "unix".to_owned()),
    }
}

fn seconds(stream: &StreamInfo, ticks: u64) -> u64 {
    ticks.saturating_sub(stream.started) / 1_000_000
}

fn brief(world: &World, stream: &StreamInfo, ticks: u64) -> String {
    let (protocol, source) = origin(stream);
    let server = stream.server.and_then(|id| world.found(id.backend, id.index()));
    format!(
        "{:#x}: proto={protocol} src={source} fe={} be={} srv={} age={}s{}\n",
        stream.id,
        proxy_name(world, Some(stream.frontend)),
        proxy_name(world, stream.backend),
        server.map_or("<none>", |found| &found.plan.name),
        seconds(stream, ticks),
        carried(stream),
    )
}

/// Of a stream that the kernel carries, the bytes so far.
fn carried(stream: &StreamInfo) -> String {
    let told = |(bytes_in, bytes_out)| format!(" kernel in={bytes_in} out={bytes_out}");
    stream.carried.map_or_else(String::new, told)
}

fn detailed(world: &World, stream: &StreamInfo, ticks: u64, date: u64) -> String {
    let (protocol, source) = origin(stream);
    let begun = super::when(date.saturating_sub(ticks.saturating_sub(stream.started)));
    let mut text = format!("{:#x}: [{begun}] proto={protocol} source={source}\n", stream.id);
    for (role, id) in [("frontend", Some(stream.frontend)), ("backend", stream.backend)] {
        let proxy = id.and_then(|id| world.process().proxy(id));
        let _ = match proxy {
            Some(proxy) => {
                let mode = if proxy.is_http { "http" } else { "tcp" };
                writeln!(text, "  {role}={} (id={} mode={mode})", proxy.name, proxy.puid)
            }
            None => writeln!(text, "  {role}=<NONE> (id=-1 mode=-)"),
        };
    }
    let _ = match stream.server.and_then(|id| world.found(id.backend, id.index())) {
        Some(found) => {
            let address = found
                .live
                .address()
                .map_or("unix".to_owned(), |address| address.to_string());
            writeln!(
                text,
                "  server={} (id={}) addr={address}",
                found.live.name, found.live.puid
            )
        }
        None => writeln!(text, "  server=<NONE> (id=-1)"),
    };
    let _ = writeln!(text, "  age={}s{}", seconds(stream, ticks), carried(stream));
    text
}
