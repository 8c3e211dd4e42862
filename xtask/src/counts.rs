//! How many tests passed, failed and were skipped.
use std::fmt;
use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Displays as `N passed, N failed`, followed by `, N skipped` where there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    /// Runs a command to its end, passes its output on, and sums the counts that `read` finds in its lines.
    ///
    /// A command that fails without telling of a failed test counts as one: something did not even compile.
    pub fn of(command: &mut Command, read: fn(&str) -> Option<Self>) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        let mut counts = Self::default();
        for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
            let line = line?;
            println!("{line}");
            if let Some(more) = read(&line) {
                counts += more;
            }
        }
        if !child.wait()?.success() && counts.failed == 0 {
            counts.failed = 1;
        }
        Ok(counts)
    }

    /// The counts of one line that `cargo test` prints per test binary, `None` for any other line.
    pub fn from_cargo(line: &str) -> Option<Self> {
        let (_, results) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut parts = results.split("; ");
        Some(Self {
            passed: number(parts.next(), "passed")?,
            failed: number(parts.next(), "failed")?,
            skipped: number(parts.next(), "ignored")?,
        })
    }

    /// The counts of a line that reads as they display, `None` for any other line.
    pub fn from_display(line: &str) -> Option<Self> {
        let mut parts = line.split(", ");
        Some(Self {
            passed: number(parts.next(), "passed")?,
            failed: number(parts.next(), "failed")?,
            skipped: number(parts.next().or(Some("0 skipped")), "skipped")?,
        })
    }
}

/// The number in `N word`.
fn number(part: Option<&str>, word: &str) -> Option<usize> {
    part?.strip_suffix(word)?.trim_end().parse().ok()
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(out, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_lines_are_read_and_others_passed_over() {
        let line = "test result: FAILED. 8 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.22s";
        let counts = Counts {
            passed: 8,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(Counts::from_cargo(line), Some(counts));
        for other in ["running 3 tests", "test result: odd", "test a ... ok", ""] {
            assert_eq!(Counts::from_cargo(other), None, "{other}");
            assert_eq!(Counts::from_display(other), None, "{other}");
        }
    }

    #[test]
    fn a_command_that_fails_without_a_failed_test_counts_as_one() -> Result<()> {
        let of = |script| Counts::of(Command::new("sh").args(["-c", script]), Counts::from_display);
        assert_eq!(of("echo 2 passed, 0 failed")?.to_string(), "2 passed, 0 failed");
        assert_eq!(of("echo 2 passed, 0 failed; false")?.to_string(), "2 passed, 1 failed");
        assert_eq!(of("echo 2 passed, 3 failed; false")?.to_string(), "2 passed, 3 failed");
        Ok(())
    }

    #[test]
    fn skipped_ones_are_only_told_of_where_there_are_any() {
        let mut counts = Counts::default();
        assert_eq!(counts.to_string(), "0 passed, 0 failed");
        counts += Counts {
            passed: 2,
            failed: 1,
            skipped: 3,
        };
        assert_eq!(counts.to_string(), "2 passed, 1 failed, 3 skipped");
        assert_eq!(Counts::from_display("2 passed, 1 failed, 3 skipped"), Some(counts));
        assert_eq!(Counts::from_display("0 passed, 0 failed"), Some(Counts::default()));
    }
}
