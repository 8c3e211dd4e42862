//! Where lines leave the process: datagram sockets, descriptors, rings. Nothing here waits.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::RawFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;

use super::ring::Ring;

/// An opened destination.
#[derive(Debug)]
pub enum Output {
    Udp(Arc<UdpSocket>, SocketAddr),
    Unix(Arc<UnixDatagram>, PathBuf),
    Descriptor(Descriptor),
    Ring(Arc<Ring>),
}

/// A descriptor the process was started with. It is not closed here and its flags are left as they are, because other
/// processes may share it.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    fd: RawFd,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Socket,
    /// A regular file: writing to it does not block.
    File,
    /// A pipe or a terminal: asked for room before each line.
    Stream,
}

impl Output {
    /// Sends one line, which ends in a line feed. A ring gets it without.
    pub fn send(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Output::Udp(socket, address) => socket.send_to(line, address).map(drop),
            Output::Unix(socket, path) => socket.send_to(line, path).map(drop),
            Output::Descriptor(descriptor) => descriptor.send(line),
            Output::Ring(ring) => match ring.push(line.strip_suffix(b"\n").unwrap_or(line)) {
                true => Ok(()),
                false => Err(io::ErrorKind::StorageFull.into()),
            },
        }
    }
}

/// A socket that sends datagrams to any address of the family of `address`.
pub fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket that sends datagrams to paths.
pub fn unix() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Descriptor {
    /// Looks at what `fd` is.
    pub fn open(fd: RawFd) -> io::Result<Descriptor> {
        // SAFETY: `stat` is plain data, for which zero is a valid value.
        let mut status: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: `status` is a live local; a descriptor that is not open is an error, not undefined.
        if unsafe { libc::fstat(fd, &mut status) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let kind = match status.st_mode & libc::S_IFMT {
            libc::S_IFSOCK => Kind::Socket,
            libc::S_IFREG => Kind::File,
            _ => Kind::Stream,
        };
        Ok(Descriptor { fd, kind })
    }

    fn send(self, line: &[u8]) -> io::Result<()> {
        if self.kind == Kind::Stream && !self.has_room() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (start, length) = (line.as_ptr().cast(), line.len());
        let written = match self.kind {
            // SAFETY: `start` and `length` are those of a live slice.
            Kind::Socket => unsafe { libc::send(self.fd, start, length, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) },
            // SAFETY: as above.
            Kind::File | Kind::Stream => unsafe { libc::write(self.fd, start, length) },
        };
        match usize::try_from(written) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    /// Would a write of up to `PIPE_BUF` bytes go through at once?
    fn has_room(self) -> bool {
        let mut poll = libc::pollfd {
            fd: self.fd,
            events: libc::POLLOUT,
            revents: 0,
        };
        // SAFETY: one live pollfd; a zero timeout does not wait.
        unsafe { libc::poll(&mut poll, 1, 0) == 1 && poll.revents & libc::POLLOUT != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, pipe};
    use std::os::fd::AsRawFd;

    #[test]
    fn a_full_pipe_refuses_instead_of_blocking() {
        let (mut reader, writer) = pipe().expect("pipe");
        let output = Output::Descriptor(Descriptor::open(writer.as_raw_fd()).expect("open"));
        let line = [b'x'; 4096];
        let sent = (0..1000).take_while(|_| output.send(&line).is_ok()).count();
        assert!(sent > 0 && sent < 1000);
        let mut room = vec![0; 65_536];
        let read = reader.read(&mut room).expect("read");
        assert!(read > 0);
        output.send(&line).expect("room again");
    }

    #[test]
    fn a_closed_descriptor_is_an_error() {
        assert!(Descriptor::open(1_000_000).is_err());
    }

    #[test]
    fn a_datagram_reaches_a_path_and_an_address() {
        let dir = std::env::temp_dir().join(format!("lb-log-{}", std::process::id()));
        let _ = std::fs::remove_file(&dir);
        let receiver = UnixDatagram::bind(&dir).expect("bind");
        Output::Unix(Arc::new(unix().expect("socket")), dir.clone())
            .send(b"a\n")
            .expect("sent");
        let mut room = [0; 8];
        assert_eq!(receiver.recv(&mut room).expect("datagram"), 2);
        drop(receiver);
        std::fs::remove_file(&dir).expect("removed");
        assert!(
            Output::Unix(Arc::new(unix().expect("socket")), dir)
                .send(b"a\n")
                .is_err()
        );

        let receiver = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = receiver.local_addr().expect("address");
        Output::Udp(Arc::new(udp(address).expect("socket")), address)
            .send(b"bc\n")
            .expect("sent");
        assert_eq!(receiver.recv(&mut room).expect("datagram"), 3);
    }
}
