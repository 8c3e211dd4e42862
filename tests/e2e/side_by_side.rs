//! Scenes played before `lb` and before the peer: clients and servers see the same bytes, and the log says the same.
//!
//! The peer installed is HAProxy 2.6; the scenes are those in which 2.4 does the same.
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use lab::{Balancer, Client, Setup, until};
use rustix::net::sockopt::set_socket_linger;

mod broken;
mod http;
mod tcp;

const PEER: &str = "/usr/sbin/haproxy";

/// Long enough for whatever a scene waits for, and the end of one that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// One scene.
#[derive(Clone, Copy)]
struct Scene {
    name: &'static str,
    /// Lines of the sections; `SERVER` stands for the address of the scripted server.
    global: &'static str,
    /// Options of the `bind` line.
    bind: &'static str,
    frontend: &'static str,
    backend: &'static str,
    /// What clients send, each on a connection of its own after the last one was read to its end; a client whose words
    /// end in `FIN` closes its side then.
    clients: &'static [&'static str],
    /// What the server answers, in turn. `CLOSE`, `FIN` and `RESET` at the end of an answer are what it then does.
    server: &'static [&'static str],
    /// How many lines the log gets.
    lines: usize,
}

impl Scene {
    const HTTP: Scene = Scene {
        name: "",
        global: "",
        bind: "",
        frontend: "",
        backend: "",
        clients: &["GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n"],
        server: &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"],
        lines: 1,
    };

    /// The same with so many lines in the log.
    const fn with_lines(self, lines: usize) -> Scene {
        Scene { lines, ..self }
    }

    fn play(&self, program: Option<&str>) -> Result<String> {
        let server = Server::start(self.server)?;
        let balancer = self.balancer(program, server.address)?;
        let mut told = String::new();
        for sent in self.clients {
            let mut client = Client::connect(balancer.address("web")?)?;
            client.send(sent.trim_end_matches("FIN"))?;
            if sent.ends_with("FIN") {
                // The balancer may have closed already.
                let _ = client.finish();
            }
            let received = match client.to_end() {
                Ok(bytes) => without_own_spelling(&bytes).escape_ascii().to_string(),
                Err(_) => "(reset)".to_owned(),
            };
            told += &format!("client got {received}\n");
        }
        let lines = until("the log", || {
            let log = balancer.log().ok()?;
            let lines: Vec<String> = log
                .lines()
                .filter_map(|line| line.split_once("LINE "))
                .map(|(_, line)| line.to_owned())
                .collect();
            (lines.len() >= self.lines).then_some(lines)
        })
        .with_context(|| format!("{told}{}", balancer.log().unwrap_or_default()))?;
        drop(balancer);
        for request in server.requests() {
            told += &format!("server got {}\n", request.escape_ascii());
        }
        for line in lines {
            told += &format!("log {}\n", without_growing_numbers(&line));
        }
        Ok(told)
    }

    fn balancer(&self, program: Option<&str>, server: SocketAddr) -> Result<Balancer> {
        let setup = Setup::new(format!(
            "
    nbthread 1
    log stdout format raw local0
{}
defaults
    log global
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    retries 0
frontend web
    bind \"fd@${{web}}\" {}
    log-format \"LINE %b/%s %ST %tsc %rc %CC %CS %hr %hs %{{+Q}}r\"
{}
    default_backend back
backend back
{}",
            self.global,
            self.bind,
            self.frontend,
            self.backend.replace("SERVER", &server.to_string())
        ))
        .listen("web")?;
        match program {
            Some(program) => setup.program(program).start(),
            None => setup.start(),
        }
    }
}

/// What a story comes to with us and with the peer; `None` where the peer is not installed.
fn both<T>(story: impl Fn(Option<&str>) -> Result<T>) -> Result<Option<[T; 2]>> {
    if !Path::new(PEER).is_file() {
        eprintln!("skipped: {PEER} is not installed");
        return Ok(None);
    }
    Ok(Some([story(None)?, story(Some(PEER))?]))
}

/// Plays scenes before both.
fn compare(scenes: &[Scene]) -> Result<()> {
    let mut differing = Vec::new();
    for scene in scenes {
        let play = |program: Option<&str>| scene.play(program).with_context(|| format!("in '{}'", scene.name));
        if let Some([ours, peers]) = both(play)?
            && ours != peers
        {
            differing.push(format!("'{}': ours\n{ours}\npeer's\n{peers}", scene.name));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    Ok(())
}

/// The peer's parser spells and orders the headers of its own 400 in another way than the rest of it does.
fn without_own_spelling(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 400 ") => {
            let line = head.lines().next().unwrap_or_default();
            format!("{line}\r\n\r\n{body}").into_bytes()
        }
        _ => answer.to_vec(),
    }
}

/// A line without the numbers that a `+` marks as growing on: they differ from run to run.
fn without_growing_numbers(line: &str) -> String {
    let mut parts = line.split('+');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        line + "+" + part.trim_start_matches(|letter: char| letter.is_ascii_digit())
    })
}

/// A server that follows a script, whoever connects.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(script: &'static [&'static str]) -> Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(script.iter().rev().copied().collect::<Vec<_>>()));
        let hearing = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            while let Ok((stream, from)) = listener.accept() {
                // The scene is over: see `drop`.
                if stream.peer_addr().is_ok() && from.ip() == Ipv4Addr::new(127, 0, 0, 99) {
                    return;
                }
                let (heard, answers) = (Arc::clone(&hearing), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &heard, &answers));
            }
        });
        Ok(Server {
            address,
            heard,
            thread: Some(thread),
        })
    }

    fn requests(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stop = Client::connect_from(Ipv4Addr::new(127, 0, 0, 99).into(), self.address);
        if let (Ok(_), Some(thread)) = (stop, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Hears requests, up to the end of a head or of what is read at once, and gives the next answer to each.
fn serve(mut stream: TcpStream, heard: &Mutex<Vec<Vec<u8>>>, answers: &Mutex<Vec<&'static str>>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut room = [0; 65536];
    let mut request = Vec::new();
    while let Ok(length @ 1..) = stream.read(&mut room) {
        request.extend_from_slice(&room[..length]);
        let is_whole = request.windows(4).any(|end| end == b"\r\n\r\n") || !request.contains(&b'\r');
        if !is_whole {
            continue;
        }
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(std::mem::take(&mut request));
        let answer = answers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(answer) = answer else { return };
        let then = ["CLOSE", "FIN", "RESET"]
            .into_iter()
            .find(|word| answer.ends_with(word));
        let bytes = answer.strip_suffix(then.unwrap_or_default()).unwrap_or(answer);
        // Who is gone needs no answer.
        let _ = stream.write_all(bytes.as_bytes());
        match then {
            Some("CLOSE") => return,
            Some("FIN") => drop(stream.shutdown(Shutdown::Write)),
            Some(_) => {
                let _ = set_socket_linger(&stream, Some(Duration::ZERO));
                return;
            }
            None => {}
        }
    }
}
