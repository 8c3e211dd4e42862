//! Listening sockets that pass from one process to the next over a runtime API socket (`-x`, `expose-fd listeners`).
//!
//! The newcomer sends `_getsocks` and a line feed. The other side answers with the number of sockets (a native `int`), then sends
//! them as ancillary data, as many at a time as the kernel takes; with each socket goes a description (the names of
//! its network namespace and interface, each after a byte with its length, and an `int` of options), and after each
//! message the newcomer answers with four bytes. The description is left empty: sockets tell all of it themselves.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// The request.
pub const REQUEST: &[u8] = b"_getsocks\n";

/// As many descriptors as one message may carry; a little below what Linux allows.
const BATCH: usize = 252;
/// Two empty names and the options of one socket.
const DESCRIPTION: [u8; 6] = [0; 6];
/// More than this many sockets are not believed.
const MAX_SOCKETS: usize = 1 << 16;
/// How long the other side may take for one step.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks the process behind the socket at `path` for its listening sockets.
pub fn receive(path: &str) -> io::Result<Vec<OwnedFd>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    receive_from(&mut stream)
}

fn receive_from(stream: &mut UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut count = [0; 4];
    stream.read_exact(&mut count)?;
    let count = usize::try_from(i32::from_ne_bytes(count)).unwrap_or_default();
    if count > MAX_SOCKETS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut sockets = Vec::new();
    while sockets.len() < count {
        let before = sockets.len() as i32;
        receive_batch(stream, &mut sockets)?;
        stream.write_all(&before.to_ne_bytes())?;
    }
    Ok(sockets)
}

/// Takes what one message carries; the descriptions are of no use.
fn receive_batch(stream: &UnixStream, sockets: &mut Vec<OwnedFd>) -> io::Result<()> {
    let mut descriptions = [0; 64 * 1024];
    let mut parts = [IoSliceMut::new(&mut descriptions)];
    let mut space = cmsg_space!([RawFd; BATCH + 1]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = part {
            // SAFETY: the kernel has just opened these descriptors for this process, and nobody else knows them.
            sockets.extend(descriptors.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok(())
}

/// Answers a request: hands `sockets` to the process at the other end. Blocks while that one is slow.
pub fn send(stream: &mut UnixStream, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&(sockets.len() as i32).to_ne_bytes())?;
    for batch in sockets.chunks(BATCH) {
        let descriptions = DESCRIPTION.repeat(batch.len());
        let descriptors: Vec<RawFd> = batch.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let parts = [IoSlice::new(&descriptions)];
        sendmsg::<()>(stream.as_raw_fd(), &parts, &rights, MsgFlags::empty(), None)?;
        stream.read_exact(&mut [0; 4])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    #[test]
    fn sockets_arrive_in_order_however_many_they_are() {
        let sockets: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        for count in [0, 1, 3, BATCH, BATCH + 1, 2 * BATCH + 3] {
            let sent: Vec<BorrowedFd> = sockets.iter().map(AsFd::as_fd).cycle().take(count).collect();
            let (mut here, mut there) = UnixStream::pair().unwrap();
            let received = std::thread::scope(|scope| {
                let newcomer = scope.spawn(move || receive_from(&mut there));
                send(&mut here, &sent).unwrap();
                newcomer.join().unwrap().unwrap()
            });
            let port = |fd: BorrowedFd| socket2::SockRef::from(&fd).local_addr().unwrap().as_socket();
            let ports = |fds: &mut dyn Iterator<Item = BorrowedFd>| fds.map(port).collect::<Vec<_>>();
            assert_eq!(
                ports(&mut received.iter().map(AsFd::as_fd)),
                ports(&mut sent.into_iter()),
                "{count}"
            );
        }
    }

    #[test]
    fn a_peer_that_breaks_off_is_an_error() {
        for answer in [&b""[..], b"\x01", b"\x01\0\0\0", b"\x01\0\0\x7f"] {
            let (mut here, mut there) = UnixStream::pair().unwrap();
            here.write_all(answer).unwrap();
            drop(here);
            assert!(receive_from(&mut there).is_err(), "{answer:?}");
        }
    }
}
