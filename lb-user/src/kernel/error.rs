//! Why the kernel's help is not to be had, each with what is to blame.
use std::net::IpAddr;
use std::path::PathBuf;

use thiserror::Error;

/// An error of this room.
#[derive(Debug, Error)]
pub enum KernelError {
    /// This program was built before or without the kernel programs.
    #[error("built without the kernel program '{object}' (cargo xtask build-ebpf, then build again)")]
    NoObject { object: &'static str },
    /// The kernel refused a program or its maps.
    #[error("cannot load the kernel program '{object}': {why}")]
    Load { object: &'static str, why: String },
    /// The object was built from other sources than this program: its maps hold something else.
    #[error("map '{map}' of the kernel program is {found}, not {expected} (cargo xtask build-ebpf, then build again)")]
    Layout {
        map: &'static str,
        found: String,
        expected: String,
    },
    /// The kernel refused an access to a map.
    #[error("cannot {verb} map '{map}': {why}")]
    Map {
        map: &'static str,
        verb: &'static str,
        why: String,
    },
    /// A map holds fewer entries than the rules need.
    #[error("map '{map}' has room for {capacity} entries, {needed} are needed")]
    Full {
        map: &'static str,
        needed: usize,
        capacity: usize,
    },
    /// A prefix is longer than its address.
    #[error("'{address}/{length}' is no network")]
    Prefix { address: IpAddr, length: u8 },
    /// Two listeners with different rules share an address and port, so that the kernel alone knows whose a connection will be.
    #[error("two listeners with different rules on {}:{port}", address.map_or("*".to_owned(), |address| address.to_string()))]
    Conflict { address: Option<IpAddr>, port: u16 },
    /// There is no such interface in this network namespace.
    #[error("no interface '{interface}'")]
    NoInterface { interface: String },
    /// Another program, perhaps our predecessor's, is attached to the interface.
    #[error("interface '{interface}' runs another XDP program")]
    Busy { interface: String },
    /// The interface does not take the program in this mode.
    #[error("interface '{interface}' refuses {mode} XDP: {why}")]
    Attach {
        interface: String,
        mode: &'static str,
        why: String,
    },
    /// The interface does not take the program that forwards.
    #[error("interface '{interface}' refuses TC: {why}")]
    AttachTc { interface: String, why: String },
    /// The host's own addresses cannot be read.
    #[error("cannot read the local addresses: {0}")]
    Addresses(std::io::Error),
    /// The maps cannot be pinned. The gate works without.
    #[error("cannot pin maps in '{}': {why}", path.display())]
    Pin { path: PathBuf, why: String },
}
