//! Why something runs in userspace, in words.
use thiserror::Error;

use crate::kernel::LARGEST_TABLE;
use crate::language::Location;

/// Why a rule runs in userspace alone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleReason {
    /// The gate has no such action.
    #[error("'{0}' needs the connection")]
    Action(&'static str),
    /// Several tests have to hold at once.
    #[error("its condition is more than one test of 'src'")]
    Conjunction,
    /// Something else than the source address is tested, or in another way.
    #[error("its condition tests '{0}', not 'src' against addresses")]
    Test(Box<str>),
    /// An address has a mask that is no prefix.
    #[error("one of its masks is not a prefix")]
    Mask,
    /// The gate reads only some tables.
    #[error("the gate reads tables of addresses with up to {LARGEST_TABLE} entries, which '{name}' is not")]
    Table { name: Box<str> },
    /// Which data count when is only exact for a set of counters that a rule above lets follow the source.
    #[error("it follows something else than 'src', or only sometimes")]
    Tracking,
    /// The gate's lists are short.
    #[error("it is one rule on stick tables too many")]
    Many,
    /// A rule above runs in userspace, and decides whether this one is reached.
    #[error("the rule at {0} comes first and runs in userspace")]
    Below(Location),
    /// The gate leaves all listeners of the frontend alone.
    #[error("no listener of its frontend is judged by the gate")]
    NoListener,
}

/// Why the gate leaves a listener alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ListenerReason {
    #[error("a UNIX socket receives no packets")]
    Unix,
    /// What the socket is, its number does not tell.
    #[error("an inherited socket is judged where it is one over TCP and IP")]
    Inherited,
    /// A paused frontend's: its port is not ours to judge.
    #[error("it does not listen now")]
    Resting,
    #[error("the source comes with the PROXY header, not with the packet")]
    AcceptProxy,
    #[error("it accepts on one interface only")]
    Interface,
    #[error("it accepts in another network namespace")]
    Namespace,
    #[error("it shares its address and port with a listener that is judged otherwise")]
    Shared,
}
