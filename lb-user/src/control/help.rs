//! `help`, and hints for commands that do not exist.

use std::fmt::Write;

use super::registry;
use crate::control::CommandRow;
use crate::language::{Does, Scope, suggest};

/// How many guesses a hint offers at most.
const GUESSES: usize = 5;

/// These stand at the end, in this order.
const LAST: [&str; 3] = ["help", "prompt", "quit"];

/// The answer to `help`, for all commands or for those that `filter` looks like.
pub fn help(filter: &[String]) -> String {
    let title = "The following commands are valid at this level:\n";
    screen(title, listed().filter(|row| fits(row, filter)).collect())
}

/// The answer to a command that does not exist.
pub fn unknown(words: &[String]) -> String {
    if words.is_empty() {
        let title = "Unknown command. Please enter one of the following commands only:\n";
        return screen(title, listed().collect());
    }
    let title = "Unknown command, but maybe one of the following ones is a better match:\n";
    screen(title, nearest(words))
}

/// The commands that open with these words, the last of which may be cut short.
fn fits(row: &CommandRow, filter: &[String]) -> bool {
    let name: Vec<&str> = row.name().split(' ').collect();
    filter
        .iter()
        .zip(&name)
        .all(|(given, word)| word.starts_with(given.as_str()))
        && filter.len() <= name.len()
}

/// The commands nearest to `words`.
fn nearest(words: &[String]) -> Vec<&'static CommandRow> {
    let opening: Vec<_> = listed().filter(|row| fits(row, words)).collect();
    if !opening.is_empty() {
        return opening;
    }
    let mut guesses: Vec<_> = listed().filter_map(|row| Some((distance(row, words)?, row))).collect();
    guesses.sort_by_key(|(distance, row)| (*distance, row.name()));
    let best = guesses.first().map_or(0, |(distance, _)| *distance);
    guesses.retain(|(distance, _)| *distance <= best + 1);
    guesses.truncate(GUESSES);
    guesses.into_iter().map(|(_, row)| row).collect()
}

/// How far `words` are from the command: the slips that part each of them from the word of the command that is most like
/// it, and the command's words beyond as many. `None` when a word is like none.
fn distance(row: &CommandRow, words: &[String]) -> Option<usize> {
    let name = row.name().split(' ');
    let slips = words.iter().map(|given| {
        let nearest = suggest::nearest(given, name.clone())?;
        Some(suggest::distance(nearest.as_bytes(), given.as_bytes()))
    });
    let slips: usize = slips.sum::<Option<usize>>()?;
    Some(slips + name.count().saturating_sub(words.len()))
}

fn listed() -> impl Iterator<Item = &'static CommandRow> {
    registry::rows().filter(|row| !row.scope.meets(Scope::CLI_UNLISTED))
}

fn screen(title: &str, mut rows: Vec<&CommandRow>) -> String {
    rows.retain(|row| !LAST.contains(&row.name()));
    rows.sort_by_key(|row| row.name());
    let closing = LAST
        .iter()
        .filter_map(|name| registry::rows().find(|row| row.name() == *name));
    let mut text = title.to_owned();
    for row in rows.into_iter().chain(closing) {
        let usage = match row.args {
            "" => row.name().to_owned(),
            args => format!("{} {args}", row.name()),
        };
        let note = match row.does {
            Does::Works(_) => "",
            Does::Refused => " (not implemented in this version)",
        };
        let _ = writeln!(text, "  {usage:<40}: {}{note}", row.doc);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    /// The names on a screen, without those that always close it.
    fn names(screen: &str) -> Vec<&str> {
        let mut names: Vec<&str> = screen
            .lines()
            .skip(1)
            .filter_map(|line| {
                registry::rows()
                    .map(|row| row.name())
                    .filter(|name| line.trim_start().starts_with(name))
                    .max_by_key(|name| name.len())
            })
            .collect();
        assert_eq!(names.split_off(names.len() - LAST.len()), LAST);
        names
    }

    #[test]
    fn a_screen_looks_as_the_peers_does() {
        let screen = help(&words("show cli"));
        assert_eq!(
            screen,
            "The following commands are valid at this level:\n\
             \x20 show cli level                          : display the level of the current CLI session\n\
             \x20 show cli sockets                        : dump list of cli sockets\n\
             \x20 help [<command>]                        : list matching or all commands\n\
             \x20 prompt                                  : toggle interactive mode with prompt\n\
             \x20 quit                                    : disconnect\n"
        );
    }

    #[test]
    fn help_lists_what_opens_with_the_words_given() {
        assert_eq!(
            names(&help(&words("add"))),
            ["add acl", "add map", "add server", "add ssl crt-list"]
        );
        assert_eq!(names(&help(&words("show s"))).len(), 7);
        assert_eq!(names(&help(&words("zzz"))), [""; 0]);
        assert!(!help(&[]).contains("expert-mode"));
    }

    #[test]
    fn a_slip_is_answered_with_what_may_have_been_meant() {
        for (line, meant) in [
            ("show state", vec!["show servers state", "show stat"]),
            ("show cli", vec!["show cli level", "show cli sockets"]),
            ("show infoo", vec!["show info"]),
            ("get wight", vec!["get weight", "set weight"]),
            ("dsable server", vec!["disable server", "enable server"]),
            ("shutdown sessions", vec!["shutdown sessions server"]),
            ("qqqqqqqqqqqq", vec![]),
        ] {
            assert_eq!(names(&unknown(&words(line))), meant, "{line}");
        }
        assert!(unknown(&[]).starts_with("Unknown command. Please"));
    }
}
