//! One HTTP exchange: phases, forwarding, retries, timers, termination states.
//!
//! [`client::serve`] carries a connection from request to request; [`exchange::Exchange::run`] lists an exchange's phases
//! in HAProxy's order, each in a file of its own.

pub mod body;
mod capture;
pub mod channel;
pub mod client;
mod connect;
mod counting;
pub mod ending;
pub mod engine;
pub mod exchange;
mod finish;
pub mod flows;
pub mod forward;
mod hold;
mod judge;
mod kept;
mod persist;
mod receive;
mod respond;
mod retry;
mod route;
mod shape;
mod tracking;

pub use client::Client;
pub use engine::Engine;
