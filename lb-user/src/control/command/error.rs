//! `show errors`: the last malformed messages, byte by byte (management manual 9.3).

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Request, when};
use crate::control::CommandRow;
use crate::control::world::World;
use crate::language::{Does, Scope};
use crate::state::capture::Capture;
use crate::state::{Proxy, ProxyId};

/// Commands about malformed messages.
pub const ROWS: &[CommandRow] = &[CommandRow {
    names: &["show errors"],
    args: "[<px>] [request|response]",
    scope: Scope::CLI_OPERATOR,
    doc: "report last request and/or response errors for each proxy",
    example: "show errors",
    does: Does::Works(show),
}];

/// Columns that a dump's text may take, after the nine of its offset.
const WIDTH: usize = 70;

fn show(request: &mut Request<'_>) -> Answer {
    let world = request.world;
    let wanted = match request.word(0) {
        None | Some("-1") => None,
        Some(word) => match find(world, word) {
            Some(id) => Some(id),
            None => return Answer::error("No such proxy."),
        },
    };
    let side = request.word(1);
    let mut text = format!(
        "Total events captured on [{}] : {}\n",
        when(request.date),
        world.process().captured.load(Relaxed)
    );
    for proxy in &world.process().proxies {
        let captures = [
            ("request", proxy.bad_request.get()),
            ("response", proxy.bad_response.get()),
        ];
        for (kind, capture) in captures {
            let Some(capture) = capture.filter(|_| side.is_none_or(|side| side == kind)) else {
                continue;
            };
            let concerns = [Some(capture.frontend), capture.backend];
            if wanted.is_none_or(|id| concerns.contains(&Some(id))) {
                describe(world, proxy, kind, &capture, &mut text);
            }
        }
    }
    Answer::Text(text)
}

/// The proxy of that name or number.
fn find(world: &World, word: &str) -> Option<ProxyId> {
    let mut proxies = world.process().proxies.iter();
    let found = match word.parse::<u32>() {
        Ok(number) => proxies.find(|proxy| proxy.puid == number),
        Err(_) => proxies.find(|proxy| proxy.name == word),
    };
    found.map(|proxy| proxy.id)
}

fn describe(world: &World, proxy: &Proxy, kind: &str, capture: &Capture, text: &mut String) {
    let named = |id: Option<ProxyId>| match id.and_then(|id| world.process().proxy(id)) {
        Some(proxy) => format!("{} (#{})", proxy.name, proxy.puid),
        None => "<NONE> (#-1)".to_owned(),
    };
    let (own, other_role, other) = match kind {
        "request" => ("frontend", "backend", named(capture.backend)),
        _ => ("backend", "frontend", named(Some(capture.frontend))),
    };
    let server = capture.server.and_then(|id| world.process().server(id));
    let server = server.map_or("<NONE> (#-1)".to_owned(), |server| {
        format!("{} (#{})", server.name, server.puid)
    });
    let source = capture.source.map_or("unix".to_owned(), |source| source.to_string());
    let fault = match capture.position {
        Some(position) => format!("error at position {position}"),
        None => "larger than the buffer".to_owned(),
    };
    let _ = write!(
        text,
        " \n[{}] {own} {} (#{}): invalid {kind}\n  {other_role} {other}, server {server}, event #{}, src {source}\n  \
         len {}, {fault}:\n  \n",
        when(capture.date),
        proxy.name,
        proxy.puid,
        capture.event,
        capture.bytes.len(),
    );
    dump(&capture.bytes, text);
}

/// The bytes, a line of them for each line; what is too wide goes on in the next, marked `+`.
fn dump(bytes: &[u8], text: &mut String) {
    let mut column = None;
    for (offset, byte) in bytes.iter().enumerate() {
        let shown = escaped(*byte);
        let mark = match column {
            None => Some(' '),
            Some(width) if width + shown.len() > WIDTH => {
                text.push('\n');
                Some('+')
            }
            Some(_) => None,
        };
        if let Some(mark) = mark {
            let _ = write!(text, "  {offset:05}{mark} ");
            column = Some(0);
        }
        text.push_str(&shown);
        column = column.map(|width| width + shown.len());
        if *byte == b'\n' {
            text.push('\n');
            column = None;
        }
    }
    if column.is_some() {
        text.push('\n');
    }
}

fn escaped(byte: u8) -> String {
    match byte {
        b'\t' => "\\t".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        0x1b => "\\e".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_line_by_line() {
        let mut text = String::new();
        dump(b"GET /\x01x HTTP/1.1\r\n\tX: \\y\xff\x1b\r\n\r\nbody", &mut text);
        assert_eq!(
            text,
            "  00000  GET /\\x01x HTTP/1.1\\r\\n\n  \
               00018  \\tX: \\\\y\\xFF\\e\\r\\n\n  \
               00028  \\r\\n\n  \
               00030  body\n"
        );
    }

    #[test]
    fn long_lines_go_on() {
        let mut text = String::new();
        dump(&[b"Long-line: ".as_slice(), &[b'x'; 150], b"\r\n"].concat(), &mut text);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= 79));
        assert!(lines[1].starts_with("  00070+ xxx"), "{text}");
        assert!(lines[2].ends_with("x\\r\\n"));
    }
}
