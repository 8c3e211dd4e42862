//! The demo's namespaces and the programs that run in them.
//!
//! ```text
//! lb-clients                     lb-edge                        lb-servers
//!   192.0.2.10  2001:db8:1::10     192.0.2.1  198.51.100.1        198.51.100.11  web1   198.51.100.21  mosquitto1
//!   .66 .77     ::66               2001:db8:1::1                  198.51.100.12  web2   198.51.100.22  mosquitto2
//! ```
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use lab::{Netns, until, veth};
use rustix::process::{Pid, Signal, kill_process, setsid, test_kill_process};

use crate::shell;

/// Where the demo's sockets, logs and process ids lie.
pub const FOLDER: &str = "/run/lb-demo";

/// The runtime API of the balancer.
pub const SOCKET: &str = "/run/lb-demo/lb.sock";

/// The configuration, below the project's folder.
pub const CONFIGURATION: &str = "examples/demo.cfg";

pub const CLIENTS: &str = "lb-clients";
pub const EDGE: &str = "lb-edge";
const SERVERS: &str = "lb-servers";

const WEB: [(&str, Ipv4Addr); 2] = [
    ("web1", Ipv4Addr::new(198, 51, 100, 11)),
    ("web2", Ipv4Addr::new(198, 51, 100, 12)),
];

/// The brokers' names and addresses.
pub const BROKERS: [(&str, Ipv4Addr); 2] = [
    ("mosquitto1", Ipv4Addr::new(198, 51, 100, 21)),
    ("mosquitto2", Ipv4Addr::new(198, 51, 100, 22)),
];

/// Everything that the demo runs. Dropping it ends all of it.
pub struct Stage {
    /// First, because what comes first is dropped first: the namespaces say which processes are ours.
    clearing: Clearing,
    pub clients: Netns,
    pub edge: Netns,
    servers: Netns,
}

/// Clears the stage at its end, unless that is called off.
struct Clearing {
    wanted: bool,
}

impl Drop for Clearing {
    fn drop(&mut self) {
        if self.wanted {
            clear();
        }
    }
}

impl Stage {
    /// Ends what an earlier demo left, and starts servers, brokers and the balancer.
    pub fn set(binary: &Path) -> Result<Self> {
        clear();
        let clearing = Clearing { wanted: true };
        fs::create_dir_all(FOLDER).context(FOLDER)?;
        let stage = Self {
            clearing,
            clients: Netns::named(CLIENTS)?,
            edge: Netns::named(EDGE)?,
            servers: Netns::named(SERVERS)?,
        };
        stage.wire()?;
        for (name, address) in WEB {
            stage.start_web(name, address)?;
        }
        for (name, address) in BROKERS {
            stage.start_broker(name, address)?;
        }
        stage.start_balancer(binary)?;
        Ok(stage)
    }

    /// Lets everything run on.
    pub fn keep(mut self) {
        self.clearing.wanted = false;
        self.clients.keep();
        self.edge.keep();
        self.servers.keep();
    }

    fn wire(&self) -> Result<()> {
        let clients = [
            "192.0.2.10/24",
            "192.0.2.66/24",
            "192.0.2.77/24",
            "2001:db8:1::10/64",
            "2001:db8:1::66/64",
        ];
        let edge = ["192.0.2.1/24", "2001:db8:1::1/64"];
        veth((&self.clients, "edge", &clients), (&self.edge, "clients", &edge))?;
        let addresses = WEB.iter().chain(&BROKERS).map(|(_, address)| format!("{address}/24"));
        let addresses: Vec<String> = addresses.collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        veth(
            (&self.edge, "servers", &["198.51.100.1/24"]),
            (&self.servers, "edge", &addresses),
        )
    }

    fn start_web(&self, name: &str, address: Ipv4Addr) -> Result<()> {
        let text = format!(
            "daemon off; master_process off; pid {FOLDER}/{name}.nginx; error_log stderr;\n\
             events {{}}\n\
             http {{\n\
                 access_log {FOLDER}/{name}.access;\n\
                 client_body_temp_path {FOLDER}/{name}.body; proxy_temp_path {FOLDER}/{name}.proxy;\n\
                 fastcgi_temp_path {FOLDER}/{name}.fastcgi; uwsgi_temp_path {FOLDER}/{name}.uwsgi;\n\
                 scgi_temp_path {FOLDER}/{name}.scgi;\n\
                 server {{ listen {address}:80; location / {{ return 200 \"{name} answers\\n\"; }} }}\n\
             }}\n"
        );
        let configuration = written(name, &text)?;
        let mut command = self.servers.command("nginx")?;
        start(name, command.arg("-p").arg(FOLDER).arg("-c").arg(configuration))?;
        self.wait_for(name, SocketAddr::from((address, 80)))
    }

    fn start_broker(&self, name: &str, address: Ipv4Addr) -> Result<()> {
        let text = format!(
            "listener 1883 {address}\nallow_anonymous true\npersistence false\n\
             log_dest stderr\nlog_type all\nconnection_messages true\n"
        );
        let configuration = written(name, &text)?;
        let mut command = self.servers.command("mosquitto")?;
        start(name, command.arg("-c").arg(configuration))?;
        self.wait_for(name, SocketAddr::from((address, 1883)))
    }

    fn start_balancer(&self, binary: &Path) -> Result<()> {
        let mut command = self.edge.command(binary)?;
        command.current_dir(shell::root()).args(["-db", "-f", CONFIGURATION]);
        let mut child = start("lb", &mut command)?;
        until("the balancer", || match child.try_wait() {
            Ok(Some(status)) => Some(Err(anyhow!("the balancer ended ({status}): {}", log("lb")))),
            _ => UnixStream::connect(SOCKET).ok().map(|_| Ok(())),
        })?
    }

    fn wait_for(&self, name: &str, address: SocketAddr) -> Result<()> {
        let connect = || Ok(TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok());
        until(name, || self.servers.run(connect).ok().flatten()).with_context(|| log(name))?;
        Ok(())
    }
}

/// What a program of the stage wrote so far.
pub fn log(name: &str) -> String {
    fs::read_to_string(path(name, "log")).unwrap_or_default()
}

fn path(name: &str, kind: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.{kind}"))
}

fn written(name: &str, configuration: &str) -> Result<PathBuf> {
    let file = path(name, "conf");
    fs::write(&file, configuration)?;
    Ok(file)
}

/// Starts a program that outlives us, unless the stage is cleared.
fn start(name: &str, command: &mut Command) -> Result<Child> {
    let output = File::create(path(name, "log"))?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    // A session of its own, which neither Ctrl-C nor the end of the terminal reaches.
    // SAFETY: the closure only makes a system call, which is safe between fork and exec.
    unsafe { command.pre_exec(|| Ok(setsid().map(drop)?)) };
    let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    fs::write(path(name, "pid"), child.id().to_string())?;
    Ok(child)
}

/// Ends every program of the stage, then removes its namespaces and files. There may be none: what is not there is no failure.
pub fn clear() {
    let pids: Vec<Pid> = ours().collect();
    for signal in [Signal::TERM, Signal::KILL] {
        for &pid in &pids {
            let _ = kill_process(pid, signal);
        }
        let mut looks = 0..100;
        while pids.iter().any(|&pid| test_kill_process(pid).is_ok()) && looks.next().is_some() {
            // A child of ours is a zombie until we look at it, an earlier demo's is not our child.
            let _ = pids.iter().try_for_each(|&pid| {
                rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG).map(drop)
            });
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    for name in [CLIENTS, EDGE, SERVERS] {
        let _ = Command::new("ip")
            .args(["netns", "del", name])
            .stderr(Stdio::null())
            .status();
    }
    let _ = fs::remove_dir_all(FOLDER);
}

/// The processes that the stage started and that still are in its namespaces: a number that another process has by now is not.
fn ours() -> impl Iterator<Item = Pid> {
    let names = WEB.iter().chain(&BROKERS).map(|(name, _)| *name).chain(["lb"]);
    let pids = names.filter_map(|name| fs::read_to_string(path(name, "pid")).ok()?.parse().ok());
    pids.filter(|&pid| is_on_stage(pid)).filter_map(Pid::from_raw)
}

fn is_on_stage(pid: i32) -> bool {
    let inode = |path: String| fs::metadata(path).map(|namespace| namespace.ino()).ok();
    let namespace = inode(format!("/proc/{pid}/ns/net"));
    let of_stage = |name| inode(format!("/run/netns/{name}"));
    namespace.is_some()
        && [CLIENTS, EDGE, SERVERS]
            .into_iter()
            .any(|name| of_stage(name) == namespace)
}
