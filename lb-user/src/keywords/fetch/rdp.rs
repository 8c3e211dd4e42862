//! The routing cookie of an RDP connection request (manual 7.3.5; MS-RDPBCGR section 2.2.1.1).

use super::works;
use crate::language::Scope;
use crate::rules::{ArgKind, ArgSpec, Args, Facts, Fetch, FetchRow, Fetched, Kind, Value};

const NAME: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Str, "name")];

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["req.rdp_cookie", "rdp_cookie", "req_rdp_cookie"],
        "([<name>])",
        Scope::L6_REQUEST,
        "The value of the cookie of an RDP connection request.",
        "req.rdp_cookie(mstshash)",
        Fetch::one(Kind::Str, |args, f| find(args, f, Value::str)).with(NAME),
    ),
    works(
        &["req.rdp_cookie_cnt", "rdp_cookie_cnt", "req_rdp_cookie_cnt"],
        "([<name>])",
        Scope::L6_REQUEST,
        "How many cookies of that name an RDP connection request has: one or none.",
        "req.rdp_cookie_cnt",
        Fetch::one(Kind::Int, |args, f| match find(args, f, |_| Value::Int(1)) {
            Fetched::Missing if f.request.is_none() => Value::Int(0).into(),
            answer => answer,
        })
        .with(NAME),
    ),
];

fn find<'a>(args: &'a Args, facts: &Facts<'a>, show: impl FnOnce(&'a [u8]) -> Value<'a>) -> Fetched<'a> {
    if facts.request.is_some() {
        return Fetched::Missing;
    }
    let name = args.bytes(0).filter(|name| !name.is_empty());
    match cookie(facts.request_body.bytes, name) {
        Found::Value(value) => show(value).into(),
        Found::Nothing => Fetched::Missing,
        Found::Cut => facts.request_body.unsatisfied(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Found<'a> {
    Value(&'a [u8]),
    Nothing,
    /// More bytes may bring it.
    Cut,
}

/// Reads `Cookie: name=value` from the connection request that opens the stream: a TPKT header of four bytes, then an
/// X.224 one of seven whose second byte is 0xE0.
fn cookie<'a>(bytes: &'a [u8], name: Option<&[u8]>) -> Found<'a> {
    let Some(header) = bytes.get(..11) else {
        let may_be = bytes.first().is_none_or(|version| *version == 3);
        return if may_be { Found::Cut } else { Found::Nothing };
    };
    let [3, 0, high, low, x224_length, 0xe0, 0, 0, _, _, _] = *header else {
        return Found::Nothing;
    };
    let length = usize::from(high) << 8 | usize::from(low);
    if length != usize::from(x224_length) + 5 {
        return Found::Nothing;
    }
    const PREFIX: &[u8] = b"Cookie: ";
    let Some(packet) = bytes.get(11..length) else {
        let so_far = bytes.get(11..).unwrap_or_default();
        let common = so_far.iter().zip(PREFIX).all(|(a, b)| a.eq_ignore_ascii_case(b));
        return if common { Found::Cut } else { Found::Nothing };
    };
    let Some((prefix, rest)) = packet.split_at_checked(PREFIX.len()) else {
        return Found::Nothing;
    };
    let pair = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Some(equals) = memchr::memchr(b'=', pair).filter(|_| prefix.eq_ignore_ascii_case(PREFIX)) else {
        return Found::Nothing;
    };
    let (known, value) = pair.split_at(equals);
    if rest.len() == pair.len() || name.is_some_and(|name| !known.eq_ignore_ascii_case(name)) {
        return Found::Nothing;
    }
    Found::Value(value.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Vec<u8> {
        let length = 11 + text.len() as u8;
        let mut bytes = vec![3, 0, 0, length, length - 5, 0xe0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn the_first_cookie_is_found_by_name() {
        let bytes = request("Cookie: mstshash=elton\r\n");
        assert_eq!(cookie(&bytes, None), Found::Value(b"elton"));
        assert_eq!(cookie(&bytes, Some(b"MSTSHASH")), Found::Value(b"elton"));
        assert_eq!(cookie(&bytes, Some(b"msts")), Found::Nothing);
        for cut in 0..bytes.len() {
            assert_eq!(cookie(&bytes[..cut], None), Found::Cut, "after {cut} bytes");
        }
    }

    #[test]
    fn other_bytes_hold_no_cookie() {
        for bytes in [
            b"GET / HTTP/1.1".to_vec(),
            request("Cookie: x\r\n"),
            request("Biscuit: a=b\r\n"),
            request("Cookie: a=b"),
        ] {
            assert_eq!(cookie(&bytes, None), Found::Nothing, "{bytes:?}");
        }
    }
}
