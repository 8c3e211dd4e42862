//! The runtime API of the running service: its sockets, and what it may do to the listening ones.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;

use tokio::task::JoinHandle;

use super::handover;
use super::limits::Sizes;
use super::listeners::{Bound, Owner};
use crate::config::environment::Environment;
use crate::control::World;
use crate::control::serve::{self, Door};
use crate::kernel::Help;
use crate::plan::Plan;
use crate::state::ProxyId;
use crate::state::proxy::ProxyStatus;
use crate::stream::Engine;

/// The service's listening sockets, shared with whoever pauses and hands them over.
pub type Sockets = Rc<RefCell<Vec<Bound>>>;

/// Serves the runtime API on this thread, from within its `LocalSet`. Aborting the tasks ends only the accepting.
pub fn start(
    engine: &'static Engine,
    kernel: Help,
    sizes: Sizes,
    environment: Environment,
    sockets: &Sockets,
) -> io::Result<Vec<JoinHandle<()>>> {
    let doors = doors(engine.plan, &sockets.borrow())?;
    let (listening, handed, told) = (sockets.clone(), sockets.clone(), kernel.clone());
    let world = World {
        engine,
        hard_max_connections: u32::try_from(sizes.connections).unwrap_or(u32::MAX),
        descriptors: sizes.descriptors,
        environment,
        kernel,
        listen: Box::new(move |frontend, status| {
            listen(&mut listening.borrow_mut(), frontend, status);
            told.listeners_changed(listening.borrow().iter().flat_map(Bound::listening).collect());
        }),
        versions: Default::default(),
        variables: engine.plan.variables.clone().into(),
        hand_over: Box::new(move |stream| hand_over(&handed.borrow(), stream)),
    };
    serve::start(&Rc::new(world), doors)
}

fn doors(plan: &Plan, bound: &[Bound]) -> io::Result<Vec<Door>> {
    let mut doors = Vec::new();
    for bound in bound {
        let Owner::Cli(index) = bound.owner else { continue };
        let Some(line) = plan.global.cli.get(index) else {
            continue;
        };
        for socket in &bound.sockets {
            doors.push(Door {
                socket: socket.try_clone()?,
                level: line.level,
                severity_output: line.bind.options.severity_output,
                exposes_listeners: line.expose_listeners,
            });
        }
    }
    Ok(doors)
}

/// Has the sockets of a frontend listen, rest or be closed, as its status says.
fn listen(bound: &mut Vec<Bound>, frontend: ProxyId, status: ProxyStatus) {
    let is_its = |bound: &Bound| matches!(bound.owner, Owner::Frontend(id) if id.frontend == frontend);
    match status {
        ProxyStatus::Ready => bound.iter().filter(|bound| is_its(bound)).for_each(Bound::resume),
        ProxyStatus::Paused => bound.iter().filter(|bound| is_its(bound)).for_each(Bound::pause),
        ProxyStatus::Stopped => {
            // Workers keep descriptors of their own, which stay shut.
            bound.iter().filter(|bound| is_its(bound)).for_each(Bound::pause);
            bound.retain(|bound| !is_its(bound));
        }
    }
}

/// Sends all listening sockets to the process at the other end, on a thread of its own because that one may be slow.
fn hand_over(bound: &[Bound], mut stream: UnixStream) {
    let sockets = bound.iter().flat_map(|bound| &bound.sockets);
    let Ok(sockets) = sockets.map(OwnedFd::try_clone).collect::<io::Result<Vec<OwnedFd>>>() else {
        return;
    };
    thread::spawn(move || {
        let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        // The newcomer notices when something is missing.
        let _ = handover::send(&mut stream, &sockets);
    });
}
