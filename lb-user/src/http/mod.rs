//! HTTP messages and the HTTP/1 protocol core. Pure: bytes in, values out.
pub mod message;
pub mod method;
pub mod reply;
pub mod uri;
