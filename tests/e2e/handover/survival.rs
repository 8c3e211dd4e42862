//! Streams that were handed over outlive the balancer, and end when an operator says so.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result, ensure};
use lab::{Balancer, Setup, until};
use rustix::process::Signal;

use super::site::{EDGE, SERVER, Site, handed_over};

/// A client and a server that speak over the kernel alone.
struct Stream {
    client: TcpStream,
    server: TcpStream,
}

impl Stream {
    fn open(site: &Site, balancer: &Balancer) -> Result<Self> {
        let before = handed_over(balancer)?;
        let listener = site.servers.run(|| Ok(TcpListener::bind((SERVER, 1883))?))?;
        let client = site.clients.run(|| Ok(TcpStream::connect((EDGE, 1883))?))?;
        let mut stream = {
            (&client).write_all(b"hello to all")?;
            let (server, _) = listener.accept()?;
            Self { client, server }
        };
        let mut hello = [0; 12];
        stream.server.read_exact(&mut hello)?;
        stream.server.write_all(b"welcome")?;
        stream.client.read_exact(&mut hello[..7])?;
        until("the handover", || (handed_over(balancer).ok()? > before).then_some(()))?;
        Ok(stream)
    }

    fn speak(&mut self) -> Result<()> {
        for (from, to) in [(&self.client, &self.server), (&self.server, &self.client)] {
            let (mut from, mut to) = (from, to);
            let message = [7; 5000];
            from.write_all(&message)?;
            let mut received = [0; 5000];
            to.read_exact(&mut received)?;
            ensure!(received == message);
        }
        Ok(())
    }

    /// Both ends hear a reset.
    fn hear_reset(mut self) -> Result<()> {
        for side in [&mut self.client, &mut self.server] {
            let error = side.read(&mut [0; 1]).err().context("no reset")?;
            ensure!(error.kind() == std::io::ErrorKind::ConnectionReset, "{error}");
        }
        Ok(())
    }
}

fn sessions(balancer: &Balancer) -> Result<Vec<String>> {
    let sessions = balancer.ask("show sess")?;
    Ok(sessions
        .lines()
        .filter(|line| line.contains(" kernel "))
        .map(str::to_owned)
        .collect())
}

#[test]
fn a_stream_is_shown_counted_and_logged_as_any_other() -> Result<()> {
    let site = Site::new()?;
    let balancer = site.balancer()?;
    let mut stream = Stream::open(&site, &balancer)?;
    stream.speak()?;
    let shown = sessions(&balancer)?.concat();
    ensure!(
        shown.contains("be=back srv=s1 age=") && shown.contains(" kernel in=5012 out=5007"),
        "{shown}"
    );
    drop(stream);
    let line = balancer.log_line(&["front back/s1"])?;
    ensure!(line.contains(" 5007 -- "), "{line}");
    ensure!(sessions(&balancer)?.is_empty());
    let stat = balancer.ask("show stat")?;
    let front = stat
        .lines()
        .find(|line| line.starts_with("front,"))
        .context("no line")?;
    let fields: Vec<&str> = front.split(',').collect();
    ensure!(fields[4] == "0" && fields[8..10] == ["5012", "5007"], "{front}");
    Ok(())
}

#[test]
fn a_killed_balancer_is_not_missed() -> Result<()> {
    let site = Site::new()?;
    let mut balancer = site.balancer()?;
    let mut stream = Stream::open(&site, &balancer)?;
    balancer.process().signal(Signal::KILL)?;
    until("the end of the process", || balancer.process().ended().ok().flatten())?;
    stream.speak()?;
    let successor = site.balancer()?;
    let shown = sessions(&successor)?.concat();
    ensure!(
        shown.contains("fe=front be=back srv=s1") && shown.contains(" kernel in=5012 out=5007"),
        "{shown}"
    );
    stream.speak()?;
    drop(stream);
    let line = successor.log_line(&["front back/s1"])?;
    ensure!(line.contains(" 10007 -- "), "{line}");
    Ok(())
}

#[test]
fn a_successor_takes_the_streams_over() -> Result<()> {
    let site = Site::new()?;
    let mut balancer = site.balancer()?;
    let mut stream = Stream::open(&site, &balancer)?;
    let pid = balancer.pid().to_string();
    let arguments = ["-sf", &pid];
    let successor = Setup::new(site.configuration("60s"))
        .inside(&site.edge)
        .arguments(arguments)
        .start()?;
    until("the end of the predecessor", || {
        balancer.process().ended().ok().flatten()
    })?;
    stream.speak()?;
    let shown = sessions(&successor)?;
    ensure!(shown.len() == 1, "{shown:?}");
    Ok(())
}

#[test]
fn an_operator_ends_streams() -> Result<()> {
    let site = Site::new()?;
    let balancer = site.balancer()?;
    let stream = Stream::open(&site, &balancer)?;
    let shown = sessions(&balancer)?.concat();
    let id = shown.split(':').next().context("no session")?;
    balancer.ask(&format!("shutdown session {id}"))?;
    stream.hear_reset()?;
    balancer.log_line(&["front back/s1", " KD "])?;
    let stream = Stream::open(&site, &balancer)?;
    balancer.ask("shutdown sessions server back/s1")?;
    stream.hear_reset()?;
    ensure!(sessions(&balancer)?.is_empty());
    Ok(())
}

#[test]
fn silence_ends_a_stream() -> Result<()> {
    let site = Site::new()?;
    let balancer = Setup::new(site.configuration("2s")).inside(&site.edge).start()?;
    let mut stream = Stream::open(&site, &balancer)?;
    stream.speak()?;
    stream.hear_reset()?;
    balancer.log_line(&["front back/s1", " cD "])?;
    Ok(())
}

#[test]
fn a_stopped_balancer_leaves_nothing_behind() -> Result<()> {
    let site = Site::new()?;
    let mut balancer = site.balancer()?;
    let stream = Stream::open(&site, &balancer)?;
    ensure!(site.bpf.pin_dir().exists());
    balancer.process().stop()?;
    stream.hear_reset()?;
    let left = std::fs::read_dir(site.bpf.pin_dir()).map_or(0, Iterator::count);
    ensure!(left == 0, "{left} folders are left");
    Ok(())
}
