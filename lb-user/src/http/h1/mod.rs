//! HTTP/1 on the wire: reading heads, finding where bodies end, writing heads.
pub mod chunk;
pub mod fault;
pub mod framing;
pub mod head;
mod octets;
pub mod write;

pub use chunk::ChunkDecoder;
pub use fault::{Bad, Fault};
pub use framing::Framing;
pub use head::{Limits, Parsed, parse_request, parse_response};
