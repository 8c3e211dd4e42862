//! Listening sockets that come from the process being replaced.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{SockAddr, SockRef, Type};

use super::listeners::abstract_address;
use crate::plan::{Bind, BindAddress};

/// Sockets to take over. They stay open until this is dropped, so that a start that fails can leave them to the next.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Socket>,
}

#[derive(Debug)]
struct Socket {
    address: SockAddr,
    fd: OwnedFd,
    taken: bool,
}

impl Inherited {
    /// Keeps the descriptors that are stream sockets with an address.
    pub fn new(descriptors: impl IntoIterator<Item = OwnedFd>) -> Inherited {
        let sockets = descriptors
            .into_iter()
            .filter_map(|fd| {
                let socket = SockRef::from(&fd);
                let address = socket.local_addr().ok()?;
                if socket.r#type().ok()? != Type::STREAM {
                    return None;
                }
                let taken = false;
                Some(Socket { address, fd, taken })
            })
            .collect();
        Inherited { sockets }
    }

    /// Another attempt to bind begins: all sockets can be taken again.
    pub fn release(&mut self) {
        for socket in &mut self.sockets {
            socket.taken = false;
        }
    }

    /// Takes up to `count` sockets that are what `bind` asks for, as second handles on them.
    pub fn take(&mut self, bind: &Bind, count: usize) -> Vec<OwnedFd> {
        self.sockets
            .iter_mut()
            .filter(|socket| !socket.taken && socket.fits(bind))
            .filter_map(|socket| {
                let handle = socket.fd.try_clone().ok()?;
                socket.taken = true;
                Some(handle)
            })
            .take(count)
            .collect()
    }

    /// Is there one that `bind` asks for?
    pub fn has(&self, bind: &Bind) -> bool {
        self.sockets.iter().any(|socket| socket.fits(bind))
    }

    /// Adds those of another process.
    pub fn extend(&mut self, other: Inherited) {
        self.sockets.extend(other.sockets);
    }

    /// The sockets themselves.
    pub fn into_descriptors(self) -> Vec<OwnedFd> {
        self.sockets.into_iter().map(|socket| socket.fd).collect()
    }
}

impl Socket {
    fn fits(&self, bind: &Bind) -> bool {
        let device = SockRef::from(&self.fd).device().ok().flatten();
        let wanted = bind.options.interface.as_ref().map(|name| name.as_bytes());
        is_bound_to(&self.address, &bind.address) && device.as_deref() == wanted
    }
}

fn is_bound_to(socket: &SockAddr, wanted: &BindAddress) -> bool {
    match wanted {
        BindAddress::Inet(wanted) => socket.as_socket().is_some_and(|bound| same(bound, *wanted)),
        BindAddress::Unix(wanted) => socket
            .as_pathname()
            .and_then(|path| path.to_str())
            .is_some_and(|bound| without_temporary_suffix(bound) == wanted),
        BindAddress::Abstract(wanted) => *socket == abstract_address(wanted),
        BindAddress::Descriptor(_) => false,
    }
}

fn same(bound: SocketAddr, wanted: SocketAddr) -> bool {
    (bound.ip(), bound.port()) == (wanted.ip(), wanted.port())
}

/// A unix socket keeps the temporary name that it was bound under.
fn without_temporary_suffix(path: &str) -> &str {
    path.strip_suffix(".tmp")
        .and_then(|rest| rest.rsplit_once('.'))
        .filter(|(_, pid)| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(path, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Location;
    use crate::plan::bind::BindOptions;

    #[test]
    fn sockets_go_to_the_address_they_are_bound_to() {
        let listen = |address: &str| std::net::TcpListener::bind(address).unwrap();
        let (first, second) = (listen("127.0.0.1:0"), listen("127.0.0.1:0"));
        let bind = |listener: &std::net::TcpListener| Bind {
            address: BindAddress::Inet(listener.local_addr().unwrap()),
            acceptor: None,
            options: BindOptions::default(),
            location: Location::default(),
        };
        let (wanted, other) = (bind(&first), bind(&second));
        let mut inherited = Inherited::new([OwnedFd::from(second), OwnedFd::from(first)]);
        assert_eq!(inherited.take(&wanted, 4).len(), 1);
        assert_eq!(inherited.take(&wanted, 4).len(), 0);
        inherited.release();
        assert_eq!(inherited.take(&wanted, 4).len(), 1);
        assert_eq!(inherited.take(&other, 0).len(), 0);
        assert_eq!(inherited.take(&other, 1).len(), 1);
    }

    #[test]
    fn the_temporary_name_of_a_unix_socket_is_not_its_name() {
        for (bound, name) in [
            ("/run/a.12.tmp", "/run/a"),
            ("/run/a", "/run/a"),
            ("/run/a.tmp", "/run/a.tmp"),
            ("/run/a.x.tmp", "/run/a.x.tmp"),
        ] {
            assert_eq!(without_temporary_suffix(bound), name);
        }
    }
}
