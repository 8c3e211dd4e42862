//! May a shared cache keep a response (RFC 9111 section 3)?

use super::header::{decimal, elements, trim};
use super::message::Head;

/// The statuses that may be kept without the server saying so (RFC 9110 section 15.1).
const KEPT: &[u16] = &[200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];

/// May a shared cache keep this response to `method`? It must be fresh for some time or have a validator.
pub fn is_cacheable(method: &[u8], response: &Head) -> bool {
    let control = Control::read(response);
    let by_default = matches!(method, b"GET" | b"HEAD") && KEPT.contains(&response.status());
    if control.forbids || !(by_default || control.is_public) {
        return false;
    }
    control.is_fresh
        || [b"expires".as_slice(), b"etag", b"last-modified"]
            .iter()
            .any(|name| response.has(name))
}

/// What `Cache-Control` and `Pragma` say together.
#[derive(Default)]
struct Control {
    forbids: bool,
    is_public: bool,
    is_fresh: bool,
}

impl Control {
    fn read(response: &Head) -> Control {
        let mut control = Control::default();
        let values = response.values(b"cache-control").chain(response.values(b"pragma"));
        for directive in values.flat_map(elements) {
            let (name, argument) = match memchr::memchr(b'=', directive) {
                Some(at) => (directive.get(..at), directive.get(at + 1..)),
                None => (Some(directive), None),
            };
            let name = trim(name.unwrap_or_default()).to_ascii_lowercase();
            let seconds = argument.and_then(|argument| decimal(trim(argument)));
            match (&*name, seconds) {
                // With an argument these are only about the fields that it names.
                (b"no-cache" | b"private", _) => control.forbids |= argument.is_none(),
                (b"no-store", _) | (b"max-age" | b"s-maxage", Some(0)) => control.forbids = true,
                (b"max-age" | b"s-maxage", Some(_)) => control.is_fresh = true,
                (b"public", _) => control.is_public = true,
                _ => {}
            }
        }
        control
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::message::Version;

    #[test]
    fn responses_are_cacheable_where_the_peer_says_so() {
        let cases = [
            ("GET", 200, "", false),
            ("GET", 200, "Expires: Thu, 01 Jan 2037 00:00:00 GMT", true),
            ("GET", 200, "ETag: x", true),
            ("GET", 200, "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT", true),
            ("GET", 200, "Cache-Control: public", false),
            ("GET", 200, "Cache-Control: private", false),
            ("GET", 200, "Cache-Control: max-age=0", false),
            ("GET", 200, "Cache-Control: s-maxage=5", true),
            ("GET", 200, "Cache-Control: max-age=5, private", false),
            ("GET", 200, "Cache-Control: no-cache|Cache-Control: max-age=5", false),
            ("GET", 200, "Cache-Control: no-cache=\"set-cookie\", max-age=3", true),
            ("GET", 200, "Cache-Control: private=\"x\", max-age=5", true),
            ("GET", 200, "Pragma: no-cache|ETag: x", false),
            ("GET", 302, "ETag: x", false),
            ("GET", 302, "ETag: x|Cache-Control: public", true),
            ("GET", 404, "ETag: x", true),
            ("GET", 500, "ETag: x", false),
            ("POST", 200, "ETag: x", false),
            ("POST", 200, "Cache-Control: public, max-age=5", true),
            ("POST", 200, "Cache-Control: public|ETag: x", true),
        ];
        for (method, status, fields, expected) in cases {
            let mut head = Head::response(status, b"", Version::Http11);
            for (name, value) in fields.split('|').filter_map(|field| field.split_once(": ")) {
                head.add(name.as_bytes(), value.as_bytes());
            }
            let cacheable = is_cacheable(method.as_bytes(), &head);
            assert_eq!(cacheable, expected, "{method} {status} {fields}");
        }
    }
}
