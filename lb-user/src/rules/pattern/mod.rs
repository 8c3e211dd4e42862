//! Patterns: what an ACL or a map compares a sample with (manual 7.1).

mod index;
mod network;
mod parse;
mod prefix;
mod set;

pub use index::Index;
pub use network::{Network, Networks, mask4, mask6, parse_mask4};
pub use parse::{Compile, Pattern, hex, parse_number, parse_version};
pub use set::{Change, Entry, Matcher, Origin, PatternSet};

use super::value::Kind;

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
    /// Numbers written `major.minor`; implied by the fetches of protocol versions.
    Version,
}

/// All methods with the names that `-m` takes.
const METHODS: &[(&str, Method)] = &[
    ("found", Method::Found),
    ("bool", Method::Bool),
    ("int", Method::Int),
    ("ip", Method::Ip),
    ("bin", Method::Bin),
    ("len", Method::Len),
    ("str", Method::Str),
    ("beg", Method::Beg),
    ("sub", Method::Sub),
    ("dir", Method::Dir),
    ("dom", Method::Dom),
    ("end", Method::End),
    ("reg", Method::Reg),
];

impl Method {
    /// The method that `-m name` selects.
    pub fn parse(name: &str) -> Option<Method> {
        METHODS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, method)| *method)
    }

    /// The name that `-m` takes.
    pub fn name(self) -> &'static str {
        METHODS
            .iter()
            .find(|(_, method)| *method == self)
            .map_or("", |(name, _)| name)
    }

    /// The method that a sample of this type is matched with where none is given.
    pub fn default_for(kind: Kind) -> Option<Method> {
        match kind {
            Kind::Bool => Some(Method::Bool),
            Kind::Int => Some(Method::Int),
            Kind::Address | Kind::Ipv4 | Kind::Ipv6 => Some(Method::Ip),
            Kind::Str => Some(Method::Str),
            Kind::Any | Kind::Bin | Kind::Method => None,
        }
    }

    /// The type that a sample is turned into before it is compared.
    pub const fn input(self) -> Kind {
        match self {
            Method::Found => Kind::Any,
            // A truth value is a number that is not zero.
            Method::Bool | Method::Int | Method::Version => Kind::Int,
            Method::Ip => Kind::Address,
            Method::Bin => Kind::Bin,
            _ => Kind::Str,
        }
    }

    /// Does the method do without patterns?
    pub fn takes_no_pattern(self) -> bool {
        matches!(self, Method::Found | Method::Bool)
    }
}
