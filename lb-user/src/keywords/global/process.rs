//! What the process is: its user, its files, how it runs and ends.

use super::{GlobalDraft, GlobalRow, only_word, works};
use crate::keywords::{Reading, number};
use crate::language::{Error, Words};
use std::time::Duration;

/// A switch of the global section, with a `no` form where the manual has one.
macro_rules! switch {
    ($names:expr, $field:ident, $doc:literal, $example:literal) => {
        works($names, "", $doc, $example, |keyword, words, draft, _| {
            words.end(keyword)?;
            draft.global.$field = !keyword.starts_with("no ");
            Ok(())
        })
    };
}

pub(super) const ROWS: &[GlobalRow] = &[
    switch!(&["daemon"], daemon, "Run in the background.", "daemon"),
    works(
        &["master-worker"],
        "[no-exit-on-failure]",
        "Run as a master that watches a worker process.",
        "master-worker no-exit-on-failure",
        |keyword, words, draft, _| {
            draft.global.master_worker = true;
            match words.next() {
                None => {}
                Some("no-exit-on-failure") => draft.global.exit_on_failure = false,
                Some(_) => return Err(Error::new("'master-worker' only supports 'no-exit-on-failure' option.")),
            }
            words.end(keyword)
        },
    ),
    works(
        &["mworker-max-reloads"],
        "<number>",
        "How many reloads an old worker may live through before it is terminated.",
        "mworker-max-reloads 3",
        |keyword, words, draft, _| {
            draft.global.max_reloads = Some(number::only_integer(keyword, words)?);
            Ok(())
        },
    ),
    switch!(&["quiet"], quiet, "Say nothing at start.", "quiet"),
    switch!(
        &["zero-warning"],
        zero_warning,
        "A warning makes a configuration invalid.",
        "zero-warning"
    ),
    switch!(
        &["strict-limits", "no strict-limits"],
        strict_limits,
        "Refuse to start when the system's limits do not suffice; the default.",
        "strict-limits"
    ),
    works(
        &["expose-experimental-directives"],
        "",
        "Allow experimental keywords, wherever they stand.",
        "expose-experimental-directives",
        |keyword, words, _, _| words.end(keyword),
    ),
    works(
        &["insecure-fork-wanted", "no insecure-fork-wanted"],
        "",
        "Accepted; nothing here starts other programs while it serves.",
        "insecure-fork-wanted",
        |keyword, words, _, _| words.end(keyword),
    ),
    switch!(
        &["noreuseport"],
        no_reuse_port,
        "Workers share each listening socket in place of having their own.",
        "noreuseport"
    ),
    switch!(
        &["insecure-setuid-wanted"],
        insecure_setuid_wanted,
        "Let programs that the process starts gain privileges.",
        "insecure-setuid-wanted"
    ),
    switch!(
        &["set-dumpable", "no set-dumpable"],
        dumpable,
        "Let the kernel write a core file though the user was changed.",
        "set-dumpable"
    ),
    works(
        &["user"],
        "<user>",
        "The user to become after start, by name.",
        "user root",
        user,
    ),
    works(
        &["group"],
        "<group>",
        "The group to become after start, by name.",
        "group root",
        group,
    ),
    works(
        &["uid"],
        "<number>",
        "The user to become after start.",
        "uid 0",
        |keyword, words, draft, _| {
            draft.global.uid = Some(identity(keyword, words)?);
            Ok(())
        },
    ),
    works(
        &["gid"],
        "<number>",
        "The group to become after start.",
        "gid 0",
        |keyword, words, draft, _| {
            draft.global.gid = Some(identity(keyword, words)?);
            Ok(())
        },
    ),
    works(
        &["chroot"],
        "<jail dir>",
        "The directory that becomes the root of the file system after start.",
        "chroot /var/empty",
        |keyword, words, draft, _| {
            draft.global.chroot = Some(only_word(keyword, words, "a directory as an argument")?);
            Ok(())
        },
    ),
    works(
        &["pidfile"],
        "<pidfile>",
        "The file that takes the number of the process.",
        "pidfile /run/lb.pid",
        |keyword, words, draft, _| {
            draft.global.pidfile = Some(only_word(keyword, words, "a file name as an argument")?);
            Ok(())
        },
    ),
    works(
        &["node"],
        "<name>",
        "This machine's name in statistics.",
        "node edge-1",
        node,
    ),
    works(
        &["description"],
        "<text>",
        "A text for the statistics.",
        "description public entrance",
        |keyword, words, draft, _| {
            let text = words.take_rest().join(" ");
            if text.is_empty() {
                return Err(Error::expects(keyword, "a string argument"));
            }
            draft.global.description = Some(text);
            Ok(())
        },
    ),
    works(
        &["hard-stop-after"],
        "<time>",
        "How long a process that is stopping may take.",
        "hard-stop-after 30s",
        |keyword, words, draft, _| {
            let text = words
                .next()
                .ok_or_else(|| Error::new(format!("'{keyword}' expects <time> as argument.")))?;
            words.end(keyword)?;
            let time = number::duration(text, Duration::from_millis(1));
            draft.global.hard_stop_after = Some(time.map_err(|mistake| number::in_argument(mistake, text, keyword))?);
            Ok(())
        },
    ),
    works(
        &["server-state-base"],
        "<directory>",
        "Accepted; servers start as configured, see `load-server-state-from-file`.",
        "server-state-base /var/lib/lb",
        |keyword, words, _, _| only_word(keyword, words, "one argument: a directory path").map(drop),
    ),
    works(
        &["server-state-file"],
        "<file>",
        "Accepted; servers start as configured, see `load-server-state-from-file`.",
        "server-state-file /var/lib/lb/state",
        |keyword, words, _, _| only_word(keyword, words, "one argument: a file path").map(drop),
    ),
];

fn user(keyword: &str, words: &mut Words<'_>, draft: &mut GlobalDraft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let name = words.next().unwrap_or_default();
    words.end(keyword)?;
    let number = reading.host.user(name);
    draft.global.uid = Some(number.ok_or_else(|| Error::new(format!("cannot find user id for '{name}'")))?);
    Ok(())
}

fn group(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &mut GlobalDraft,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let name = words.next().unwrap_or_default();
    words.end(keyword)?;
    let number = reading.host.group(name);
    draft.global.gid = Some(number.ok_or_else(|| Error::new(format!("cannot find group id for '{name}'")))?);
    Ok(())
}

fn identity(keyword: &str, words: &mut Words<'_>) -> Result<u32, Error> {
    let word = words.need(keyword, "an integer argument")?;
    words.end(keyword)?;
    word.parse()
        .map_err(|_| Error::new(format!("{keyword}: string '{word}' is not a number.")))
}

fn node(keyword: &str, words: &mut Words<'_>, draft: &mut GlobalDraft, _: &mut Reading<'_>) -> Result<(), Error> {
    let name = words.next().unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(Error::new(format!(
            "'{keyword}' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), hyphen(-) or underscode(_)."
        )));
    }
    words.end(keyword)?;
    draft.global.node = Some(name.to_owned());
    Ok(())
}
