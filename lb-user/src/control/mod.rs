//! The runtime API: sessions, command rows, statistics fields.

mod command;
mod help;
mod input;
mod registry;
pub mod serve;
mod session;
pub mod stats;
#[cfg(test)]
mod testing;
mod world;

pub use command::{Answer, Request, Run};
pub use registry::{COMMANDS, CommandRow};
pub use session::{Now, Session, State};
pub use world::World;
