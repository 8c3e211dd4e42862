//! HTTP messages and the HTTP/1 protocol core. Pure: bytes in, values out.
//!
//! A message's head is a [`message::Head`] whichever protocol carried it; [`h1`] reads and writes it in HTTP/1 form
//! and tells where the body ends. [`connection`] decides what each side is told about the connection's future, and
//! [`reply`] holds the answers that the balancer gives by itself.
pub mod cacheable;
pub mod connection;
pub mod cookie;
pub mod date;
pub mod h1;
pub mod header;
pub mod message;
pub mod method;
pub mod normalize;
pub mod reply;
pub mod status;
pub mod uri;

pub use message::{Head, Version};
pub use method::Method;
