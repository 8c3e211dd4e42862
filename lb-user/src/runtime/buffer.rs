//! Fixed-size byte buffers that a worker lends to its connections only while they have bytes in them.

use std::cell::{Cell, RefCell};

/// Spare storages a worker keeps at most, of either size.
const SPARE: usize = 64;

/// The size of storages for streams that fill the ordinary ones: fewer, larger reads and writes.
const LARGE: usize = 131_072;

thread_local! {
    static POOL: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static LARGE_POOL: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static SIZE: Cell<usize> = const { Cell::new(16_384) };
}

/// Sets the size of this worker's buffers (`tune.bufsize`).
pub fn set_size(bytes: usize) {
    SIZE.set(bytes.min(u32::MAX as usize));
    POOL.with_borrow_mut(Vec::clear);
}

/// The size of this worker's buffers.
pub fn size() -> usize {
    SIZE.get()
}

/// Bytes received and not yet taken. Holds storage only while it is not empty or being filled.
#[derive(Default)]
pub struct Buffer {
    storage: Option<Box<[u8]>>,
    // Idle connections are many, so these are no larger than a storage needs.
    start: u32,
    end: u32,
}

impl Buffer {
    /// The bytes held.
    pub fn bytes(&self) -> &[u8] {
        self.storage
            .as_deref()
            .and_then(|storage| storage.get(self.start as usize..self.end as usize))
            .unwrap_or_default()
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Does it hold nothing?
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Is there no room for another byte?
    pub fn is_full(&self) -> bool {
        self.storage.as_ref().is_some_and(|storage| self.len() >= storage.len())
    }

    /// Forgets the first `n` bytes.
    pub fn consume(&mut self, n: usize) {
        self.start += n.min(self.len()) as u32;
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Room for more bytes, made by moving what is held to the front where needed. Empty when the buffer is full.
    pub fn room(&mut self) -> &mut [u8] {
        let storage = self.storage.get_or_insert_with(take);
        let (start, end) = (self.start as usize, self.end as usize);
        if start > 0 && storage.len() - end < storage.len() / 4 {
            storage.copy_within(start..end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        storage.get_mut(self.end as usize..).unwrap_or_default()
    }

    /// Takes a larger storage, if this one is empty and of the ordinary size. For the bulk of a stream only: what has to
    /// fit a buffer is measured against the ordinary size.
    pub fn enlarge(&mut self) {
        let ordinary = self.storage.as_ref().is_some_and(|storage| storage.len() < LARGE);
        if ordinary && self.is_empty() {
            self.release();
            let spare = LARGE_POOL.with_borrow_mut(Vec::pop);
            self.storage = Some(spare.unwrap_or_else(|| vec![0; LARGE].into_boxed_slice()));
        }
    }

    /// Says that the first `n` bytes of the room were filled.
    pub fn filled(&mut self, n: usize) {
        let capacity = self.storage.as_ref().map_or(0, |storage| storage.len());
        self.end += n.min(capacity - self.end as usize) as u32;
    }

    /// Appends what fits of `bytes` and returns how much that was.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let room = self.room();
        let n = room.len().min(bytes.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.filled(n);
        n
    }

    /// Gives the storage back to the worker if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty()
            && let Some(storage) = self.storage.take()
        {
            give(storage);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(storage) = self.storage.take() {
            give(storage);
        }
    }
}

fn take() -> Box<[u8]> {
    POOL.with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| vec![0; size()].into_boxed_slice())
}

fn give(storage: Box<[u8]>) {
    // A thread that is ending has no pool any more; the storage is then simply freed.
    let (pool, right_size) = match storage.len() {
        LARGE => (&LARGE_POOL, LARGE),
        _ => (&POOL, size()),
    };
    let _ = pool.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < SPARE && storage.len() == right_size {
            pool.push(storage);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_and_room_is_regained() {
        set_size(8);
        let mut buffer = Buffer::default();
        assert_eq!(buffer.append(b"abcdefghij"), 8);
        assert!(buffer.is_full());
        buffer.consume(5);
        assert_eq!(buffer.bytes(), b"fgh");
        assert_eq!(buffer.append(b"12345"), 5);
        assert_eq!(buffer.bytes(), b"fgh12345");
        buffer.consume(99);
        buffer.release();
        assert!(buffer.is_empty() && buffer.storage.is_none());
    }
}
