//! Telling the kernel what to carry, as things stand now.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use super::lines::Line;
use super::{Carrier, half_open};
use crate::kernel::KernelError;
use crate::kernel::forward::{Forwarder, Ring, Targets};
use crate::runtime::clock;
use crate::state::ServerId;
use crate::state::proxy::ProxyStatus;
use lb_common::flow::{Choice, HALF_OPEN, SCANNED, Server, Service, Slot};

/// How often addresses and routes are looked at, in ticks.
const LOOK: clock::Ticks = 1_000_000;

impl Carrier {
    /// Brings the kernel up to date.
    pub(super) fn publish(&mut self) -> Result<(), KernelError> {
        self.look();
        self.tell_others()?;
        let targets = self.targets();
        self.forwarder.publish(&targets)?;
        self.help.set_forwarding(self.forwarder.status()?);
        Ok(())
    }

    /// Looks at addresses and routes anew, now and then.
    fn look(&mut self) {
        let now = clock::ticks();
        if self.looked > 0 && now < self.looked + LOOK {
            return;
        }
        self.looked = now;
        self.servers = self
            .lines
            .servers()
            .map(|(number, id)| (number, self.reach(id)))
            .collect();
        self.local = Forwarder::local().unwrap_or_default();
        let keys = self.lines.lines.iter().flat_map(|line| line.keys(&self.local));
        self.listeners.extend(keys);
    }

    fn reach(&self, id: ServerId) -> Option<Server> {
        let proxy = self.engine.plan.proxies.get(id.backend.index())?;
        let plan = proxy.servers.get(id.index())?;
        let state = self.engine.process.server(id)?;
        let source = plan.source.or(proxy.source).map(|source| source.ip());
        let limit = state.max_connections.load(Relaxed);
        self.forwarder
            .server(state.address()?, source.filter(|ip| !ip.is_unspecified()), limit)
    }

    fn targets(&self) -> Targets {
        let mut targets = Targets::default();
        let process = self.engine.process;
        let full = process.connections.get() >= process.max_connections.load(Relaxed).into();
        let rated = process.max_connection_rate.load(Relaxed) > 0 || process.max_session_rate.load(Relaxed) > 0;
        if full || rated || process.stopping.load(Relaxed) {
            return targets;
        }
        let mut rings = BTreeMap::new();
        for line in &self.lines.lines {
            let Some(service) = self.service(line) else { continue };
            let position = *rings.entry(line.backend).or_insert_with(|| {
                let ring = self.ring(line)?;
                targets.rings.push(ring);
                Some(targets.rings.len() - 1)
            });
            let Some(position) = position else { continue };
            for (key, _) in line.keys(&self.local) {
                targets.services.insert(key, (position, service));
            }
        }
        let known = self.servers.iter();
        targets.servers = known
            .filter_map(|(number, server)| Some((*number, (*server)?)))
            .collect();
        targets
    }

    /// The service of a frontend, if it takes connections now.
    fn service(&self, line: &Line) -> Option<Service> {
        let frontend = self.engine.process.proxy(line.frontend)?;
        let ready = frontend.status.load(Relaxed) == ProxyStatus::Ready as u8;
        let rated = frontend.frontend.max_session_rate.load(Relaxed) > 0;
        let backend = self.engine.plan.proxies.get(line.backend.index())?;
        let patience = backend
            .timeouts
            .connect
            .map_or(u64::MAX, |timeout| timeout.as_nanos() as u64);
        (ready && !rated).then(|| Service {
            patience,
            number: line.number,
            slots: 0,
            length: 0,
            cycle: 0,
            limit: frontend.frontend.max_connections.load(Relaxed),
            half_open: half_open(self.engine.process.max_connections.load(Relaxed)),
            turns: line.turns,
            choice: Choice::Turns,
            bits: 0,
            draws: 0,
            avalanche: false,
        })
    }

    /// The ring of a backend, if the kernel can choose from it and reach all of its servers.
    fn ring(&self, line: &Line) -> Option<Ring> {
        let backend = self.engine.backend(line.backend)?;
        let number = |index| {
            let id = ServerId {
                backend: line.backend,
                index: index as u32,
            };
            self.lines.number_of(id).unwrap_or(HALF_OPEN)
        };
        let ring = backend.ring(number);
        let scanned = matches!(ring.choice, Choice::Least | Choice::First);
        let short = !scanned || ring.slots.len() <= SCANNED as usize;
        let reached = |slot: &Slot| self.servers.get(&slot.server).is_some_and(Option::is_some);
        (!ring.slots.is_empty() && short && ring.slots.iter().all(reached)).then_some(ring)
    }

    /// Tells how many connections there are beside the kernel's own.
    fn tell_others(&mut self) -> Result<(), KernelError> {
        let process = self.engine.process;
        let count = |map: &BTreeMap<u32, i64>, number| map.get(&number).copied().unwrap_or(0);
        let mut others = vec![(HALF_OPEN, 0)];
        for line in &self.lines.lines {
            let all = process
                .proxy(line.frontend)
                .map_or(0, |proxy| proxy.frontend.connections.get());
            others.push((line.number, all as i64 - count(&self.carried, line.number)));
        }
        for (number, id) in self.lines.servers() {
            let all = process
                .server(id)
                .map_or(0, |server| server.served.get() + server.queue.get());
            others.push((number, all as i64 - count(&self.carried, number)));
        }
        for (number, others) in others {
            let others = others - count(&self.removed, number);
            self.forwarder
                .set_others(number, others.clamp(i32::MIN.into(), i32::MAX.into()) as i32)?;
        }
        Ok(())
    }
}
