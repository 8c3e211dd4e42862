//! Which backend and which server a request goes to, and what is decided by conditions beside rules.

use super::{Draft, FRONT, ONLY_BACK, ONLY_FRONT, ProxyRow, UseBackend, UseServer, works};
use crate::keywords::Reading;
use crate::language::{Error, Scope, Words};
use crate::rules::log_format::Style;
use crate::rules::{Condition, LogFormat};

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["default_backend"],
        "<backend>",
        FRONT,
        "The backend of what no `use_backend` takes.",
        "default_backend web",
        |keyword, words, draft, _| {
            let name = words.next().ok_or_else(|| Error::expects(keyword, "a backend name"))?;
            words.end(keyword)?;
            draft.default_backend = Some(name.to_owned());
            Ok(())
        },
    ),
    works(
        &["use_backend"],
        "<backend> [{if | unless} <condition>]",
        ONLY_FRONT,
        "The backend of what meets the condition; its name may be a log format.",
        "use_backend web if { src 10.0.0.0/8 }",
        use_backend,
    ),
    works(
        &["use-server"],
        "<server> {if | unless} <condition>",
        ONLY_BACK,
        "The server of what meets the condition, if it is up.",
        "use-server s1 if { src 10.0.0.0/8 }",
        use_server,
    ),
    works(
        &["monitor fail"],
        "{ if | unless } <condition>",
        ONLY_FRONT,
        "When `monitor-uri` is answered with 503.",
        "monitor fail if { nbsrv(web) lt 1 }",
        |keyword, words, draft, reading| {
            let condition = needed(keyword, words, draft, reading, Scope::USE_BACKEND)?;
            draft.proxy.rules.monitor_fail.push(condition);
            Ok(())
        },
    ),
    works(
        &["force-persist"],
        "{ if | unless } <condition>",
        ONLY_BACK,
        "When persistence holds on to servers that are down.",
        "force-persist if { src 127.0.0.1 }",
        |keyword, words, draft, reading| {
            let condition = needed(keyword, words, draft, reading, Scope::BALANCE)?;
            draft.proxy.rules.force_persist.push(condition);
            Ok(())
        },
    ),
    works(
        &["ignore-persist"],
        "{ if | unless } <condition>",
        ONLY_BACK,
        "When a persistence cookie is not looked at; stick tables are, whatever it says.",
        "ignore-persist if { src 127.0.0.1 }",
        |keyword, words, draft, reading| {
            let condition = needed(keyword, words, draft, reading, Scope::BALANCE)?;
            draft.proxy.rules.ignore_persist.push(condition);
            Ok(())
        },
    ),
];

fn use_backend(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &mut Draft,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let name = words.next().ok_or_else(|| Error::expects(keyword, "a backend name"))?;
    let condition = match words.peek() {
        None => None,
        Some("if" | "unless") => {
            let mut context = reading.compiler(draft, Scope::USE_BACKEND);
            let condition = Condition::parse(words, &mut context)
                .map_err(|error| Error::new(format!("error detected while parsing switching rule : {error}.")))?;
            let promises = context.promises;
            draft.promises.extend(promises);
            Some(condition)
        }
        Some(other) => {
            return Err(Error::new(format!(
                "unexpected keyword '{other}' after switching rule, only 'if' and 'unless' are allowed."
            )));
        }
    };
    let format = dynamic(name, draft, reading, Scope::USE_BACKEND)
        .map_err(|error| Error::new(format!("failed to parse {keyword} rule '{name}' : {error}.")))?;
    draft.use_backend.push(UseBackend {
        name: name.to_owned(),
        format,
        condition,
    });
    Ok(())
}

fn use_server(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let name = words.next().ok_or_else(|| Error::expects(keyword, "a server name"))?;
    let condition = needed(keyword, words, draft, reading, Scope::BALANCE)?;
    let format = dynamic(name, draft, reading, Scope::BALANCE)?;
    draft.use_server.push(UseServer {
        name: name.to_owned(),
        format,
        condition: Some(condition),
    });
    Ok(())
}

/// A name's format, if it is one.
fn dynamic(name: &str, draft: &Draft, reading: &mut Reading<'_>, place: Scope) -> Result<Option<LogFormat>, Error> {
    if !name.contains('%') {
        return Ok(None);
    }
    let mut context = reading.compiler(draft, place);
    LogFormat::parse(name, Style::TEXT, &mut context).map(Some)
}

/// The condition that a keyword cannot do without.
pub(super) fn needed(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &Draft,
    reading: &mut Reading<'_>,
    place: Scope,
) -> Result<Condition, Error> {
    if !matches!(words.peek(), Some("if" | "unless")) {
        return Err(Error::new(format!(
            "'{keyword}' requires either 'if' or 'unless' followed by a condition."
        )));
    }
    let what = if keyword == "monitor fail" { "condition" } else { "rule" };
    let mut context = reading.compiler(draft, place);
    Condition::parse(words, &mut context)
        .map_err(|error| Error::new(format!("error detected while parsing a '{keyword}' {what} : {error}.")))
}
