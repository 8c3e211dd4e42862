//! An Ethernet interface whose other end is a file descriptor: whole frames, tags and all, in and out.
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};

/// The other end of the interface, which is gone with it.
#[derive(Debug)]
pub struct Tap {
    file: File,
}

impl Tap {
    /// Makes an interface in this thread's network namespace.
    pub fn new(name: &str) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open("/dev/net/tun").context("/dev/net/tun")?;
        // SAFETY: a plain structure of integers and bytes, for which zero is valid.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (target, byte) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
            *target = byte as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
        // SAFETY: the request is of the type that the command reads.
        if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw const request) } < 0 {
            return Err(std::io::Error::last_os_error()).context("TUNSETIFF");
        }
        Ok(Self { file })
    }

    /// Has the interface receive a frame.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        Ok((&self.file).write_all(frame)?)
    }

    /// The next frame (of at most 2048 bytes) that the interface sent, if there is one already.
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>> {
        let mut frame = vec![0; 2048];
        match self.file.read(&mut frame) {
            Ok(length) => {
                frame.truncate(length);
                Ok(Some(frame))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
