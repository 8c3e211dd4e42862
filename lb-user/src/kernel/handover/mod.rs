//! Handing established streams over to the kernel, which carries them on without their sockets, and without us.
//!
//! What happens to each packet is `lb_common::flow::handover`; here are its tables, and how a stream gets into them and out again.
//! Programs and tables are pinned: they work on when this process is gone, and the next one takes them over.
mod decide;
mod repair;
mod reset;
mod tables;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::Path;

use aya::Ebpf;
use aya::programs::links::{FdLink, LinkOrder, PinnedLink};
use aya::programs::tc::TcAttachOptions;
use aya::programs::{SchedClassifier, TcAttachType, TestRun, TestRunOptions};
use lb_common::flow::handover::{LAYOUT, Switch, Switched};
use lb_common::flow::{Ports, Tuple, flag};

pub use self::decide::{Busy, Stays, Unfit};
use self::decide::{Half, rests};
use self::repair::Repaired;
pub use self::reset::reset;
pub use self::tables::{Ends, Tables};
use super::KernelError;
use super::object::{self, program_error};
use super::pins::Shared;

const OBJECT: &str = "handover";
const PROGRAM: &str = "lb_handover";
const SWITCH: &str = "lb_switch";

/// The kernel programs, attached where streams come from.
pub struct Handover {
    ebpf: Ebpf,
    pins: Shared,
    /// Interfaces that have the program, and those that refuse it.
    pub interfaces: Vec<(String, Result<(), KernelError>)>,
}

/// One side of a stream that is to be handed over.
#[derive(Clone, Copy, Debug)]
pub struct Socket<'a> {
    pub socket: BorrowedFd<'a>,
    /// What the peer's segments come with.
    pub tuple: Tuple,
    /// Bytes of payload that came from there so far.
    pub bytes: u64,
}

impl Socket<'_> {
    /// Is nothing under way there? To be asked before a stream is handed over, since it costs little.
    ///
    /// # Errors
    /// Why the stream stays.
    pub fn rests(&self) -> Result<(), Stays> {
        rests(repair::standing(self.socket).map_err(Unfit::Refused)?)
    }
}

/// The tuple of the segments that come from `peer` to `local`.
pub fn tuple(peer: SocketAddr, local: SocketAddr) -> Tuple {
    Tuple {
        source: peer.ip().to_canonical().into(),
        destination: local.ip().to_canonical().into(),
        ports: Ports::new(peer.port(), local.port()),
    }
}

impl Handover {
    /// Loads the programs with the pinned tables of a predecessor, or with tables of their own for so many flows, and attaches them
    /// to the interfaces of this thread's network namespace, in a predecessor's place where there was one.
    ///
    /// # Errors
    /// [`KernelError::NoObject`], [`KernelError::Load`], [`KernelError::Layout`], and [`KernelError::Pin`] without a BPF file system:
    /// flows could not outlive us.
    pub fn attach(interfaces: &[String], flows: u32, pin_dir: &Path) -> Result<Self, KernelError> {
        let folder = pin_dir.join(folder_name());
        let layouts = tables::layouts(flows);
        let mut ebpf = object::load_pinned(OBJECT, object::HANDOVER, &layouts, &folder)?;
        for layout in &layouts {
            object::check(&ebpf, layout)?;
        }
        for name in [PROGRAM, SWITCH] {
            let program = program(&mut ebpf, name)?;
            program.load().map_err(|error| program_error(OBJECT, &error))?;
        }
        let carrier = program(&mut ebpf, PROGRAM)?;
        let attached = |name: &String| (name.clone(), attach(carrier, name, &folder));
        let interfaces = interfaces.iter().map(attached).collect();
        Ok(Self {
            ebpf,
            pins: Shared::open(pin_dir, &folder)?,
            interfaces,
        })
    }

    /// Are there tables of a predecessor, perhaps with flows?
    pub fn is_pinned(pin_dir: &Path) -> bool {
        pin_dir.join(folder_name()).exists()
    }

    /// Makes the pins those of the user and group that the process becomes, so that it can remove them.
    pub fn give_pins_to(&self, user: Option<u32>, group: Option<u32>) {
        self.pins.give_to(user, group);
    }

    /// A handle on the tables, one for each thread that uses them.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn tables(&self) -> Result<Tables, KernelError> {
        Tables::new(&self.ebpf)
    }

    /// The ends of flows as the kernel tells them.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn ends(&self) -> Result<Ends, KernelError> {
        Ends::new(&self.ebpf)
    }

    /// Hands a stream over whose ways are watched. On success its sockets are to be closed, which nobody notices; else the stream
    /// goes on as it was. `started` is when it was accepted, on the kernel's monotonic clock in nanoseconds.
    ///
    /// # Errors
    /// Why it stays.
    pub fn take(&self, tables: &Tables, client: Socket<'_>, server: Socket<'_>, started: u64) -> Result<(), Stays> {
        for side in [&client, &server] {
            repair::acknowledge(side.socket);
        }
        // Noted first: what was noted by now and did not arrive yet shows in the sockets.
        let ways = [tables.way(&client.tuple)?, tables.way(&server.tuple)?];
        let repaired = [
            Repaired::enter(client.socket).map_err(Unfit::Refused)?,
            Repaired::enter(server.socket).map_err(Unfit::Refused)?,
        ];
        let half = |side: &Socket<'_>, way, repaired: &Repaired<'_>| {
            rests(repaired.standing().map_err(Unfit::Refused)?)?;
            Ok::<_, Stays>(Half {
                tuple: side.tuple,
                way,
                leg: repaired.leg().map_err(Unfit::Refused)?,
                bytes: side.bytes,
            })
        };
        let client = half(&client, ways[0], &repaired[0])?;
        let server = half(&server, ways[1], &repaired[1])?;
        self.switch(&decide::switch(&client, &server, started)?)?;
        let [client, server] = repaired;
        client.keep();
        server.keep();
        Ok(())
    }

    /// Removes the pins. Once this process is gone, too, the kernel forgets the flows.
    pub fn unpin(&self) {
        self.pins.remove();
    }

    fn switch(&self, switch: &Switch) -> Result<(), Stays> {
        let program: Option<&SchedClassifier> = self.ebpf.program(SWITCH).and_then(|program| program.try_into().ok());
        // SAFETY: a plain structure without padding; the slice lives no longer than it.
        let data = unsafe { std::slice::from_raw_parts(std::ptr::from_ref(switch).cast::<u8>(), size_of::<Switch>()) };
        let options = TestRunOptions {
            data_in: Some(data),
            ..TestRunOptions::default()
        };
        let run = program.ok_or(Unfit::Gone)?.test_run(options);
        match run
            .map_err(|error| Unfit::Refused(io::Error::other(error.to_string())))?
            .return_value
        {
            done if done == Switched::Done as u32 => Ok(()),
            _ => Err(Busy::Moved.into()),
        }
    }
}

fn folder_name() -> String {
    format!("{OBJECT}-{LAYOUT}")
}

/// The interfaces that streams may come by: all but the loopback.
///
/// # Errors
/// [`KernelError::Addresses`].
pub fn interfaces() -> Result<Vec<String>, KernelError> {
    let outward = super::interface::addresses()?.into_iter();
    let outward = outward.filter(|interface| !interface.is_loopback());
    let names: BTreeSet<String> = outward.map(|interface| interface.name).collect();
    Ok(names.into_iter().collect())
}

/// The flags of a watched way.
pub const fn watched_flags(from_client: bool) -> u8 {
    if from_client { flag::CLIENT } else { 0 }
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut SchedClassifier, KernelError> {
    let program = ebpf.program_mut(name).and_then(|program| program.try_into().ok());
    program.ok_or(KernelError::NoObject { object: OBJECT })
}

/// Attaches the program before all others, since nobody else knows what to do with the segments of a flow that it carries.
fn attach(program: &mut SchedClassifier, interface: &str, folder: &Path) -> Result<(), KernelError> {
    let index = super::interface::index(interface)?;
    let refused = |why: String| KernelError::Attach {
        interface: interface.to_owned(),
        mode: "TC",
        why,
    };
    let pin = folder.join(format!("link-{index}"));
    let predecessor = PinnedLink::from_pin(&pin)
        .ok()
        .and_then(|link| FdLink::from(link).try_into().ok());
    if let Some(link) = predecessor
        && program.attach_to_link(link).is_ok()
    {
        return Ok(());
    }
    // What is pinned there belonged to an interface that is gone.
    let _ = std::fs::remove_file(&pin);
    let options = TcAttachOptions::TcxOrder(LinkOrder::first());
    let link = program
        .attach_with_options(interface, TcAttachType::Ingress, options)
        .and_then(|id| program.take_link(id))
        .map_err(|error| refused(error.to_string()))?;
    let link: FdLink = link
        .try_into()
        .map_err(|_| refused("this kernel has no TCX links (Linux 6.6)".to_owned()))?;
    link.pin(&pin).map_err(|error| refused(error.to_string()))?;
    Ok(())
}
