//! What is told to the operator while a configuration is read.

use super::{Error, Location};

/// HAProxy's message levels. `Alert` is the only one that makes a configuration invalid; `Diag` shows only with `-dD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Diag,
    Notice,
    Warning,
    Alert,
}

impl Severity {
    /// The bracketed name that opens a message's line.
    pub fn label(self) -> &'static str {
        match self {
            Severity::Diag => "DIAG",
            Severity::Notice => "NOTICE",
            Severity::Warning => "WARNING",
            Severity::Alert => "ALERT",
        }
    }
}

/// One message: its level and its text without the `[LEVEL] (pid) : ` head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub severity: Severity,
    pub text: String,
}

/// The messages of one reading, in the order they were found.
#[derive(Debug, Default)]
pub struct Diagnostics {
    messages: Vec<Message>,
}

impl Diagnostics {
    /// A message that names its place itself, or has none.
    pub fn push(&mut self, severity: Severity, text: impl Into<String>) {
        self.messages.push(Message {
            severity,
            text: text.into(),
        });
    }

    /// A message about one line: `parsing [file:line] : text`.
    pub fn at(&mut self, severity: Severity, location: &Location, text: impl std::fmt::Display) {
        self.push(severity, format!("parsing [{location}] : {text}"));
    }

    /// A mistake in one line.
    pub fn alert(&mut self, location: &Location, error: &Error) {
        self.at(Severity::Alert, location, error);
    }

    /// A warning about one line.
    pub fn warn(&mut self, location: &Location, text: impl std::fmt::Display) {
        self.at(Severity::Warning, location, text);
    }

    /// All messages, in the order they were found.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Is there a message of this level?
    pub fn has(&self, severity: Severity) -> bool {
        self.messages.iter().any(|message| message.severity == severity)
    }
}
