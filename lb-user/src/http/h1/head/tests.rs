//! Heads compared with what the peer makes of them, however the input is cut.
use super::*;
use crate::http::Method;
use crate::http::connection::{Carrier, to_client, to_server};
use crate::http::h1::framing::{self, Asked, Framing};
use crate::http::h1::write::write_head;

/// A table's text with its escapes undone.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        bytes.push(match char {
            '\\' => match rest.next() {
                Some('r') => b'\r',
                Some('n') => b'\n',
                Some('t') => b'\t',
                Some('x') => u8::from_str_radix(&rest.by_ref().take(2).collect::<String>(), 16).unwrap(),
                other => other.unwrap() as u8,
            },
            plain => plain as u8,
        });
    }
    bytes
}

/// The rows of a table, as columns.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(" | ").collect())
}

fn request(input: &[u8], limits: &Limits) -> Result<(Parsed, Head), Bad> {
    let mut head = Head::new();
    parse_request(input, &mut head, limits).map(|parsed| (parsed, head))
}

fn written(head: &Head) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(head, &mut out);
    assert_eq!(out.len(), head.head_len());
    out
}

/// The head that a server gets when its connection is kept.
fn forwarded(mut head: Head) -> Vec<u8> {
    to_server(&mut head, true, Carrier::Connection);
    head.lowercase_names();
    written(&head)
}

#[track_caller]
fn check_request(row: &[&str], limits: &Limits) {
    match (request(&unescape(row[0]), limits), &row[1..]) {
        (Ok((Parsed::Complete { .. }, _)), [_, "taken"]) => {}
        (Ok((Parsed::Complete { .. }, head)), [expected]) => {
            let found = forwarded(head).escape_ascii().to_string();
            assert_eq!(found, unescape(expected).escape_ascii().to_string());
        }
        (Err(bad), [_, fault]) => assert_eq!(format!("{:?}", bad.fault), *fault, "{}", row[0]),
        (Err(bad), ["413"]) => assert_eq!(bad.fault, Fault::OldBody),
        (Err(_), ["400" | "422"]) => {}
        (found, _) => panic!("{}: {:?}", row.join(" | "), found.map(|(parsed, _)| parsed)),
    }
}

#[test]
fn requests_meet_the_fate_they_meet_at_the_peer() {
    rows(include_str!("tests/requests.txt")).for_each(|row| check_request(&row, &Limits::default()));
}

#[test]
fn malformed_requests_pass_where_the_peer_lets_them() {
    let limits = Limits {
        accept_invalid: true,
        ..Limits::default()
    };
    for row in rows(include_str!("tests/tolerated.txt")) {
        check_request(&row, &limits);
        if let Ok((_, head)) = request(&unescape(row[0]), &limits) {
            let strict = request(&unescape(row[0]), &Limits::default());
            assert_eq!(head.tolerated(), strict.err(), "{}", row[0]);
        }
    }
}

#[test]
fn responses_meet_the_fate_they_meet_at_the_peer() {
    let asked = Asked {
        method: Method::Get,
        upgrade: false,
        websocket: false,
    };
    for row in rows(include_str!("tests/responses.txt")) {
        let mut head = Head::new();
        let parsed = parse_response(&unescape(row[0]), &mut head, &Limits::default());
        let framing = parsed
            .map_err(|bad| bad.fault)
            .and_then(|_| framing::of_response(&head, asked));
        match (framing, &row[1..]) {
            (Ok(framing), [expected]) if *expected != "502" => {
                to_client(
                    &mut head,
                    Version::Http11,
                    framing != Framing::UntilClose,
                    Carrier::Connection,
                );
                head.lowercase_names();
                let found = written(&head).escape_ascii().to_string();
                assert_eq!(found, unescape(expected).escape_ascii().to_string());
            }
            (Err(fault), [_, expected]) => assert_eq!(format!("{fault:?}"), *expected, "{}", row[0]),
            (Err(_), ["502"]) => {}
            (found, _) => panic!("{}: {found:?}", row.join(" | ")),
        }
    }
}
