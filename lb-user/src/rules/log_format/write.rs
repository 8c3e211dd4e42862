//! How log lines show strings, numbers and addresses (manual 8.2.4 and 8.6).

use std::io::Write;
use std::net::IpAddr;

use super::Flags;
use crate::rules::value::Value;

/// Characters that a line shows as `#` and two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// What cannot be printed, `"` and `#`.
    Unprintable,
    /// Also the braces and bars around captured headers.
    Header,
}

impl Encoded {
    fn holds(self, byte: u8) -> bool {
        match byte {
            b'"' | b'#' => true,
            b'{' | b'|' | b'}' => self == Encoded::Header,
            _ => !(b' '..=b'~').contains(&byte),
        }
    }
}

/// What stands for something that is not there.
pub fn nothing(out: &mut Vec<u8>, flags: Flags) {
    if flags.quote {
        out.extend_from_slice(b"\"\"");
    } else if flags.dash {
        out.push(b'-');
    }
}

/// A string as it is, quoted and escaped as the flags say. An empty one is nothing.
pub fn text(out: &mut Vec<u8>, flags: Flags, text: &[u8]) {
    let is_control = |byte: u8| flags.percent && byte.is_ascii_control() && byte != b'\t';
    shown(out, flags, text, b'%', is_control);
}

/// A string with some of its characters encoded.
pub fn encoded(out: &mut Vec<u8>, flags: Flags, text: &[u8], set: Encoded) {
    shown(out, flags, text, b'#', |byte| set.holds(byte));
}

fn shown(out: &mut Vec<u8>, flags: Flags, text: &[u8], mark: u8, encode: impl Fn(u8) -> bool) {
    if text.is_empty() {
        return nothing(out, flags);
    }
    if flags.quote {
        out.push(b'"');
    }
    append(out, flags, text, mark, encode);
    if flags.quote {
        out.push(b'"');
    }
}

fn append(out: &mut Vec<u8>, flags: Flags, text: &[u8], mark: u8, encode: impl Fn(u8) -> bool) {
    for &byte in text {
        if encode(byte) {
            out.extend_from_slice(&[mark, hex_digit(byte >> 4), hex_digit(byte & 15)]);
            continue;
        }
        if flags.escape && matches!(byte, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

/// Captured headers between bars, without quotes of their own.
pub fn captured(out: &mut Vec<u8>, flags: Flags, text: &[u8]) {
    append(out, flags, text, b'#', |byte| Encoded::Header.holds(byte));
}

/// A sample.
pub fn value(out: &mut Vec<u8>, flags: Flags, value: &Value<'_>) {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Ipv4(_) | Value::Ipv6(_) => quoted(out, flags, |out| value.write(out)),
        _ => text(out, flags, &value.borrowed().into_text()),
    }
}

/// A number.
pub fn number(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{number}");
}

/// A number that `X` shows in at least four hexadecimal digits.
pub fn short(out: &mut Vec<u8>, flags: Flags, short: u64) {
    let _ = if flags.hex {
        write!(out, "{short:04X}")
    } else {
        write!(out, "{short}")
    };
}

/// An address; `X` shows it in hexadecimal.
pub fn address(out: &mut Vec<u8>, flags: Flags, address: IpAddr) {
    quoted(out, flags, |out| {
        let _ = match address {
            IpAddr::V4(ip) if flags.hex => write!(out, "{:08X}", u32::from(ip)),
            IpAddr::V6(ip) if flags.hex => write!(out, "{:032X}", u128::from(ip)),
            IpAddr::V4(ip) => write!(out, "{ip}"),
            IpAddr::V6(ip) => write!(out, "{ip}"),
        };
    });
}

fn quoted(out: &mut Vec<u8>, flags: Flags, show: impl FnOnce(&mut Vec<u8>)) {
    if flags.quote {
        out.push(b'"');
    }
    show(out);
    if flags.quote {
        out.push(b'"');
    }
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + nibble - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Flags = Flags {
        quote: false,
        hex: false,
        escape: false,
        dash: false,
        percent: false,
    };
    const PERCENT: Flags = Flags { percent: true, ..PLAIN };
    const QUOTE: Flags = Flags { quote: true, ..PLAIN };
    const ESCAPE: Flags = Flags { escape: true, ..PLAIN };
    const HEX: Flags = Flags { hex: true, ..PLAIN };
    const DASH: Flags = Flags { dash: true, ..PLAIN };

    fn shown(show: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        show(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_shown_as_the_peer_shows_them() {
        let header = br#"a"b\c]d{e|f}#g"#;
        let cases = [
            (shown(|out| text(out, PLAIN, header)), r#"a"b\c]d{e|f}#g"#),
            (shown(|out| text(out, QUOTE, header)), r#""a"b\c]d{e|f}#g""#),
            (shown(|out| text(out, ESCAPE, header)), r#"a\"b\\c\]d{e|f}#g"#),
            (shown(|out| captured(out, PLAIN, header)), r"a#22b\c]d#7Be#7Cf#7D#23g"),
            (
                shown(|out| captured(out, ESCAPE, header)),
                r"a#22b\\c\]d#7Be#7Cf#7D#23g",
            ),
            (
                shown(|out| encoded(out, PLAIN, b"/a?x=\"1\xe9#{}|\t", Encoded::Unprintable)),
                "/a?x=#221#E9#23{}|#09",
            ),
            (shown(|out| text(out, PERCENT, b"a\r\n\tb\x7f%")), "a%0D%0A\tb%7F%"),
            (shown(|out| text(out, PLAIN, b"")), ""),
            (shown(|out| text(out, DASH, b"")), "-"),
            (shown(|out| text(out, QUOTE, b"")), "\"\""),
            (shown(|out| value(out, QUOTE, &Value::Int(3))), "\"3\""),
            (shown(|out| value(out, HEX, &Value::Int(30))), "30"),
            (shown(|out| address(out, HEX, [127, 0, 0, 1].into())), "7F000001"),
            (shown(|out| address(out, QUOTE, [127, 0, 0, 1].into())), "\"127.0.0.1\""),
            (shown(|out| short(out, HEX, 10)), "000A"),
        ];
        for (shown, expected) in cases {
            assert_eq!(shown, expected);
        }
    }
}
