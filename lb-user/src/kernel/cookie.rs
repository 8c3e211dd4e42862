//! SYN cookies in XDP, behind the gate: what is decided is `lb_common::cookie`, here is its way into the kernel.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapType, PerCpuArray};
use aya::programs::{ProgramFd, TestRun, TestRunOptions, Xdp};
use lb_common::cookie::{Flood, LAYOUT, NO_SCALE, Reasons, Settings, Walk};
use lb_common::gate::ListenerKey;

use super::KernelError;
use super::object::{self, Layout, MapStatus};
use super::pins::Pins;
use crate::runtime::clock;

const OBJECT: &str = "cookie";
const PROGRAM: &str = "lb_cookie";
const FLOODS: &str = "COOKIE_FLOODS";
const SETTINGS: &str = "COOKIE_SETTINGS";
const REASONS: &str = "COOKIE_REASONS";
const WALK: &str = "COOKIE_WALK";

/// So many listeners have room where they are few.
const ROOM: usize = 1 << 10;

/// The loaded program, to be chained behind the gate. Dropping it leaves neither program nor maps nor pins.
pub struct Cookies {
    layouts: [Layout; 4],
    status: Vec<MapStatus>,
    listeners: BTreeSet<ListenerKey>,
    settings: Settings,
    program: u32,
    pins: Result<Pins, KernelError>,
    ebpf: Ebpf,
}

/// What the program does.
#[derive(Debug)]
pub struct CookieStatus<'a> {
    /// The kernel's number of the program.
    pub program: u32,
    pub maps: &'a [MapStatus],
    pub settings: Settings,
    /// The listeners that are flooded.
    pub flooded: Vec<ListenerKey>,
    /// The folder of the pinned maps, or why there is none.
    pub pins: Result<&'a Path, &'a KernelError>,
    /// Attempts by what became of them, by name.
    pub reasons: Vec<(&'static str, u64)>,
}

impl Cookies {
    /// Loads the program for these listeners: attempts beyond `limit` in a second at one of them are a flood.
    ///
    /// # Errors
    /// [`KernelError::NoObject`], [`KernelError::Load`], [`KernelError::Layout`], [`KernelError::Map`].
    pub fn load(limit: u32, listeners: BTreeSet<ListenerKey>, pin_dir: &Path) -> Result<Self, KernelError> {
        let layouts = layouts(listeners.len());
        let mut ebpf = object::load(OBJECT, object::COOKIE, &layouts)?;
        let status = object::status(&ebpf, &layouts)?;
        let mut pins = Pins::new(pin_dir, OBJECT, LAYOUT);
        if let Ok(pins) = &mut pins {
            pins.add_maps(&ebpf, &layouts)?;
        }
        let failed = |error| object::program_error(OBJECT, &error);
        let program = program(&mut ebpf)?;
        program.load().map_err(failed)?;
        let program = program.info().map_err(failed)?.id();
        let mut cookies = Self {
            layouts,
            status,
            listeners: BTreeSet::new(),
            settings: Settings {
                limit,
                ..Settings::default()
            },
            program,
            pins,
            ebpf,
        };
        cookies.listen(listeners)?;
        cookies.refresh()?;
        Ok(cookies)
    }

    /// The program, for the gate's chain.
    ///
    /// # Errors
    /// [`KernelError::Load`].
    pub fn program(&mut self) -> Result<&ProgramFd, KernelError> {
        let program = program(&mut self.ebpf)?;
        program.fd().map_err(|error| object::program_error(OBJECT, &error))
    }

    /// Replaces the listeners. Those that stay keep their counts.
    ///
    /// # Errors
    /// [`KernelError::Full`], [`KernelError::Map`].
    pub fn listen(&mut self, listeners: BTreeSet<ListenerKey>) -> Result<(), KernelError> {
        let capacity = self.layouts[0].capacity as usize;
        if listeners.len() > capacity {
            return Err(KernelError::Full {
                map: FLOODS,
                needed: listeners.len(),
                capacity,
            });
        }
        let mut floods: HashMap<_, ListenerKey, Flood> = object::map_mut(&mut self.ebpf, FLOODS)?;
        for gone in self.listeners.difference(&listeners) {
            let removed = floods.remove(gone);
            removed.map_err(|error| object::map_error(FLOODS, "remove from", &error))?;
        }
        for new in listeners.difference(&self.listeners) {
            let inserted = floods.insert(new, Flood::default(), 0);
            inserted.map_err(|error| object::map_error(FLOODS, "write to", &error))?;
        }
        self.listeners = listeners;
        Ok(())
    }

    /// Catches up with the host's settings, as far as they can be read from where the process is.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn refresh(&mut self) -> Result<(), KernelError> {
        self.settings = current(self.settings);
        let mut settings: Array<_, Settings> = object::map_mut(&mut self.ebpf, SETTINGS)?;
        let set = settings.set(0, self.settings, 0);
        set.map_err(|error| object::map_error(SETTINGS, "write to", &error))
    }

    /// Lets a process that becomes that user and group remove the pins all the same.
    pub fn give_pins_to(&self, user: Option<u32>, group: Option<u32>) {
        if let Ok(pins) = &self.pins {
            pins.give_to(user, group);
        }
    }

    /// What the program does.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn status(&self) -> Result<CookieStatus<'_>, KernelError> {
        let floods: HashMap<_, ListenerKey, Flood> = object::map(&self.ebpf, FLOODS)?;
        let now = clock::kernel();
        let is_flooded = |key: &&ListenerKey| floods.get(key, 0).is_ok_and(|flood| flood.is_on(now));
        let reasons: PerCpuArray<_, Reasons> = object::map(&self.ebpf, REASONS)?;
        let processors = reasons.get(&0, 0);
        let processors = processors.map_err(|error| object::map_error(REASONS, "read", &error))?;
        let sum = |position| {
            let counts = processors.iter().filter_map(|reasons| reasons.values().nth(position));
            counts.sum()
        };
        Ok(CookieStatus {
            program: self.program,
            maps: &self.status,
            settings: self.settings,
            flooded: self.listeners.iter().filter(is_flooded).copied().collect(),
            pins: self.pins.as_ref().map(Pins::folder),
            reasons: Reasons::NAMES
                .iter()
                .enumerate()
                .map(|(at, &name)| (name, sum(at)))
                .collect(),
        })
    }

    /// Runs the program on a frame that no interface received, as [`super::Gate::judge`] does.
    ///
    /// # Errors
    /// [`KernelError::Load`] where the kernel does not run the program so.
    pub fn judge(&mut self, frame: &[u8]) -> Result<(u32, Vec<u8>), KernelError> {
        // An answer may be longer than an attempt without options.
        let mut answer = vec![0; frame.len() + 64];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut answer),
            ..TestRunOptions::default()
        };
        let run = program(&mut self.ebpf)?.test_run(options);
        let run = run.map_err(|error| object::program_error(OBJECT, &error))?;
        answer.truncate(run.data_size_out as usize);
        Ok((run.return_value, answer))
    }
}

fn layouts(listeners: usize) -> [Layout; 4] {
    const NO_PREALLOC: u32 = 1;
    let layout = |map, kind, key, value, flags, capacity: usize| Layout {
        map,
        kind,
        key,
        value,
        flags,
        capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
    };
    let (listener, index) = (size_of::<ListenerKey>(), size_of::<u32>());
    let (flood, settings, reasons) = (size_of::<Flood>(), size_of::<Settings>(), size_of::<Reasons>());
    let room = listeners.saturating_mul(2).max(ROOM);
    [
        layout(FLOODS, MapType::Hash, listener, flood, NO_PREALLOC, room),
        layout(SETTINGS, MapType::Array, index, settings, 0, 1),
        layout(REASONS, MapType::PerCpuArray, index, reasons, 0, 1),
        layout(WALK, MapType::PerCpuArray, index, size_of::<Walk>(), 0, 1),
    ]
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp, KernelError> {
    let program = ebpf.program_mut(PROGRAM).and_then(|program| program.try_into().ok());
    program.ok_or(KernelError::NoObject { object: OBJECT })
}

/// `net.ipv4.tcp_syncookies`: 0 none, 1 where a listener's queue of half-open connections is full, 2 always.
pub fn cookies_made() -> Option<u32> {
    setting("ipv4/tcp_syncookies")?.first().copied()
}

/// The host's settings in this thread's network namespace; those that cannot be read stay as they were.
fn current(before: Settings) -> Settings {
    let read = |name, otherwise| {
        setting(name)
            .and_then(|values| values.first().copied())
            .unwrap_or(otherwise)
    };
    let scales = read("ipv4/tcp_window_scaling", 1) == 1;
    let scale = setting("ipv4/tcp_rmem").and_then(|memory| window_scale(*memory.get(2)?, read("core/rmem_max", 0)));
    Settings {
        limit: before.limit,
        timestamps: read("ipv4/tcp_timestamps", before.timestamps),
        scale: if scales {
            scale.unwrap_or(before.scale)
        } else {
            NO_SCALE
        },
        sack: read("ipv4/tcp_sack", before.sack),
    }
}

/// The scale that the stack gives windows: what the largest receive buffer needs beyond 16 bits.
fn window_scale(tcp_rmem: u32, rmem_max: u32) -> Option<u32> {
    Some(tcp_rmem.max(rmem_max).checked_ilog2()?.saturating_sub(15).min(14))
}

/// The numbers of a setting below `/proc/sys/net`.
fn setting(name: &str) -> Option<Vec<u32>> {
    let text = fs::read_to_string(Path::new("/proc/sys/net").join(name)).ok()?;
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::window_scale;

    #[test]
    fn a_scale_covers_the_largest_buffer() {
        for (tcp_rmem, rmem_max, scale) in [
            (6_291_456, 212_992, Some(7)),
            (212_992, 6_291_456, Some(7)),
            (65_535, 0, Some(0)),
            (65_536, 0, Some(1)),
            (1 << 31, 0, Some(14)),
            (0, 0, None),
        ] {
            assert_eq!(window_scale(tcp_rmem, rmem_max), scale, "{tcp_rmem} {rmem_max}");
        }
    }
}
