//! HTTP/1 heads and chunked bodies.
use lb_user::http::h1::{Bad, ChunkDecoder, Limits, Parsed, framing, parse_request, parse_response};
use lb_user::http::message::Head;
use lb_user::http::uri;
use proptest::prelude::*;

use super::harm::harmed;
use super::settings;

const REQUESTS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nhost: lab\r\n\r\n",
    b"POST http://lab:80/a?b=c&d HTTP/1.1\r\nHost: lab:80\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    b"PUT /x HTTP/1.0\r\ntransfer-encoding: gzip, chunked\r\nexpect: 100-continue\r\n\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: [::1]:8080\r\nupgrade: websocket\r\nconnection: upgrade\r\ncookie: a=b; c=\"d\"\r\n\r\n",
];

const RESPONSES: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b; path=/\r\n\r\nok",
    b"HTTP/1.0 304 Not Modified\r\netag: \"x\"\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204\r\ntransfer-encoding: chunked\r\n\r\n",
];

const BODIES: &[&[u8]] = &[
    b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"00000A\r\n0123456789\r\n0;x\r\nchecksum: 1\r\nother: 2\r\n\r\n",
];

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"\0",
    b"\t",
    b" ",
    b":",
    b";",
    b",",
    b"=",
    b"\"",
    b"\x80",
    b"0",
    b"-1",
    b"9999999999999999999",
    b"ffffffffffffffff",
    b"chunked",
    b"content-length: 5\r\n",
    b"transfer-encoding: chunked\r\n",
    b"host: other\r\n",
    b"HTTP/1.1",
    b"PRI * HTTP/2.0",
];

type Parse = fn(&[u8], &mut Head, &Limits) -> Result<Parsed, Bad>;

/// What comes of input that arrives whole, and of input that arrives byte by byte.
fn whole_and_split(parse: Parse, input: &[u8]) -> [(Result<Parsed, Bad>, Head); 2] {
    let limits = Limits {
        bytes: 512,
        lines: 8,
        ..Limits::default()
    };
    let mut head = Head::default();
    let whole = (parse(input, &mut head, &limits), head);
    let mut head = Head::default();
    let mut result = Ok(Parsed::Partial);
    for end in 0..=input.len() {
        result = parse(&input[..end], &mut head, &limits);
        if result != Ok(Parsed::Partial) {
            break;
        }
    }
    [whole, (result, head)]
}

proptest! {
    #![proptest_config(settings(3000))]

    #[test]
    fn requests(input in harmed(REQUESTS, WORDS)) {
        let [(whole, head), (split, again)] = whole_and_split(parse_request, &input);
        prop_assert_eq!(whole, split);
        if let Ok(Parsed::Complete { consumed }) = whole {
            prop_assert!(consumed <= input.len());
            prop_assert_eq!(head.uri(), again.uri());
            let _ = (framing::of_request(&head), framing::Asked::of(&head), framing::persists(&head));
            let _ = (uri::split(head.uri()), uri::params(head.uri(), b'&').count());
        }
    }

    #[test]
    fn responses(input in harmed(RESPONSES, WORDS)) {
        let [(whole, head), (split, _)] = whole_and_split(parse_response, &input);
        prop_assert_eq!(whole, split);
        if let Ok(Parsed::Complete { consumed }) = whole {
            prop_assert!(consumed <= input.len());
            let _ = (framing::of_response(&head, framing::Asked::of(&Head::default())), framing::persists(&head));
        }
    }

    #[test]
    fn chunked_bodies(input in harmed(BODIES, WORDS), piece in 1usize..8) {
        prop_assert_eq!(decoded(&input, input.len().max(1)), decoded(&input, piece));
    }
}

/// The body, and whether it ended: `None` where the input is refused.
fn decoded(input: &[u8], piece: usize) -> Option<(Vec<u8>, bool)> {
    let mut decoder = ChunkDecoder::new(Limits::default());
    let (mut body, mut start, mut end) = (Vec::new(), 0, 0);
    while !decoder.is_done() && start < input.len() {
        end = (end.max(start) + piece).min(input.len());
        loop {
            let step = decoder.decode(&input[start..end]).ok()?;
            body.extend_from_slice(&input[start..end][step.data]);
            start += step.consumed;
            if step.consumed == 0 || step.done {
                break;
            }
        }
    }
    Some((body, decoder.is_done()))
}
