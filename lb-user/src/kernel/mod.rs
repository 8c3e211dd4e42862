//! Kernel help: what this kernel and process can do, the gate and SYN cookies in XDP, steering to
//! listeners and workers.
//!
//! Nothing here is needed for a right answer: userspace evaluates the same rules on every connection that the kernel lets pass. So
//! whatever fails here takes a little speed and never a decision, and each failure names what is missing. Nothing here needs a
//! runtime; calls may block for some milliseconds and belong on a thread of their own.
mod capability;
pub mod cookie;
mod error;
pub mod forward;
mod gate;
pub mod handover;
mod help;
mod interface;
mod netdev;
mod netlink;
mod object;
mod pins;
pub mod placement;
mod route;
mod shared;
pub mod steer;

pub use capability::{Capabilities, Capability, State};
pub use error::KernelError;
pub use gate::{
    Gate, GateAction, GateListener, GateRule, GateRules, GateStatus, GateWatch, InterfaceState, InterfaceStatus,
    RuleCount, Tables, Twin,
};
pub use help::{Help, Keeper, Listeners, PIN_DIR, Started};
pub use interface::Mode;
pub use object::MapStatus;
pub use placement::Placement;
pub use shared::LARGEST as LARGEST_TABLE;
