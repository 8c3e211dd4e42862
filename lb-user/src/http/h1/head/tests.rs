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

/// Everything there is to know about a parse.
type Outcome = Result<(Parsed, Vec<u8>, crate::http::message::Noted, Option<Bad>), Bad>;

/// Parses `input` as it grows to each of `ends` and at last to its whole.
fn parse_growing(kind: Kind, input: &[u8], ends: impl IntoIterator<Item = usize>, limits: &Limits) -> Outcome {
    let mut head = Head::new();
    for end in ends.into_iter().chain([input.len()]) {
        let grown = &input[..end];
        let parsed = match kind {
            Kind::Request => parse_request(grown, &mut head, limits),
            Kind::Response => parse_response(grown, &mut head, limits),
            Kind::Trailers => parse_trailers(grown, &mut head, limits),
        }?;
        match parsed {
            Parsed::Partial => {}
            Parsed::Complete { .. } => return Ok((parsed, written(&head), *head.noted(), head.tolerated())),
            Parsed::Http2Preface => return Ok((parsed, Vec::new(), *head.noted(), None)),
        }
    }
    Ok((Parsed::Partial, Vec::new(), Default::default(), None))
}

fn assert_split_invariant(kind: Kind, input: &[u8], limits: &Limits) {
    let whole = parse_growing(kind, input, [], limits);
    for end in 0..input.len() {
        assert_eq!(
            parse_growing(kind, input, [end], limits),
            whole,
            "{} at {end}",
            input.escape_ascii()
        );
    }
    assert_eq!(
        parse_growing(kind, input, 0..input.len(), limits),
        whole,
        "{}",
        input.escape_ascii()
    );
}

#[test]
fn every_cut_of_the_input_gives_the_same_result() {
    let strict = Limits {
        bytes: 150,
        lines: 5,
        accept_invalid: false,
    };
    for limits in [
        strict,
        Limits {
            accept_invalid: true,
            ..strict
        },
    ] {
        for row in rows(include_str!("tests/requests.txt")).chain(rows(include_str!("tests/tolerated.txt"))) {
            assert_split_invariant(Kind::Request, &unescape(row[0]), &limits);
        }
        for row in rows(include_str!("tests/responses.txt")) {
            assert_split_invariant(Kind::Response, &unescape(row[0]), &limits);
        }
        assert_split_invariant(Kind::Request, PREFACE, &limits);
        assert_split_invariant(Kind::Trailers, b"X: a\r\n b\r\nY:c\r\n\r\n", &limits);
    }
}

#[test]
fn limits_are_exact() {
    let request = |fields: usize| [&b"GET / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(fields), b"\r\n"].concat();
    let parse = |input: &[u8], limits: &Limits| parse_request(input, &mut Head::new(), limits);
    let limits = Limits::default();
    let hundred = request(100);
    assert_eq!(
        parse(&hundred, &limits),
        Ok(Parsed::Complete {
            consumed: hundred.len()
        })
    );
    assert_eq!(
        parse(&request(101), &limits),
        Err(Bad {
            fault: Fault::TooManyFields,
            at: hundred.len() - 2
        })
    );

    let fits = Limits {
        bytes: hundred.len(),
        ..limits
    };
    assert_eq!(
        parse(&hundred, &fits),
        Ok(Parsed::Complete {
            consumed: hundred.len()
        })
    );
    assert_eq!(parse(&hundred[..hundred.len() - 1], &fits), Ok(Parsed::Partial));
    let tight = Limits {
        bytes: hundred.len() - 1,
        ..limits
    };
    let too_large = Err(Bad {
        fault: Fault::TooLarge,
        at: tight.bytes,
    });
    assert_eq!(parse(&hundred, &tight), too_large);
    assert_eq!(parse(&hundred[..tight.bytes], &tight), too_large);
    assert_eq!(
        parse(b"", &Limits { bytes: 0, ..limits }),
        Err(Bad {
            fault: Fault::TooLarge,
            at: 0
        })
    );
}

#[test]
fn the_http2_preface_is_told_apart() {
    let parse = |input: &[u8]| parse_request(input, &mut Head::new(), &Limits::default());
    assert_eq!(parse(PREFACE), Ok(Parsed::Http2Preface));
    assert_eq!(parse(&[PREFACE, b"\0\0\0\x04"].concat()), Ok(Parsed::Http2Preface));
    assert_eq!(parse(&PREFACE[..20]), Ok(Parsed::Partial));
    assert_eq!(
        parse(b"PRI * HTTP/2.0\r\n\r\nX"),
        Err(Bad {
            fault: Fault::Method,
            at: 3
        })
    );
    assert_eq!(parse(b"PR * HTTP/1.1\r\n\r\n"), Ok(Parsed::Complete { consumed: 17 }));
}

#[test]
fn faults_are_found_before_the_head_is_whole() {
    for (input, fault, at) in [
        (&b"\x16\x03\x01\x02"[..], Fault::Method, 0),
        (b"GET /\0", Fault::Uri, 5),
        (b"GET / HTTQ", Fault::Version, 9),
        (b"GET / HTTP/1.1\r\nX: a\rb", Fault::BareCr, 21),
        (b"GET / HTTP/1.1\r\nX y", Fault::SpaceBeforeColon, 17),
    ] {
        let found = parse_request(input, &mut Head::new(), &Limits::default());
        assert_eq!(found, Err(Bad { fault, at }), "{}", input.escape_ascii());
    }
}
