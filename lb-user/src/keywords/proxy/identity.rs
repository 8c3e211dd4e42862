//! What a proxy is and what it is called.

use super::{ANY, Draft, NOT_DEFAULTS, ProxyRow, works};
use crate::keywords::Reading;
use crate::language::{Error, Words};
use crate::plan::Mode;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["mode"],
        "{ tcp|http }",
        ANY,
        "Whether connections are carried as bytes or understood as HTTP.",
        "mode http",
        mode,
    ),
    works(
        &["disabled", "enabled"],
        "",
        ANY,
        "Do not start this proxy (or do, after a disabling `defaults`).",
        "disabled",
        |keyword, words, draft, _| {
            words.end(keyword)?;
            draft.proxy.disabled = keyword == "disabled";
            Ok(())
        },
    ),
    works(
        &["description"],
        "<string>",
        NOT_DEFAULTS,
        "A text for the statistics.",
        "description public entrance",
        |keyword, words, draft, _| {
            let text = words.take_rest().join(" ");
            if text.is_empty() {
                return Err(Error::expects(keyword, "a string argument"));
            }
            draft.proxy.description = Some(text);
            Ok(())
        },
    ),
    works(
        &["id"],
        "<value>",
        NOT_DEFAULTS,
        "The proxy's number in statistics.",
        "id 1001",
        id,
    ),
    works(
        &["bind-process"],
        "[ all | odd | even | <process_num>[-[process_num>]] ] …",
        ANY,
        "Accepted, with no effect: there is one process, and all its workers serve each proxy.",
        "bind-process 1",
        |keyword, words, _, reading| {
            words.take_rest();
            reading.warn(format_args!("'{keyword}' has no effect, there is a single process."));
            Ok(())
        },
    ),
];

fn mode(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    draft.proxy.mode = match words.next().unwrap_or_default() {
        "tcp" => Mode::Tcp,
        "http" => Mode::Http,
        "health" => {
            return Err(Error::new(
                "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.",
            ));
        }
        other => return Err(Error::new(format!("unknown proxy mode '{other}'."))),
    };
    words.end(keyword)
}

fn id(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let id: i64 = crate::keywords::number::only_integer(keyword, words)?;
    let id = u32::try_from(id).ok().filter(|id| *id > 0);
    draft.proxy.puid = Some(id.ok_or_else(|| Error::new("custom id has to be > 0."))?);
    Ok(())
}
