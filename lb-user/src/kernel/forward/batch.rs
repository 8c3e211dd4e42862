//! Reading a hash map many elements at a time (`BPF_MAP_LOOKUP_BATCH`, Linux 5.6).
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use aya::Pod;

/// A walk through a hash map, a batch after the other. Elements that move meanwhile may be met twice or not at all.
pub struct Walk<K, V> {
    keys: Box<[MaybeUninit<K>]>,
    values: Box<[MaybeUninit<V>]>,
    /// Where the next batch begins; `None` at the start.
    position: Option<u32>,
}

/// The part of `union bpf_attr` for batches.
#[repr(C)]
struct Attributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;

impl<K: Pod, V: Pod> Walk<K, V> {
    /// A walk whose batches hold so many elements: more than any of the map's buckets.
    pub fn new(batch: usize) -> Self {
        Self {
            keys: Box::new_uninit_slice(batch),
            values: Box::new_uninit_slice(batch),
            position: None,
        }
    }

    /// Reads the next batch and hands its elements over. Answers whether the walk is at its end, from where the next one starts
    /// anew.
    pub fn step(&mut self, map: &impl AsFd, mut each: impl FnMut(K, V)) -> io::Result<bool> {
        let mut next = 0_u32;
        let mut attributes = Attributes {
            in_batch: self
                .position
                .as_ref()
                .map_or(0, |position| std::ptr::from_ref(position) as u64),
            out_batch: &raw mut next as u64,
            keys: self.keys.as_mut_ptr() as u64,
            values: self.values.as_mut_ptr() as u64,
            count: self.keys.len() as u32,
            map: map.as_fd().as_raw_fd() as u32,
            element_flags: 0,
            flags: 0,
        };
        // SAFETY: the pointers lead to a position and to room for `count` keys and values of the map's types; the kernel writes no
        // more than that, and says how many.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_MAP_LOOKUP_BATCH,
                &raw mut attributes,
                size_of::<Attributes>(),
            )
        };
        let error = (answer < 0).then(io::Error::last_os_error);
        let ended = match error {
            None => false,
            Some(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
            Some(error) => {
                self.position = None;
                return Err(error);
            }
        };
        self.position = (!ended).then_some(next);
        let count = attributes.count as usize;
        for (key, value) in self.keys.iter().zip(&self.values).take(count) {
            // SAFETY: the kernel has written so many of both, and any bytes it holds were written as these types.
            each(unsafe { key.assume_init() }, unsafe { value.assume_init() });
        }
        Ok(ended)
    }
}
