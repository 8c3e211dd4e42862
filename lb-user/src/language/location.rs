//! Where in the configuration something was said.

use std::fmt;
use std::sync::Arc;

/// A line of a configuration file. The file's name is kept as it was written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub file: Arc<str>,
    /// Line number, starting at one.
    pub line: u32,
}

impl Location {
    /// A line of a file.
    pub fn new(file: &str, line: u32) -> Location {
        Location {
            file: Arc::from(file),
            line,
        }
    }
}

impl Default for Location {
    fn default() -> Location {
        Location::new("", 0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
