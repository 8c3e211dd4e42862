//! From a listening socket to a session: accept, limits, connection rules, session facts.

mod judge;
pub mod limits;
pub mod listener;
mod proxied;
mod secure;
pub mod worker;

pub use listener::Listener;
pub use worker::{Phase, Worker};
