//! A BPF file system for one test.
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

/// A BPF file system of our own, gone with this value.
#[derive(Debug)]
pub struct BpfFileSystem {
    folder: TempDir,
}

impl BpfFileSystem {
    /// Mounts one. Needs CAP_SYS_ADMIN.
    pub fn mount() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        mount("bpf", folder.path(), "bpf", MountFlags::empty(), None)
            .context("cannot mount a BPF file system (are you root?)")?;
        Ok(Self { folder })
    }

    /// A folder in it that does not exist yet.
    pub fn pin_dir(&self) -> PathBuf {
        self.folder.path().join("lb")
    }
}

impl Drop for BpfFileSystem {
    fn drop(&mut self) {
        // Best effort: there is nobody left to tell.
        let _ = unmount(self.folder.path(), UnmountFlags::DETACH);
    }
}
