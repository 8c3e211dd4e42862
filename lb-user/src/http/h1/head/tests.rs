//! Heads read and written.
use super::*;
use crate::http::h1::write::write_head;

fn request(input: &[u8]) -> Result<(Parsed, Head), Bad> {
    let mut head = Head::new();
    parse_request(input, &mut head, &Limits::default()).map(|parsed| (parsed, head))
}

fn written(head: &Head) -> String {
    let mut out = Vec::new();
    write_head(head, &mut out);
    assert_eq!(out.len(), head.head_len());
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn reads_and_writes_a_request() {
    let input = b"\r\nGET /a?b  HTTP/1.1\r\nHost: x\r\nX-Foo:  a b \t\r\nEmpty:\r\nFold: a\r\n\tb\r\n\r\nrest";
    let (parsed, head) = request(input).unwrap();
    assert_eq!(
        parsed,
        Parsed::Complete {
            consumed: input.len() - 4
        }
    );
    assert_eq!(
        written(&head),
        "GET /a?b HTTP/1.1\r\nHost: x\r\nX-Foo: a b\r\nEmpty: \r\nFold: a  \tb\r\n\r\n"
    );
}
