//! Which of a thread's sockets are ready: one epoll instance, edge-triggered (epoll(7)).
//!
//! A socket costs an entry here, and the kernel's. A worker turns the reactor whenever it has nothing else to do. On a
//! thread that runs tokio instead, the reactor turns itself, as a task of that runtime.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use slab::Slab;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How many events are taken at a time.
const EVENTS: usize = 256;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
}

/// What is known of a descriptor.
#[derive(Default)]
struct Source {
    reader: Option<Waker>,
    writer: Option<Waker>,
    readable: bool,
    writable: bool,
    /// The peer sends no more, so it stays readable.
    ended: bool,
    failed: bool,
}

struct Reactor {
    epoll: OwnedFd,
    sources: Slab<Source>,
    events: Vec<epoll::Event>,
    /// What turns it where tokio runs this thread.
    guest: Option<JoinHandle<()>>,
}

thread_local! {
    static REACTOR: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

/// A descriptor's place in its thread's reactor, until dropped.
pub struct Registration {
    key: u32,
    /// It means nothing to other threads.
    _here: PhantomData<*const ()>,
}

impl Registration {
    /// Watches a descriptor. Closing it ends that, unless the same socket is open by another descriptor.
    pub fn new(descriptor: impl AsFd) -> io::Result<Registration> {
        let key = REACTOR.with_borrow_mut(|reactor| {
            let reactor = match reactor {
                Some(reactor) => reactor,
                none => none.insert(Reactor::new()?),
            };
            reactor.become_guest()?;
            reactor.add(descriptor)
        })?;
        Ok(Registration {
            key,
            _here: PhantomData,
        })
    }

    /// Does something with what is known. A thread that is ending knows nothing any more.
    fn with<T: Default>(&self, work: impl FnOnce(&mut Source) -> T) -> T {
        let with = |reactor: &RefCell<Option<Reactor>>| {
            let mut reactor = reactor.borrow_mut();
            let source = reactor.as_mut()?.sources.get_mut(self.key as usize)?;
            Some(work(source))
        };
        REACTOR.try_with(with).ok().flatten().unwrap_or_default()
    }

    /// Is it ready? If not, the task is woken when it is.
    pub fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<()> {
        let is_ready = self.with(|source| {
            let (is_ready, waiting) = match direction {
                Direction::Read => (source.readable, &mut source.reader),
                Direction::Write => (source.writable, &mut source.writer),
            };
            if !is_ready && waiting.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                *waiting = Some(cx.waker().clone());
            }
            is_ready
        });
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Is there something to read, the end of the stream included?
    pub fn is_readable(&self) -> bool {
        self.with(|source| source.readable)
    }

    /// Has the kernel told of an error?
    pub fn has_failed(&self) -> bool {
        self.with(|source| source.failed)
    }

    /// Notes that an attempt would block.
    pub fn blocks(&self, direction: Direction) {
        self.with(|source| match direction {
            Direction::Read => (source.readable, source.ended) = (false, false),
            Direction::Write => source.writable = false,
        });
    }

    /// Notes that less was moved than asked for, so that the next attempt would block: no need to try.
    pub fn is_drained(&self, direction: Direction) {
        self.with(|source| match direction {
            Direction::Read => source.readable = source.ended,
            Direction::Write => source.writable = false,
        });
    }

    /// Stops watching a descriptor whose socket stays open elsewhere.
    pub fn forget(&self, descriptor: impl AsFd) {
        // It fails where there is nothing to forget.
        let _ = REACTOR.try_with(|reactor| {
            let reactor = reactor.borrow();
            reactor
                .as_ref()
                .map(|reactor| epoll::delete(&reactor.epoll, descriptor))
        });
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let remove = |reactor: &RefCell<Option<Reactor>>| {
            let mut reactor = reactor.borrow_mut();
            reactor.as_mut()?.sources.try_remove(self.key as usize)
        };
        // What waited is dropped when the list is let go of.
        let _ = REACTOR.try_with(remove);
    }
}

impl Reactor {
    fn new() -> io::Result<Reactor> {
        Ok(Reactor {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            sources: Slab::new(),
            events: Vec::with_capacity(EVENTS),
            guest: None,
        })
    }

    fn add(&mut self, descriptor: impl AsFd) -> io::Result<u32> {
        let entry = self.sources.vacant_entry();
        let key = entry.key() as u32;
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, descriptor, EventData::new_u64(key.into()), interest)?;
        entry.insert(Source::default());
        Ok(key)
    }

    /// Has tokio turn the reactor, if this thread runs it.
    fn become_guest(&mut self) -> io::Result<()> {
        let Ok(host) = Handle::try_current() else { return Ok(()) };
        if self.guest.as_ref().is_none_or(JoinHandle::is_finished) {
            // SAFETY: an OwnedFd is open for as long as it lives, and refers to the same file all along.
            let epoll = unsafe { AsyncFd::register(self.epoll.try_clone()?) }?;
            self.guest = Some(host.spawn(be_guest(epoll)));
        }
        Ok(())
    }
}

/// Turns the reactor whenever tokio sees that it has events. The runtime is a current-thread one, so this runs on the
/// thread whose reactor it is.
async fn be_guest(epoll: AsyncFd<OwnedFd>) {
    while let Ok(mut ready) = epoll.readable().await {
        ready.clear_ready();
        while turn(Some(Duration::ZERO)).is_ok_and(|events| events == EVENTS) {}
    }
}

/// Waits for events, at most for `timeout`, wakes those who wait for them, and says how many there were.
pub fn turn(timeout: Option<Duration>) -> io::Result<usize> {
    REACTOR.with_borrow_mut(|reactor| {
        let Some(reactor) = reactor else { return Ok(0) };
        reactor.events.clear();
        let room = spare_capacity(&mut reactor.events);
        match epoll::wait(&reactor.epoll, room, timeout.map(whole_milliseconds).as_ref()) {
            // A signal came.
            Err(rustix::io::Errno::INTR) => return Ok(0),
            waited => waited?,
        };
        for event in &reactor.events {
            // A descriptor that was closed meanwhile has no entry any more, or wakes the next one's task for nothing.
            if let Some(source) = reactor.sources.get_mut(event.data.u64() as usize) {
                source.take(event.flags);
            }
        }
        Ok(reactor.events.len())
    })
}

/// epoll counts in milliseconds: waiting too short would mean waiting twice.
fn whole_milliseconds(time: Duration) -> Timespec {
    let milliseconds = time.as_micros().div_ceil(1_000).min(i32::MAX as u128) as i64;
    Timespec {
        tv_sec: milliseconds / 1_000,
        tv_nsec: milliseconds % 1_000 * 1_000_000,
    }
}

impl Source {
    fn take(&mut self, flags: EventFlags) {
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        self.failed |= flags.intersects(EventFlags::HUP | EventFlags::ERR);
        self.ended |= ended;
        if ended || flags.contains(EventFlags::IN) {
            self.readable = true;
            self.reader.take().into_iter().for_each(Waker::wake);
        }
        if flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR) {
            self.writable = true;
            self.writer.take().into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::executor;
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    async fn echo_once(mut socket: UnixStream) -> [u8; 4] {
        let mut room = [0; 4];
        socket.set_nonblocking(true).expect("nonblocking");
        let registration = Registration::new(&socket).expect("registration");
        poll_fn(|cx| registration.poll_ready(Direction::Read, cx)).await;
        socket.read_exact(&mut room).expect("read");
        registration.is_drained(Direction::Read);
        assert!(!registration.is_readable());
        room
    }

    fn peer() -> (UnixStream, std::thread::JoinHandle<()>) {
        let (near, mut far) = UnixStream::pair().expect("pair");
        let writing = std::thread::spawn(move || {
            far.write_all(b"ping").expect("write");
            // Stays open until the other end goes.
            let _ = far.read(&mut [0]);
        });
        (near, writing)
    }

    #[test]
    fn a_worker_and_a_guest_of_tokio_are_woken_alike() {
        let (near, writing) = peer();
        assert_eq!(&executor::run(echo_once(near)).expect("run"), b"ping");
        writing.join().expect("peer");
        // One runtime after the other on the same thread.
        for _ in 0..2 {
            let (near, writing) = peer();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            assert_eq!(&runtime.expect("runtime").block_on(echo_once(near)), b"ping");
            writing.join().expect("peer");
        }
    }

    #[test]
    fn the_end_of_a_stream_stays_readable() {
        let (near, far) = UnixStream::pair().expect("pair");
        drop(far);
        executor::run(async {
            let registration = Registration::new(&near).expect("registration");
            poll_fn(|cx| registration.poll_ready(Direction::Read, cx)).await;
            registration.is_drained(Direction::Read);
            assert!(registration.is_readable());
            registration.blocks(Direction::Read);
            assert!(!registration.is_readable());
        })
        .expect("run");
    }
}
