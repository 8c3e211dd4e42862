//! The kernel programs' objects, and loading them into the kernel.
use std::path::Path;

use aya::maps::{Map, MapData, MapError, MapInfo, MapType};
use aya::programs::ProgramError;
use aya::{Ebpf, EbpfError, EbpfLoader};

use super::KernelError;
use super::pins::is_bpf_file_system;

/// An object, where `cargo xtask build-ebpf` ran before this program was built.
macro_rules! object {
    ($cfg:ident, $variable:literal) => {{
        #[cfg($cfg)]
        const OBJECT: Option<&[u8]> = Some(aya::include_bytes_aligned!(env!($variable)));
        #[cfg(not($cfg))]
        const OBJECT: Option<&[u8]> = None;
        OBJECT
    }};
}

/// Answers to floods of attempts.
pub const COOKIE: Option<&[u8]> = object!(object_cookie, "OBJECT_COOKIE");
/// Which connection attempts pass.
pub const GATE: Option<&[u8]> = object!(object_gate, "OBJECT_GATE");
/// Connections carried from their first SYN.
pub const FORWARD: Option<&[u8]> = object!(object_forward, "OBJECT_FORWARD");
/// Streams carried on without their sockets.
pub const HANDOVER: Option<&[u8]> = object!(object_handover, "OBJECT_HANDOVER");
/// One listener for many addresses.
pub const LOOKUP: Option<&[u8]> = object!(object_lookup, "OBJECT_LOOKUP");
/// One worker for each source.
pub const REUSEPORT: Option<&[u8]> = object!(object_reuseport, "OBJECT_REUSEPORT");

/// What a map must be for us to use it. The object may come from an older build, and aya itself checks sizes only in part.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub map: &'static str,
    pub kind: MapType,
    pub key: usize,
    pub value: usize,
    pub flags: u32,
    pub capacity: u32,
}

/// Makes an object's maps with the capacities of their layouts. Its programs are not loaded yet.
pub fn load(object: &'static str, bytes: Option<&[u8]>, layouts: &[Layout]) -> Result<Ebpf, KernelError> {
    let bytes = bytes.ok_or(KernelError::NoObject { object })?;
    let mut loader = EbpfLoader::new();
    // Our programs read no structure of the kernel's own, so its type information stays unread.
    loader.btf(None);
    for layout in layouts {
        loader.map_max_entries(layout.map, layout.capacity);
    }
    loader.load(bytes).map_err(|error| KernelError::Load {
        object,
        why: load_error(&error),
    })
}

/// As [`load`], with maps that are pinned in a folder, or will be.
pub fn load_pinned(
    object: &'static str,
    bytes: Option<&[u8]>,
    layouts: &[Layout],
    folder: &Path,
) -> Result<Ebpf, KernelError> {
    let failed = |why: String| KernelError::Pin {
        path: folder.to_owned(),
        why,
    };
    let bytes = bytes.ok_or(KernelError::NoObject { object })?;
    if !is_bpf_file_system(folder) {
        return Err(failed(
            "not in a BPF file system (mount -t bpf bpf /sys/fs/bpf)".to_owned(),
        ));
    }
    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    for layout in layouts {
        loader.map_max_entries(layout.map, layout.capacity);
        loader.map_pin_path(layout.map, folder.join(layout.map));
    }
    loader.load(bytes).map_err(|error| KernelError::Load {
        object,
        why: load_error(&error),
    })
}

/// Looks at what a map of a loaded object is.
pub fn check<'a>(ebpf: &'a Ebpf, layout: &Layout) -> Result<&'a MapData, KernelError> {
    let mismatch = |found: String| KernelError::Layout {
        map: layout.map,
        found,
        expected: describe(layout.kind, layout.key, layout.value, layout.flags),
    };
    let map = ebpf.map(layout.map).ok_or_else(|| mismatch("missing".to_owned()))?;
    let data = data(map).ok_or_else(|| mismatch("of another type".to_owned()))?;
    let info = info(layout.map, data)?;
    let kind = info
        .map_type()
        .map_err(|error| map_error(layout.map, "inspect", &error))?;
    let found = describe(
        kind,
        info.key_size() as usize,
        info.value_size() as usize,
        info.map_flags(),
    );
    if found != describe(layout.kind, layout.key, layout.value, layout.flags) {
        return Err(mismatch(found));
    }
    Ok(data)
}

/// A map as `bpftool` knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapStatus {
    pub name: &'static str,
    /// The kernel's number of it.
    pub id: u32,
    /// How many entries it holds at most.
    pub capacity: u32,
}

/// Looks at what the maps of a loaded object are.
pub fn status(ebpf: &Ebpf, layouts: &[Layout]) -> Result<Vec<MapStatus>, KernelError> {
    let status = |layout: &Layout| {
        let info = info(layout.map, check(ebpf, layout)?)?;
        Ok(MapStatus {
            name: layout.map,
            id: info.id(),
            capacity: info.max_entries(),
        })
    };
    layouts.iter().map(status).collect()
}

/// What the kernel knows of a map.
pub fn info(map: &'static str, data: &MapData) -> Result<MapInfo, KernelError> {
    data.info().map_err(|error| map_error(map, "inspect", &error))
}

/// Takes a map that was looked at out of a loaded object.
pub fn take<M: TryFrom<Map, Error = MapError>>(ebpf: &mut Ebpf, layout: &Layout) -> Result<M, KernelError> {
    let map = ebpf.take_map(layout.map).ok_or_else(|| KernelError::Map {
        map: layout.map,
        verb: "find",
        why: "it was taken before".to_owned(),
    })?;
    M::try_from(map).map_err(|error| map_error(layout.map, "use", &error))
}

/// A map of a loaded object, to read it.
pub fn map<'a, M: TryFrom<&'a Map, Error = MapError>>(ebpf: &'a Ebpf, name: &'static str) -> Result<M, KernelError> {
    let map = ebpf.map(name).ok_or_else(|| missing(name))?;
    M::try_from(map).map_err(|error| map_error(name, "use", &error))
}

/// A map of a loaded object, to write to it.
pub fn map_mut<'a, M: TryFrom<&'a mut Map, Error = MapError>>(
    ebpf: &'a mut Ebpf,
    name: &'static str,
) -> Result<M, KernelError> {
    let map = ebpf.map_mut(name).ok_or_else(|| missing(name))?;
    M::try_from(map).map_err(|error| map_error(name, "use", &error))
}

fn missing(map: &'static str) -> KernelError {
    KernelError::Map {
        map,
        verb: "find",
        why: "the object has none of that name".to_owned(),
    }
}

fn describe(kind: MapType, key: usize, value: usize, flags: u32) -> String {
    format!("{kind:?} of {key} bytes to {value} with flags {flags:#x}")
}

/// The part of a map that is the same for every type; `None` for the types we have none of.
pub fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LpmTrie(data)
        | Map::PerCpuArray(data)
        | Map::ProgramArray(data)
        | Map::RingBuf(data)
        | Map::SockMap(data) => Some(data),
        _ => None,
    }
}

/// An error of a map, in our words.
pub fn map_error(map: &'static str, verb: &'static str, error: &MapError) -> KernelError {
    let why = match error {
        MapError::SyscallError(error) => error.io_error.to_string(),
        other => other.to_string(),
    };
    KernelError::Map { map, verb, why }
}

/// The errno behind an error of a map.
pub fn errno(error: &MapError) -> Option<i32> {
    match error {
        MapError::SyscallError(error) => error.io_error.raw_os_error(),
        _ => None,
    }
}

fn load_error(error: &EbpfError) -> String {
    match error {
        EbpfError::MapError(MapError::CreateError { name, io_error }) => {
            format!("map '{name}': {io_error}{}", privilege(io_error))
        }
        other => other.to_string(),
    }
}

/// How the lines begin that the verifier ends with.
const STATISTICS: [&str; 3] = ["processed ", "stack depth ", "verification time "];

/// An error of a program's loading: the kernel's word, and the verifier's reason.
pub fn program_error(object: &'static str, error: &ProgramError) -> KernelError {
    let why = match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            let log = verifier_log.to_string();
            // What follows the reason are statistics.
            let is_statistics = |line: &str| STATISTICS.iter().any(|start| line.starts_with(start));
            let is_reason = |line: &&str| !line.trim().is_empty() && !is_statistics(line);
            let last = log.lines().rev().find(is_reason).unwrap_or_default();
            format!("{io_error}{} {last}", privilege(io_error))
        }
        other => other.to_string(),
    };
    KernelError::Load {
        object,
        why: why.trim_end().to_owned(),
    }
}

fn privilege(error: &std::io::Error) -> &'static str {
    match error.raw_os_error() {
        // Without CAP_PERFMON the verifier answers EACCES to what it admits with it.
        Some(libc::EPERM | libc::EACCES) => " (CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed)",
        _ => "",
    }
}
