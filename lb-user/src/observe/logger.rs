//! The loggers of a process: one for itself, one for each proxy.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

use super::envelope::{Line, Sender};
use super::output::{self, Descriptor, Output};
use super::ring::{self, Ring};
use super::sampler::Sampler;
use super::target::Target;
use crate::plan::Plan;
use crate::plan::log::{LogAddress, LogTarget, LogTransportFormat};
use crate::state::{Process, ProxyId};

/// Sends the lines of one proxy, or of the process itself. Never waits: a line that finds no room is dropped and
/// counted in `DroppedLogs`.
pub struct Logger {
    sender: Arc<Sender>,
    process: Arc<Process>,
    tag: String,
    targets: Vec<Arc<Target>>,
}

impl Logger {
    /// Is there anywhere to send to? Without it a line need not be made.
    pub fn is_active(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Sends `message` at severity `level` (0–7) to every target that takes it. `now` is in microseconds since the
    /// epoch; `structured_data` is for RFC 5424 targets and may be empty.
    pub fn send(&self, now: u64, level: u8, structured_data: &[u8], message: &[u8]) {
        let line = Line {
            now,
            facility: 0,
            level,
            tag: &self.tag,
            structured_data,
            message,
        };
        for target in &self.targets {
            if !target.send(&self.sender, &line) {
                self.process.dropped_logs.increment();
            }
        }
    }
}

/// All loggers and rings of a configuration.
pub struct Loggers {
    /// For what concerns no proxy: starts and ends.
    pub process: Logger,
    proxies: Vec<Logger>,
    pub rings: Vec<Arc<Ring>>,
}

impl Loggers {
    /// Opens every target of the plan. `program` is the tag where the configuration sets none. An error names the
    /// target that could not be opened.
    pub fn open(plan: &Plan, process: &Arc<Process>, program: &str) -> Result<Loggers, String> {
        let global = &plan.global;
        let mut opener = Opener::new(plan);
        let sender = Arc::new(Sender {
            host: global.log_send_hostname.clone(),
            pid: process.pid,
        });
        let global_tag = global.log_tag.as_deref().unwrap_or(program);
        let global_targets = opener.targets(&global.logs)?;
        let logger = |tag: &str, targets| Logger {
            sender: sender.clone(),
            process: process.clone(),
            tag: tag.to_owned(),
            targets,
        };
        let mut proxies = Vec::with_capacity(plan.proxies.len());
        for proxy in &plan.proxies {
            let mut targets = opener.targets(&proxy.logs.targets)?;
            if proxy.logs.global {
                targets.extend(global_targets.iter().cloned());
            }
            proxies.push(logger(proxy.logs.tag.as_deref().unwrap_or(global_tag), targets));
        }
        Ok(Loggers {
            process: logger(global_tag, global_targets),
            proxies,
            rings: opener.rings,
        })
    }

    /// The logger of a proxy.
    pub fn proxy(&self, id: ProxyId) -> &Logger {
        self.proxies.get(id.index()).unwrap_or(&self.process)
    }

    /// The ring of that name.
    pub fn ring(&self, name: &str) -> Option<&Arc<Ring>> {
        self.rings.iter().find(|ring| ring.name == name)
    }
}

/// What targets share while they are opened.
struct Opener {
    default_format: LogTransportFormat,
    rings: Vec<Arc<Ring>>,
    /// One socket for each address family.
    udp: HashMap<bool, Arc<UdpSocket>>,
    unix: Option<Arc<UnixDatagram>>,
}

impl Opener {
    fn new(plan: &Plan) -> Opener {
        Opener {
            default_format: match plan.global.log_send_hostname {
                Some(_) => LogTransportFormat::Rfc3164,
                None => LogTransportFormat::Local,
            },
            rings: std::iter::once(&ring::built_in())
                .chain(&plan.rings)
                .map(|ring| Arc::new(Ring::new(ring)))
                .collect(),
            udp: HashMap::new(),
            unix: None,
        }
    }

    fn targets(&mut self, targets: &[LogTarget]) -> Result<Vec<Arc<Target>>, String> {
        targets.iter().map(|target| self.target(target).map(Arc::new)).collect()
    }

    fn target(&mut self, target: &LogTarget) -> Result<Target, String> {
        let output = self.output(&target.address)?;
        // What goes into a ring is wrapped as the ring says.
        let (format, length) = match &output {
            Output::Ring(ring) => (ring.format, ring.max_length),
            _ => (target.format.unwrap_or(self.default_format), target.length),
        };
        Ok(Target {
            output,
            format,
            length,
            sampler: target.sample.clone().map(Sampler::new),
            facility: target.facility,
            level: target.level,
            min_level: target.min_level,
        })
    }

    fn output(&mut self, address: &LogAddress) -> Result<Output, String> {
        match address {
            LogAddress::Udp(address) => Ok(Output::Udp(self.udp(*address)?, *address)),
            LogAddress::Unix(path) => Ok(Output::Unix(self.unix()?, path.into())),
            LogAddress::Stdout => descriptor(1),
            LogAddress::Stderr => descriptor(2),
            LogAddress::Descriptor(fd) => descriptor(*fd),
            LogAddress::Ring(name) => self
                .rings
                .iter()
                .find(|ring| ring.name == *name)
                .map(|ring| Output::Ring(ring.clone()))
                .ok_or_else(|| format!("no ring is named '{name}'")),
        }
    }

    fn udp(&mut self, address: SocketAddr) -> Result<Arc<UdpSocket>, String> {
        if let Some(socket) = self.udp.get(&address.is_ipv4()) {
            return Ok(socket.clone());
        }
        let socket =
            output::udp(address).map_err(|error| format!("cannot open a socket to log to {address}: {error}"))?;
        let socket = Arc::new(socket);
        self.udp.insert(address.is_ipv4(), socket.clone());
        Ok(socket)
    }

    fn unix(&mut self) -> Result<Arc<UnixDatagram>, String> {
        if let Some(socket) = &self.unix {
            return Ok(socket.clone());
        }
        let socket = output::unix().map_err(|error| format!("cannot open a unix socket for logs: {error}"))?;
        Ok(self.unix.insert(Arc::new(socket)).clone())
    }
}

fn descriptor(fd: i32) -> Result<Output, String> {
    Descriptor::open(fd)
        .map(Output::Descriptor)
        .map_err(|error| format!("cannot log to descriptor {fd}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::log;

    fn to(address: LogAddress) -> LogTarget {
        LogTarget {
            address,
            length: 1024,
            format: None,
            sample: None,
            facility: 16,
            level: 7,
            min_level: 0,
        }
    }

    fn ring(name: &str) -> log::Ring {
        log::Ring {
            name: name.to_owned(),
            description: None,
            size: 1024,
            max_length: 40,
            format: LogTransportFormat::Short,
            servers: Vec::new(),
            timeout_connect: None,
            timeout_server: None,
        }
    }

    fn plan() -> Plan {
        let mut plan = Plan {
            rings: vec![ring("r"), ring("other")],
            ..Plan::default()
        };
        plan.global.logs = vec![to(LogAddress::Ring("r".to_owned()))];
        plan
    }

    fn lines(loggers: &Loggers, ring: &str) -> String {
        let mut out = Vec::new();
        loggers.ring(ring).expect("ring").read(0, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_proxy_sends_to_its_own_targets_and_to_global_ones_where_asked() {
        let mut plan = plan();
        let own = crate::plan::proxy::Logs {
            targets: vec![to(LogAddress::Ring("other".to_owned()))],
            ..Default::default()
        };
        let both = crate::plan::proxy::Logs {
            global: true,
            ..own.clone()
        };
        plan.proxies = [own, both]
            .map(|logs| crate::plan::Proxy {
                logs,
                ..Default::default()
            })
            .into();
        let loggers = Loggers::open(&plan, &Arc::default(), "lb").expect("open");
        loggers.proxy(ProxyId(0)).send(0, 6, b"", b"one");
        loggers.proxy(ProxyId(1)).send(0, 5, b"", b"two");
        loggers.process.send(0, 4, b"", b"three");
        assert_eq!(lines(&loggers, "r"), "<5>two\n<4>three\n");
        assert_eq!(lines(&loggers, "other"), "<6>one\n<5>two\n");
    }

    #[test]
    fn levels_filter_and_cap() {
        let mut plan = plan();
        plan.global.logs = vec![LogTarget {
            level: 5,
            min_level: 3,
            ..to(LogAddress::Ring("r".to_owned()))
        }];
        let loggers = Loggers::open(&plan, &Arc::default(), "lb").expect("open");
        for level in [0, 3, 4, 5, 6, 7] {
            loggers.process.send(0, level, b"", b"x");
        }
        assert_eq!(lines(&loggers, "r"), "<3>x\n<3>x\n<4>x\n<5>x\n");
    }

    #[test]
    fn the_host_and_the_tag_are_those_of_the_configuration() {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = receiver.local_addr().expect("address");
        let received = |plan: &Plan| {
            let process = Process {
                pid: 9,
                ..Process::default()
            };
            let loggers = Loggers::open(plan, &Arc::new(process), "lb").expect("open");
            loggers.process.send(0, 6, b"", b"hello");
            let mut room = [0; 256];
            let length = receiver.recv(&mut room).expect("datagram");
            String::from_utf8_lossy(room.get(..length).unwrap_or_default()).into_owned()
        };
        let mut plan = plan();
        plan.global.logs = vec![to(LogAddress::Udp(address))];
        assert!(received(&plan).ends_with(" lb[9]: hello\n"));
        plan.global.log_tag = Some("tag".to_owned());
        plan.global.log_send_hostname = Some("edge".to_owned());
        assert!(received(&plan).ends_with(" edge tag[9]: hello\n"));
    }

    #[test]
    fn a_line_without_room_is_counted() {
        let mut plan = plan();
        plan.global.logs = vec![to(LogAddress::Unix("/nonexistent/log".to_owned()))];
        let process = Arc::new(Process::default());
        let loggers = Loggers::open(&plan, &process, "lb").expect("open");
        loggers.process.send(0, 6, b"", b"x");
        assert_eq!(process.dropped_logs.get(), 1);
    }

    #[test]
    fn an_unknown_ring_is_named() {
        let mut plan = plan();
        plan.global.logs = vec![to(LogAddress::Ring("zz".to_owned()))];
        let error = Loggers::open(&plan, &Arc::default(), "lb").err();
        assert_eq!(error.as_deref(), Some("no ring is named 'zz'"));
    }
}
