//! Servers, the choice of one, queues, idle connections, connecting.

pub mod balance;
pub mod connect;
pub mod cookie;
pub mod live;
pub mod pool;
pub mod proxy_protocol;
pub mod queue;
pub mod roster;
pub mod secure;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::{ArcSwap, Guard};

use crate::kernel::forward::Ring;
use crate::plan;
use crate::state::{self, Process, ProxyId};
use balance::{Ask, Input, Live, Snapshot};
use queue::{Priority, Queue, Waiter};

/// A backend at work: its plan, its live state, who waits for it.
pub struct Backend {
    pub id: ProxyId,
    pub plan: &'static plan::Proxy,
    process: &'static Process,
    snapshot: ArcSwap<Snapshot>,
    cookies: ArcSwap<cookie::Values>,
    /// Those that any server may take.
    queue: Queue,
    /// Those that only one server may take, by server.
    server_queues: Vec<Queue>,
}

/// What became of asking for a server.
pub enum Assignment {
    Server(Slot),
    /// All are full: wait for the grant.
    Queued(Waiter),
    /// The queue has no room left.
    QueueFull,
    /// No server is up.
    NoServer,
}

impl Backend {
    /// The backend of a proxy, with what its servers are able to do now.
    pub fn new(plan: &'static plan::Proxy, process: &'static Process) -> Backend {
        let backend = Backend {
            id: plan.id,
            plan,
            process,
            snapshot: ArcSwap::from_pointee(Snapshot::build(&plan.balance, false, &[], None)),
            cookies: ArcSwap::default(),
            queue: Queue::default(),
            server_queues: plan.servers.iter().map(|_| Queue::default()).collect(),
        };
        backend.rebuild();
        backend
    }

    /// Its live state.
    pub fn state(&self) -> Option<&'static state::Proxy> {
        self.process.proxy(self.id)
    }

    /// The live state of its `index`th server.
    pub fn server_state(&self, index: usize) -> Option<&'static Arc<state::Server>> {
        self.state()?.servers.get(index)
    }

    /// Takes changed weights and statuses into account. Whoever changes one calls it. Returns how many sessions that
    /// waited for a server that is gone have to choose again.
    pub fn refresh(&'static self) -> u64 {
        self.rebuild();
        let servers = self.state().map_or(&[][..], |state| &state.servers);
        let gone = servers
            .iter()
            .zip(&self.server_queues)
            .filter(|(server, _)| !server.is_running());
        let dismissed = gone.map(|(_, queue)| queue.dismiss()).sum();
        self.serve_queue();
        dismissed
    }

    fn rebuild(&self) {
        let Some(state) = self.state() else { return };
        let inputs: Vec<Input> = state
            .servers
            .iter()
            .map(|server| Input {
                weight: server.effective_weight.load(Relaxed),
                usable: server.is_usable(),
                backup: server.backup,
                id: server.puid,
            })
            .collect();
        let usable = |backup: bool| {
            inputs
                .iter()
                .filter(|input| input.usable && input.backup == backup)
                .count() as u32
        };
        state.backend.active_servers.store(usable(false), Relaxed);
        state.backend.backup_servers.store(usable(true), Relaxed);
        let previous = self.snapshot.load();
        let next = Snapshot::build(
            &self.plan.balance,
            self.plan.options.allbackups,
            &inputs,
            Some(&previous),
        );
        let in_charge = next
            .servers()
            .filter_map(|index| inputs.get(index))
            .map(|input| input.weight)
            .sum();
        state.backend.total_weight.store(in_charge, Relaxed);
        self.snapshot.store(Arc::new(next));
        self.name_servers();
    }

    /// Takes the servers' cookies anew: those that are computed follow addresses and the key.
    pub fn name_servers(&self) {
        if let Some(state) = self.state().filter(|_| self.plan.cookie.is_some()) {
            self.cookies
                .store(Arc::new(cookie::Values::of(&self.plan.servers, state)));
        }
    }

    /// The cookies by which clients name servers.
    pub fn cookies(&self) -> Guard<Arc<cookie::Values>> {
        self.cookies.load()
    }

    /// Is any server in charge?
    pub fn is_available(&self) -> bool {
        !self.snapshot.load().is_empty()
    }

    /// Chooses a server by the balancing algorithm, or a place in the backend's queue.
    pub fn assign(&'static self, ask: &Ask, priority: Priority) -> Assignment {
        let snapshot = self.snapshot.load();
        if snapshot.is_empty() {
            return Assignment::NoServer;
        }
        match snapshot.pick(ask, self) {
            Some(index) => self.assign_to(index, priority),
            None => self.wait(None, priority),
        }
    }

    /// Takes a slot of one server, or a place in its queue.
    pub fn assign_to(&'static self, index: usize, priority: Priority) -> Assignment {
        match self.take_slot(index) {
            Some(slot) => Assignment::Server(slot),
            None => self.wait(Some(index), priority),
        }
    }

    fn take_slot(&'static self, index: usize) -> Option<Slot> {
        let server = self.server_state(index)?;
        server
            .served
            .up_within(self.limit(index).into())
            .then(|| self.slot(index))
    }

    fn slot(&'static self, index: usize) -> Slot {
        if let Some(state) = self.state() {
            state.backend.served.up();
        }
        Slot { backend: self, index }
    }

    /// The connection limit of a server now: between `minconn` and `maxconn` by the backend's load against `fullconn`.
    fn limit(&self, index: usize) -> u32 {
        let (Some(state), Some(server)) = (self.state(), self.server_state(index)) else {
            return 0;
        };
        let max = server.max_connections.load(Relaxed);
        let min = self.plan.servers.get(index).map_or(0, |plan| plan.min_connections);
        if min == 0 || max == 0 || min >= max {
            return max;
        }
        let full = state.backend.full_connections.load(Relaxed).max(1);
        let now = (state.backend.connections.get() as u32).min(full);
        (u64::from(max) * u64::from(now) / u64::from(full)).max(min.into()) as u32
    }

    fn wait(&'static self, index: Option<usize>, priority: Priority) -> Assignment {
        let Some(state) = self.state() else {
            return Assignment::NoServer;
        };
        let (queue, gauge, limit) = match index {
            None => (&self.queue, &state.backend.queue, 0),
            Some(index) => match (self.server_queues.get(index), state.servers.get(index)) {
                (Some(queue), Some(server)) => (queue, &server.queue, server.max_queue.into()),
                _ => return Assignment::NoServer,
            },
        };
        if limit > 0 && gauge.get() >= limit {
            return Assignment::QueueFull;
        }
        let waiter = queue.join(gauge, index.is_some(), priority);
        // A slot may have become free between the look and the queueing.
        self.serve_queue();
        Assignment::Queued(waiter)
    }

    /// Hands free slots to those who wait, the servers' own queues first.
    fn serve_queue(&'static self) {
        for (index, queue) in self.server_queues.iter().enumerate() {
            while !queue.is_empty() {
                let Some(slot) = self.take_slot(index) else { break };
                if !queue.grant(slot) {
                    break;
                }
            }
        }
        while !self.queue.is_empty() {
            let free = self.snapshot.load().servers().find(|&index| !self.is_full(index));
            let Some(slot) = free.and_then(|index| self.take_slot(index)) else {
                break;
            };
            if !self.queue.grant(slot) {
                break;
            }
        }
    }
}

impl Live for Backend {
    fn load(&self, server: usize) -> u32 {
        self.server_state(server)
            .map_or(0, |state| (state.served.get() + state.queue.get()) as u32)
    }

    fn is_full(&self, server: usize) -> bool {
        let Some(state) = self.server_state(server) else {
            return true;
        };
        let limit = self.limit(server);
        limit > 0 && (state.served.get() >= limit.into() || state.queue.get() > 0)
    }
}

impl Backend {
    /// A place for a session that has one already, since another process gave it.
    pub fn readmit(&'static self, index: usize) -> Slot {
        if let Some(server) = self.server_state(index) {
            server.served.up();
        }
        if let Some(state) = self.state() {
            state.backend.served.up();
        }
        Slot { backend: self, index }
    }

    /// Takes a place back that was given in the kernel, by [`Backend::readmit`].
    pub fn take_back(&'static self, index: usize) {
        drop(Slot { backend: self, index });
    }

    /// The servers in charge, as the kernel chooses from them. `number` gives the number of a server by its index.
    pub fn ring(&self, number: impl Fn(usize) -> u32) -> Ring {
        self.snapshot.load().ring(self.plan.balance.hash.avalanche, number)
    }
}

/// A place among a server's connections. Dropping it lets the next one in.
pub struct Slot {
    backend: &'static Backend,
    pub index: usize,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(server) = self.backend.server_state(self.index) {
            server.served.down();
        }
        if let Some(state) = self.backend.state() {
            state.backend.served.down();
        }
        self.backend.serve_queue();
    }
}
