//! What all of the language's rows share: words, locations, diagnostics, suggestions, row types.

pub mod address;
pub mod diag;
pub mod error;
pub mod host;
pub mod location;
pub mod paths;
pub mod raw;
pub mod release;
pub mod row;
pub mod scope;
pub mod suggest;
pub mod units;
pub mod words;

pub use diag::{Diagnostics, Severity};
pub use error::Error;
pub use host::{Host, NoNames};
pub use location::Location;
pub use row::{Does, Row};
pub use scope::Scope;
pub use words::{Word, Words};
