//! Messages to the operator on standard error, in HAProxy's form.

use std::io::Write;

use super::args::Verbosity;
use crate::language::{Diagnostics, Severity, release};

/// Prints messages as `[LEVEL]    (pid) : text`.
#[derive(Debug)]
pub struct Messages {
    quiet: bool,
    diagnostics: bool,
    /// Was it said which program speaks? That precedes the first warning or alert.
    introduced: bool,
}

impl Messages {
    /// `diagnostics`: say those messages, too (`-dD`).
    pub fn new(verbosity: Verbosity, diagnostics: bool) -> Messages {
        Messages {
            quiet: verbosity == Verbosity::Quiet,
            diagnostics,
            introduced: false,
        }
    }

    /// From here on nothing is said: the terminal is left, or `quiet` was read.
    pub fn hush(&mut self) {
        self.quiet = true;
    }

    /// Is nothing said any more?
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Says one message, unless it is unwanted.
    pub fn say(&mut self, severity: Severity, text: impl AsRef<str>) {
        let unwanted = severity == Severity::Diag && !self.diagnostics;
        if self.quiet || unwanted {
            return;
        }
        if severity >= Severity::Warning && !self.introduced {
            self.introduced = true;
            self.print(Severity::Notice, &format!("haproxy version is {}", release::VERSION));
            if let Ok(path) = std::env::current_exe() {
                self.print(Severity::Notice, &format!("path to executable is {}", path.display()));
            }
        }
        self.print(severity, text.as_ref());
    }

    /// What the operator may want to know.
    pub fn notice(&mut self, text: impl AsRef<str>) {
        self.say(Severity::Notice, text);
    }

    /// What is wrong but does not keep the process from starting.
    pub fn warning(&mut self, text: impl AsRef<str>) {
        self.say(Severity::Warning, text);
    }

    /// What keeps the process from starting.
    pub fn alert(&mut self, text: impl AsRef<str>) {
        self.say(Severity::Alert, text);
    }

    /// Says what was found while the configuration was read.
    pub fn all(&mut self, diagnostics: &Diagnostics) {
        for message in diagnostics.messages() {
            self.say(message.severity, &message.text);
        }
    }

    fn print(&self, severity: Severity, text: &str) {
        // Nobody is left to be told that standard error is gone.
        let _ = std::io::stderr().write_all(line(severity, std::process::id(), text).as_bytes());
    }
}

fn line(severity: Severity, pid: u32, text: &str) -> String {
    let label = format!("[{}]", severity.label());
    format!("{label:<11}({pid}) : {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_aligned() {
        assert_eq!(line(Severity::Alert, 7, "no"), "[ALERT]    (7) : no\n");
        assert_eq!(line(Severity::Warning, 7, "hm"), "[WARNING]  (7) : hm\n");
        assert_eq!(line(Severity::Notice, 7, "so"), "[NOTICE]   (7) : so\n");
        assert_eq!(line(Severity::Diag, 7, "sic"), "[DIAG]     (7) : sic\n");
    }
}
