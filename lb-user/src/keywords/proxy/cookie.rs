//! Persistence by a cookie.

use super::{BACK, Draft, ProxyRow, works};
use crate::keywords::Reading;
use crate::keywords::number::{self, BadTime};
use crate::language::{Error, Words, units};
use crate::plan::{Cookie, CookieMode};
use std::time::Duration;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["cookie"],
        "<name> [ rewrite | insert | prefix ] [ indirect ] [ nocache ] [ postonly ] [ preserve ] [ httponly ] [ secure ] [ domain <domain> ]* [ maxidle <idle> ] [ maxlife <life> ] [ dynamic ] [ attr <value> ]*",
        BACK,
        "Persistence by a cookie.",
        "cookie SRV insert indirect nocache",
        cookie,
    ),
    works(
        &["dynamic-cookie-key"],
        "<string>",
        BACK,
        "The key of cookies that are computed from servers' addresses.",
        "dynamic-cookie-key secret\ncookie SRV insert dynamic",
        |keyword, words, draft, _| {
            let expects = || Error::expects(keyword, "<secret_key> as argument");
            draft.proxy.dynamic_cookie_key = Some(words.next().ok_or_else(expects)?.to_owned());
            Ok(())
        },
    ),
];

fn cookie(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let expects = || Error::expects(keyword, "<cookie_name> as argument");
    let mut cookie = Cookie {
        name: words
            .next()
            .filter(|name| !name.is_empty())
            .ok_or_else(expects)?
            .to_owned(),
        ..Cookie::default()
    };
    let (mut modes, mut domains, mut attributes) = (Vec::new(), String::new(), String::new());
    let (mut http_only, mut secure) = (false, false);
    while let Some(word) = words.next() {
        match word {
            "rewrite" => modes.push(CookieMode::Rewrite),
            "insert" => modes.push(CookieMode::Insert),
            "prefix" => modes.push(CookieMode::Prefix),
            "indirect" => cookie.indirect = true,
            "nocache" => cookie.nocache = true,
            "postonly" => cookie.postonly = true,
            "preserve" => cookie.preserve = true,
            "httponly" => http_only = true,
            "secure" => secure = true,
            "domain" => {
                let domain = argument(word, "<domain> as argument", words)?;
                warn_of_domain(domain, reading);
                domains += &format!("; domain={domain}");
            }
            "maxidle" => cookie.max_idle = seconds(word, "<idletime> in seconds as argument", words)?,
            "maxlife" => cookie.max_life = seconds(word, "<lifetime> in seconds as argument", words)?,
            "dynamic" => cookie.dynamic = true,
            "attr" => {
                let value = argument(word, "<value> as argument", words)?;
                if let Some(bad) = value.bytes().find(|byte| byte.is_ascii_control() || *byte == b';') {
                    let text = format!("character '%x{bad:02X}' is not permitted in attribute value.");
                    return Err(Error::new(text));
                }
                attributes += &format!("; {value}");
            }
            _ => {
                return Err(Error::new(
                    "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.",
                ));
            }
        }
    }
    cookie.mode = mode(&modes, &cookie)?;
    let flags = [(http_only, "; HttpOnly"), (secure, "; Secure")];
    let flags: String = flags
        .into_iter()
        .filter_map(|(is_set, text)| is_set.then_some(text))
        .collect();
    cookie.attributes = domains + &flags + &attributes;
    draft.proxy.cookie = Some(cookie);
    Ok(())
}

/// The mode that the words ask for, if they agree.
fn mode(modes: &[CookieMode], cookie: &Cookie) -> Result<CookieMode, Error> {
    let mode = modes.first().copied().unwrap_or_default();
    let error = if modes.contains(&CookieMode::Rewrite) && cookie.indirect {
        "cookie 'rewrite' and 'indirect' modes are incompatible."
    } else if modes.iter().any(|other| *other != mode) {
        "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."
    } else if cookie.preserve && mode != CookieMode::Insert && !cookie.indirect {
        "cookie 'preserve' requires at least 'insert' or 'indirect'."
    } else {
        return Ok(mode);
    };
    Err(Error::new(error))
}

fn argument<'w>(word: &str, what: &str, words: &mut Words<'w>) -> Result<&'w str, Error> {
    words
        .next()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Error::expects(word, what))
}

/// A span of time in whole seconds.
fn seconds(word: &str, what: &str, words: &mut Words<'_>) -> Result<Option<u64>, Error> {
    let text = argument(word, what, words)?;
    let time = units::time(text, Duration::from_secs(1)).map_err(|_| {
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        match rest.chars().next().filter(|_| rest.len() == text.len()) {
            Some(bad) => number::in_argument(BadTime::Character(bad), text, word),
            None => overflow(text, word),
        }
    })?;
    let seconds = time.as_secs();
    if seconds > i32::MAX as u64 {
        return Err(overflow(text, word));
    }
    Ok((seconds > 0).then_some(seconds))
}

fn overflow(text: &str, word: &str) -> Error {
    Error::new(format!(
        "timer overflow in argument <{text}> to <{word}>, maximum value is 2147483647 s (~68 years)."
    ))
}

fn warn_of_domain(domain: &str, reading: &mut Reading<'_>) {
    let embedded = domain.get(1..).is_some_and(|rest| rest.contains('.'));
    if !embedded {
        reading.warn(format_args!(
            "domain '{domain}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
        ));
    }
}
