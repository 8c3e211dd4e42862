//! Logs of the process.

use super::{GlobalRow, only_word, works};
use crate::keywords::log_target;
use crate::language::Error;

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["log", "no log"],
        "<address> [len <length>] [format <format>] [sample <ranges>:<sample_size>] <facility> [max level [min level]]",
        "One more target of logs, for the process and for proxies with `log global`.",
        "log 127.0.0.1:514 local0",
        |keyword, words, draft, reading| {
            if keyword == "no log" {
                words.end(keyword)?;
                draft.global.logs.clear();
                return Ok(());
            }
            if matches!(words.rest(), [only] if only == "global") {
                return Err(Error::new("log : 'global' is not supported for a global syslog server"));
            }
            let target = log_target::parse(words, "", reading).map_err(|error| error.within("log"))?;
            draft.global.logs.push(target);
            Ok(())
        },
    ),
    works(
        &["log-tag"],
        "<string>",
        "The name that opens log lines.",
        "log-tag edge",
        |keyword, words, draft, _| {
            draft.global.log_tag = Some(only_word(keyword, words, "a tag for use in syslog")?);
            Ok(())
        },
    ),
    works(
        &["log-send-hostname"],
        "[<string>]",
        "Name this machine in log lines, as itself or as told here.",
        "log-send-hostname edge-1",
        |keyword, words, draft, reading| {
            let name = words.next().map_or_else(|| reading.host.hostname(), str::to_owned);
            words.end(keyword)?;
            draft.global.log_send_hostname = Some(name);
            Ok(())
        },
    ),
];
