//! From text to `Plan`: lex, condition, section, rows, link.

pub mod condition;
pub mod environment;
pub mod lex;
pub mod paths;
pub mod section;
pub mod source;
