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
    let whole = |form| Parts {
        form,
        scheme: 0..0,
        authority: 0..0,
        path: None,
        query: None,
    };
    match uri.first() {
        Some(b'/') => Parts {
            path: Some(path_at(uri, 0)),
            query: query_after(uri, 0),
            ..whole(Form::Origin)
        },
        Some(b'*') | None => whole(Form::Asterisk),
        Some(_) => match scheme_len(uri) {
            None => Parts {
                authority: 0..uri.len(),
                ..whole(Form::Authority)
            },
            Some(scheme) => {
                let start = scheme + "://".len();
                let end = memchr::memchr2(b'/', b'?', &uri[start..]).map_or(uri.len(), |at| start + at);
                Parts {
                    scheme: 0..scheme,
                    authority: start..end,
                    path: Some(path_at(uri, end)),
                    query: query_after(uri, end),
                    ..whole(Form::Absolute)
                }
            }
        },
    }
}

fn path_at(uri: &[u8], start: usize) -> Range<usize> {
    start..memchr::memchr(b'?', &uri[start..]).map_or(uri.len(), |at| start + at)
}

fn query_after(uri: &[u8], start: usize) -> Option<Range<usize>> {
    memchr::memchr(b'?', &uri[start..]).map(|at| start + at + 1..uri.len())
}

/// The length of a scheme that `://` follows.
fn scheme_len(uri: &[u8]) -> Option<usize> {
    let len = uri
        .iter()
        .position(|&byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(&byte))?;
    (len > 0 && uri[0].is_ascii_alphabetic() && uri[len..].starts_with(b"://")).then_some(len)
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
    let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    let after_bracket = memchr::memrchr(b']', host).map_or(0, |at| at + 1);
    match memchr::memrchr(b':', &host[after_bracket..]) {
        Some(at) => (&host[..after_bracket + at], Some(&host[after_bracket + at + 1..])),
        None => (host, None),
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
