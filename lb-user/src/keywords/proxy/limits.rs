//! Connection limits, queues and retries.

use super::{BACK, Draft, FRONT, ProxyRow, works};
use crate::keywords::{Reading, number};
use crate::language::{Error, Words};
use crate::plan::proxy::RetryOn;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["maxconn"],
        "<conns>",
        FRONT,
        "How many connections the frontend may have at once. 0: what the process may have.",
        "maxconn 2000",
        |keyword, words, draft, _| {
            draft.proxy.max_connections = Some(number::only_integer(keyword, words)?).filter(|limit| *limit > 0);
            Ok(())
        },
    ),
    works(
        &["backlog"],
        "<conns>",
        FRONT,
        "How many connections may wait to be accepted.",
        "backlog 10000",
        |keyword, words, draft, _| {
            draft.proxy.backlog = Some(number::only_integer(keyword, words)?);
            Ok(())
        },
    ),
    works(
        &["rate-limit sessions"],
        "<rate>",
        FRONT,
        "How many sessions a second the frontend accepts.",
        "rate-limit sessions 100",
        |keyword, words, draft, _| {
            let rate = words.next().and_then(|word| word.parse().ok());
            draft.proxy.rate_limit_sessions = rate.ok_or_else(|| {
                Error::new(format!(
                    "'{keyword}' expects expects an integer value (in sessions/second)"
                ))
            })?;
            words.end(keyword)
        },
    ),
    works(
        &["fullconn"],
        "<conns>",
        BACK,
        "The load at which servers with `minconn` reach their `maxconn`; 10 % of the frontends' limits by default.",
        "fullconn 10000",
        |keyword, words, draft, _| {
            draft.proxy.full_connections = Some(number::only_integer(keyword, words)?);
            Ok(())
        },
    ),
    works(
        &["retries"],
        "<value>",
        BACK,
        "How many times a failed connection to a server is tried again, 3 by default.",
        "retries 2",
        |keyword, words, draft, _| {
            let number = words.next().and_then(|word| word.parse().ok());
            draft.proxy.retries =
                number.ok_or_else(|| Error::expects(keyword, "an integer argument (dispatch counts for one)"))?;
            words.end(keyword)
        },
    ),
    works(
        &["retry-on"],
        "[space-delimited list of keywords]",
        BACK,
        "Which failures are worth another try.",
        "retry-on conn-failure empty-response 503",
        retry_on,
    ),
    works(
        &["max-keep-alive-queue"],
        "<value>",
        BACK,
        "With so many requests in the queue, one that could be served elsewhere leaves its kept connection. -1: never.",
        "max-keep-alive-queue 10",
        |keyword, words, draft, _| {
            let number = words.next().and_then(|word| word.parse().ok());
            draft.proxy.max_keep_alive_queue = number.ok_or_else(|| {
                Error::new(format!(
                    "'{keyword}' expects expects an integer value (or -1 to disable)"
                ))
            })?;
            words.end(keyword)
        },
    ),
];

/// Status codes that `retry-on` takes (manual 4.2).
const STATUSES: [u16; 10] = [401, 403, 404, 408, 425, 500, 501, 502, 503, 504];

fn retry_on(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    if words.is_empty() {
        return Err(Error::new(format!(
            "'{keyword}' needs at least one keyword to specify when to retry"
        )));
    }
    let mut on = RetryOn {
        conn_failure: false,
        ..RetryOn::default()
    };
    let alone = words.rest().len() == 1;
    for word in words.take_rest() {
        match word.as_str() {
            "none" if alone => {}
            "none" => return Err(Error::new(format!("'{keyword}' 'none' keyworld only usable alone"))),
            "conn-failure" => on.conn_failure = true,
            "empty-response" => on.empty_response = true,
            "junk-response" => on.junk_response = true,
            "response-timeout" => on.response_timeout = true,
            "0rtt-rejected" => on.early_data_rejected = true,
            "all-retryable-errors" => {
                on = RetryOn {
                    conn_failure: true,
                    empty_response: true,
                    junk_response: true,
                    response_timeout: true,
                    early_data_rejected: true,
                    statuses: [500, 502, 503, 504].into(),
                };
            }
            other => match other.parse() {
                Ok(status) if STATUSES.contains(&status) => on.statuses.push(status),
                _ => return Err(Error::new(format!("'{keyword}': unknown keyword '{other}'"))),
            },
        }
    }
    draft.proxy.retry_on = on;
    Ok(())
}
