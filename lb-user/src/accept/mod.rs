//! From a listening socket to a session: accept, limits, PROXY protocol, session facts.

pub mod listener;
pub mod worker;
