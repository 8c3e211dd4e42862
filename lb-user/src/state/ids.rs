//! Ids: newtypes that index the plan's vectors and the live state's alike.

/// A frontend, backend or listen section, in the file's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProxyId(pub u32);

/// A server of one backend, in the file's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId {
    pub backend: ProxyId,
    pub index: u32,
}

/// A `bind` line's listener of one frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId {
    pub frontend: ProxyId,
    pub index: u32,
}

impl ProxyId {
    /// The position in the vectors.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ServerId {
    /// The position in the vectors.
    pub fn index(self) -> usize {
        self.index as usize
    }
}
