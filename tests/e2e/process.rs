//! The process as an operator handles it: signals, background, reload, replacement, and what it binds.
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use lab::{Client, Origin, Process, Service, binary, free_address, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

/// A folder with a configuration, and the balancers started on it.
struct Site {
    folder: TempDir,
    origin: Origin,
}

impl Site {
    fn new() -> Result<Site> {
        Ok(Site {
            folder: tempfile::Builder::new().prefix("lb.").tempdir()?,
            origin: Origin::start(Service::Http("site"))?,
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes a configuration whose listener binds `address`.
    fn configure(&self, global: &str, address: impl std::fmt::Display) -> Result<()> {
        let server = self.origin.address();
        let text = format!(
            "global\n    nbthread 2\n{global}
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
listen web
    bind {address}
    server only {server}\n"
        );
        Ok(fs::write(self.path("cfg"), text)?)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary()?);
        let output = fs::File::create(self.path("log"))?;
        command.args(arguments).arg("-f").arg(self.path("cfg"));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        Ok(command)
    }

    fn start(&self, arguments: &[&str]) -> Result<Process> {
        Process::spawn(&mut self.command(arguments)?)
    }

    fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.path("log"))?)
    }

    /// Waits for words in what the balancers said.
    fn said(&self, words: &str) -> Result<()> {
        let heard = until(words, || self.log().ok()?.contains(words).then_some(()));
        heard.with_context(|| self.log().unwrap_or_default())
    }
}

fn answers(address: SocketAddr) -> Result<u16> {
    Ok(Client::connect(address)?.get("/")?.status)
}

fn wait_until_it_answers(address: SocketAddr) -> Result<()> {
    until("an answer", || (answers(address).ok()? == 200).then_some(()))
}

/// A connection in the middle of a request. A lone worker has begun to read it once it has answered another one.
fn half_asked(address: SocketAddr) -> Result<TcpStream> {
    let mut client = TcpStream::connect(address)?;
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n")?;
    Ok(client)
}

fn end(process: &mut Process) -> Result<std::process::ExitStatus> {
    until("the end of the process", || process.ended().ok()?)
}

fn pid_in(path: &str) -> Result<Pid> {
    let text = fs::read_to_string(path)?;
    let pid = text.strip_suffix('\n').context("the pid file has no end of line")?;
    Pid::from_raw(pid.parse()?).context("no process id")
}

/// Has the process ended? One that nobody reaps is a zombie.
fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn a_signal_ends_the_process_as_the_peer_ends() -> Result<()> {
    use std::os::unix::process::ExitStatusExt;
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    for (arguments, signal, code, killer) in [
        (&["-d"][..], Signal::INT, None, Some(2)),
        (&["-db"], Signal::TERM, None, Some(15)),
        (&[], Signal::USR1, Some(0), None),
        (&["-W"], Signal::INT, Some(130), None),
        (&["-W"], Signal::TERM, Some(0), None),
        (&["-W"], Signal::USR1, Some(0), None),
    ] {
        let mut process = site.start(arguments)?;
        wait_until_it_answers(address)?;
        process.signal(signal)?;
        let status = end(&mut process)?;
        assert_eq!(
            (status.code(), status.signal()),
            (code, killer),
            "{arguments:?} {signal:?}"
        );
    }
    Ok(())
}

#[test]
fn a_soft_stop_lets_connections_end() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("    nbthread 1", address)?;
    let mut process = site.start(&["-db"])?;
    wait_until_it_answers(address)?;
    let mut client = half_asked(address)?;
    wait_until_it_answers(address)?;
    process.signal(Signal::USR1)?;
    site.said("Proxy web stopped")?;
    until("a refusal", || TcpStream::connect(address).is_err().then_some(()))?;
    client.write_all(b"\r\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(end(&mut process)?.success());
    Ok(())
}

#[test]
fn a_soft_stop_that_takes_too_long_becomes_a_hard_one() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("    nbthread 1\n    hard-stop-after 50ms", address)?;
    let mut process = site.start(&["-db"])?;
    wait_until_it_answers(address)?;
    let _client = half_asked(address)?;
    wait_until_it_answers(address)?;
    process.signal(Signal::USR1)?;
    assert!(end(&mut process)?.success());
    site.said("soft-stop running for too long, performing a hard-stop.")
}

#[test]
fn a_paused_process_listens_again_when_resumed() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let process = site.start(&["-db"])?;
    wait_until_it_answers(address)?;
    process.signal(Signal::TTOU)?;
    site.said("Paused proxy web.")?;
    until("a refusal", || Client::connect(address).is_err().then_some(()))?;
    process.signal(Signal::TTIN)?;
    wait_until_it_answers(address)
}

#[test]
fn the_background_process_is_ready_when_the_command_returns() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let pidfile = site.path("pid");
    let status = site.command(&["-D", "-p", &pidfile])?.status()?;
    assert!(status.success());
    let first = pid_in(&pidfile)?;
    assert_eq!(answers(address)?, 200);

    let number = first.as_raw_nonzero().to_string();
    assert!(
        site.command(&["-D", "-p", &pidfile, "-sf", &number])?
            .status()?
            .success()
    );
    until("the end of the first process", || is_gone(first).then_some(()))?;
    assert_eq!(answers(address)?, 200);
    let second = pid_in(&pidfile)?;
    kill_process(second, Signal::TERM)?;
    until("the end of the second process", || is_gone(second).then_some(()))
}

#[test]
fn a_master_in_the_background_lets_go_of_the_terminal() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let pidfile = site.path("pid");
    let mut command = site.command(&["-D", "-W", "-p", &pidfile])?;
    // This ends once nobody has the pipes any more.
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output()?;
    assert!(output.status.success());
    assert_eq!(answers(address)?, 200);
    let master = pid_in(&pidfile)?;
    kill_process(master, Signal::TERM)?;
    until("the end of the master", || is_gone(master).then_some(()))
}

#[test]
fn a_start_that_fails_in_the_background_is_told() -> Result<()> {
    let site = Site::new()?;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = taken.local_addr()?;
    site.configure("", address)?;
    assert_eq!(site.command(&["-D"])?.status()?.code(), Some(1));
    site.said(&format!("cannot bind socket (Address already in use) for [{address}]"))
}

#[test]
fn a_reload_loses_no_connection() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let pidfile = site.path("pid");
    let mut master = site.start(&["-W", "-p", &pidfile])?;
    wait_until_it_answers(address)?;
    assert_eq!(pid_in(&pidfile)?.as_raw_nonzero().get() as u32, master.pid());
    for reload in 1..4 {
        master.signal(Signal::USR2)?;
        let loaded = || (site.log().ok()?.matches("Loading success.").count() > reload).then_some(());
        let mut asked = 0;
        while loaded().is_none() {
            assert_eq!(answers(address)?, 200, "after {asked} requests");
            asked += 1;
        }
    }
    until("the end of former workers", || {
        (site.log().ok()?.matches("Former worker").count() == 3).then_some(())
    })?;
    master.signal(Signal::TERM)?;
    assert!(end(&mut master)?.success());
    Ok(())
}

#[test]
fn after_a_reload_the_new_worker_answers_the_operator() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    let socket = site.path("stats.sock");
    site.configure(
        &format!("    nbthread 1\n    stats socket {socket} level admin"),
        address,
    )?;
    let master = site.start(&["-W"])?;
    site.said("Loading success.")?;
    // The former worker stays for this one.
    let _client = half_asked(address)?;
    wait_until_it_answers(address)?;
    let ask = || -> Result<String> {
        let output = Command::new(binary()?).args(["ctl", &socket, "show info"]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let pid = text.lines().find_map(|line| line.strip_prefix("Pid: "));
        pid.map(str::to_owned).context(text.clone())
    };
    let former = ask()?;
    master.signal(Signal::USR2)?;
    site.said("Proxy web stopped")?;
    for _ in 0..10 {
        assert_ne!(ask()?, former);
    }
    Ok(())
}

#[test]
fn listening_sockets_are_handed_over() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    let socket = site.path("stats.sock");
    site.configure(
        &format!("    stats socket {socket} level admin expose-fd listeners"),
        address,
    )?;
    let first = site.start(&["-db"])?;
    wait_until_it_answers(address)?;
    let sockets = |process: &Process| listening_sockets(process.pid(), address);
    let bound = sockets(&first)?;
    let second = site.start(&["-db", "-x", &socket])?;
    let taken = until("the sockets of the second process", || {
        sockets(&second).ok().filter(|taken| !taken.is_empty())
    })?;
    assert_eq!(bound, taken);
    Ok(())
}

/// The inodes of the sockets that a process has and that listen on `address`.
fn listening_sockets(pid: u32, address: SocketAddr) -> Result<std::collections::BTreeSet<String>> {
    let local = format!(":{:04X} ", address.port());
    let table = fs::read_to_string("/proc/net/tcp")?;
    let listening = table
        .lines()
        .filter(|line| line.contains(&local) && line.contains(" 0A "));
    let inodes: Vec<&str> = listening.filter_map(|line| line.split_whitespace().nth(9)).collect();
    let mut found = std::collections::BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let Ok(target) = fs::read_link(entry?.path()) else {
            continue;
        };
        let target = target.to_string_lossy().into_owned();
        if inodes.iter().any(|inode| target == format!("socket:[{inode}]")) {
            found.insert(target);
        }
    }
    Ok(found)
}

#[test]
fn a_bad_configuration_leaves_the_former_one_in_force() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let mut master = site.start(&["-W"])?;
    wait_until_it_answers(address)?;
    site.configure("    nonsense", address)?;
    master.signal(Signal::USR2)?;
    site.said("Reload failed")?;
    assert_eq!(answers(address)?, 200);
    let elsewhere = free_address()?;
    site.configure("", elsewhere)?;
    master.signal(Signal::USR2)?;
    wait_until_it_answers(elsewhere)?;
    until("a refusal", || Client::connect(address).is_err().then_some(()))?;
    master.signal(Signal::TERM)?;
    assert!(end(&mut master)?.success());
    Ok(())
}

#[test]
fn a_worker_that_crashes_takes_the_master_along() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let mut master = site.start(&["-W"])?;
    wait_until_it_answers(address)?;
    let log = site.log()?;
    let worker = log
        .split_once("New worker (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .context("no worker")?;
    kill_process(Pid::from_raw(worker.0.parse()?).context("no process id")?, Signal::KILL)?;
    assert_eq!(end(&mut master)?.code(), Some(137));
    site.said("exited with code 137 (Killed)")
}

#[test]
fn a_worker_does_not_outlive_its_master() -> Result<()> {
    let site = Site::new()?;
    let address = free_address()?;
    site.configure("", address)?;
    let mut master = site.start(&["-W"])?;
    wait_until_it_answers(address)?;
    master.signal(Signal::KILL)?;
    end(&mut master)?;
    until("a refusal", || Client::connect(address).is_err().then_some(()))
}

#[test]
fn privileges_are_given_up_once_the_addresses_are_bound() -> Result<()> {
    let site = Site::new()?;
    let jail = site.path("jail");
    fs::create_dir(&jail)?;
    let address = free_address()?;
    site.configure(
        &format!("    uid 65534\n    gid 65534\n    chroot {jail}\n    cpu-map 1 0"),
        address,
    )?;
    let process = site.start(&["-db"])?;
    wait_until_it_answers(address)?;
    let proc = format!("/proc/{}", process.pid());
    let status = fs::read_to_string(format!("{proc}/status"))?;
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "Gid:\t65534\t65534\t65534\t65534",
        "Groups:\t \n",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line:?} in {status}");
    }
    assert_eq!(fs::read_link(format!("{proc}/root"))?, Path::new(&jail));
    Ok(())
}

#[test]
fn the_master_shows_its_processes() -> Result<()> {
    let site = Site::new()?;
    site.configure("", free_address()?)?;
    let socket = site.path("master.sock");
    let master = site.start(&["-W", "-S", &format!("{socket},mode,600")])?;
    site.said("Loading success.")?;
    let ask = |line: &str| -> Result<String> {
        let output = Command::new(binary()?).args(["ctl", &socket, line]).output()?;
        Ok(String::from_utf8(output.stdout)?)
    };
    assert!(ask("show proc")?.contains(&format!("{:<15} master", master.pid())));
    ask("reload")?;
    until("two loadings", || {
        (site.log().ok()?.matches("Loading success.").count() == 2).then_some(())
    })?;
    assert!(ask("show proc")?.contains("worker"));
    Ok(())
}

#[test]
fn addresses_of_every_kind_are_bound() -> Result<()> {
    let site = Site::new()?;
    let first = free_address()?;
    let (path, name) = (site.path("web.sock"), format!("lb-e2e-{}", std::process::id()));
    let binds = [
        first.to_string(),
        format!("unix@{path} mode 666"),
        format!("abns@{name}"),
        format!("ipv6@[::1]:{}", first.port()),
    ];
    site.configure("", binds.join("\n    bind "))?;
    let _process = site.start(&["-db"])?;
    wait_until_it_answers(first)?;
    wait_until_it_answers(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, first.port())))?;
    assert_eq!(mode_of(&path)?, 0o666);
    ask_over(UnixStream::connect(&path)?)?;
    use std::os::linux::net::SocketAddrExt;
    let mut padded = name.into_bytes();
    padded.resize(107, 0);
    ask_over(UnixStream::connect_addr(
        &std::os::unix::net::SocketAddr::from_abstract_name(padded)?,
    )?)
}

fn mode_of(path: &str) -> Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(Path::new(path))?.permissions().mode() & 0o777)
}

fn ask_over(mut stream: UnixStream) -> Result<()> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.starts_with("HTTP/1.1 200 ") {
        true => Ok(()),
        false => bail!("{answer}"),
    }
}

#[test]
fn a_configuration_without_listeners_does_not_start() -> Result<()> {
    let site = Site::new()?;
    fs::write(site.path("cfg"), "global\n    maxconn 10\n")?;
    assert_eq!(site.command(&["-c"])?.status()?.code(), Some(2));
    site.said("Configuration file has no error but will not start (no listener) => exit(2).")?;
    assert_eq!(site.command(&[])?.status()?.code(), Some(1));
    site.said("No enabled listener found (check for 'bind' directives) ! Exiting.")
}
