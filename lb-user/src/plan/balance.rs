//! `balance` and `hash-type` (manual 4.2).

use crate::rules::Expression;

/// How a backend chooses a server.
#[derive(Clone, Default)]
pub struct Balance {
    pub algorithm: Algorithm,
    pub hash: HashType,
    /// `hash-balance-factor` in percent; 0 is off.
    pub factor: u32,
}

/// The argument of `balance`.
#[derive(Clone, Default)]
pub enum Algorithm {
    #[default]
    RoundRobin,
    StaticRoundRobin,
    LeastConnections,
    First,
    Source,
    Uri(UriHash),
    UrlParam {
        name: String,
        /// Look in the body of a POST, too.
        check_post: bool,
    },
    Header {
        name: String,
        /// Hash only the domain part of a host name.
        use_domain_only: bool,
    },
    Random {
        draws: u32,
    },
    RdpCookie {
        name: String,
    },
    /// `hash <expression>`.
    Hash(Box<Expression>),
}

impl Algorithm {
    /// Does the same key always lead to the same server?
    pub fn is_deterministic(&self) -> bool {
        !matches!(
            self,
            Algorithm::RoundRobin
                | Algorithm::StaticRoundRobin
                | Algorithm::LeastConnections
                | Algorithm::First
                | Algorithm::Random { .. }
        )
    }
}

/// What of the URI `balance uri` hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UriHash {
    pub whole: bool,
    pub path_only: bool,
    pub length: usize,
    pub depth: usize,
}

/// `hash-type <method> <function> <modifier>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashType {
    pub method: HashMethod,
    pub function: HashFunction,
    pub avalanche: bool,
}

/// How a hash leads to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashMethod {
    #[default]
    MapBased,
    Consistent,
}

/// What makes a hash of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashFunction {
    #[default]
    Sdbm,
    Djb2,
    Wt6,
    Crc32,
}
