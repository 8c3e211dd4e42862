//! Clock, calendar, buffers, timers and sockets of a worker: the only home of `Instant::now`.

pub mod buffer;
pub mod calendar;
pub mod clock;
pub mod connection;
pub mod idle;
pub mod incoming;
pub mod namespace;
pub mod socket;
pub mod timer;
pub mod tls;

pub use buffer::Buffer;
pub use connection::Connection;
pub use incoming::Incoming;
pub use socket::Socket;
pub use timer::Timer;
pub use tls::TlsStream;
