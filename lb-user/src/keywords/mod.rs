//! The rows of the language: fetches, converters, actions, configuration keywords.

pub mod log;
