//! Request targets (RFC 9112 section 3.2) and their parts.
use std::ops::Range;

/// The four shapes of a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    Origin,
    /// `scheme://authority/path?query`
    Absolute,
    /// `host:port`, for CONNECT.
    Authority,
    /// `*`, for OPTIONS.
    Asterisk,
}

/// Where the parts of a target lie in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub form: Form,
    /// Without `://`; empty outside the absolute form.
    pub scheme: Range<usize>,
    /// Host, port and user information; empty in the origin and asterisk forms.
    pub authority: Range<usize>,
    /// From the first slash to the question mark; none in the authority and asterisk forms.
    pub path: Option<Range<usize>>,
    /// After the question mark; none without one.
    pub query: Option<Range<usize>>,
}

/// Splits a request target into its parts.
pub fn split(uri: &[u8]) -> Parts {
    let parts = |form, scheme, authority: Range<usize>| Parts {
        form,
        scheme,
        authority,
        path: None,
        query: None,
    };
    match uri.first() {
        Some(b'/') => with_path(parts(Form::Origin, 0..0, 0..0), uri),
        Some(b'*') | None => parts(Form::Asterisk, 0..0, 0..0),
        Some(_) => match scheme_len(uri) {
            Some(scheme) => {
                let start = scheme + "://".len();
                let end = find(uri, start, b'/').min(find(uri, start, b'?'));
                with_path(parts(Form::Absolute, 0..scheme, start..end), uri)
            }
            None => parts(Form::Authority, 0..0, 0..uri.len()),
        },
    }
}

/// Adds the path and the query that follow the authority.
fn with_path(parts: Parts, uri: &[u8]) -> Parts {
    let start = parts.authority.end;
    let end = find(uri, start, b'?');
    Parts {
        path: Some(start..end),
        query: (end < uri.len()).then(|| end + 1..uri.len()),
        ..parts
    }
}

/// The position of the first `octet` from `start` on, or the end.
fn find(uri: &[u8], start: usize, octet: u8) -> usize {
    let rest = uri.get(start..).unwrap_or_default();
    start + memchr::memchr(octet, rest).unwrap_or(rest.len())
}

/// The length of a scheme that `://` follows (RFC 3986 section 3.1).
fn scheme_len(uri: &[u8]) -> Option<usize> {
    let len = uri
        .iter()
        .position(|octet| !octet.is_ascii_alphanumeric() && !b"+-.".contains(octet))?;
    let (scheme, rest) = uri.split_at_checked(len)?;
    (scheme.first()?.is_ascii_alphabetic() && rest.starts_with(b"://")).then_some(len)
}

/// The path of a target, without its query (`path`).
pub fn path(uri: &[u8]) -> Option<&[u8]> {
    uri.get(split(uri).path?)
}

/// The path of a target with its query (`pathq`).
pub fn pathq(uri: &[u8]) -> Option<&[u8]> {
    uri.get(split(uri).path?.start..)
}

/// The query of a target, without its question mark (`query`).
pub fn query(uri: &[u8]) -> Option<&[u8]> {
    uri.get(split(uri).query?)
}

/// The authority of a target in absolute or authority form.
pub fn authority(uri: &[u8]) -> Option<&[u8]> {
    uri.get(split(uri).authority).filter(|authority| !authority.is_empty())
}

/// Splits `host[:port]` (user information dropped, brackets of an IPv6 address kept) into host and port digits.
pub fn host_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let after_user = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
    let place = authority.get(after_user..).unwrap_or_default();
    let colon = memchr::memrchr(b':', place).filter(|&at| memchr::memrchr(b']', place).is_none_or(|end| end < at));
    match colon.and_then(|at| place.split_at_checked(at)) {
        Some((host, port)) => (host, port.get(1..)),
        None => (place, None),
    }
}

/// The parameters after the first `delimiter` of a target, in order, as name and value (`url_param`). They end at the
/// delimiter, `&` or `;`, and those without an equals sign are passed over.
pub fn params(uri: &[u8], delimiter: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    let start = memchr::memchr(delimiter, uri).map_or(uri.len(), |at| at + 1);
    params_of(uri.get(start..).unwrap_or_default(), delimiter)
}

/// The parameters of a query or a form's body without anything before the first (`req.body_param`).
pub fn params_of(list: &[u8], delimiter: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    list.split(move |&octet| octet == delimiter || octet == b'&' || octet == b';')
        .filter_map(|param| {
            let (name, value) = param.split_at_checked(memchr::memchr(b'=', param)?)?;
            Some((name, value.get(1..)?))
        })
}

/// Whether a target's `authority` and a `Host` value name the same place: host compared without case, the authority's
/// user information ignored, and no port the same as the scheme's default one.
pub fn same_authority(scheme: &[u8], authority: &[u8], host: &[u8]) -> bool {
    let (a, a_port) = host_port(authority);
    let (b, b_port) = host_port(host);
    let a_port = a_port.filter(|port| !port.is_empty());
    let b_port = b_port.filter(|port| !port.is_empty());
    let same_port = match (a_port, b_port) {
        (Some(port), None) | (None, Some(port)) => is_default_port(scheme, port),
        _ => a_port == b_port,
    };
    same_port && a.eq_ignore_ascii_case(b) && !host.contains(&b'@')
}

/// Whether `port` goes without saying under `scheme`, which may be unknown.
fn is_default_port(scheme: &[u8], port: &[u8]) -> bool {
    let https = scheme.eq_ignore_ascii_case(b"https") || scheme.is_empty();
    let http = scheme.eq_ignore_ascii_case(b"http") || scheme.is_empty();
    https && port == b"443" || http && port == b"80"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(part: Option<&[u8]>) -> String {
        part.map_or("-".into(), |part| part.escape_ascii().to_string())
    }

    #[test]
    fn targets_come_apart() {
        // Target, form, then path, pathq, query and authority.
        for (uri, form, expected) in [
            ("/", Form::Origin, "/ / - -"),
            ("/a/b?x=y?z", Form::Origin, "/a/b /a/b?x=y?z x=y?z -"),
            ("/?", Form::Origin, "/ /?  -"),
            ("//a/b", Form::Origin, "//a/b //a/b - -"),
            ("*", Form::Asterisk, "- - - -"),
            ("", Form::Asterisk, "- - - -"),
            ("http://a", Form::Absolute, "  - a"),
            ("http://u@a:8/x?y", Form::Absolute, "/x /x?y y u@a:8"),
            ("http://a?y", Form::Absolute, " ?y y a"),
            ("svn+ssh://[::1]:8/x", Form::Absolute, "/x /x - [::1]:8"),
            ("http:///x", Form::Absolute, "/x /x - -"),
            ("a:443", Form::Authority, "- - - a:443"),
            ("foo/bar", Form::Authority, "- - - foo/bar"),
            ("1http://a/", Form::Authority, "- - - 1http://a/"),
        ] {
            let bytes = uri.as_bytes();
            let found = [path(bytes), pathq(bytes), query(bytes), authority(bytes)]
                .map(show)
                .join(" ");
            assert_eq!((split(bytes).form, found.as_str()), (form, expected), "{uri}");
        }
    }

    #[test]
    fn authorities_come_apart() {
        for (authority, host, port) in [
            ("a", "a", "-"),
            ("a:80", "a", "80"),
            ("a:", "a", ""),
            ("u:p@a:80", "a", "80"),
            ("[::1]", "[::1]", "-"),
            ("[::1]:80", "[::1]", "80"),
            ("", "", "-"),
        ] {
            let (found, digits) = host_port(authority.as_bytes());
            assert_eq!(
                (show(Some(found)).as_str(), show(digits).as_str()),
                (host, port),
                "{authority}"
            );
        }
    }

    #[test]
    fn authorities_compare_as_the_peer_compares_them() {
        for (scheme, authority, host, same) in [
            ("http", "a", "a", true),
            ("http", "a", "A", true),
            ("http", "a", "b", false),
            ("http", "a:80", "a", true),
            ("http", "a", "a:80", true),
            ("http", "a:8080", "a", false),
            ("http", "a:443", "a", false),
            ("HTTPS", "a:443", "a", true),
            ("https", "a:80", "a", false),
            ("http", "u@a", "a", true),
            ("http", "a", "u@a", false),
            ("http", "a", "a:", true),
            ("ftp", "a:80", "a", false),
            ("", "a:443", "a", true),
            ("", "a:443", "a:80", false),
        ] {
            let found = same_authority(scheme.as_bytes(), authority.as_bytes(), host.as_bytes());
            assert_eq!(found, same, "{scheme} {authority} {host}");
        }
    }

    #[test]
    fn parameters_are_read_as_the_peer_reads_them() {
        for (uri, delimiter, expected) in [
            ("/?s=1&s=2", b'?', "s=1 s=2"),
            ("/?s&s=", b'?', "s="),
            ("/?a=1;s=2", b'?', "a=1 s=2"),
            ("/?a&s=1?s=2", b'?', "s=1 s=2"),
            ("/;s=1?a=b", b';', "s=1?a=b"),
            ("/?s=a=b&=c", b'?', "s=a=b =c"),
            ("/x", b'?', ""),
        ] {
            let pairs = params(uri.as_bytes(), delimiter);
            let found: Vec<String> = pairs
                .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()))
                .collect();
            assert_eq!(found.join(" "), expected, "{uri}");
        }
    }
}
