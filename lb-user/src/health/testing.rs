//! A farm whose log lines can be read, for tests.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use super::Farm;
use super::result::{Outcome, Status};
use super::standing::Event;
use crate::backend::{Backend, live};
use crate::observe::Loggers;
use crate::plan::check::CheckSettings;
use crate::plan::log::{LogAddress, LogTarget};
use crate::plan::proxy::{Logs, Proxy};
use crate::plan::server::ServerAddress;
use crate::plan::{Plan, Server};
use crate::state::server::admin;
use crate::state::{Process, ProxyId, ServerId};

/// A farm of backends, and where its lines arrive.
pub struct Lab {
    pub farm: &'static Farm,
    log: UdpSocket,
}

/// What the operator may say.
pub const MAINT: Event = Event::Administer {
    set: admin::FORCED_MAINT,
    clear: 0,
};
/// Out of maintenance, but no new sessions.
pub const DRAIN: Event = Event::Administer {
    set: admin::FORCED_DRAIN,
    clear: admin::MAINT,
};
/// Back to work.
pub const READY: Event = Event::Administer {
    set: 0,
    clear: admin::FORCED_MAINT | admin::FORCED_DRAIN,
};

/// A server that nobody checks.
pub fn server(name: &str) -> Server {
    let address = ServerAddress::Inet(([127, 0, 0, 1], 1).into());
    Server {
        name: name.to_owned(),
        address,
        ..Server::default()
    }
}

/// A server with `check`.
pub fn checked(name: &str) -> Server {
    let check = CheckSettings {
        enabled: true,
        ..CheckSettings::default()
    };
    Server { check, ..server(name) }
}

/// Backends be0, be1 … with these servers.
pub fn lab(log_health_checks: bool, backends: Vec<Vec<Server>>) -> Lab {
    lab_with(backends, |proxy| proxy.options.log_health_checks = log_health_checks)
}

/// Backends be0, be1 … with these servers, each finished by `configure`.
pub fn lab_with(backends: Vec<Vec<Server>>, configure: impl Fn(&mut Proxy)) -> Lab {
    let log = UdpSocket::bind("127.0.0.1:0").unwrap();
    log.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let target = LogTarget {
        address: LogAddress::Udp(log.local_addr().unwrap()),
        length: 1024,
        format: None,
        sample: None,
        facility: 3,
        level: 7,
        min_level: 0,
    };
    let proxies = (0..).zip(backends).map(|(number, servers)| {
        let mut proxy = Proxy {
            id: ProxyId(number),
            name: format!("be{number}"),
            is_backend: true,
            servers,
            logs: Logs {
                targets: vec![target.clone()],
                ..Logs::default()
            },
            ..Proxy::default()
        };
        configure(&mut proxy);
        proxy
    });
    let plan: &Plan = Box::leak(Box::new(Plan {
        proxies: proxies.collect(),
        ..Plan::default()
    }));
    let process = Arc::new(live::process(plan, 1, 100));
    let loggers: &Loggers = Box::leak(Box::new(Loggers::open(plan, &process, "lb").unwrap()));
    let process: &Process = Box::leak(Box::new(process));
    let backends: Vec<Backend> = plan.proxies.iter().map(|proxy| Backend::new(proxy, process)).collect();
    Lab {
        farm: Box::leak(Box::new(Farm::new(
            plan,
            process,
            backends.leak(),
            loggers,
            Box::leak(Box::default()),
        ))),
        log,
    }
}

/// A server by position.
pub fn id(backend: u32, index: u32) -> ServerId {
    ServerId {
        backend: ProxyId(backend),
        index,
    }
}

impl Lab {
    /// The next lines, as severity and text.
    pub fn lines<const N: usize>(&self) -> [String; N] {
        std::array::from_fn(|_| {
            let mut line = [0; 2048];
            let length = self.log.recv(&mut line).expect("a line");
            let line = String::from_utf8_lossy(&line[..length]);
            let (head, text) = line.split_once("]: ").unwrap();
            let priority: u32 = head.trim_start_matches('<').split('>').next().unwrap().parse().unwrap();
            format!("{} {}", priority & 7, text.trim_end())
        })
    }

    /// Is no line waiting?
    pub fn is_quiet(&self) -> bool {
        self.log.set_nonblocking(true).unwrap();
        let is_quiet = self.log.recv(&mut [0; 10]).is_err();
        self.log.set_nonblocking(false).unwrap();
        is_quiet
    }

    /// Ends a check.
    pub fn check(&self, id: ServerId, status: Status) {
        self.farm.checked(
            id,
            &Outcome {
                status,
                ..Outcome::default()
            },
        );
    }

    /// The status column.
    pub fn status(&self, id: ServerId) -> String {
        self.farm.describe(id).unwrap()
    }
}
