//! Work in another network namespace, such as `ip netns add` makes them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where named namespaces are.
const DIRECTORY: &str = "/run/netns";

/// Namespaces opened so far: their names may be out of reach later, behind `chroot` or without the privilege.
fn opened() -> &'static Mutex<HashMap<String, &'static File>> {
    static OPENED: OnceLock<Mutex<HashMap<String, &'static File>>> = OnceLock::new();
    OPENED.get_or_init(Mutex::default)
}

/// Opens a namespace, which stays open for the life of the process.
pub fn open(name: &str) -> io::Result<&'static File> {
    let mut opened = opened().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = opened.get(name) {
        return Ok(file);
    }
    let file = Box::leak(Box::new(File::open(format!("{DIRECTORY}/{name}"))?));
    opened.insert(name.to_owned(), file);
    Ok(file)
}

/// Does `work` in the namespace of that name, or in the thread's own one where there is no name. Sockets stay in the
/// namespace that they are made in. Needs CAP_SYS_ADMIN.
pub fn within<T, E: From<io::Error>>(name: Option<&str>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let Some(name) = name else { return work() };
    let own = File::open("/proc/thread-self/ns/net")?;
    let enter = |namespace: &File| {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).map_err(io::Error::from)
    };
    enter(open(name)?)?;
    let done = work();
    enter(&own)?;
    done
}
