//! What a configuration asks of this machine: names of hosts, users, groups and files.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;

use nix::unistd::{Group, User, gethostname};

use crate::language::Host;
use crate::runtime::namespace;

/// The machine the process runs on.
pub struct System {
    /// Servers may have names that do not resolve.
    pub ignore_resolution: bool,
}

/// This machine's name.
pub fn name() -> String {
    let name = gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "localhost".to_owned())
}

impl Host for System {
    fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let addresses = (name, 0).to_socket_addrs();
        addresses.map_or_else(
            |_| Vec::new(),
            |addresses| addresses.map(|address| address.ip()).collect(),
        )
    }

    fn must_resolve(&self) -> bool {
        !self.ignore_resolution
    }

    /// What is opened here is at hand for sockets later.
    fn has_namespace(&self, name: &str) -> bool {
        namespace::open(name).is_ok()
    }

    fn user(&self, name: &str) -> Option<u32> {
        User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn group(&self, name: &str) -> Option<u32> {
        Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn hostname(&self) -> String {
        name()
    }

    fn list_directory(&self, path: &Path) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(path).ok()?;
        Some(
            entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
        )
    }
}
