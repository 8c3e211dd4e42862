//! What a configuration asks of the machine it is read on.

use std::net::IpAddr;
use std::path::Path;

/// The machine. Tests put one of their own in its place.
pub trait Host {
    /// The addresses of a host name, as the system's resolver orders them; empty where there are none.
    fn resolve(&self, name: &str) -> Vec<IpAddr>;
    /// The number of a user.
    fn user(&self, name: &str) -> Option<u32>;
    /// The number of a group.
    fn group(&self, name: &str) -> Option<u32>;
    /// Is a server whose name does not resolve a mistake? Not with `-dr`.
    fn must_resolve(&self) -> bool {
        true
    }
    /// Is there a network namespace of that name?
    fn has_namespace(&self, _name: &str) -> bool {
        true
    }
    /// This machine's name.
    fn hostname(&self) -> String;
    /// The names in a directory; nothing where it is none.
    fn list_directory(&self, _path: &Path) -> Option<Vec<String>> {
        None
    }
}

/// A machine that knows no name: a configuration read for it means the same everywhere.
pub struct NoNames;

impl Host for NoNames {
    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }

    fn user(&self, _: &str) -> Option<u32> {
        None
    }

    fn group(&self, _: &str) -> Option<u32> {
        None
    }

    fn hostname(&self) -> String {
        "edge".to_owned()
    }
}
