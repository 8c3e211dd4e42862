//! Steering: one listener for many addresses and ports (`sk_lookup`), one worker for each source (`sk_reuseport`).
//!
//! What is decided is `lb_common::steer`; here is which `bind` addresses share a listener, and the way into the kernel.
mod groups;
mod lookup;
mod reuseport;
mod table;

pub use self::groups::{FEW, Group, Groups, Role};
pub use self::lookup::{Lookup, LookupStatus};
pub use self::reuseport::{Reuseport, ReuseportStatus};
pub use self::table::Table;
