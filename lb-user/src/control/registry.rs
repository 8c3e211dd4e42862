//! The commands' registry: which row a line asks for.

use super::command::{self, Run};
use crate::language::{Row, Scope};
use crate::plan::global::CliLevel;

/// A command: its names are the words it opens with, its scope the lowest level that may give it.
pub type CommandRow = Row<Run>;

/// All commands, one slice a file.
pub const COMMANDS: &[&[CommandRow]] = &[
    command::session::ROWS,
    command::info::ROWS,
    command::server::ROWS,
    command::cookie::ROWS,
    command::frontend::ROWS,
    command::table::ROWS,
    command::variable::ROWS,
    command::pattern::ROWS,
    command::stream::ROWS,
    command::show::ROWS,
    command::error::ROWS,
    command::event::ROWS,
    command::refused::ROWS,
];

/// The row whose words `words` opens with, and how many those are. Of several, the longest.
pub fn find(words: &[String]) -> Option<(&'static CommandRow, usize)> {
    rows()
        .filter_map(|row| {
            let length = row.names.iter().filter_map(|name| opens(words, name)).max()?;
            Some((row, length))
        })
        .max_by_key(|(_, length)| *length)
}

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static CommandRow> {
    COMMANDS.iter().flat_map(|rows| rows.iter())
}

/// How many words `name` has, if `words` begins with them.
fn opens(words: &[String], name: &str) -> Option<usize> {
    let mut count = 0;
    for word in name.split(' ') {
        if words.get(count).map(String::as_str) != Some(word) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// May a session of that level give this command?
pub fn is_allowed(row: &CommandRow, level: CliLevel) -> bool {
    let held = match level {
        CliLevel::User => Scope::CLI_USER,
        CliLevel::Operator => Scope::CLI_USER.or(Scope::CLI_OPERATOR),
        CliLevel::Admin => Scope::CLI_USER.or(Scope::CLI_OPERATOR).or(Scope::CLI_ADMIN),
    };
    row.scope.meets(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_longest_name_wins() {
        for (line, name, length) in [
            ("show cli level extra", "show cli level", 3),
            ("show sess 0x1", "show sess", 2),
            ("clear counters all", "clear counters", 2),
        ] {
            let (row, count) = find(&words(line)).expect(line);
            assert_eq!((row.name(), count), (name, length));
        }
        assert!(find(&words("show")).is_none());
        assert!(find(&words("Show info")).is_none());
        assert!(find(&[]).is_none());
    }

    #[test]
    fn rows_are_well_formed() {
        let mut seen = HashSet::new();
        for row in rows() {
            for name in row.names {
                assert!(seen.insert(*name), "{name} twice");
            }
            assert!(!row.doc.is_empty(), "{}", row.name());
            assert!(
                find(&words(row.example)).is_some_and(|(found, _)| std::ptr::eq(found, row)),
                "{}",
                row.example
            );
            let levels = [Scope::CLI_USER, Scope::CLI_OPERATOR, Scope::CLI_ADMIN];
            assert_eq!(
                levels.iter().filter(|level| row.scope.meets(**level)).count(),
                1,
                "{}",
                row.name()
            );
        }
    }

    /// The commands that the 2.4 manual documents, all of them known here.
    #[test]
    fn every_command_of_the_manual_is_known() {
        for line in include_str!("../../../tests/data/runtime-api-commands.txt").lines() {
            assert!(find(&words(line)).is_some(), "{line}");
        }
    }
}
