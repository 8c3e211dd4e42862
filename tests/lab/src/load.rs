//! Load for the bench: connections that ask as fast as they are answered, and count.
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: lab\r\nuser-agent: lab\r\naccept: */*\r\n\r\n";

/// What each connection of a load does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Asks again on the same connection.
    KeepAlive,
    /// Asks once, closes, and connects anew.
    ConnectionPerRequest,
    /// Reads what the server sends, without end.
    Download,
    /// Asks once, and reads what the server sends, without end.
    LargeResponse,
    /// Connects to where it is denied, and connects anew once it is told so: refused, or closed without a byte.
    Denied,
}

/// What a load has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were answered 200.
    pub requests: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Bytes that a download read.
    pub bytes: u64,
    /// Connections that were refused, or closed without a byte, as they should be.
    pub denials: u64,
    /// Connections that ended in an error or another status.
    pub failures: u64,
}

/// A load that runs on a thread of its own until it is dropped.
///
/// The thread inherits the processors and the network namespace of the one that starts it.
#[derive(Debug)]
pub struct Load {
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    connections: AtomicU64,
    bytes: AtomicU64,
    denials: AtomicU64,
    failures: AtomicU64,
}

impl Load {
    /// Starts so many connections at once. They spread over the targets, so that short connections do not run out of ports.
    pub fn start(shape: Shape, targets: &[SocketAddr], connections: usize) -> Result<Self> {
        let counters = Arc::new(Counters::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        for &target in targets.iter().cycle().take(connections) {
            runtime.spawn(keep_on(shape, target, Arc::clone(&counters)));
        }
        let thread = std::thread::spawn(move || {
            // An error means that the load was dropped, which is the same.
            let _ = runtime.block_on(stopped);
        });
        Ok(Self {
            counters,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.counters.requests.load(Relaxed),
            connections: self.counters.connections.load(Relaxed),
            bytes: self.counters.bytes.load(Relaxed),
            denials: self.counters.denials.load(Relaxed),
            failures: self.counters.failures.load(Relaxed),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn keep_on(shape: Shape, target: SocketAddr, counters: Arc<Counters>) {
    loop {
        if connection(shape, target, &counters).await.is_err() {
            counters.failures.fetch_add(1, Relaxed);
            // A server that refuses must not turn the load into a busy loop.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn connection(shape: Shape, target: SocketAddr, counters: &Counters) -> io::Result<()> {
    match shape {
        Shape::Denied => denied(target, counters).await,
        Shape::Download => download(&connect(target, counters).await?, counters).await,
        Shape::LargeResponse => {
            let mut stream = connect(target, counters).await?;
            stream.write_all(REQUEST).await?;
            download(&stream, counters).await
        }
        Shape::ConnectionPerRequest => {
            let mut stream = connect(target, counters).await?;
            exchange(&mut stream, &mut Vec::with_capacity(1024), counters).await
        }
        Shape::KeepAlive => {
            let mut stream = connect(target, counters).await?;
            let mut input = Vec::with_capacity(1024);
            loop {
                exchange(&mut stream, &mut input, counters).await?;
            }
        }
    }
}

async fn connect(target: SocketAddr, counters: &Counters) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    counters.connections.fetch_add(1, Relaxed);
    Ok(stream)
}

/// Connects, and counts what a denied client may meet. A byte from the server is a failure.
async fn denied(target: SocketAddr, counters: &Counters) -> io::Result<()> {
    let met = match TcpStream::connect(target).await {
        Ok(mut stream) => stream.read_u8().await.map(drop),
        Err(refused) => Err(refused),
    };
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, UnexpectedEof};
    match met.map_err(|error| error.kind()) {
        Err(ConnectionRefused | ConnectionReset | UnexpectedEof) => counters.denials.fetch_add(1, Relaxed),
        Err(other) => return Err(other.into()),
        Ok(()) => return Err(io::Error::other("served")),
    };
    Ok(())
}

async fn exchange(stream: &mut TcpStream, input: &mut Vec<u8>, counters: &Counters) -> io::Result<()> {
    stream.write_all(REQUEST).await?;
    input.clear();
    while !is_answered(input)? {
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    counters.requests.fetch_add(1, Relaxed);
    Ok(())
}

/// Whether the input is a whole answer of status 200 with a `content-length`.
fn is_answered(input: &[u8]) -> io::Result<bool> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(input).map_err(io::Error::other)? else {
        return Ok(false);
    };
    let body = head
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = body.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    match (head.code, body) {
        (Some(200), Some(body)) => Ok(input.len() >= length + body),
        (code, _) => Err(io::Error::other(format!("answered {code:?}"))),
    }
}

/// Throws away what arrives without copying it out of the kernel (MSG_TRUNC, tcp(7)).
async fn download(stream: &TcpStream, counters: &Counters) -> io::Result<()> {
    let mut untouched = vec![0; 1 << 20];
    loop {
        let read = || Ok(recv(stream, &mut untouched[..], RecvFlags::TRUNC)?.1);
        let length = stream.async_io(Interest::READABLE, read).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        counters.bytes.fetch_add(length as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_200_counts() -> io::Result<()> {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        for end in 0..answer.len() {
            assert!(!is_answered(&answer[..end])?, "{end}");
        }
        assert!(is_answered(answer)?);
        assert!(is_answered(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").is_err());
        Ok(())
    }
}
