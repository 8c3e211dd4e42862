//! Clients, the edge, servers; the balancer runs on the edge.
use anyhow::Result;
use lab::{Balancer, BpfFileSystem, Faults, Netns, Setup, Wire, veth};

pub const EDGE: &str = "10.99.0.1";
pub const SERVER: &str = "10.98.0.2";

/// Three namespaces in a row.
pub struct Site {
    pub clients: Netns,
    pub edge: Netns,
    pub servers: Netns,
    pub bpf: BpfFileSystem,
    _wires: Vec<Wire>,
}

impl Site {
    /// Joined by virtual Ethernets, which leave checksums and segmentation to the end.
    pub fn new() -> Result<Self> {
        let site = Self::apart()?;
        veth(
            (&site.clients, "client0", &["10.99.0.2/24"]),
            (&site.edge, "edge0", &["10.99.0.1/24"]),
        )?;
        veth(
            (&site.edge, "edge1", &["10.98.0.1/24"]),
            (&site.servers, "server0", &["10.98.0.2/24"]),
        )?;
        Ok(site)
    }

    /// Joined by bad wires.
    pub fn with_faults(faults: Faults) -> Result<Self> {
        let mut site = Self::apart()?;
        for namespace in [&site.clients, &site.edge, &site.servers] {
            // Lost segments are sent again soon, so that many runs take little time.
            namespace.run(|| Ok(std::fs::write("/proc/sys/net/ipv4/tcp_rto_min_us", "10000")?))?;
        }
        let other = Faults {
            seed: !faults.seed,
            ..faults
        };
        let front = Wire::new(
            (&site.clients, "client0", &["10.99.0.2/24"]),
            (&site.edge, "edge0", &["10.99.0.1/24"]),
            faults,
        )?;
        let back = Wire::new(
            (&site.edge, "edge1", &["10.98.0.1/24"]),
            (&site.servers, "server0", &["10.98.0.2/24"]),
            other,
        )?;
        site._wires = vec![front, back];
        Ok(site)
    }

    fn apart() -> Result<Self> {
        Ok(Self {
            clients: Netns::new()?,
            edge: Netns::new()?,
            servers: Netns::new()?,
            bpf: BpfFileSystem::mount()?,
            _wires: Vec::new(),
        })
    }

    /// A balancer that inspects the first bytes, then hands over.
    pub fn configuration(&self, timeout: &str) -> String {
        format!(
            "global\n    ebpf.pin-dir {pins}\n    maxconn 2000\n\
             defaults\n    mode tcp\n    timeout connect 10s\n    timeout client {timeout}\n    timeout server {timeout}\n\
             frontend front\n    bind {EDGE}:1883\n    offload handover\n    log stdout format raw local0\n    option tcplog\n\
             \n    tcp-request inspect-delay 10s\n    tcp-request content accept if {{ req.len ge 8 }}\n    default_backend back\n\
             backend back\n    server s1 {SERVER}:1883\n",
            pins = self.bpf.pin_dir().display(),
        )
    }

    pub fn balancer(&self) -> Result<Balancer> {
        Setup::new(self.configuration("60s")).inside(&self.edge).start()
    }
}

/// How many streams the kernel has carried since the balancer started.
pub fn handed_over(balancer: &Balancer) -> Result<u64> {
    let report = balancer.ask("show ebpf")?;
    let told = report.lines().find_map(|line| line.strip_prefix("handover: on, "));
    let count = told.and_then(|line| line.split(' ').nth(2)?.parse().ok());
    count.ok_or_else(|| anyhow::anyhow!("{report}\n{}", balancer.log().unwrap_or_default()))
}
