//! Servers to stand behind the balancer.
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What an origin does with its connections.
#[derive(Clone, Copy, Debug)]
pub enum Service {
    /// HTTP/1.1: answers every request with 200, the header `x-origin: NAME` and the body `NAME\n`; closes where asked to.
    Http(&'static str),
    /// Sends back what it receives, and closes when the client has.
    Echo,
    /// Sends zeros for as long as anybody reads them.
    Source,
    /// HTTP/1.1: answers a request with 200 and a body that is a terabyte of zeros.
    HttpSource,
}

/// A server on a thread of its own. Dropping it closes its listener and its connections.
///
/// The thread inherits the processors and the network namespace of the one that starts it.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Origin {
    /// Starts a service on a free port of the loopback interface.
    pub fn start(service: Service) -> Result<Self> {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, service)
    }

    /// Starts a service on a listener.
    pub fn on(listener: TcpListener, service: Service) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let counters = Arc::new(Counters::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(accept(
            tokio_listener(&runtime, listener)?,
            service,
            Arc::clone(&counters),
        ));
        let thread = std::thread::spawn(move || {
            // An error means that the origin was dropped, which is the same.
            let _ = runtime.block_on(stopped);
        });
        Ok(Self {
            address,
            counters,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where the origin listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it accepted.
    pub fn connections(&self) -> u64 {
        self.counters.connections.load(Relaxed)
    }

    /// How many HTTP requests it answered.
    pub fn requests(&self) -> u64 {
        self.counters.requests.load(Relaxed)
    }

    /// How many bytes a source could send so far.
    pub fn sent(&self) -> u64 {
        self.counters.bytes.load(Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tokio_listener(runtime: &tokio::runtime::Runtime, listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    let _entered = runtime.enter();
    tokio::net::TcpListener::from_std(listener)
}

async fn accept(listener: tokio::net::TcpListener, service: Service, counters: Arc<Counters>) {
    while let Ok((stream, _)) = listener.accept().await {
        counters.connections.fetch_add(1, Relaxed);
        let counters = Arc::clone(&counters);
        // How a single connection ends is the client's affair.
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match service {
                Service::Http(name) => http(stream, name, &counters).await,
                Service::Echo => echo(stream).await,
                Service::Source => source(stream, &counters).await,
                Service::HttpSource => http_source(stream, &counters).await,
            }
        });
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    tokio::io::copy(&mut reader, &mut writer).await?;
    writer.shutdown().await
}

async fn source(mut stream: TcpStream, counters: &Counters) -> io::Result<()> {
    let zeros = vec![0; 1 << 18];
    loop {
        let length = stream.write(&zeros).await?;
        counters.bytes.fetch_add(length as u64, Relaxed);
    }
}

async fn http_source(mut stream: TcpStream, counters: &Counters) -> io::Result<()> {
    let mut input = Vec::with_capacity(4096);
    while Request::read(&input)?.is_none() {
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
    counters.requests.fetch_add(1, Relaxed);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1u64 << 40);
    stream.write_all(head.as_bytes()).await?;
    source(stream, counters).await
}

async fn http(mut stream: TcpStream, name: &str, counters: &Counters) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nx-origin: {name}\r\ncontent-length: {}\r\n\r\n",
        name.len() + 1
    );
    let answer = format!("{head}{name}\n");
    let mut input = Vec::with_capacity(4096);
    loop {
        while let Some(request) = Request::read(&input)? {
            counters.requests.fetch_add(1, Relaxed);
            let bytes = if request.is_head {
                head.as_bytes()
            } else {
                answer.as_bytes()
            };
            stream.write_all(bytes).await?;
            if request.closes {
                return stream.shutdown().await;
            }
            input.drain(..request.length);
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

/// What the origin has to know of a request that arrived whole.
struct Request {
    /// Bytes of head and body.
    length: usize,
    is_head: bool,
    closes: bool,
}

impl Request {
    /// The first request of the input, `None` while it is incomplete. Bodies are delimited by `content-length` alone.
    fn read(input: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(input).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let mut request = Self {
            length,
            is_head: head.method == Some("HEAD"),
            closes: false,
        };
        for header in head.headers.iter() {
            let value = std::str::from_utf8(header.value).map_err(io::Error::other)?;
            if header.name.eq_ignore_ascii_case("content-length") {
                request.length += value.parse::<usize>().map_err(io::Error::other)?;
            } else if header.name.eq_ignore_ascii_case("connection") {
                request.closes = value.eq_ignore_ascii_case("close");
            }
        }
        Ok((input.len() >= request.length).then_some(request))
    }
}
