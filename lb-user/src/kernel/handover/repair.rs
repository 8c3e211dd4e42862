//! Connections looked at, and left, behind TCP's back: the kernel's repair mode (`TCP_REPAIR`, for which CAP_NET_ADMIN is needed).
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd};

/// What of one connection the kernel programs need to carry it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The sequence number of the next byte that we would send.
    pub send_next: u32,
    /// The sequence number of the next byte that the peer will send.
    pub receive_next: u32,
    /// Our timestamp of this moment, as the peer sees it (RFC 7323); `None` where the connection has none.
    pub timestamp: Option<u32>,
    /// How many bits the peer shifts its window by, and how many we do.
    pub peer_shift: u8,
    pub own_shift: u8,
    /// Selective acknowledgments are in use.
    pub sack: bool,
    /// Explicit congestion notification is in use.
    pub ecn: bool,
    /// The largest payload that the peer may send, and the largest that it takes, both without options.
    pub receives: u32,
    pub takes: u32,
}

/// How a connection stands while nothing is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Neither side has closed.
    pub established: bool,
    /// Bytes received and not read yet.
    pub unread: u32,
    /// Bytes written and not acknowledged yet.
    pub unacknowledged: u32,
}

/// A connection in repair mode. Dropping this leaves the mode without a trace; [`Repaired::keep`] stays in it, so that closing the
/// socket sends nothing.
#[derive(Debug)]
pub struct Repaired<'a> {
    socket: BorrowedFd<'a>,
}

/// How a connection stands.
///
/// # Errors
/// The kernel's: this is no TCP socket.
pub fn standing(socket: BorrowedFd<'_>) -> io::Result<Standing> {
    const TCP_ESTABLISHED: u8 = 1;
    Ok(Standing {
        established: info(socket)?.tcpi_state == TCP_ESTABLISHED,
        unread: queued(socket, libc::FIONREAD)?,
        unacknowledged: queued(socket, libc::TIOCOUTQ)?,
    })
}

/// Acknowledges at once what was received, rather than a while later together with data.
pub fn acknowledge(socket: BorrowedFd<'_>) {
    // Best effort: the peer sends again what it was not told of.
    let _ = set(socket, libc::TCP_QUICKACK, 1);
}

impl<'a> Repaired<'a> {
    /// Enters repair mode. The connection still receives; it is to be left alone otherwise.
    ///
    /// # Errors
    /// The kernel's: without privilege, or the connection is closed.
    pub fn enter(socket: BorrowedFd<'a>) -> io::Result<Self> {
        set(socket, libc::TCP_REPAIR, 1)?;
        Ok(Self { socket })
    }

    /// How the connection stands.
    ///
    /// # Errors
    /// See [`standing`].
    pub fn standing(&self) -> io::Result<Standing> {
        standing(self.socket)
    }

    /// What carries the connection on.
    ///
    /// # Errors
    /// The kernel's: the connection ended meanwhile.
    pub fn leg(&self) -> io::Result<Leg> {
        const TCPI_OPT_TIMESTAMPS: u8 = 1;
        const TCPI_OPT_SACK: u8 = 2;
        const TCPI_OPT_WSCALE: u8 = 4;
        const TCPI_OPT_ECN: u8 = 8;
        const TIMESTAMP_OPTION: u32 = 12;
        let info = info(self.socket)?;
        let has = |option| info.tcpi_options & option != 0;
        let shifts = if has(TCPI_OPT_WSCALE) {
            info.tcpi_snd_rcv_wscale
        } else {
            0
        };
        let timestamps = has(TCPI_OPT_TIMESTAMPS);
        Ok(Leg {
            send_next: self.next(TCP_SEND_QUEUE)?,
            receive_next: self.next(TCP_RECV_QUEUE)?,
            timestamp: match timestamps {
                true => Some(get(self.socket, libc::TCP_TIMESTAMP)?),
                false => None,
            },
            peer_shift: shifts & 0xf,
            own_shift: shifts >> 4,
            sack: has(TCPI_OPT_SACK),
            ecn: has(TCPI_OPT_ECN),
            receives: info.tcpi_advmss,
            takes: info.tcpi_snd_mss + if timestamps { TIMESTAMP_OPTION } else { 0 },
        })
    }

    /// Stays in repair mode for good: whoever closes the socket now closes it in silence.
    pub fn keep(self) {
        let _ = ManuallyDrop::new(self);
    }

    /// The number of the next byte of a queue.
    fn next(&self, queue: libc::c_int) -> io::Result<u32> {
        set(self.socket, libc::TCP_REPAIR_QUEUE, queue)?;
        get(self.socket, libc::TCP_QUEUE_SEQ)
    }
}

/// Makes an unconnected socket the end of an established connection, with the next byte of each direction. `connect` binds it and
/// connects it, which sends nothing.
///
/// # Errors
/// The kernel's: without privilege, or the addresses are taken.
pub fn restore(
    socket: BorrowedFd<'_>,
    send_next: u32,
    receive_next: u32,
    connect: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let repaired = Repaired::enter(socket)?;
    for (queue, next) in [(TCP_SEND_QUEUE, send_next), (TCP_RECV_QUEUE, receive_next)] {
        set(socket, libc::TCP_REPAIR_QUEUE, queue)?;
        set(socket, libc::TCP_QUEUE_SEQ, next as libc::c_int)?;
    }
    connect()?;
    drop(repaired);
    Ok(())
}

impl Drop for Repaired<'_> {
    fn drop(&mut self) {
        // Not zero, which would send a window probe. It fails only where the connection is gone.
        let _ = set(self.socket, libc::TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
    }
}

const TCP_REPAIR_OFF_NO_WP: libc::c_int = -1;
const TCP_RECV_QUEUE: libc::c_int = 1;
const TCP_SEND_QUEUE: libc::c_int = 2;

fn set(socket: BorrowedFd<'_>, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and size describe a local integer, which the call only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            (&raw const value).cast(),
            size,
        )
    };
    checked(result)
}

fn get(socket: BorrowedFd<'_>, option: libc::c_int) -> io::Result<u32> {
    let mut value: u32 = 0;
    // SAFETY: any bits are an integer.
    unsafe { fill(socket, option, &raw mut value) }?;
    Ok(value)
}

fn info(socket: BorrowedFd<'_>) -> io::Result<libc::tcp_info> {
    // SAFETY: a structure of integers, for which zero is valid, as is whatever the kernel writes.
    unsafe {
        let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
        fill(socket, libc::TCP_INFO, info.as_mut_ptr())?;
        Ok(info.assume_init())
    }
}

/// Has the kernel write an option's value.
///
/// # Safety
/// `value` points to memory of its type, for which any bits are valid.
unsafe fn fill<T>(socket: BorrowedFd<'_>, option: libc::c_int, value: *mut T) -> io::Result<()> {
    let mut size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, which the caller vouches for.
    checked(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            value.cast(),
            &raw mut size,
        )
    })
}

fn queued(socket: BorrowedFd<'_>, queue: libc::Ioctl) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: both queues are asked for with a pointer to an integer.
    checked(unsafe { libc::ioctl(socket.as_raw_fd(), queue, &raw mut bytes) })?;
    Ok(bytes.max(0) as u32)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
