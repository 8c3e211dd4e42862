//! `first`: the server with the lowest number that has a connection slot left.

use super::{Avoiding, Live, Member};

/// Servers by their `id`.
pub struct ByNumber {
    servers: Box<[u32]>,
}

impl ByNumber {
    /// The servers in their order.
    pub fn servers(&self) -> &[u32] {
        &self.servers
    }

    /// Sorts the members.
    pub fn new(members: &[Member]) -> ByNumber {
        let mut members = members.to_vec();
        members.sort_by_key(|member| member.id);
        ByNumber {
            servers: members.iter().map(|member| member.server).collect(),
        }
    }

    /// The first that is free.
    pub fn pick<L: Live>(&self, live: &Avoiding<L>) -> Option<u32> {
        self.servers.iter().copied().find(|&server| live.is_free(server))
    }
}
