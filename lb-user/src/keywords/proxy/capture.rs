//! What is kept of messages for logs and rules.

use super::{Draft, ONLY_FRONT, ProxyRow, works};
use crate::keywords::Reading;
use crate::language::{Error, Words};
use crate::plan::proxy::{CaptureSlot, CookieCapture};

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["capture request header"],
        "<name> len <length>",
        ONLY_FRONT,
        "Keep a header of each request.",
        "capture request header Host len 64",
        |_, words, draft, _| {
            let slot = header("capture request", words)?;
            draft.proxy.request_captures.push(slot);
            Ok(())
        },
    ),
    works(
        &["capture response header"],
        "<name> len <length>",
        ONLY_FRONT,
        "Keep a header of each response.",
        "capture response header Content-Length len 16",
        |_, words, draft, _| {
            let slot = header("capture response", words)?;
            draft.proxy.response_captures.push(slot);
            Ok(())
        },
    ),
    works(
        &["capture cookie"],
        "<name> len <length>",
        ONLY_FRONT,
        "Keep a cookie of each request and response; a name that ends in `=` is a whole one, else a prefix.",
        "capture cookie SESSION= len 32",
        cookie,
    ),
    works(
        &["declare capture"],
        "[ request | response ] len <length>",
        ONLY_FRONT,
        "A slot that only rules fill.",
        "declare capture request len 32",
        declare,
    ),
];

fn header(keyword: &str, words: &mut Words<'_>) -> Result<CaptureSlot, Error> {
    let expects = || Error::expects(keyword, "'header' <header_name> 'len' <len>");
    let name = words.next().ok_or_else(expects)?;
    let length = length(words).ok_or_else(expects)?;
    words.end(keyword)?;
    Ok(CaptureSlot {
        header: Some(name.to_owned()),
        length,
    })
}

fn cookie(_: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let expects = || Error::expects("capture", "'cookie' <cookie_name> 'len' <len>");
    let name = words.next().ok_or_else(expects)?;
    let length = length(words).ok_or_else(expects)?;
    words.end("capture cookie")?;
    draft.proxy.cookie_capture = Some(CookieCapture {
        prefix: !name.ends_with('='),
        name: name.strip_suffix('=').unwrap_or(name).to_owned(),
        length,
    });
    Ok(())
}

fn length(words: &mut Words<'_>) -> Option<usize> {
    words.take("len").then(|| words.next()?.parse().ok()).flatten()
}

fn declare(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let is_request = match words.next() {
        Some("request") => true,
        Some("response") => false,
        _ => {
            return Err(Error::new(format!(
                "'{keyword}' requires a direction ('request' or 'response')"
            )));
        }
    };
    if !words.take("len") {
        return Err(Error::new(format!("'{keyword}' requires a capture length ('len')")));
    }
    let word = words.next().unwrap_or_default();
    let length = word.parse().ok().filter(|length| *length > 0);
    let length = length.ok_or_else(|| Error::new(format!("'{keyword}': cannot parse the length '{word}'.")))?;
    words.end(keyword)?;
    let slots = match is_request {
        true => &mut draft.proxy.request_captures,
        false => &mut draft.proxy.response_captures,
    };
    slots.push(CaptureSlot { header: None, length });
    Ok(())
}
