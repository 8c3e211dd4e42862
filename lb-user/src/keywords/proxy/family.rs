//! Lines whose first word is known and whose second is not, or that open with nothing known.

use super::removed::removed;
use super::{Draft, ProxyRow, REGISTRY};
use crate::language::{Error, Scope, Word, row, suggest};

/// What each family of keywords says about a member it does not know. `{}` stands for the word, `{title}` for the
/// section.
const FAMILIES: &[(&str, &str)] = &[
    (
        "timeout",
        "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got '{}')",
    ),
    (
        "capture",
        "'capture' expects 'cookie' or 'request header' or 'response header'.",
    ),
    ("declare", "unknown declaration type '{}' (supports 'capture')"),
    ("monitor", "'monitor' only supports 'fail'."),
    ("rate-limit", "'rate-limit' only supports 'sessions' (got '{}')"),
    ("persist", "unknown persist method."),
    ("stick", "'stick' expects 'on', 'match', or 'store'."),
    (
        "stats",
        "unknown stats parameter '{}', expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or 'show-legends'.",
    ),
    ("email-alert", "email-alert: unknown argument '{}'."),
    (
        "http-check",
        "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var(*)', 'unset-var(*)'. but got '{}'",
    ),
    (
        "tcp-check",
        "'tcp-check' only supports 'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var(*)', 'unset-var(*)'. but got '{}'",
    ),
    (
        "tcp-request",
        "'tcp-request' expects 'inspect-delay', 'connection', 'session' or 'content' in {title} (got '{}')",
    ),
    (
        "tcp-response",
        "'tcp-response' expects 'inspect-delay' or 'content' in {title} (got '{}')",
    ),
    (
        "external-check",
        "'external-check' only supports 'command' and 'path' (got '{}')",
    ),
];

/// Says what is wrong with a line of `draft` that no row reads. `section` is the word that opens the section.
pub fn unknown(words: &[Word], section: &str, draft: &Draft) -> Error {
    let first = words.first().map_or("", String::as_str);
    let second = words.get(1).map_or("", String::as_str);
    if let Some(error) = removed(first, second) {
        return error;
    }
    match first {
        "no" => return negation(words),
        "option" if second.is_empty() => return Error::new("'option' expects an option name."),
        "option" => {
            let options = row::names(REGISTRY).filter_map(|name| name.strip_prefix("option "));
            let hint = suggest::hint(second, options);
            return Error::new(format!("unknown option '{second}'{hint}"));
        }
        _ => {}
    }
    if let Some((_, text)) = FAMILIES.iter().find(|(family, _)| *family == first) {
        return Error::new(text.replace("{title}", &draft.title()).replace("{}", second));
    }
    let near = suggest::nearest(first, openings());
    let hint = near.map_or(String::new(), |near| format!("; did you mean '{near}' maybe ?"));
    Error::new(format!("unknown keyword '{first}' in '{section}' section{hint}"))
}

fn negation(words: &[Word]) -> Error {
    match words {
        [_, option, name, ..] if option == "option" => {
            Error::new(format!("negation/default is not supported for option '{name}'."))
        }
        [_, option] if option == "option" => Error::new("'option' expects an option name."),
        _ => Error::new(
            "negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.",
        ),
    }
}

/// The first words of all keywords.
fn openings() -> impl Iterator<Item = &'static str> {
    row::names(REGISTRY).filter_map(|name| name.split(' ').next())
}

/// A keyword in a section that it does not belong to.
pub enum Misplaced {
    /// A mistake.
    Forbidden(Error),
    /// Only a warning; the line is looked at all the same.
    Ignored(String),
}

/// What is to be said of a row in a section of this scope.
pub fn misplaced(row: &ProxyRow, spelling: &str, section: Scope, draft: &Draft) -> Option<Misplaced> {
    if row.scope.meets(section) {
        return None;
    }
    let name = subject(spelling);
    if section == Scope::DEFAULTS {
        let text = format!("'{name}' not allowed in 'defaults' section.");
        return Some(Misplaced::Forbidden(Error::new(text)));
    }
    let missing = match section == Scope::FRONTEND {
        true => "backend",
        false => "frontend",
    };
    let title = draft.title();
    Some(match name {
        "server" | "server-template" | "default-server" => Misplaced::Forbidden(Error::new(format!(
            "'{name}' not allowed because {title} has no {missing} capability."
        ))),
        "tcp-response" => Misplaced::Forbidden(Error::new(format!("{spelling} is only allowed in 'backend' sections"))),
        "tcp-request" => Misplaced::Forbidden(Error::new(format!(
            "{spelling} is not allowed because {title} is not a {missing}"
        ))),
        "httplog" => Misplaced::Ignored(format!("{title} : '{spelling}' directive is ignored in backends.")),
        "declare" => Misplaced::Forbidden(Error::new("'declare' only available in frontend or listen section")),
        "timeout" => Misplaced::Ignored(format!(
            "'{spelling}' will be ignored because {title} has no {missing} capability"
        )),
        "maxconn" | "fullconn" => {
            let other = if name == "maxconn" { "fullconn" } else { "maxconn" };
            Misplaced::Ignored(format!(
                "'{name}' ignored because {title} has no {missing} capability. Maybe you want '{other}' instead ?"
            ))
        }
        _ => {
            let name = name.split(' ').next().unwrap_or_default();
            Misplaced::Ignored(format!("'{name}' ignored because {title} has no {missing} capability."))
        }
    })
}

/// What messages call a keyword: an option by its own name, anything else by its first word.
fn subject(spelling: &str) -> &str {
    let name = spelling.strip_prefix("no ").unwrap_or(spelling);
    let name = name.strip_prefix("option ").unwrap_or(name);
    match name.split_once(' ') {
        Some(("capture", _)) => name,
        Some((first, _)) => first,
        None => name,
    }
}
