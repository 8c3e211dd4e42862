//! Writing heads in HTTP/1 form.
use std::ops::Range;

use bytes::BufMut;

use crate::http::message::{Head, Kind, Version};

/// Writes the head of a request or a response with the empty line after it.
///
/// HTTP/1.1 is written whatever later version the sender spoke (RFC 9112 section 2.3); older versions stay.
pub fn write_head(head: &Head, out: &mut impl BufMut) {
    match head.kind() {
        Kind::Request => write_request_line(head, out),
        Kind::Response => write_status_line(head, out),
        Kind::Trailers => {}
    }
    write_trailers(head, out);
}

/// Writes the fields of `head` alone and the empty line after them, as a chunked body's trailer section.
pub fn write_trailers(head: &Head, out: &mut impl BufMut) {
    // Fields that already lie one after the other in the form to be written go out in one piece.
    let mut run = 0..0;
    for field in &head.fields {
        let (name, value) = (field.name, field.value);
        let line = name.start as usize..value.end as usize + 2;
        let ready = head.buf.get(name.end as usize..value.start as usize) == Some(b": ")
            && head.buf.get(value.end as usize..line.end) == Some(b"\r\n");
        if !ready || line.start != run.end {
            put(head, &mut run, out);
        }
        if ready {
            run = if run.is_empty() { line } else { run.start..line.end };
        } else {
            for part in [head.slice(name), b": ", head.slice(value), b"\r\n"] {
                out.put_slice(part);
            }
        }
    }
    put(head, &mut run, out);
    out.put_slice(b"\r\n");
}

fn put(head: &Head, run: &mut Range<usize>, out: &mut impl BufMut) {
    out.put_slice(head.buf.get(std::mem::take(run)).unwrap_or_default());
}

fn write_request_line(head: &Head, out: &mut impl BufMut) {
    out.put_slice(head.method());
    out.put_slice(b" ");
    out.put_slice(head.uri());
    out.put_slice(b" ");
    write_version(head, out);
    out.put_slice(b"\r\n");
}

fn write_status_line(head: &Head, out: &mut impl BufMut) {
    write_version(head, out);
    let status = head.status();
    let digit = |unit: u16| b'0' + (status / unit % 10) as u8;
    out.put_slice(&[b' ', digit(100), digit(10), digit(1), b' ']);
    out.put_slice(head.reason());
    out.put_slice(b"\r\n");
}

fn write_version(head: &Head, out: &mut impl BufMut) {
    out.put_slice(b"HTTP/");
    match head.version() {
        Version::Http10 => out.put_slice(head.version_digits()),
        Version::Http11 | Version::Http2 => out.put_slice(b"1.1"),
    }
}
