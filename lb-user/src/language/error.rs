//! A configuration mistake, worded for the operator.

use std::fmt;

/// One mistake in one line. The text follows HAProxy's wording and names the word at fault; whoever knows the
/// location puts `parsing [file:line] : ` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// A mistake in its own words.
    pub fn new(text: impl Into<String>) -> Error {
        Error(text.into())
    }

    /// `'keyword' expects <what>.`
    pub fn expects(keyword: &str, what: &str) -> Error {
        Error(format!("'{keyword}' expects {what}."))
    }

    /// A known name of the language that this version does not carry out.
    pub fn not_implemented(name: &str) -> Error {
        Error(format!("'{name}' is not implemented in this version."))
    }

    /// The same mistake with words before it, such as `error detected in frontend 'f' while parsing …`.
    pub fn within(self, context: impl fmt::Display) -> Error {
        Error(format!("{context} : {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(text: String) -> Error {
        Error(text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Error {
        Error(text.to_owned())
    }
}
