//! The fuzz targets' properties on inputs put together from telling pieces, a bounded number of times.
#[path = "../../tests/fuzz/properties/http1.rs"]
mod http1;

const ROUNDS: u64 = 20_000;

const COMMON: &[&str] = &[
    "\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "=", "\0", "\x01", "\x7f", "0", "5", "a",
];

const FIELDS: &[&str] = &[
    "Host: a\r\n",
    "Host: b\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:",
    "Connection: close\r\n",
    "Connection: keep-alive, x\r\n",
    "Connection: upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "X: a\r\n b\r\n",
    "X:\r\n",
    "X : a\r\n",
    "\r\n\r\n",
];

const REQUEST_LINES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.0\r\n",
    "CONNECT a:443 HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "GET http://a/x HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /",
    "HTTP/1.2",
];

const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 304 Not Modified\r\n",
    "HTTP/1.1 101 Switching\r\n",
    "HTTP/1.1 204\r\n",
    "HTTP/1.1 ",
    "999 x\r\n",
];

const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n",
    "0\r\n",
    "0\r\n\r\n",
    "1;x=y\r\na\r\n",
    "X: a\r\n",
    "fffffff",
    "A \r\n",
];

/// xorshift64*: enough chance for picking pieces, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// Settings, an opening more often than not, then pieces of all kinds.
fn input(chance: &mut Chance, openings: &[&str], pieces: &[&str]) -> Vec<u8> {
    let mut input = vec![chance.below(256) as u8, chance.below(256) as u8];
    if chance.below(8) > 0 {
        input.extend_from_slice(openings[chance.below(openings.len())].as_bytes());
    }
    for _ in 0..chance.below(8) {
        let kind = if chance.below(3) == 0 { COMMON } else { pieces };
        input.extend_from_slice(kind[chance.below(kind.len())].as_bytes());
    }
    if chance.below(2) == 0 {
        input.extend_from_slice(b"\r\n\r\n");
    }
    if input.len() > 2 && chance.below(4) == 0 {
        let at = 2 + chance.below(input.len() - 2);
        input[at] = chance.below(256) as u8;
    }
    input
}

fn smoke(seed: u64, openings: &[&str], pieces: &[&str], property: fn(&[u8])) {
    let mut chance = Chance(seed);
    for _ in 0..ROUNDS {
        property(&input(&mut chance, openings, pieces));
    }
}

#[test]
fn requests() {
    smoke(0x9e37_79b9_7f4a_7c15, REQUEST_LINES, FIELDS, http1::request);
}

#[test]
fn responses() {
    smoke(0xd1b5_4a32_d192_ed03, STATUS_LINES, FIELDS, http1::response);
}

#[test]
fn chunked_bodies() {
    smoke(0x94d0_49bb_1331_11eb, CHUNKS, CHUNKS, http1::chunked);
}
