//! The capability ladder: what this kernel, this process and its interfaces can do for us, each step with why it is missing.
use std::path::Path;

use aya::maps::MapType;
use aya::programs::ProgramType;
use aya::sys::BpfHelper;
use rustix::thread::{CapabilitySet, capabilities};

use super::{interface, netdev, object, pins};

/// Something the kernel's help needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    pub name: String,
    pub state: State,
}

/// Whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Present,
    /// With the command that mends it, where there is one.
    Missing {
        why: String,
        mend: Option<String>,
    },
}

/// The ladder, lowest step first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    pub steps: Vec<Capability>,
}

impl Capabilities {
    /// Looks at every step, without changing anything. `pin_dir` is where maps would be pinned.
    pub fn probe(pin_dir: &Path, interfaces: &[String]) -> Self {
        let mut steps = OBJECTS.map(embedded).to_vec();
        steps.extend(PRIVILEGES.map(privilege));
        steps.extend(PROGRAMS.map(program_type));
        steps.push(helper());
        steps.extend([MapType::Hash, MapType::LpmTrie, MapType::PerCpuArray, MapType::SockMap].map(map_type));
        steps.push(bpf_file_system(pin_dir));
        steps.extend(interfaces.iter().flat_map(|name| interface_steps(name)));
        Self { steps }
    }

    /// The steps that are missing.
    pub fn missing(&self) -> impl Iterator<Item = &Capability> {
        self.steps.iter().filter(|step| step.state != State::Present)
    }
}

impl Capability {
    fn new(name: impl Into<String>, missing: Option<(String, Option<&str>)>) -> Self {
        let state = missing.map_or(State::Present, |(why, mend)| State::Missing {
            why,
            mend: mend.map(str::to_owned),
        });
        Self {
            name: name.into(),
            state,
        }
    }
}

const OBJECTS: [(&str, Option<&[u8]>); 4] = [
    ("cookie", object::COOKIE),
    ("gate", object::GATE),
    ("lookup", object::LOOKUP),
    ("reuseport", object::REUSEPORT),
];

fn embedded((name, object): (&str, Option<&[u8]>)) -> Capability {
    let missing = object.is_none().then(|| {
        let why = "this program was built without it".to_owned();
        (why, Some("cargo xtask build-ebpf && cargo build"))
    });
    Capability::new(format!("kernel program '{name}'"), missing)
}

/// Each with the capability that includes it, from before it was one of its own (Linux 5.8).
const PRIVILEGES: [(&str, CapabilitySet, CapabilitySet); 3] = [
    ("CAP_BPF", CapabilitySet::BPF, CapabilitySet::SYS_ADMIN),
    ("CAP_PERFMON", CapabilitySet::PERFMON, CapabilitySet::SYS_ADMIN),
    ("CAP_NET_ADMIN", CapabilitySet::NET_ADMIN, CapabilitySet::NET_ADMIN),
];

fn privilege((name, wanted, instead): (&str, CapabilitySet, CapabilitySet)) -> Capability {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let missing = (!effective.intersects(wanted | instead)).then(|| {
        let why = "this process does not have it".to_owned();
        (
            why,
            Some("run as root, or setcap cap_bpf,cap_net_admin,cap_perfmon+ep FILE"),
        )
    });
    Capability::new(name, missing)
}

/// Of the gate, of steering to listeners and of steering to workers.
const PROGRAMS: [(&str, ProgramType); 3] = [
    ("XDP", ProgramType::Xdp),
    ("sk_lookup", ProgramType::SkLookup),
    ("sk_reuseport", ProgramType::SkReuseport),
];

fn program_type((name, kind): (&str, ProgramType)) -> Capability {
    let missing = match aya::sys::is_program_supported(kind) {
        Ok(true) => None,
        Ok(false) => Some(("this kernel has none".to_owned(), None)),
        Err(error) => Some((error.to_string(), None)),
    };
    Capability::new(format!("{name} programs"), missing)
}

/// The youngest function of the kernel that the gate calls.
fn helper() -> Capability {
    let missing = match aya::sys::is_helper_supported(ProgramType::Xdp, BpfHelper::BPF_FUNC_xdp_get_buff_len) {
        Ok(true) => None,
        Ok(false) => Some(("this kernel is older than 5.18".to_owned(), None)),
        Err(error) => Some((error.to_string(), None)),
    };
    Capability::new("XDP in several buffers", missing)
}

fn map_type(kind: MapType) -> Capability {
    let missing = match aya::sys::is_map_supported(kind) {
        Ok(true) => None,
        Ok(false) => Some(("this kernel has no such maps".to_owned(), None)),
        Err(error) => Some((error.to_string(), None)),
    };
    Capability::new(format!("{kind:?} maps"), missing)
}

fn bpf_file_system(pin_dir: &Path) -> Capability {
    let missing = (!pins::is_bpf_file_system(pin_dir)).then(|| {
        let why = format!(
            "{} is in none; the gate works without, its maps have no names there",
            pin_dir.display()
        );
        (why, Some("mount -t bpf bpf /sys/fs/bpf"))
    });
    Capability::new("BPF file system", missing)
}

/// Generic XDP needs no more than the interface; native XDP needs its driver.
fn interface_steps(name: &str) -> [Capability; 2] {
    let index = interface::index(name);
    let native = match &index {
        Err(error) => Some((error.to_string(), None)),
        Ok(index) if netdev::runs_native_xdp(*index) == Some(false) => {
            let driver = interface::driver(name).unwrap_or_else(|_| "unknown".to_owned());
            Some((format!("its driver '{driver}' has none"), None))
        }
        // A kernel that cannot tell (before 6.3) will when the gate is attached.
        Ok(_) => None,
    };
    let generic = index.err().map(|error| (error.to_string(), None));
    [
        Capability::new(format!("generic XDP on {name}"), generic),
        Capability::new(format!("native XDP on {name}"), native),
    ]
}
