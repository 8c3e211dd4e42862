//! Persistence: rules and tables that bind a session to a server (manual 4.2, `use-server` and `stick`).

use super::exchange::Exchange;
use crate::plan::rules::ServerName;
use crate::plan::table::DataType;
use crate::rules::condition::Verdict;
use crate::rules::facts::Side;
use crate::runtime::clock;
use crate::state::TableId;
use crate::stick::Key;

/// A key that is to be bound to the server that answers.
pub struct Binding {
    table: TableId,
    key: Key,
}

impl Exchange<'_> {
    /// The server that a `use-server` rule names or a stick table remembers, if it can be used.
    pub(crate) fn bound_server(&mut self) -> Option<usize> {
        let named = self.named_server();
        let stuck = self.stuck_server();
        let index = named.or(stuck)?;
        self.backend?.server_state(index)?.is_running().then_some(index)
    }

    fn named_server(&self) -> Option<usize> {
        let facts = self.facts(Side::Request);
        self.proxy.rules.use_server.iter().find_map(|rule| {
            if rule
                .condition
                .as_ref()
                .is_some_and(|condition| condition.evaluate(&facts) != Verdict::Yes)
            {
                return None;
            }
            match &rule.server {
                ServerName::Fixed(id) => Some(id.index()),
                ServerName::Dynamic(format) => {
                    let name = format.string(&facts);
                    self.proxy
                        .servers
                        .iter()
                        .position(|server| server.name.as_bytes() == name)
                }
            }
        })
    }

    /// Looks keys up, and notes those that are to be learned from this session.
    fn stuck_server(&mut self) -> Option<usize> {
        if self.proxy.rules.stick.is_empty() {
            return None;
        }
        let (mut found, mut learn) = (None, Vec::new());
        let facts = self.facts(Side::Request);
        for rule in self.proxy.rules.stick.iter().filter(|rule| !rule.on_response) {
            if rule
                .condition
                .as_ref()
                .is_some_and(|condition| condition.evaluate(&facts) != Verdict::Yes)
            {
                continue;
            }
            let Some(table) = self.engine.tables.get(rule.table) else {
                continue;
            };
            let key = rule
                .key
                .value(&facts)
                .and_then(|value| Key::from_value(table.spec(), value));
            let Some(key) = key else { continue };
            if rule.matches && found.is_none() {
                let by_address = table.spec().server_key_is_address;
                let server = table.update(&key, facts.ticks, |entry| {
                    let named = entry
                        .server_key()
                        .and_then(|key| self.server_with_key(&key, by_address));
                    named.or_else(|| self.server_with_puid(entry.get(DataType::ServerId)?))
                });
                found = server.flatten();
            }
            if rule.stores {
                learn.push(Binding { table: rule.table, key });
            }
        }
        self.bindings = learn;
        found
    }

    /// The server of that name, or at that address (`srvkey`).
    fn server_with_key(&self, key: &str, by_address: bool) -> Option<usize> {
        let servers = &self.backend?.state()?.servers;
        servers.iter().position(|server| match by_address {
            true => server.address().is_some_and(|address| address.to_string() == key),
            false => server.name == key,
        })
    }

    fn server_with_puid(&self, puid: u64) -> Option<usize> {
        let servers = &self.backend?.state()?.servers;
        servers.iter().position(|server| u64::from(server.puid) == puid)
    }

    /// Binds what was noted, and the keys of `stick store-response`, to the server that answered.
    pub(crate) fn learn_server(&mut self) {
        let Some(server) = self.facts.server.filter(|_| !self.proxy.rules.stick.is_empty()) else {
            return;
        };
        if self
            .proxy
            .servers
            .get(server.index())
            .is_some_and(|plan| plan.non_stick)
        {
            return;
        }
        let Some(state) = self.engine.process.server(server) else {
            return;
        };
        let puid = state.puid;
        let address = state.address().map(|address| address.to_string()).unwrap_or_default();
        let mut bindings = std::mem::take(&mut self.bindings);
        bindings.extend(self.response_bindings());
        for Binding { table, key } in bindings {
            let Some(table) = self.engine.tables.get(table) else {
                continue;
            };
            // A full table forgets nothing for us: the session then goes unremembered.
            let _ = table.update_or_insert(&key, clock::ticks(), |entry| {
                let name = if table.spec().server_key_is_address {
                    &address
                } else {
                    &state.name
                };
                entry.set(DataType::ServerId, puid.into()) && entry.set_server_key(name)
            });
        }
    }

    fn response_bindings(&self) -> Vec<Binding> {
        let facts = self.facts(Side::Response);
        let rules = self
            .proxy
            .rules
            .stick
            .iter()
            .filter(|rule| rule.on_response && rule.stores);
        rules
            .filter(|rule| {
                !rule
                    .condition
                    .as_ref()
                    .is_some_and(|condition| condition.evaluate(&facts) != Verdict::Yes)
            })
            .filter_map(|rule| {
                let table = self.engine.tables.get(rule.table)?;
                let key = Key::from_value(table.spec(), rule.key.value(&facts)?)?;
                Some(Binding { table: rule.table, key })
            })
            .collect()
    }
}
