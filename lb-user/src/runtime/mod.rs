//! A worker's tasks, timers, sockets, buffers, and its clock: the only home of `Instant::now`.

mod alarm;
pub mod bare;
pub mod buffer;
pub mod calendar;
pub mod clock;
pub mod connection;
pub mod executor;
pub mod idle;
pub mod incoming;
pub mod namespace;
pub mod reactor;
pub mod socket;
pub mod timer;
pub mod tls;

pub use bare::BareSocket;
pub use buffer::Buffer;
pub use connection::Connection;
pub use incoming::Incoming;
pub use socket::Socket;
pub use timer::{Timer, sleep};
pub use tls::TlsStream;
