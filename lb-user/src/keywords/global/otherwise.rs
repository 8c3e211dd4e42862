//! Keywords that tune what is done in another way here: their arguments are checked, and that is all.

use super::{GlobalDraft, GlobalRow, on_off, works};
use crate::keywords::{Reading, number};
use crate::language::{Error, Words, units};
use std::time::Duration;

/// A keyword without arguments.
macro_rules! bare {
    ($names:expr, $example:literal, $doc:literal) => {
        works($names, "", $doc, $example, |keyword, words, _, _| words.end(keyword))
    };
}

/// A keyword that takes a number.
macro_rules! number {
    ($name:literal, $example:literal, $doc:literal) => {
        works(
            &[$name],
            "<number>",
            $doc,
            concat!($name, " ", $example),
            |keyword, words, _, _| number::only_integer::<i64>(keyword, words).map(drop),
        )
    };
}

/// A keyword that takes a size.
macro_rules! size {
    ($name:literal, $doc:literal) => {
        works(
            &[$name],
            "<size>",
            $doc,
            concat!($name, " 1k"),
            |keyword, words, _, _| size(keyword, words),
        )
    };
}

/// A keyword that is on or off.
macro_rules! switch {
    ($name:literal, $doc:literal) => {
        works(
            &[$name],
            "{ on | off }",
            $doc,
            concat!($name, " off"),
            |keyword, words, _, _| on_off(keyword, words).map(drop),
        )
    };
}

pub(super) const ROWS: &[GlobalRow] = &[
    bare!(&["noepoll"], "noepoll", "Accepted; epoll is what is used."),
    bare!(&["nopoll"], "nopoll", "Accepted; poll() is not used."),
    bare!(&["nokqueue"], "nokqueue", "Accepted; kqueue is not used."),
    bare!(&["noevports"], "noevports", "Accepted; event ports are not used."),
    bare!(&["nosplice"], "nosplice", "Accepted; splice() is not used."),
    bare!(
        &["nogetaddrinfo"],
        "nogetaddrinfo",
        "Accepted; names are resolved by the system's resolver."
    ),
    bare!(
        &["busy-polling", "no busy-polling"],
        "busy-polling",
        "Accepted; workers sleep until something happens."
    ),
    number!("maxpipes", "100", "Accepted; there are no pipes."),
    number!("tune.pipesize", "65536", "Accepted; there are no pipes."),
    number!(
        "tune.maxpollevents",
        "200",
        "Accepted; the runtime decides how many events it takes at once."
    ),
    number!(
        "tune.runqueue-depth",
        "200",
        "Accepted; the runtime decides how many tasks run in a row."
    ),
    number!(
        "tune.recv_enough",
        "10000",
        "Accepted; a short read always ends reading."
    ),
    number!(
        "tune.buffers.limit",
        "0",
        "Accepted; buffers are shared and held only while in use."
    ),
    number!(
        "tune.buffers.reserve",
        "2",
        "Accepted; buffers are shared and held only while in use."
    ),
    number!("tune.chksize", "16384", "Accepted; checks use `tune.bufsize`."),
    number!(
        "tune.pool-high-fd-ratio",
        "25",
        "Accepted; idle connections are bounded by `pool-max-conn`."
    ),
    number!(
        "tune.pool-low-fd-ratio",
        "20",
        "Accepted; idle connections are bounded by `pool-max-conn`."
    ),
    number!(
        "tune.pattern.cache-size",
        "10000",
        "Accepted; results of patterns are not cached."
    ),
    switch!(
        "tune.idle-pool.shared",
        "Accepted; idle connections to servers stay with the worker that made them."
    ),
    switch!(
        "tune.sched.low-latency",
        "Accepted; tasks run in the order they became ready."
    ),
    switch!("profiling.memory", "Accepted; allocations are not counted."),
    switch!(
        "tune.listener.multi-queue",
        "Accepted; each worker accepts from a socket of its own."
    ),
    switch!(
        "tune.fd.edge-triggered",
        "Accepted; readiness is always edge-triggered."
    ),
    works(
        &["profiling.tasks"],
        "{ auto | on | off }",
        "Accepted; time is not measured for each task.",
        "profiling.tasks off",
        |keyword, words, _, _| match words.next().unwrap_or_default() {
            "auto" | "on" | "off" => words.end(keyword),
            other => Err(Error::new(format!(
                "'{keyword}' expects either 'on', 'auto', or 'off' but got '{other}'."
            ))),
        },
    ),
    works(
        &["tune.idletimer"],
        "<timeout>",
        "Accepted; what was read is written at once, however long a stream paused.",
        "tune.idletimer 1000",
        idle_timer,
    ),
    size!("tune.vars.global-max-size", "Accepted; variables take what they need."),
    size!("tune.vars.proc-max-size", "Accepted; variables take what they need."),
    size!("tune.vars.sess-max-size", "Accepted; variables take what they need."),
    size!("tune.vars.txn-max-size", "Accepted; variables take what they need."),
    size!("tune.vars.reqres-max-size", "Accepted; variables take what they need."),
];

fn size(keyword: &str, words: &mut Words<'_>) -> Result<(), Error> {
    let word = words.next().unwrap_or_default();
    units::size(word).map_err(|_| Error::new(format!("{keyword}: '{word}' is an invalid size")))?;
    words.end(keyword)
}

fn idle_timer(keyword: &str, words: &mut Words<'_>, _: &mut GlobalDraft, _: &mut Reading<'_>) -> Result<(), Error> {
    let text = words.next().unwrap_or_default();
    words.end(keyword)?;
    let time = number::duration(text, Duration::from_millis(1))
        .map_err(|mistake| number::in_argument(mistake, text, keyword))?;
    match time.as_millis() {
        0..=65_535 => Ok(()),
        _ => Err(Error::new(format!(
            "'{keyword}' expects a timer value between 0 and 65535 ms."
        ))),
    }
}
