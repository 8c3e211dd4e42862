//! The master's own runtime API (`-S`; management guide 9.4). For now it shows the processes and reloads; reaching into
//! a worker is refused by name.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, SockRef};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, oneshot};

use super::carried::Carried;
use super::children::Child;
use super::now;
use crate::language::address::{self, Accepts, Host, Port, Target};
use crate::language::{Error, Location, release};
use crate::plan::bind::BindOptions;
use crate::plan::{Bind, BindAddress};
use crate::process::listeners::{self, Bound};

/// The longest line of a request, in bytes.
const MAX_LINE: u64 = 16 * 1024;

/// Binds the sockets of `-S`: an address and options, with commas between them.
pub fn bind(sockets: &[String]) -> Result<Vec<Bound>, String> {
    let mut bound = Vec::new();
    for (index, text) in sockets.iter().enumerate() {
        let bind = parse(text).map_err(|error| format!("'-S {text}' : {error}"))?;
        bound.push(listeners::bind_for_master(&bind, index)?);
    }
    Ok(bound)
}

fn parse(text: &str) -> Result<Bind, Error> {
    let mut words = text.split(',');
    let variable = |name: &str| std::env::var(name).ok();
    let address = address::parse(words.next().unwrap_or_default(), Accepts::BIND, &variable)?;
    let address = match address.target {
        Target::Inet {
            host: Host::Ip(ip),
            port: Port::One(port),
            ..
        } => BindAddress::Inet(SocketAddr::new(ip, port)),
        Target::Unix(path) => BindAddress::Unix(path),
        Target::Abstract(name) => BindAddress::Abstract(name),
        Target::Descriptor(fd) => BindAddress::Descriptor(fd),
        _ => {
            return Err(Error::new(
                "the master listens on one numeric address, path or descriptor.",
            ));
        }
    };
    let mut options = BindOptions::default();
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| Error::expects(option, "a value"))?;
        let number = |radix| u32::from_str_radix(value, radix).map_err(|_| Error::expects(option, "a number"));
        match option {
            "mode" => options.mode = Some(number(8)?),
            "uid" => options.uid = Some(number(10)?),
            "gid" => options.gid = Some(number(10)?),
            "level" if value == "admin" => {}
            "level" => return Err(Error::not_implemented(&format!("level {value}"))),
            _ => return Err(Error::not_implemented(option)),
        }
    }
    Ok(Bind {
        address,
        options,
        location: Location::new("-S", 1),
        acceptor: None,
    })
}

/// A line that came in, and where its answer goes.
pub struct Request {
    line: String,
    answer: oneshot::Sender<String>,
}

/// What a request means for the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    None,
    Reload,
}

impl Request {
    /// Answers, and says what is to be done.
    pub fn answer(self, master: &Carried) -> Consequence {
        let (text, consequence) = respond(self.line.trim(), master);
        // Whoever asked may have left.
        let _ = self.answer.send(text);
        consequence
    }
}

fn respond(line: &str, master: &Carried) -> (String, Consequence) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let text = match words.as_slice() {
        [] => String::new(),
        ["show", "proc"] => show_proc(master),
        ["show", "version"] => format!("{}\n", release::VERSION),
        ["reload"] => return (String::new(), Consequence::Reload),
        ["help"] => HELP.to_owned(),
        [word, ..] if word.starts_with('@') => format!("'{word}' is not implemented in this version.\n"),
        _ => format!("Unknown command: '{line}', but maybe one of the following ones is a better match:\n{HELP}"),
    };
    (text, Consequence::None)
}

const HELP: &str = "\
  show proc                               : show processes status
  show version                            : show version of the master
  reload                                  : reload the configuration
  help                                    : this list
";

fn show_proc(master: &Carried) -> String {
    let row = |pid: i64, kind: &str, reloads: u32, started: u64| {
        let uptime = uptime(now().saturating_sub(started));
        format!(
            "{pid:<15} {kind:<15} {reloads:<15} {uptime:<15} {:<15}\n",
            release::VERSION
        )
    };
    let worker = |child: &Child| row(child.pid.into(), "worker", child.reloads, child.started);
    let mut text = format!(
        "{:<15} {:<15} {:<15} {:<15} {:<15}\n",
        "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"
    );
    text += &row(std::process::id().into(), "master", master.reloads, master.started);
    text += "# workers\n";
    text.extend(master.children.iter().filter(|child| child.current).map(worker));
    let old: String = master
        .children
        .iter()
        .filter(|child| !child.current)
        .map(worker)
        .collect();
    if !old.is_empty() {
        text += "# old workers\n";
        text += &old;
    }
    text
}

/// `0d00h02m07s`
fn uptime(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    format!(
        "{}d{:02}h{:02}m{:02}s",
        hours / 24,
        hours % 24,
        minutes % 60,
        seconds % 60
    )
}

/// The listening master.
pub struct Server {
    requests: mpsc::Receiver<Request>,
    /// Keeps the channel open when there is no socket.
    _sender: mpsc::Sender<Request>,
}

impl Server {
    /// Starts to listen on the runtime of the calling thread.
    pub fn new(sockets: &[Bound]) -> io::Result<Server> {
        let (sender, requests) = mpsc::channel(16);
        for socket in sockets.iter().flat_map(|bound| &bound.sockets) {
            listen(socket.as_fd(), sender.clone())?;
        }
        Ok(Server {
            requests,
            _sender: sender,
        })
    }

    /// The next request.
    pub async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
}

fn listen(socket: BorrowedFd<'_>, requests: mpsc::Sender<Request>) -> io::Result<()> {
    let owned = socket.try_clone_to_owned()?;
    match SockRef::from(&socket).domain()? {
        Domain::UNIX => {
            let listener = UnixListener::from_std(owned.into())?;
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(converse(stream, requests.clone()));
                }
            });
        }
        _ => {
            let listener = TcpListener::from_std(owned.into())?;
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(converse(stream, requests.clone()));
                }
            });
        }
    }
    Ok(())
}

/// One line in, its commands' answers out, and the connection ends.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, requests: mpsc::Sender<Request>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream).take(MAX_LINE).read_line(&mut line).await?;
    for command in line.split(';') {
        let (answer, answered) = oneshot::channel();
        let request = Request {
            line: command.to_owned(),
            answer,
        };
        if requests.send(request).await.is_err() {
            break;
        }
        let text = answered.await.unwrap_or_default();
        stream.write_all(text.as_bytes()).await?;
        stream.write_all(b"\n").await?;
    }
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_shown() {
        let mut master = Carried {
            reloads: 1,
            started: now(),
            ..Carried::default()
        };
        master.children.add(7, now());
        master.children.grow_old();
        master.children.add(8, now());
        let (text, _) = respond("show proc", &master);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1][1..3], ["master", "1"]);
        assert_eq!(rows[2], ["#", "workers"]);
        assert_eq!(rows[3][..3], ["8", "worker", "0"]);
        assert_eq!(rows[4], ["#", "old", "workers"]);
        assert_eq!(rows[5][..3], ["7", "worker", "1"]);
    }

    #[test]
    fn times_are_split_up() {
        assert_eq!(uptime(127), "0d00h02m07s");
        assert_eq!(uptime(90_061), "1d01h01m01s");
    }

    #[test]
    fn a_worker_cannot_be_reached_yet() {
        let (text, consequence) = respond("@1 show info", &Carried::default());
        assert_eq!(text, "'@1' is not implemented in this version.\n");
        assert_eq!(consequence, Consequence::None);
        assert_eq!(respond("reload", &Carried::default()).1, Consequence::Reload);
    }
}
