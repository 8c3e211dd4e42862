//! Prints what reading, adjusting and writing one request's and one response's head costs:
//! `cargo run --profile fast --example head_cost`.
use std::hint::black_box;
use std::time::Instant;

use lb_user::http::connection::{Carrier, to_client, to_server};
use lb_user::http::h1::write::write_head;
use lb_user::http::h1::{Limits, parse_request, parse_response};
use lb_user::http::{Head, Version};

const REQUEST: &[u8] = b"GET /static/images/logo.png?v=3 HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: image/avif,image/webp,image/png,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nReferer: https://www.example.com/\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.27.0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: image/png\r\nContent-Length: 4096\r\nLast-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n\
    Connection: keep-alive\r\nETag: \"2ebb1199-1000\"\r\nCache-Control: max-age=3600\r\n\r\n";

const BATCH: u32 = 5_000;

fn main() {
    let limits = Limits::default();
    let (mut head, mut out) = (Head::new(), Vec::new());
    let mut parts: [(&str, Box<dyn FnMut()>); 2] = [
        ("request", {
            let (mut head, mut out) = (Head::new(), Vec::new());
            Box::new(move || {
                head.clear();
                out.clear();
                parse_request(black_box(REQUEST), &mut head, &limits).expect("a good request");
                to_server(&mut head, true, Carrier::Connection);
                head.lowercase_names();
                write_head(black_box(&head), &mut out);
                black_box(&out);
            })
        }),
        (
            "response",
            Box::new(move || {
                head.clear();
                out.clear();
                parse_response(black_box(RESPONSE), &mut head, &limits).expect("a good response");
                to_client(&mut head, Version::Http11, true, Carrier::Connection);
                head.lowercase_names();
                write_head(black_box(&head), &mut out);
                black_box(&out);
            }),
        ),
    ];
    // The quickest of many batches: the rest is other people's noise.
    for (name, part) in &mut parts {
        let batch = |_| {
            let start = Instant::now();
            (0..BATCH).for_each(|_| part());
            start.elapsed() / BATCH
        };
        println!("{name}: {:?}", (0..300).map(batch).min());
    }
}
