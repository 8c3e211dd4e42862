//! The `global` section (manual 3).

use std::time::Duration;

use super::bind::Bind;
use super::log::LogTarget;

/// Process-wide settings.
#[derive(Clone)]
pub struct Global {
    pub daemon: bool,
    pub master_worker: bool,
    /// The master ends when a worker fails.
    pub exit_on_failure: bool,
    /// Reloads that an old worker may live through.
    pub max_reloads: Option<u32>,
    pub quiet: bool,
    /// Workers share each listening socket (`noreuseport`).
    pub no_reuse_port: bool,
    pub zero_warning: bool,
    pub strict_limits: bool,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub chroot: Option<String>,
    pub pidfile: Option<String>,
    pub node: Option<String>,
    pub description: Option<String>,
    /// `localpeer`: this process's name among its peers; the host's name where it is not set.
    pub local_peer: Option<String>,
    /// Worker threads; `None`: one for each usable CPU.
    pub threads: Option<u32>,
    /// CPUs for each worker, by worker number; empty where the file says nothing.
    pub cpu_map: Vec<Vec<u32>>,
    pub max_connections: Option<u32>,
    pub max_connection_rate: u32,
    pub max_session_rate: u32,
    pub ulimit_n: Option<u64>,
    pub hard_stop_after: Option<Duration>,
    pub grace: Option<Duration>,
    pub logs: Vec<LogTarget>,
    pub log_tag: Option<String>,
    pub log_send_hostname: Option<String>,
    /// `stats socket` lines.
    pub cli: Vec<CliSocket>,
    pub stats_timeout: Duration,
    pub stats_max_connections: u32,
    pub insecure_setuid_wanted: bool,
    /// Let the kernel write a core file though the user was changed.
    pub dumpable: bool,
    pub spread_checks: u32,
    pub max_spread_checks: Option<Duration>,
    pub tune: Tune,
    pub ebpf: Ebpf,
}

/// `tune.*` values that are in use.
#[derive(Clone)]
pub struct Tune {
    pub bufsize: usize,
    pub maxrewrite: usize,
    /// Connections that a worker accepts in a row; negative: without limit.
    pub max_accept: i32,
    pub max_headers: usize,
    pub cookie_length: usize,
    pub log_uri_length: usize,
    pub receive_buffer_client: Option<u32>,
    pub receive_buffer_server: Option<u32>,
    pub send_buffer_client: Option<u32>,
    pub send_buffer_server: Option<u32>,
    /// `tune.ssl.capture-cipherlist-size`, in bytes.
    pub cipher_list: usize,
}

/// A runtime API listener and what its sessions may do.
#[derive(Clone)]
pub struct CliSocket {
    pub bind: Bind,
    pub level: CliLevel,
    pub expose_listeners: bool,
}

/// Rights of a runtime API session, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CliLevel {
    User,
    Operator,
    Admin,
}

/// Kernel help (`ebpf …` lines).
#[derive(Clone, Default)]
pub struct Ebpf {
    pub mode: EbpfMode,
    pub interfaces: Vec<EbpfInterface>,
    pub pin_dir: Option<String>,
    pub steer: Steer,
    pub syn_cookies: SynCookies,
}

/// When connection attempts are answered with SYN cookies before the host's stack sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SynCookies {
    /// In a flood, where the kernel looks at attempts anyhow.
    #[default]
    Auto,
    Off,
    /// Beyond so many attempts in a second at one listener.
    Beyond(u32),
}

impl SynCookies {
    /// So many attempts in a second at one listener are a flood where nothing is said.
    pub const LIMIT: u32 = 10_000;

    /// How many attempts in a second are no flood yet; `None` where floods are the host's affair.
    pub fn limit(self) -> Option<u32> {
        match self {
            Self::Auto => Some(Self::LIMIT),
            Self::Off => None,
            Self::Beyond(limit) => Some(limit),
        }
    }

    /// Whether the configuration asks for them.
    pub fn is_wanted(self) -> bool {
        matches!(self, Self::Beyond(_))
    }
}

/// Which of the workers takes a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steer {
    /// Always the same one for a source address.
    #[default]
    Source,
    /// Any: the kernel spreads connections by their addresses and ports.
    Connection,
}

/// Whether the kernel helps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EbpfMode {
    /// Use what the kernel offers; say what is missing.
    #[default]
    Auto,
    Off,
    /// Refuse to start without it.
    Require,
}

/// One `ebpf.interface` line.
#[derive(Clone)]
pub struct EbpfInterface {
    pub name: String,
    pub xdp: XdpMode,
    pub tc: bool,
}

/// Which XDP an interface gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// Native where the driver can, else generic.
    #[default]
    Auto,
    Native,
    Generic,
    Off,
}

impl Default for Tune {
    fn default() -> Tune {
        Tune {
            bufsize: 16_384,
            maxrewrite: 1_024,
            max_accept: 4,
            max_headers: 101,
            cookie_length: 63,
            log_uri_length: 1_024,
            receive_buffer_client: None,
            receive_buffer_server: None,
            send_buffer_client: None,
            send_buffer_server: None,
            cipher_list: 0,
        }
    }
}

impl Default for Global {
    fn default() -> Global {
        Global {
            daemon: false,
            master_worker: false,
            exit_on_failure: true,
            max_reloads: None,
            quiet: false,
            no_reuse_port: false,
            zero_warning: false,
            strict_limits: true,
            uid: None,
            gid: None,
            chroot: None,
            pidfile: None,
            node: None,
            description: None,
            local_peer: None,
            threads: None,
            cpu_map: Vec::new(),
            max_connections: None,
            max_connection_rate: 0,
            max_session_rate: 0,
            ulimit_n: None,
            hard_stop_after: None,
            grace: None,
            logs: Vec::new(),
            log_tag: None,
            log_send_hostname: None,
            cli: Vec::new(),
            stats_timeout: Duration::from_secs(10),
            stats_max_connections: 10,
            insecure_setuid_wanted: false,
            dumpable: false,
            spread_checks: 0,
            max_spread_checks: None,
            tune: Tune::default(),
            ebpf: Ebpf::default(),
        }
    }
}
