//! From a listening socket to a session: accept, limits, connection rules, session facts.

mod judge;
pub mod limits;
pub mod listener;

pub use listener::{Listener, run};
