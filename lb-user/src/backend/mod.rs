//! Servers, the choice of one, queues, idle connections, connecting.

pub mod balance;
