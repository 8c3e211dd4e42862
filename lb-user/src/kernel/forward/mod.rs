//! Forwarding: TC on the interfaces carries connections from their first SYN, and userspace hears how they begin and end.
//!
//! What becomes of a packet is `lb_common::flow`; here are its tables, their way into the kernel, and its interfaces.
mod batch;
mod maps;
mod reset;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use aya::Ebpf;
use aya::programs::links::FdLink;
use aya::programs::{SchedClassifier, TcAttachType, TestRun, TestRunOptions};
use lb_common::flow::{Choice, Event, LAYOUT, PEER, Server, Service, ServiceKey, Slot, Tuple, Way, flag};
use lb_common::packet::Address;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::maps::Maps;
use self::reset::Resets;
use super::pins::Pins;
use super::{KernelError, interface, object, route};

const OBJECT: &str = "forward";
const PROGRAM: &str = "lb_forward";

/// How large the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Connections at a time (`maxconn`).
    pub connections: u32,
    /// Of these, how many may be half open beside.
    pub half_open: u32,
    /// One more than the greatest number of a service or server.
    pub numbers: u32,
}

impl Size {
    /// How many slots all rings may have together.
    fn half_slots(self) -> u32 {
        (self.numbers * 256).next_power_of_two().clamp(1 << 14, 1 << 20)
    }

    /// Two ways for each connection, as many again for those that ended of late.
    fn ways(self) -> u32 {
        self.connections.saturating_add(self.half_open).saturating_mul(4)
    }
}

/// A ring of servers: what a choice is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    pub choice: Choice,
    /// For [`Choice::Turns`], where the turns begin that repeat.
    pub cycle: u32,
    pub draws: u8,
    pub avalanche: bool,
    pub slots: Vec<Slot>,
}

/// What is to be forwarded, and where to.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Each with the position of its ring, which completes it.
    pub services: BTreeMap<ServiceKey, (usize, Service)>,
    pub rings: Vec<Ring>,
    pub servers: BTreeMap<u32, Server>,
}

/// What becomes of a flow that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    Keep,
    /// Both its ways go, without a word to its ends.
    Remove,
    /// Both its ways go, and both its ends are told by a reset.
    Reset,
}

/// Both ways of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// The tuple of the way from the client.
    pub client: Tuple,
    pub up: Way,
    pub down: Way,
}

/// How forwarding stands.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Where it is attached.
    pub interfaces: Vec<String>,
    /// Addresses and ports that connections are taken at.
    pub services: usize,
    /// What became of packets, by the reasons' names.
    pub reasons: Vec<(&'static str, u64)>,
}

/// Forwarding in the kernel. Dropping it detaches it everywhere and leaves neither programs nor maps nor pins.
pub struct Forwarder {
    // First, so that it is detached first.
    links: BTreeMap<u32, (String, FdLink)>,
    maps: Maps,
    resets: Option<Resets>,
    /// The most that fits into one segment over IPv4 on every interface.
    segment: u16,
    pins: Result<Pins, KernelError>,
    ebpf: Ebpf,
}

impl Forwarder {
    /// Loads the program and its maps, which are pinned in a folder of their own below `pin_dir` where that lies in a BPF file system.
    ///
    /// # Errors
    /// [`KernelError::NoObject`], [`KernelError::Load`] and [`KernelError::Layout`] where there is no program.
    pub fn load(size: &Size, pin_dir: &Path) -> Result<Self, KernelError> {
        let mut ebpf = object::load(OBJECT, object::FORWARD, &maps::layouts(size))?;
        program(&mut ebpf)?
            .load()
            .map_err(|error| object::program_error(OBJECT, &error))?;
        let mut pins = Pins::new(pin_dir, OBJECT, LAYOUT);
        let maps = Maps::new(&mut ebpf, size, pins.as_mut().ok())?;
        Ok(Self {
            links: BTreeMap::new(),
            maps,
            resets: Resets::open().ok(),
            segment: u16::MAX,
            pins,
            ebpf,
        })
    }

    /// Attaches to the interfaces of this thread's network namespace, where they carry Ethernet. Those that are attached already
    /// stay so.
    ///
    /// # Errors
    /// [`KernelError::Attach`] for the first interface that does not take the program, [`KernelError::NoInterface`].
    pub fn attach(&mut self, interfaces: &BTreeSet<String>) -> Result<(), KernelError> {
        for name in interfaces {
            let index = interface::index(name)?;
            let link = route::link(index).filter(|link| link.is_ethernet);
            let Some(link) = link.filter(|_| !self.links.contains_key(&index)) else {
                continue;
            };
            if link.leads_elsewhere {
                self.maps.add_peer(index)?;
            }
            let attached = attach(program(&mut self.ebpf)?, name)?;
            self.links.insert(index, (name.clone(), attached));
            // IP and TCP headers without options.
            let segment = link.mtu.saturating_sub(40);
            self.segment = self.segment.min(u16::try_from(segment).unwrap_or(u16::MAX));
        }
        Ok(())
    }

    /// The interfaces of this host that can be forwarded between: all but the loopback.
    ///
    /// # Errors
    /// [`KernelError::Addresses`].
    pub fn interfaces() -> Result<BTreeSet<String>, KernelError> {
        let addresses = interface::addresses()?.into_iter();
        let outward = addresses.filter(|interface| !interface.is_loopback());
        Ok(outward.map(|interface| interface.name).collect())
    }

    /// This host's addresses but those of the loopback.
    ///
    /// # Errors
    /// [`KernelError::Addresses`].
    pub fn local() -> Result<BTreeSet<IpAddr>, KernelError> {
        let addresses = interface::addresses()?.into_iter();
        let outward = addresses.filter(|interface| !interface.is_loopback());
        Ok(outward.map(|interface| interface.ip()).collect())
    }

    /// Whether packets to an address leave this host.
    pub fn leads_out(address: IpAddr) -> bool {
        route::to(address, None).is_some()
    }

    /// How the kernel reaches a server, from `source` where that is given: `None` where it is this host, or out of reach by the
    /// interfaces that are forwarded between.
    pub fn server(&self, address: SocketAddr, source: Option<IpAddr>, limit: u32) -> Option<Server> {
        let route = route::to(address.ip(), source)?;
        let link = route::link(route.interface)?;
        self.links.contains_key(&route.interface).then(|| Server {
            address: Address::from(address.ip()),
            source: Address::from(route.source),
            interface: route.interface | if link.leads_elsewhere { PEER } else { 0 },
            limit,
            port: address.port().to_be_bytes(),
            first_port: *PORTS.start(),
            ports: PORTS.len() as u16,
            segment: self.segment,
        })
    }

    /// Makes the kernel forward this and nothing else. Flows that are under way go on.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn publish(&mut self, targets: &Targets) -> Result<(), KernelError> {
        self.maps.publish(targets)
    }

    /// Says how many connections of a service or server are to be added to the kernel's own, to compare them with a limit.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_others(&mut self, number: u32, others: i32) -> Result<(), KernelError> {
        self.maps.set_others(number, others)
    }

    /// Connections of a service or server that the kernel has counted as begun and not as ended. Those that a sweep removed are
    /// among them.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn load_of(&self, number: u32) -> Result<i64, KernelError> {
        self.maps.load(number)
    }

    /// Hands over the events that are there, after waiting for one at most so long.
    pub fn events(&mut self, wait: Duration, mut each: impl FnMut(&Event)) {
        let events = &mut self.maps.events;
        let timeout = Timespec::try_from(wait).ok();
        // An error is a signal: whoever waits comes back.
        let _ = poll(&mut [PollFd::new(&events.as_fd(), PollFlags::IN)], timeout.as_ref());
        while let Some(item) = events.next() {
            if let Some(event) = maps::event(&item) {
                each(&event);
            }
        }
    }

    /// Looks at some of the flows, and does with each as `judge` says. Answers whether this was the end of a walk through all.
    pub fn sweep(&mut self, mut judge: impl FnMut(&Flow) -> Sweep) -> bool {
        let mut ways = Vec::new();
        // Where a walk fails the next one begins anew.
        let ended = self.maps.walk(|tuple, way| ways.push((tuple, way))).unwrap_or(true);
        for (tuple, way) in ways {
            let other = self.maps.way(&way.other());
            match (way.flags & flag::CLIENT != 0, other) {
                (true, other) => {
                    // A connection that userspace has is a flow of one way.
                    let down = other.unwrap_or(Way {
                        to: tuple.reversed(),
                        ..way
                    });
                    self.decide(tuple, down, &mut judge);
                }
                (false, None) => self.maps.remove(&tuple),
                (false, Some(_)) => {}
            }
        }
        ended
    }

    fn decide(&mut self, client: Tuple, down: Way, judge: &mut impl FnMut(&Flow) -> Sweep) {
        // Time has passed since the walk met it.
        let Some(up) = self.maps.way(&client) else { return };
        let flow = Flow { client, up, down };
        let sweep = judge(&flow);
        if sweep == Sweep::Keep {
            return;
        }
        self.maps.remove(&client);
        self.maps.remove(&up.other());
        if sweep == Sweep::Reset
            && let Some(resets) = &self.resets
        {
            resets.send(&flow);
        }
    }

    /// Takes note that userspace was told of what an event would have said.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn mark(&mut self, client: &Tuple, flags: u8) -> Result<(), KernelError> {
        match self.maps.way(client) {
            Some(way) => self.maps.set(
                client,
                &Way {
                    flags: way.flags | flags,
                    ..way
                },
            ),
            None => Ok(()),
        }
    }

    /// How things stand.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn status(&self) -> Result<Status, KernelError> {
        Ok(Status {
            interfaces: self.links.values().map(|(name, _)| name.clone()).collect(),
            services: self.maps.services(),
            reasons: self.maps.reasons()?,
        })
    }

    /// Lets a process that becomes that user and group remove the pins all the same.
    pub fn give_pins_to(&self, user: Option<u32>, group: Option<u32>) {
        if let Ok(pins) = &self.pins {
            pins.give_to(user, group);
        }
    }

    /// Runs the loaded program on a frame that no interface received, and answers with its verdict (a `TC_ACT_` action's number) and
    /// the frame as it left it.
    ///
    /// # Errors
    /// [`KernelError::Load`] where the kernel does not run the program so.
    pub fn judge(&mut self, frame: &[u8]) -> Result<(i32, Vec<u8>), KernelError> {
        let mut answer = vec![0; frame.len()];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut answer),
            ..TestRunOptions::default()
        };
        let run = program(&mut self.ebpf)?.test_run(options);
        let run = run.map_err(|error| object::program_error(OBJECT, &error))?;
        answer.truncate(run.data_size_out as usize);
        Ok((run.return_value as i32, answer))
    }
}

/// The ports that forwarded connections come from: above those that the kernel gives to sockets by itself.
const PORTS: std::ops::RangeInclusive<u16> = 61_000..=65_535;

fn program(ebpf: &mut Ebpf) -> Result<&mut SchedClassifier, KernelError> {
    let program = ebpf.program_mut(PROGRAM).and_then(|program| program.try_into().ok());
    program.ok_or(KernelError::NoObject { object: OBJECT })
}

fn attach(program: &mut SchedClassifier, interface: &str) -> Result<FdLink, KernelError> {
    let failed = |why: String| KernelError::AttachTc {
        interface: interface.to_owned(),
        why,
    };
    let link = program
        .attach(interface, TcAttachType::Ingress)
        .and_then(|id| program.take_link(id))
        .map_err(|error| failed(error.to_string()))?;
    // Before Linux 6.6 aya attaches by netlink, which would outlive us if we are killed.
    FdLink::try_from(link).map_err(|_| failed("this kernel has no BPF links for TC (Linux 6.6 has)".to_owned()))
}
