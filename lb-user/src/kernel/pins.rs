//! Names for our maps in a BPF file system, where an operator's tools find them.
//!
//! Each process makes maps of its own, in a folder named after the maps' layout and itself. Nothing but the entries of stick tables
//! is read back from there. Handed-over flows are shared in one folder instead.
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use rustix::fs::{AtFlags, Dir, Gid, Uid, chownat, fchown, unlinkat};

use super::KernelError;
use super::object::{self, Layout};

/// The pinned maps of one object. Dropping it removes them, their folder, and the folder around it where it is empty then.
#[derive(Debug)]
pub struct Pins {
    folder: PathBuf,
    /// Both folders stay in reach when the process enters a jail.
    inside: OwnedFd,
    around: OwnedFd,
    names: Vec<String>,
    made_around: bool,
}

impl Pins {
    /// Makes the folder `OBJECT-LAYOUT-PID` in `pin_dir`.
    pub fn new(pin_dir: &Path, object: &str, layout: u32) -> Result<Self, KernelError> {
        let failed = |why: String| KernelError::Pin {
            path: pin_dir.to_owned(),
            why,
        };
        if !is_bpf_file_system(pin_dir) {
            return Err(failed(
                "not in a BPF file system (mount -t bpf bpf /sys/fs/bpf)".to_owned(),
            ));
        }
        let made_around = !pin_dir.exists();
        fs::create_dir_all(pin_dir).map_err(|error| failed(error.to_string()))?;
        let folder = pin_dir.join(format!("{object}-{layout}-{}", std::process::id()));
        remove_folder(&folder);
        fs::create_dir(&folder).map_err(|error| failed(error.to_string()))?;
        let open = |path: &Path| fs::File::open(path).map(OwnedFd::from);
        Ok(Self {
            inside: open(&folder).map_err(|error| failed(error.to_string()))?,
            around: open(pin_dir).map_err(|error| failed(error.to_string()))?,
            folder,
            names: Vec::new(),
            made_around,
        })
    }

    /// Pins the maps of a loaded object under their names.
    pub fn add_maps(&mut self, ebpf: &Ebpf, layouts: &[Layout]) -> Result<(), KernelError> {
        for layout in layouts {
            let path = self.folder.join(layout.map);
            let pinned = object::check(ebpf, layout)?
                .pin(&path)
                .map_err(|error| error.to_string());
            pinned.map_err(|why| KernelError::Pin { path, why })?;
            self.names.push(layout.map.to_owned());
        }
        Ok(())
    }

    /// Makes the folders those of the user and group that the process becomes, so that it can remove what is in them.
    pub fn give_to(&self, user: Option<u32>, group: Option<u32>) {
        let around = Some(&self.around).filter(|_| self.made_around);
        for folder in around.into_iter().chain([&self.inside]) {
            // Best effort: what is left when the process ends is removed by the next one.
            let _ = fchown(folder, user.map(Uid::from_raw), group.map(Gid::from_raw));
        }
    }

    /// The folder that holds the pins.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        // What cannot be removed holds some memory and decides nothing.
        for name in &self.names {
            let _ = unlinkat(&self.inside, name, AtFlags::empty());
        }
        if let Some(name) = self.folder.file_name() {
            let _ = unlinkat(&self.around, name, AtFlags::REMOVEDIR);
        }
        if let Some(pin_dir) = self.folder.parent() {
            // Fails where another process still has its folder there.
            let _ = fs::remove_dir(pin_dir);
        }
    }
}

/// A folder of pins that processes take over from each other.
#[derive(Debug)]
pub struct Shared {
    name: OsString,
    /// Both folders stay in reach when the process enters a jail.
    inside: OwnedFd,
    around: OwnedFd,
}

impl Shared {
    /// The folder, which is there, in `pin_dir`.
    pub fn open(pin_dir: &Path, folder: &Path) -> Result<Self, KernelError> {
        let open = |path: &Path| {
            fs::File::open(path)
                .map(OwnedFd::from)
                .map_err(|error| KernelError::Pin {
                    path: path.to_owned(),
                    why: error.to_string(),
                })
        };
        Ok(Self {
            name: folder.file_name().unwrap_or_default().to_owned(),
            inside: open(folder)?,
            around: open(pin_dir)?,
        })
    }

    /// Makes the folders and all pins those of a user and group.
    pub fn give_to(&self, user: Option<u32>, group: Option<u32>) {
        let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
        for folder in [&self.around, &self.inside] {
            // Best effort: what cannot be removed when the process ends is taken over by the next one.
            let _ = fchown(folder, user, group);
        }
        for pin in self.pins() {
            let _ = chownat(&self.inside, pin, user, group, AtFlags::empty());
        }
    }

    /// Removes the folder and the pins in it.
    pub fn remove(&self) {
        for pin in self.pins() {
            // What cannot be removed is taken over by the next process.
            let _ = unlinkat(&self.inside, pin, AtFlags::empty());
        }
        let _ = unlinkat(&self.around, self.name.as_os_str(), AtFlags::REMOVEDIR);
    }

    fn pins(&self) -> Vec<CString> {
        let entries = Dir::read_from(&self.inside).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_owned());
        names.filter(|name| !name.as_bytes().starts_with(b".")).collect()
    }
}

/// Whether the path, or the nearest one above it that exists, lies in a BPF file system.
pub fn is_bpf_file_system(path: &Path) -> bool {
    const BPF_FS_MAGIC: i64 = 0xcafe_4a11;
    let existing = path.ancestors().find(|path| path.exists());
    existing.is_some_and(|path| rustix::fs::statfs(path).is_ok_and(|fs| fs.f_type == BPF_FS_MAGIC))
}

/// Removes the folders of processes that ended without doing it: killed ones. To be called when nothing is to be read from them
/// any more.
pub fn remove_abandoned(pin_dir: &Path) {
    if !is_bpf_file_system(pin_dir) {
        return;
    }
    let folders = fs::read_dir(pin_dir).into_iter().flatten().flatten();
    for folder in folders.map(|entry| entry.path()) {
        let name = folder.file_name().and_then(|name| name.to_str());
        let owner = name.and_then(|name| name.rsplit('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove_folder(&folder);
        }
    }
}

/// Removes a folder and the pins in it. What cannot be removed stays: it holds some memory and decides nothing.
fn remove_folder(folder: &Path) {
    let remove = || -> io::Result<()> {
        for pin in fs::read_dir(folder)? {
            fs::remove_file(pin?.path())?;
        }
        fs::remove_dir(folder)
    };
    let _ = remove();
}
