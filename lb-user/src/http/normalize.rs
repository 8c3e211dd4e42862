//! Normal forms of request targets (RFC 3986 section 6.2.2; 2.4 manual, `http-request normalize-uri`).

use super::uri;

/// One kind of normalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalizer {
    /// `#` becomes `%23`.
    FragmentEncode,
    /// What follows the first `#` goes, and the `#`.
    FragmentStrip,
    /// Adjacent slashes of the path become one.
    PathMergeSlashes,
    /// `/./` becomes `/`.
    PathStripDot,
    /// `/a/../` becomes `/`; with `full`, `/../` at the start as well.
    PathStripDotdot { full: bool },
    /// Percent-encoded letters, digits and `-._~` are decoded.
    PercentDecodeUnreserved { strict: bool },
    /// The hexadecimal digits of percent-encoded octets become upper case.
    PercentToUppercase { strict: bool },
    /// The parameters of the query are put in the order of their names.
    QuerySortByName,
}

/// A percent sign that no two hexadecimal digits follow, where that is not tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Normalizer {
    /// The normal form of a target. One without a path (`*`, `host:port`) is its own.
    pub fn apply(self, target: &[u8]) -> Result<Vec<u8>, Malformed> {
        let parts = uri::split(target);
        let Some(path) = parts.path else {
            return Ok(target.to_vec());
        };
        let of_path = |change: fn(&[u8]) -> Vec<u8>| {
            let old = target.get(path.clone()).unwrap_or_default();
            splice(target, path.start, path.end, &change(old))
        };
        let pathq = target.get(path.start..).unwrap_or_default();
        let whole = |new: Vec<u8>| splice(target, path.start, target.len(), &new);
        Ok(match self {
            Normalizer::FragmentEncode => whole(encode_fragment(pathq)),
            Normalizer::FragmentStrip => {
                let end = memchr::memchr(b'#', pathq).unwrap_or(pathq.len());
                whole(pathq.get(..end).unwrap_or_default().to_vec())
            }
            Normalizer::PathMergeSlashes => of_path(merge_slashes),
            Normalizer::PathStripDot => of_path(strip_dot),
            Normalizer::PathStripDotdot { full: false } => of_path(|path| strip_dotdot(path, false)),
            Normalizer::PathStripDotdot { full: true } => of_path(|path| strip_dotdot(path, true)),
            Normalizer::PercentDecodeUnreserved { strict } => whole(percent(pathq, strict, |octet, _, out| {
                match is_unreserved(octet) {
                    true => out.push(octet),
                    false => return false,
                }
                true
            })?),
            Normalizer::PercentToUppercase { strict } => whole(percent(pathq, strict, |_, digits, out| {
                out.push(b'%');
                out.extend(digits.map(|digit| digit.to_ascii_uppercase()));
                true
            })?),
            Normalizer::QuerySortByName => match parts.query {
                Some(query) => {
                    let old = target.get(query.clone()).unwrap_or_default();
                    splice(target, query.start, query.end, &sort(old))
                }
                None => target.to_vec(),
            },
        })
    }
}

fn splice(target: &[u8], start: usize, end: usize, new: &[u8]) -> Vec<u8> {
    let before = target.get(..start).unwrap_or_default();
    let after = target.get(end..).unwrap_or_default();
    [before, new, after].concat()
}

fn encode_fragment(pathq: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = pathq.split(|&octet| octet == b'#').collect();
    parts.join(&b"%23"[..])
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = path.to_vec();
    out.dedup_by(|next, last| *next == b'/' && *last == b'/');
    out
}

/// Rebuilds a path from the segments that `keep` leaves. It is given each segment, those kept so far, and whether the
/// segment is the last one.
fn rebuild<'a>(path: &'a [u8], mut keep: impl FnMut(&'a [u8], &mut Vec<&'a [u8]>, bool)) -> Vec<u8> {
    let Some(rest) = path.strip_prefix(b"/") else {
        return path.to_vec();
    };
    let mut kept = Vec::new();
    let mut segments = rest.split(|&octet| octet == b'/').peekable();
    while let Some(segment) = segments.next() {
        keep(segment, &mut kept, segments.peek().is_none());
    }
    [b"/", kept.join(&b'/').as_slice()].concat()
}

fn strip_dot(path: &[u8]) -> Vec<u8> {
    rebuild(path, |segment, kept, is_last| match segment {
        // What ended in a dot ends in a slash now.
        b"." if is_last => kept.push(b""),
        b"." => {}
        _ => kept.push(segment),
    })
}

fn strip_dotdot(path: &[u8], full: bool) -> Vec<u8> {
    rebuild(path, |segment, kept, is_last| {
        if segment != b".." {
            return kept.push(segment);
        }
        let has_parent = kept.last().is_some_and(|last| *last != b"..");
        match has_parent {
            true => drop(kept.pop()),
            false if full => {}
            false => return kept.push(segment),
        }
        if is_last {
            kept.push(b"");
        }
    })
}

/// Copies a text. `change` may write something else for a percent-encoded octet, whose digits it sees too.
fn percent(
    text: &[u8],
    strict: bool,
    change: impl Fn(u8, [u8; 2], &mut Vec<u8>) -> bool,
) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        if octet != b'%' {
            out.push(octet);
            continue;
        }
        let digits = after.first_chunk::<2>().and_then(|&[high, low]| {
            let value = |digit: u8| char::from(digit).to_digit(16);
            let octet = u8::try_from(value(high)? << 4 | value(low)?).ok()?;
            Some((octet, [high, low]))
        });
        match digits {
            Some((octet, digits)) => {
                if !change(octet, digits, &mut out) {
                    out.push(b'%');
                    out.extend(digits);
                }
                rest = after.get(2..).unwrap_or_default();
            }
            None if strict => return Err(Malformed),
            None => out.push(b'%'),
        }
    }
    Ok(out)
}

/// RFC 3986 section 2.3.
fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

fn sort(query: &[u8]) -> Vec<u8> {
    let mut params: Vec<&[u8]> = query.split(|&octet| octet == b'&').collect();
    params.sort_by_key(|param| param.split(|&octet| octet == b'=').next());
    params.join(&b'&')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_normalized_as_the_manual_says() {
        use Normalizer::*;
        let (plain, full) = (PathStripDotdot { full: false }, PathStripDotdot { full: true });
        let decode = PercentDecodeUnreserved { strict: false };
        let upper = PercentToUppercase { strict: false };
        for (normalizer, target, expected) in [
            (FragmentEncode, "/#foo#?a#", "/%23foo%23?a%23"),
            (FragmentStrip, "/a?b#c#d", "/a?b"),
            (FragmentStrip, "/%23foo", "/%23foo"),
            (PathMergeSlashes, "///foo///bar//?a=//", "/foo/bar/?a=//"),
            (PathMergeSlashes, "http://h//a//b", "http://h/a/b"),
            (PathStripDot, "/.", "/"),
            (PathStripDot, "/./bar/", "/bar/"),
            (PathStripDot, "/a/./a/.", "/a/a/"),
            (PathStripDot, "/.well-known/a.?/./", "/.well-known/a.?/./"),
            (plain, "/foo/..", "/"),
            (plain, "/foo/../bar/", "/bar/"),
            (plain, "/foo/bar/../", "/foo/"),
            (plain, "/../bar/", "/../bar/"),
            (plain, "/bar/../../", "/../"),
            (plain, "/foo//../", "/foo/"),
            (plain, "/foo/%2E%2E/?/a/../", "/foo/%2E%2E/?/a/../"),
            (full, "/../bar/", "/bar/"),
            (full, "/bar/../../", "/"),
            (full, "/..", "/"),
            (decode, "/%61dmin?%2d%7F", "/admin?-%7F"),
            (decode, "/foo%3Fbar=baz", "/foo%3Fbar=baz"),
            (decode, "/%%36%36%", "/%66%"),
            (decode, "/%ZZ", "/%ZZ"),
            (upper, "/%6f?%aa", "/%6F?%AA"),
            (upper, "/%zz", "/%zz"),
            (QuerySortByName, "/?c=3&a=1&b=2", "/?a=1&b=2&c=3"),
            (QuerySortByName, "/?aaa=3&a=1&aa=2", "/?a=1&aa=2&aaa=3"),
            (QuerySortByName, "/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
            (QuerySortByName, "/b", "/b"),
            (PathStripDot, "*", "*"),
            (PathMergeSlashes, "h:443", "h:443"),
        ] {
            let found = normalizer.apply(target.as_bytes()).unwrap();
            assert_eq!(found.escape_ascii().to_string(), expected, "{normalizer:?} {target}");
        }
    }

    #[test]
    fn a_strict_normalizer_refuses_broken_sequences() {
        for target in ["/%%36%36", "/%zz", "/%4", "/%"] {
            for normalizer in [
                Normalizer::PercentDecodeUnreserved { strict: true },
                Normalizer::PercentToUppercase { strict: true },
            ] {
                assert_eq!(normalizer.apply(target.as_bytes()), Err(Malformed), "{target}");
            }
        }
    }
}
