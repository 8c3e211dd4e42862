//! The text of a pattern, as a line or a file writes it, compiled for its matching method.

use std::net::IpAddr;

use super::{Method, Network};
use crate::language::{Error, raw};
use crate::rules::regex::Regex;

/// One pattern, compiled for its method.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// A string, in lower case where case is ignored.
    Str(Box<[u8]>),
    /// Inclusive bounds.
    Range(i64, i64),
    Network(Network),
    Regex(Regex),
    /// The method compares nothing.
    Nothing,
}

/// How the texts of patterns are read.
#[derive(Clone, Copy)]
pub struct Compile<'a> {
    pub method: Method,
    pub ignore_case: bool,
    /// Finds the addresses of a host name; absent where names are not looked up (`-n`, changes at run time).
    pub resolve: Option<&'a dyn Fn(&str) -> Vec<IpAddr>>,
}

impl Compile<'_> {
    /// Compiles one pattern, or says in the peer's words what is wrong with it.
    pub fn pattern(&self, text: &str) -> Result<Pattern, Error> {
        match self.method {
            Method::Found | Method::Bool => Ok(Pattern::Nothing),
            Method::Int | Method::Len => range(text, parse_number),
            Method::Version => range(text, parse_version),
            Method::Ip => self.network(text),
            Method::Bin => hex(text).map(|bytes| Pattern::Str(bytes.into())),
            Method::Reg => Regex::new(text, self.ignore_case).map(Pattern::Regex),
            _ => {
                let mut bytes = raw::bytes(text).into_owned();
                if self.ignore_case {
                    bytes.make_ascii_lowercase();
                }
                Ok(Pattern::Str(bytes.into()))
            }
        }
    }

    fn network(&self, text: &str) -> Result<Pattern, Error> {
        let named = || {
            let (name, mask) = text
                .split_once('/')
                .map_or((text, None), |(name, mask)| (name, Some(mask)));
            let found = (self.resolve?)(name).into_iter().find(IpAddr::is_ipv4)?;
            Network::parse(&match mask {
                Some(mask) => format!("{found}/{mask}"),
                None => found.to_string(),
            })
        };
        Network::parse(text)
            .or_else(named)
            .map(Pattern::Network)
            .ok_or_else(|| Error::new(format!("'{text}' is not a valid IPv4 or IPv6 address")))
    }
}

/// Reads a decimal integer with an optional sign.
pub fn parse_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Reads `major` or `major.minor`: protocol versions compare as one number.
pub fn parse_version(text: &str) -> Option<i64> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let (major, minor) = (parse_number(major)?, parse_number(minor)?);
    let fits = |part: i64| (0..1 << 16).contains(&part);
    (fits(major) && fits(minor)).then_some(major << 16 | minor)
}

/// Reads `n`, `low:high`, `low:` or `:high`.
fn range(text: &str, number: fn(&str) -> Option<i64>) -> Result<Pattern, Error> {
    let Some((low, high)) = text.split_once(':') else {
        let number = number(text).ok_or_else(|| Error::new(format!("'{text}' is not a number")))?;
        return Ok(Pattern::Range(number, number));
    };
    let bound = |text: &str, open: i64| if text.is_empty() { Some(open) } else { number(text) };
    match (bound(low, i64::MIN), bound(high, i64::MAX)) {
        (Some(low), Some(high)) => Ok(Pattern::Range(low, high)),
        _ => Err(Error::new(format!("'{text}' is not a valid number range"))),
    }
}

/// Reads a series of hexadecimal digits, two for each byte.
pub fn hex(text: &str) -> Result<Vec<u8>, Error> {
    if !text.len().is_multiple_of(2) {
        return Err(Error::new("an even number of hex digit is expected"));
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for (at, found) in text.chars().enumerate() {
        let digit = found
            .to_digit(16)
            .ok_or_else(|| Error::new(format!("an hex digit is expected (found '{found}')")))?;
        match bytes.last_mut() {
            Some(last) if at % 2 == 1 => *last |= digit as u8,
            _ => bytes.push((digit as u8) << 4),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(method: Method, text: &str) -> String {
        let compile = Compile {
            method,
            ignore_case: true,
            resolve: None,
        };
        match compile.pattern(text) {
            Ok(Pattern::Str(bytes)) => bytes.escape_ascii().to_string(),
            Ok(Pattern::Range(low, high)) => format!("{low}..{high}"),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn patterns_are_read_for_their_method() {
        let open = format!("..{}", i64::MAX);
        let cases = [
            (Method::Int, "12", "12..12".to_owned()),
            (Method::Int, "-3", "-3..-3".to_owned()),
            (Method::Int, "1:5", "1..5".to_owned()),
            (Method::Int, "6:", format!("6{open}")),
            (Method::Int, ":5", format!("{}..5", i64::MIN)),
            (Method::Int, "abc", "'abc' is not a number".to_owned()),
            (Method::Int, "1.2", "'1.2' is not a number".to_owned()),
            (Method::Int, "1:a", "'1:a' is not a valid number range".to_owned()),
            (Method::Int, "1:2:3", "'1:2:3' is not a valid number range".to_owned()),
            (Method::Version, "3.1", format!("{0}..{0}", 0x30001)),
            (Method::Version, "3:3.1", format!("{}..{}", 0x30000, 0x30001)),
            (Method::Bin, "48656c", "Hel".to_owned()),
            (Method::Bin, "0", "an even number of hex digit is expected".to_owned()),
            (Method::Bin, "0z", "an hex digit is expected (found 'z')".to_owned()),
            (Method::Bin, "é", "an hex digit is expected (found 'é')".to_owned()),
            (Method::Str, "AbC", "abc".to_owned()),
            (Method::Found, "x", "Nothing".to_owned()),
            (Method::Ip, "x", "'x' is not a valid IPv4 or IPv6 address".to_owned()),
        ];
        for (method, text, expected) in cases {
            assert_eq!(compiled(method, text), expected, "{method:?} {text}");
        }
    }

    #[test]
    fn host_names_stand_for_their_first_ipv4_address() {
        let resolve = |name: &str| match name {
            "known" => vec!["::1".parse().unwrap(), "192.0.2.7".parse().unwrap()],
            _ => Vec::new(),
        };
        let compile = Compile {
            method: Method::Ip,
            ignore_case: false,
            resolve: Some(&resolve),
        };
        let prefix = |text: &str| match compile.pattern(text) {
            Ok(Pattern::Network(network)) => network.prefix().map(|(address, length)| format!("{address}/{length}")),
            _ => None,
        };
        assert_eq!(prefix("known").as_deref(), Some("192.0.2.7/32"));
        assert_eq!(prefix("known/24").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(prefix("unknown"), None);
    }
}
