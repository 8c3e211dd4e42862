//! The laboratory: what the end-to-end tests, the demo and the bench share.
//!
//! Everything here ends with the value that stands for it: dropping a [`Process`] ends the process, dropping a [`Netns`] removes the
//! namespace, dropping an [`Origin`] closes its listener.
mod balancer;
mod bpffs;
mod client;
pub mod load;
mod netns;
mod origin;
mod process;
pub mod usage;
mod wait;

pub use balancer::{Balancer, Setup, binary};
pub use bpffs::BpfFileSystem;
pub use client::{Client, Response};
pub use netns::{Netns, veth};
pub use origin::{Origin, Service};
pub use process::{Process, pinned_to};
pub use wait::{free_address, until};
