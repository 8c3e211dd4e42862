//! Patterns: what an ACL or a map compares a sample with.

use std::net::IpAddr;
use std::sync::RwLock;

/// Matching methods (`-m`, manual 7.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Found,
    Bool,
    Int,
    Ip,
    Bin,
    Len,
    Str,
    Beg,
    End,
    Sub,
    Dir,
    Dom,
    Reg,
}

/// One pattern, compiled for its method.
#[derive(Clone, Debug)]
pub enum Pattern {
    Str(Box<[u8]>),
    /// Inclusive bounds; `None` is open.
    Range(Option<i64>, Option<i64>),
    Network(IpAddr, u8),
    Regex(regex::bytes::Regex),
}

/// One entry: the pattern, the text it came from and, in a map, its value.
#[derive(Clone, Debug)]
pub struct Entry {
    pub pattern: Pattern,
    pub text: Box<str>,
    pub value: Option<Box<str>>,
}

/// The patterns of one `-f` file, map file or ACL line. Entries named by a file are shared by everyone who names it
/// and can be changed through the runtime API.
#[derive(Debug, Default)]
pub struct PatternSet {
    /// The file it was read from; the key of `show acl`/`show map`.
    pub file: Option<Box<str>>,
    pub entries: RwLock<Vec<Entry>>,
}
