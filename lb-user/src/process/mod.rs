//! Startup on one page: arguments, privileges, master and worker, listeners' handover, signals.

pub mod args;
pub mod identity;
pub mod inherit;
pub mod limits;
pub mod listeners;
pub mod messages;
pub mod version;
