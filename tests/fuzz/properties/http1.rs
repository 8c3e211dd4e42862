//! What holds for every input of the HTTP/1 protocol core. Each property panics where it does not hold.
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use lb_user::http::Head;
use lb_user::http::connection::{Carrier, to_client, to_server};
use lb_user::http::h1::framing::{self, Asked};
use lb_user::http::h1::write::{write_head, write_trailers};
use lb_user::http::h1::{Bad, ChunkDecoder, Framing, Limits, Parsed, parse_request, parse_response};
use lb_user::http::method::Method;

type Parse = fn(&[u8], &mut Head, &Limits) -> Result<Parsed, Bad>;

/// The first two bytes of an input choose limits and a cut; the rest is what is read.
fn setting(input: &[u8]) -> (Limits, usize, &[u8]) {
    let (first, rest) = input.split_first().map_or((0, input), |(first, rest)| (*first, rest));
    let (cut, rest) = rest
        .split_first()
        .map_or((0, rest), |(cut, rest)| (usize::from(*cut), rest));
    let bytes = if first & 2 == 0 { 16384 } else { 64 };
    (
        Limits {
            bytes,
            lines: 20,
            accept_invalid: first & 1 == 1,
        },
        cut % (rest.len() + 1),
        rest,
    )
}

/// A request is read the same however it is cut, and what a server gets is read as what was understood.
pub fn request(input: &[u8]) {
    let (limits, cut, input) = setting(input);
    let Some(mut head) = read(parse_request, input, cut, &limits) else {
        return;
    };
    if !limits.accept_invalid {
        let framing = framing::of_request(&head);
        for keep in [true, false] {
            to_server(&mut head, keep, Carrier::Connection);
            let again = reread(parse_request, &head);
            assert_eq!(framing::of_request(&again), framing);
        }
    }
}

/// A response is read the same however it is cut, and what a client gets is read as what was understood.
pub fn response(input: &[u8]) {
    let (limits, cut, input) = setting(input);
    let Some(mut head) = read(parse_response, input, cut, &limits) else {
        return;
    };
    let asked = Asked {
        method: Method::Get,
        upgrade: true,
        websocket: false,
    };
    if let (Ok(framing), false) = (framing::of_response(&head, asked), limits.accept_invalid) {
        for keep in [framing != Framing::UntilClose, false] {
            let version = head.version();
            to_client(&mut head, version, keep, Carrier::Connection);
            let again = reread(parse_response, &head);
            assert_eq!(framing::of_response(&again, asked), Ok(framing));
        }
    }
}

/// Reads a head in three ways; the head if it is whole.
fn read(parse: Parse, input: &[u8], cut: usize, limits: &Limits) -> Option<Head> {
    let whole = read_growing(parse, input, &[], limits);
    let bytewise: Vec<usize> = (0..input.len().min(200)).collect();
    for ends in [&[cut][..], &bytewise] {
        let other = read_growing(parse, input, ends, limits);
        match (&whole, &other) {
            (Ok((parsed, head)), Ok((other, other_head))) => {
                assert_eq!(parsed, other);
                assert_eq!(written(head), written(other_head));
                assert_eq!(head.noted(), other_head.noted());
            }
            (Err(bad), Err(other)) => assert_eq!(bad, other),
            (whole, other) => panic!(
                "{:?} became {:?}",
                whole.as_ref().map(|it| it.0),
                other.as_ref().map(|it| it.0)
            ),
        }
    }
    let (Parsed::Complete { consumed }, head) = whole.ok()? else {
        return None;
    };
    assert!(consumed <= input.len() && consumed <= limits.bytes);
    Some(head)
}

fn read_growing(parse: Parse, input: &[u8], ends: &[usize], limits: &Limits) -> Result<(Parsed, Head), Bad> {
    let mut head = Head::new();
    for end in ends.iter().copied().chain([input.len()]) {
        match parse(&input[..end], &mut head, limits)? {
            Parsed::Partial => {}
            parsed => return Ok((parsed, head)),
        }
    }
    Ok((Parsed::Partial, Head::new()))
}

fn written(head: &Head) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(head, &mut out);
    out
}

/// Reads what `head` is written as, which must be the same head and leave no room for another reading.
fn reread(parse: Parse, head: &Head) -> Head {
    let out = written(head);
    assert_eq!(out.len(), head.head_len());
    let lines: Vec<&[u8]> = out.split(|octet| *octet == b'\n').collect();
    for line in &lines[..lines.len() - 1] {
        let text = line.strip_suffix(b"\r").expect("a line feed alone");
        assert!(!text.contains(&b'\r') && !text.contains(&0));
        assert!(!text.starts_with(b" ") && !text.starts_with(b"\t"));
    }
    let mut again = Head::new();
    let limits = Limits {
        bytes: 1 << 20,
        lines: 1000,
        accept_invalid: false,
    };
    assert_eq!(
        parse(&out, &mut again, &limits),
        Ok(Parsed::Complete { consumed: out.len() })
    );
    assert!(again.headers().eq(head.headers()));
    assert_eq!(
        (again.method(), again.uri(), again.status()),
        (head.method(), head.uri(), head.status())
    );
    again
}

/// A chunked body is read the same however it is cut, and what is passed on is read as the same body.
pub fn chunked(input: &[u8]) {
    let (limits, cut, input) = setting(input);
    let whole = decode(input, input.len(), limits);
    assert_eq!(decode(input, cut, limits), whole);
    let passed = pass(input, input.len(), limits);
    assert_eq!(pass(input, cut, limits), passed);
    assert_eq!(whole.is_err(), passed.is_err());
    if let (Ok(body), Ok(passed)) = (whole, passed) {
        let roomy = Limits {
            bytes: 1 << 20,
            lines: 1000,
            accept_invalid: limits.accept_invalid,
        };
        assert_eq!(decode(&passed, 0, roomy), Ok(body));
    }
}

/// Data, trailers as written, and whether the end was seen.
type Body = (Vec<u8>, Vec<u8>, bool);

fn decode(input: &[u8], cut: usize, limits: Limits) -> Result<Body, ()> {
    let mut decoder = ChunkDecoder::new(limits);
    let (mut data, mut at) = (Vec::new(), 0);
    for end in [cut, input.len()] {
        while at < end && !decoder.is_done() {
            let part = &input[at..end];
            let step = decoder.decode(part).map_err(drop)?;
            assert!(step.consumed > 0 && step.data.end <= step.consumed);
            data.extend_from_slice(&part[step.data]);
            at += step.consumed;
        }
    }
    let trailers = trailers(&decoder);
    // A section whose fields were all left out is as good as none.
    let fields = trailers.strip_suffix(b"\r\n").unwrap_or_default();
    Ok((data, fields.to_vec(), decoder.is_done()))
}

fn pass(input: &[u8], cut: usize, limits: Limits) -> Result<Vec<u8>, ()> {
    let mut decoder = ChunkDecoder::new(limits);
    let (mut out, mut at) = (Vec::new(), 0);
    for end in [cut, input.len()] {
        while at < end && !decoder.is_done() {
            let part = &input[at..end];
            let pass = decoder.pass(part).map_err(drop)?;
            assert!(pass.forward + pass.skip > 0);
            out.extend_from_slice(&part[..pass.forward]);
            at += pass.forward + pass.skip;
        }
    }
    out.extend(trailers(&decoder));
    Ok(out)
}

fn trailers(decoder: &ChunkDecoder) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(trailers) = decoder.trailers() {
        write_trailers(trailers, &mut out);
    }
    out
}
