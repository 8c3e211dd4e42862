//! The rows of the language: configuration keywords, fetches, converters, actions, log variables.

pub mod action;
pub mod bind;
pub mod convert;
#[cfg(test)]
mod examples;
pub mod fetch;
pub mod global;
pub mod log;
pub mod log_target;
pub mod number;
pub mod place;
pub mod proxy;
pub mod reading;
pub mod reply;
pub mod section;
pub mod server;
pub mod tls;
pub mod variable;

pub use reading::Reading;

/// The rows that rules are compiled from.
pub const RULES: crate::rules::Registry = crate::rules::Registry {
    fetches: fetch::ROWS,
    converters: convert::ROWS,
    actions: action::ROWS,
    log_variables: log::ROWS,
};
