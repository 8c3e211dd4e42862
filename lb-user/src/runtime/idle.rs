//! Which of a worker's client connections wait for their next request, so that draining can end them.

use std::cell::RefCell;
use std::os::fd::RawFd;

thread_local! {
    /// By descriptor: one byte for each, so that a busy connection pays a store and an idle one no memory.
    static IDLE: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// Says whether the connection idles.
pub fn mark(fd: RawFd, idle: bool) {
    let Ok(index) = usize::try_from(fd) else { return };
    IDLE.with_borrow_mut(|marks| {
        if marks.len() <= index {
            marks.resize(index + 1, false);
        }
        marks[index] = idle;
    });
}

/// Ends the reading half of every idle connection: its task wakes up as if the client had left.
pub fn end_all() {
    IDLE.with_borrow(|marks| {
        for fd in marks.iter().zip(0..).filter(|(idle, _)| **idle).map(|(_, fd)| fd) {
            // SAFETY: shutdown takes no memory. A marked descriptor is open: its task unmarks it before closing.
            unsafe { libc::shutdown(fd, libc::SHUT_RD) };
        }
    });
}
