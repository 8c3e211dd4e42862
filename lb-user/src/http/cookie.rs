//! Cookies, as the language's fetches read them (2.4 manual, section 7.3.6; RFC 6265 sections 4.1 and 5.4).
use super::header::{self, Elements, trim};
use super::message::Head;

/// Every cookie of a `Cookie` value, in order, as name and value. Spaces around both are dropped, quotes belong to the
/// value, and parts without an equals sign and RFC 2965's `$` attributes are passed over.
pub fn cookies(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    parts(value)
        .filter_map(pair)
        .filter(|(name, _)| !name.starts_with(b"$"))
}

/// The parts of a `Cookie` value between semicolons and commas, as they stand there.
pub fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let (part, after) = header::cut(rest?, [b';', b',']);
        rest = after;
        Some(part)
    })
}

/// The name and the value in one part, without spaces around them.
pub fn pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', part)?;
    let (name, value) = part.split_at_checked(equals)?;
    Some((trim(name), trim(value.get(1..)?)))
}

/// Every cookie of a `Set-Cookie` value, as name and value: one, or several between commas.
pub fn set_cookies(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    // The comma of an `Expires` date starts an element too, but one in which no equals sign comes before the semicolon.
    Elements::split_at(value, b',').filter_map(|cookie| pair(Elements::split_at(cookie, b';').next()?))
}

/// Every cookie that a request carries (`req.cook`).
pub fn of_request(head: &Head) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    head.values(b"cookie").flat_map(cookies)
}

/// Every cookie that a response sets (`res.cook`).
pub fn of_response(head: &Head) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    head.values(b"set-cookie").flat_map(set_cookies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> String {
        let show = |(name, value): (&[u8], &[u8])| format!("{}={}", name.escape_ascii(), value.escape_ascii());
        pairs.map(show).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn cookies_are_read_as_the_peer_reads_them() {
        let cases = [
            ("s=1", "s=1"),
            ("a=b; s=1; c=d", "a=b|s=1|c=d"),
            ("s = 1", "s=1"),
            ("s=\"1;2\"; s=3", r#"s=\"1;2\"|s=3"#),
            ("s", ""),
            ("s=", "s="),
            ("s;s=4", "s=4"),
            ("a=s=1", "a=s=1"),
            ("s=1,s=2", "s=1|s=2"),
            (";;s=1;", "s=1"),
            (" s =1 ; t", "s=1"),
            ("s=a b", "s=a b"),
            ("$Version=1; s=3; $Path=/", "s=3"),
            ("s=1\t;t=3", "s=1|t=3"),
            ("=1", "=1"),
            ("", ""),
        ];
        for (value, expected) in cases {
            assert_eq!(text(cookies(value.as_bytes())), expected, "{value}");
        }
    }

    #[test]
    fn set_cookies_are_read_as_the_peer_reads_them() {
        let cases = [
            ("s=1; Path=/; HttpOnly", "s=1"),
            ("s=1, t=2", "s=1|t=2"),
            ("s=1; expires=Mon, 01 Jan 2020 00:00:00 GMT", "s=1"),
            ("a=x;expires=Mon, 01 Jan 2020 00:00:00 GMT, s=2", "a=x|s=2"),
            ("s=\"a, b\"; x", r#"s=\"a, b\""#),
            ("a=1; s=2", "a=1"),
            ("s = 1 ; x", "s=1"),
            ("s", ""),
            ("s=", "s="),
        ];
        for (value, expected) in cases {
            assert_eq!(text(set_cookies(value.as_bytes())), expected, "{value}");
        }
    }
}
