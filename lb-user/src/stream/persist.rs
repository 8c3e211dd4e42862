//! Persistence: rules, cookies and tables that bind a session to a server (manual 4.2, `use-server`, `cookie`, `stick`).

use super::exchange::Exchange;
use crate::backend::cookie::Presented;
use crate::backend::cookie::request::{Judge, Named};
use crate::backend::cookie::response::Dresser;
use crate::http::cacheable::is_cacheable;
use crate::plan::rules::{ServerName, UseServer};
use crate::rules::Condition;
use crate::rules::condition::Verdict;
use crate::rules::facts::Side;
use crate::rules::key;
use crate::runtime::clock;
use crate::stick::{DataType, Key, TableId};

/// A key that is to be bound to the server that answers.
pub struct Binding {
    table: TableId,
    key: Key,
}

/// What binds a request to a server.
#[derive(Default)]
pub struct Persistence {
    /// The server that a rule, a cookie or a table chose.
    server: Option<usize>,
    /// It is asked even if it is down (`option persist`, `force-persist`).
    forced: bool,
    /// Cookies are left alone (`ignore-persist`).
    pub(super) ignored: bool,
    /// What the client's cookies told.
    pub(super) presented: Option<Presented>,
}

impl Exchange<'_> {
    /// Looks for what binds the request to a server: `use-server` rules first, then the cookie, then tables.
    pub(crate) fn bind_to_server(&mut self) {
        let facts = self.facts(Side::Request);
        let holds = |conditions: &[Condition]| {
            conditions
                .iter()
                .any(|condition| condition.evaluate(&facts) == Verdict::Yes)
        };
        let rules = &self.proxy.rules;
        self.persistence = Persistence {
            forced: self.proxy.options.persist || holds(&rules.force_persist),
            ignored: holds(&rules.ignore_persist),
            ..Persistence::default()
        };
        self.persistence.server = self.named_server();
        self.read_cookies();
        // Keys are learned even where they do not choose.
        let stuck = self.stuck_server();
        let server = self.persistence.server.or(stuck);
        self.persistence.server = server;
    }

    /// The server that the request is bound to, if it can be used and was not given up (`option redispatch`).
    pub(crate) fn bound_server(&self) -> Option<usize> {
        let bound = self.persistence.server.filter(|_| !self.facts.redispatched)?;
        self.is_usable(bound).then_some(bound)
    }

    /// The server that the client's kept connection leads to (`option prefer-last-server`), unless its queue is so
    /// long that another one may serve sooner (`max-keep-alive-queue`).
    pub(crate) fn last_server(&self) -> Option<usize> {
        let proxy = self.proxy;
        if !proxy.options.prefer_last_server || proxy.balance.algorithm.is_deterministic() {
            return None;
        }
        let backend = self.backend?;
        let kept = self.client.own_servers.iter().filter_map(|kept| kept.server);
        let index = kept.rev().find(|server| server.backend == backend.id)?.index();
        let server = backend.server_state(index)?;
        let is_short = match u64::try_from(proxy.max_keep_alive_queue) {
            Ok(limit) => server.queue.get() <= limit,
            Err(_) => true,
        };
        (server.is_usable() && is_short).then_some(index)
    }

    fn is_usable(&self, index: usize) -> bool {
        let server = self.backend.and_then(|backend| backend.server_state(index));
        server.is_some_and(|server| server.is_running() || self.persistence.forced)
    }

    /// Judges the persistence cookie and hides it from the server where that is asked for.
    fn read_cookies(&mut self) {
        let (Some(cookie), Some(backend)) = (&self.proxy.cookie, self.backend) else {
            return;
        };
        if !self.http {
            return;
        }
        let values = backend.cookies();
        let judge = Judge {
            cookie,
            find: &|value| {
                let index = values.server(value)?;
                let is_up = backend.server_state(index)?.is_running();
                Some(Named { index, is_up })
            },
            decided: self.persistence.ignored || self.persistence.server.is_some(),
            forced: self.persistence.forced,
            now: clock::date() / 1_000_000,
        };
        let presented = judge.judge(&mut self.request);
        self.persistence.server = self.persistence.server.or(presented.server);
        self.persistence.presented = Some(presented);
        if cookie.is_managed() {
            self.facts.cookie_flags = [presented.flag, b'N'];
        }
    }

    /// Sees to the persistence cookie of the response.
    pub(crate) fn dress_response(&mut self) {
        let (Some(cookie), Some(presented), Some(server)) =
            (&self.proxy.cookie, self.persistence.presented, self.facts.server)
        else {
            return;
        };
        let Some(values) = self.backend.map(|backend| backend.cookies()) else {
            return;
        };
        if !cookie.is_managed() || self.persistence.ignored {
            return;
        }
        let method = self.request.method();
        let dresser = Dresser {
            cookie,
            server: values.of_server(server.index()),
            presented,
            bound: self.bound_server() == Some(server.index()),
            is_post: method == b"POST",
            is_cacheable: cookie.nocache && is_cacheable(method, &self.response),
            now: clock::date() / 1_000_000,
        };
        self.facts.cookie_flags[1] = dresser.dress(&mut self.response);
    }

    /// The server of the first `use-server` rule that holds and whose server can be used.
    fn named_server(&self) -> Option<usize> {
        let facts = self.facts(Side::Request);
        let holds = |rule: &&UseServer| {
            let condition = rule.condition.as_ref();
            condition.is_none_or(|condition| condition.evaluate(&facts) == Verdict::Yes)
        };
        let rules = self.proxy.rules.use_server.iter().filter(holds);
        let named = rules.filter_map(|rule| match &rule.server {
            ServerName::Fixed(id) => Some(id.index()),
            ServerName::Dynamic(format) => {
                let name = format.string(&facts);
                let mut servers = self.proxy.servers.iter();
                servers.position(|server| server.name.as_bytes() == name)
            }
        });
        named.into_iter().find(|index| self.is_usable(*index))
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
            let Some(table) = self.engine.process.tables.get(rule.table) else {
                continue;
            };
            let key = rule.key.value(&facts).and_then(|value| key::of(table.spec(), value));
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
        found.filter(|index| self.is_usable(*index))
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
            let Some(table) = self.engine.process.tables.get(table) else {
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
                let table = self.engine.process.tables.get(rule.table)?;
                let key = key::of(table.spec(), rule.key.value(&facts)?)?;
                Some(Binding { table: rule.table, key })
            })
            .collect()
    }
}
