//! What is logged, how, and where to.

use super::draft::{LogLine, Text};
use super::{ANY, Draft, FRONT, ProxyRow, works};
use crate::keywords::{Reading, log_target};
use crate::language::{Error, Words};

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["log", "no log"],
        "global | <address> [len <length>] [format <format>] [sample <ranges>:<sample_size>] <facility> [<level> [<minlevel>]]",
        ANY,
        "Where logs go: one more target, the global section's, or none.",
        "log 127.0.0.1:514 local0 notice",
        log,
    ),
    works(
        &["option httplog"],
        "[ clf ]",
        FRONT,
        "Log each request in the HTTP format, or in the Common Log Format.",
        "mode http\noption httplog",
        httplog,
    ),
    works(
        &["option tcplog"],
        "",
        ANY,
        "Log each connection at its end, with times and counters.",
        "option tcplog",
        |keyword, words, draft, reading| {
            words.end(keyword)?;
            ignored_in_backend(keyword, draft, reading);
            draft.log_format = LogLine::Tcp;
            Ok(())
        },
    ),
    works(
        &["log-format"],
        "<string>",
        FRONT,
        "Log lines of your own.",
        "log-format \"%ci:%cp %ft %b/%s %B\"",
        |keyword, words, draft, reading| {
            draft.log_format = LogLine::Custom(text(keyword, words, reading)?);
            Ok(())
        },
    ),
    works(
        &["log-format-sd"],
        "<string>",
        FRONT,
        "The structured data of RFC 5424 log lines.",
        "log-format-sd '[exampleSDID@1234 bytes=\"%B\"]'",
        |keyword, words, draft, reading| {
            draft.log_format_sd = Some(text(keyword, words, reading)?);
            Ok(())
        },
    ),
    works(
        &["log-tag"],
        "<string>",
        ANY,
        "The name that opens this proxy's log lines.",
        "log-tag edge",
        |keyword, words, draft, _| {
            let tag = words
                .next()
                .filter(|tag| !tag.is_empty())
                .ok_or_else(|| Error::expects(keyword, "a tag for use in syslog"))?;
            words.end(keyword)?;
            draft.proxy.logs.tag = Some(tag.to_owned());
            Ok(())
        },
    ),
    works(
        &["unique-id-format"],
        "<string>",
        FRONT,
        "How the unique id of each request is made.",
        "unique-id-format %{+X}o\\ %ci:%cp_%Ts",
        |keyword, words, draft, reading| {
            draft.unique_id_format = Some(text(keyword, words, reading)?);
            Ok(())
        },
    ),
    works(
        &["unique-id-header"],
        "<name>",
        FRONT,
        "The header that carries the unique id to servers.",
        "unique-id-header X-Unique-ID",
        |keyword, words, draft, _| {
            let name = words
                .next()
                .filter(|name| !name.is_empty())
                .ok_or_else(|| Error::new(format!("{keyword} expects an argument.")))?;
            words.end(keyword)?;
            draft.proxy.unique_id_header = Some(name.to_owned());
            Ok(())
        },
    ),
];

fn log(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let logs = &mut draft.proxy.logs;
    if keyword == "no log" {
        if !words.is_empty() {
            return Err(Error::new("log : 'no log' does not expect arguments"));
        }
        logs.targets.clear();
        logs.global = false;
        return Ok(());
    }
    if matches!(words.rest(), [only] if only == "global") {
        words.next();
        logs.global = true;
        return Ok(());
    }
    let target = log_target::parse(words, "or global", reading).map_err(|error| error.within("log"))?;
    logs.targets.push(target);
    Ok(())
}

fn httplog(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let line = match words.next() {
        None => LogLine::Http,
        Some("clf") => LogLine::Clf,
        Some(_) => return Err(Error::new("keyword 'httplog' only supports option 'clf'.")),
    };
    words.end(keyword)?;
    draft.log_format = line;
    draft.log_format_at = reading.location.clone();
    Ok(())
}

fn ignored_in_backend(keyword: &str, draft: &Draft, reading: &mut Reading<'_>) {
    if draft.proxy.is_backend && !draft.proxy.is_frontend {
        let title = draft.title();
        reading.warn(format_args!("{title} : '{keyword}' directive is ignored in backends."));
    }
}

fn text(keyword: &str, words: &mut Words<'_>, reading: &Reading<'_>) -> Result<Text, Error> {
    let text = words
        .next()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::new(format!("{keyword} expects an argument.")))?;
    if !words.is_empty() {
        return Err(Error::new(format!(
            "{keyword} expects only one argument, don't forget to escape spaces!"
        )));
    }
    Ok(Text {
        text: text.to_owned(),
        location: reading.location.clone(),
    })
}
