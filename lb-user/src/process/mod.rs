//! Startup on one page: arguments, privileges, master and worker, listeners' handover, signals.

pub mod args;
pub mod configuration;
pub mod ctl;
pub mod daemon;
pub mod explain;
pub mod handover;
pub mod host;
pub mod identity;
pub mod inherit;
pub mod limits;
pub mod listeners;
pub mod master;
pub mod messages;
pub mod notify;
pub mod old;
mod operator;
pub mod reference;
pub mod service;
pub mod signals;
pub mod startup;
pub mod status;
pub mod subcommand;
pub mod version;
pub mod workers;
