//! What the runtime API looks at and acts upon, and how commands name its parts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::unix::net::UnixStream;

use crate::config::environment::Environment;
use crate::control::command::pattern::Versions;
use crate::kernel::Help;
use crate::plan;
use crate::plan::Plan;
use crate::rules::Variable;
use crate::state::proxy::ProxyStatus;
use crate::state::{Process, Proxy, ProxyId, Server, ServerId};
use crate::stream::Engine;

/// The running process, as commands see it.
pub struct World {
    pub engine: &'static Engine,
    /// Connections that the process allowed when it started.
    pub hard_max_connections: u32,
    /// Descriptors that it may have.
    pub descriptors: u64,
    /// The environment, as the configuration left it.
    pub environment: Environment,
    /// What the kernel does for the process.
    pub kernel: Help,
    /// Has the sockets of a frontend do what its new status asks.
    pub listen: Box<dyn Fn(ProxyId, ProxyStatus)>,
    /// Versions of ACLs and maps, by the sets' numbers.
    pub versions: RefCell<HashMap<u32, Versions>>,
    /// Variables by name: those of the configuration, and those that `set var` made.
    pub variables: RefCell<HashMap<String, Variable>>,
    /// Hands all listening sockets to the process at the other end.
    pub hand_over: Box<dyn Fn(UnixStream)>,
}

/// A server with what is known of it.
#[derive(Clone, Copy)]
pub struct Found {
    pub id: ServerId,
    pub live: &'static Server,
    pub plan: &'static plan::Server,
    pub backend: &'static plan::Proxy,
}

impl World {
    /// The configuration.
    pub fn plan(&self) -> &'static Plan {
        self.engine.plan
    }

    /// The live state.
    pub fn process(&self) -> &'static Process {
        self.engine.process
    }

    /// The proxy called `name`, or numbered so (`#3`), if it is of the wanted sort.
    pub fn proxy(&self, name: &str, is_wanted: impl Fn(&Proxy) -> bool) -> Option<&'static Proxy> {
        let proxies = self.process().proxies.iter();
        let mut wanted = proxies.filter(|proxy| is_wanted(proxy));
        match number(name) {
            Some(number) => wanted.find(|proxy| proxy.puid == number),
            None => wanted.find(|proxy| proxy.name == name),
        }
    }

    /// The frontend called so.
    pub fn frontend(&self, name: &str) -> Option<&'static Proxy> {
        self.proxy(name, |proxy| proxy.is_frontend)
    }

    /// The backend called so.
    pub fn backend(&self, name: &str) -> Option<&'static Proxy> {
        self.proxy(name, |proxy| proxy.is_backend)
    }

    /// The server called `backend/server`, either part by name or by number. An error is what the operator is told.
    pub fn server(&self, name: &str) -> Result<Found, &'static str> {
        let (backend, server) = match name.split_once('/') {
            Some((backend, server)) if !server.is_empty() => (backend, server),
            _ => return Err("Require 'backend/server'."),
        };
        let backend = self.backend(backend).ok_or("No such backend.")?;
        let mut servers = backend.servers.iter();
        let index = match number(server) {
            Some(number) => servers.position(|live| live.puid == number),
            None => servers.position(|live| live.name == server),
        };
        index
            .and_then(|index| self.found(backend.id, index))
            .ok_or("No such server.")
    }

    /// A backend's server by its place.
    pub fn found(&self, backend: ProxyId, index: usize) -> Option<Found> {
        let plan = self.plan().proxies.get(backend.index())?;
        let id = ServerId {
            backend,
            index: u32::try_from(index).ok()?,
        };
        Some(Found {
            id,
            live: self.process().server(id)?,
            plan: plan.servers.get(index)?,
            backend: plan,
        })
    }

    /// All servers of the backends that `is_wanted`.
    pub fn servers(&self, is_wanted: impl Fn(&Proxy) -> bool) -> impl Iterator<Item = Found> {
        let backends = self
            .process()
            .proxies
            .iter()
            .filter(move |proxy| proxy.is_backend && is_wanted(proxy));
        backends.flat_map(|proxy| (0..proxy.servers.len()).filter_map(|index| self.found(proxy.id, index)))
    }
}

/// The number in `#3`.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix('#')?.parse().ok()
}
