//! Decisions that kernel and userspace take alike: map layouts, packet parsing, steering, hashes.
//!
//! The kernel programs call these functions; unit tests run them on the host.
#![no_std]
#[cfg(test)]
extern crate std;

#[macro_use]
mod reasons;

pub mod cookie;
pub mod flow;
pub mod gate;
pub mod hash;
pub mod packet;
pub mod rate;
pub mod steer;
pub mod stick;
