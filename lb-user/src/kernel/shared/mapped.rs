//! An array of the kernel's in our memory.
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};

use aya::maps::MapData;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::kernel::KernelError;

/// The elements of an mmap-able array, until dropped.
pub struct Mapped<T> {
    first: NonNull<T>,
    capacity: u32,
    elements: PhantomData<T>,
}

// SAFETY: the memory is the kernel's and lives as long as the mapping. Who may touch which element, its users see to.
unsafe impl<T> Send for Mapped<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Mapped<T> {}

impl<T> Mapped<T> {
    /// Maps an array of so many elements: the kernel's or, without one, zeroed ones of our own.
    pub fn new(name: &'static str, map: Option<&MapData>, capacity: u32) -> Result<Mapped<T>, KernelError> {
        let failed = |why: String| KernelError::Map {
            map: name,
            verb: "map",
            why,
        };
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let length = length::<T>(capacity);
        // SAFETY: a fresh mapping, which the kernel places and bounds by the map's size.
        let memory = unsafe {
            match map {
                Some(map) => mmap(ptr::null_mut(), length, access, MapFlags::SHARED, map.fd().as_fd(), 0),
                None => mmap_anonymous(ptr::null_mut(), length, access, MapFlags::PRIVATE),
            }
        };
        let memory = memory.map_err(|error| failed(error.to_string()))?;
        let first = NonNull::new(memory.cast()).ok_or_else(|| failed("no memory".to_owned()))?;
        Ok(Mapped {
            first,
            capacity,
            elements: PhantomData,
        })
    }

    /// An element; the first one for a number beyond them.
    pub fn get(&self, number: u32) -> *mut T {
        let number = if number < self.capacity { number } else { 0 };
        // SAFETY: within the mapping.
        unsafe { self.first.as_ptr().add(number as usize) }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and goes with us. Failing leaves it in place.
        let _ = unsafe { munmap(self.first.as_ptr().cast(), length::<T>(self.capacity)) };
    }
}

/// Bytes of a mapping: elements are as large as a multiple of eight.
fn length<T>(capacity: u32) -> usize {
    (size_of::<T>() * capacity as usize).next_multiple_of(rustix::param::page_size())
}
