//! Logs: envelopes around messages, the targets they go to, in-memory rings.

mod envelope;
mod logger;
mod output;
pub mod ring;
mod sampler;
mod target;

pub use envelope::Sender;
pub use logger::{Logger, Loggers};
pub use ring::Ring;
