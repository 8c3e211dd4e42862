//! The laboratory: what the end-to-end tests, the demo and the bench share.
//!
//! Everything here ends with the value that stands for it: dropping a [`Process`] ends the process, dropping a [`Netns`] removes the
//! namespace, dropping an [`Origin`] closes its listener.
mod balancer;
mod bpffs;
mod client;
mod flood;
pub mod load;
mod netns;
mod origin;
mod process;
mod random;
mod tap;
pub mod usage;
mod wait;
mod wire;

pub use balancer::{Balancer, Setup, binary};
pub use bpffs::BpfFileSystem;
pub use client::{Client, Response};
pub use flood::Flood;
pub use netns::{Netns, veth};
pub use origin::{Origin, Service};
pub use process::{Process, pinned_to};
pub use random::Random;
pub use tap::Tap;
pub use wait::{free_address, until};
pub use wire::{Faults, Wire, WireEnd};
