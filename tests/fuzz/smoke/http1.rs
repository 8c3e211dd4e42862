//! HTTP/1 heads and chunked bodies. The first two bytes of an input are settings.
#[path = "../properties/http1.rs"]
mod properties;

use proptest::prelude::*;

use super::harm::harmed;
use super::settings;

const REQUESTS: &[&[u8]] = &[
    b"00GET / HTTP/1.1\r\nhost: lab\r\n\r\n",
    b"01POST http://lab:80/a?b=c&d HTTP/1.1\r\nHost: lab:80\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    b"20PUT /x HTTP/1.0\r\ntransfer-encoding: gzip, chunked\r\nexpect: 100-continue\r\n\r\n0\r\n\r\n",
    b"00OPTIONS * HTTP/1.1\r\nhost: [::1]:8080\r\nupgrade: websocket\r\nconnection: upgrade\r\ncookie: a=b; c=\"d\"\r\n\r\n",
    b"00CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nX: a\r\n b\r\n\r\n",
];

const RESPONSES: &[&[u8]] = &[
    b"00HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b; path=/\r\n\r\nok",
    b"00HTTP/1.0 304 Not Modified\r\netag: \"x\"\r\n\r\n",
    b"20HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    b"00HTTP/1.1 204\r\ntransfer-encoding: chunked\r\n\r\n",
];

const BODIES: &[&[u8]] = &[
    b"005\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"0000000A\r\n0123456789\r\n0;x\r\nchecksum: 1\r\nother: 2\r\n\r\n",
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
    b"\x01",
    b"\x7f",
    b"\x80",
    b"0",
    b"0\r\n\r\n",
    b"1;x=y\r\na\r\n",
    b"-1",
    b"9999999999999999999",
    b"fffffff",
    b"ffffffffffffffff",
    b"chunked",
    b"Host: b\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding:",
    b"Connection: close\r\n",
    b"Connection: keep-alive, x\r\n",
    b"Connection: upgrade\r\n",
    b"Upgrade: websocket\r\n",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    b"X:\r\n",
    b"X : a\r\n",
    b"HTTP/1.1",
    b"HTTP/1.2",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

proptest! {
    #![proptest_config(settings(5000))]

    #[test]
    fn requests(input in harmed(REQUESTS, WORDS)) {
        properties::request(&input);
    }

    #[test]
    fn responses(input in harmed(RESPONSES, WORDS)) {
        properties::response(&input);
    }

    #[test]
    fn chunked_bodies(input in harmed(BODIES, WORDS)) {
        properties::chunked(&input);
    }
}
