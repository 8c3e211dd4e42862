//! A client that sends exactly the bytes it is told to.
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::wait::patience;

/// After this long without a byte a read or a connect fails, so that no test hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A TCP connection with a little knowledge of HTTP/1 answers.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// What arrived and was not consumed yet.
    input: Vec<u8>,
}

/// An HTTP/1 answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header lines in their order, spelling kept.
    pub headers: Vec<(String, String)>,
    /// The body, as `content-length` delimits it, or up to the end of the connection.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first header of that name, in any spelling.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Connects to an address.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience(PATIENCE))
            .with_context(|| format!("connect to {address}"))?;
        Self::over(stream)
    }

    /// Connects to an address from one of our own.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> Result<Self> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};
        let family = if address.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(patience(PATIENCE)))?;
        bind(&socket, &SocketAddr::new(source, 0)).with_context(|| format!("bind to {source}"))?;
        connect(&socket, &address).with_context(|| format!("connect from {source} to {address}"))?;
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience(PATIENCE)))?;
        Ok(Self {
            stream,
            input: Vec::new(),
        })
    }

    /// Our own address on the connection.
    pub fn local_address(&self) -> Result<SocketAddr> {
        Ok(self.stream.local_addr()?)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.stream.write_all(bytes.as_ref())?)
    }

    /// Closes our direction: the peer reads an end of stream.
    pub fn finish(&mut self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Sends `GET path` and reads the answer; the connection stays open.
    pub fn get(&mut self, path: &str) -> Result<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: lab\r\n\r\n"))?;
        self.response()
    }

    /// Reads one final answer; interim ones (1xx) are passed over.
    pub fn response(&mut self) -> Result<Response> {
        loop {
            let response = self.any_response()?;
            if response.status >= 200 || response.status == 101 {
                return Ok(response);
            }
        }
    }

    fn any_response(&mut self) -> Result<Response> {
        let (mut response, head_length) = loop {
            if let Some(head) = parse_head(&self.input)? {
                break head;
            }
            if self.fill()? == 0 {
                bail!(
                    "the connection ended within an answer's head: {:?}",
                    String::from_utf8_lossy(&self.input)
                );
            }
        };
        self.input.drain(..head_length);
        let without_body = response.status < 200 || matches!(response.status, 204 | 304);
        response.body = match response.header("content-length") {
            _ if without_body => Vec::new(),
            Some(length) => self.exactly(length.parse().context("content-length")?)?,
            None => self.to_end()?,
        };
        Ok(response)
    }

    /// Reads exactly so many bytes.
    pub fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.input.len() < length {
            if self.fill()? == 0 {
                bail!("the connection ended after {} of {length} bytes", self.input.len());
            }
        }
        Ok(self.input.drain(..length).collect())
    }

    /// Reads until the peer closes. A reset is an error.
    pub fn to_end(&mut self) -> Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.input))
    }

    /// Whether the peer reset the connection, as the next read tells.
    pub fn was_reset(&mut self) -> Result<bool> {
        match self.stream.read(&mut [0; 1024]) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(true),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(false),
        }
    }

    fn fill(&mut self) -> Result<usize> {
        let mut piece = [0; 16384];
        let length = self.stream.read(&mut piece).context("read")?;
        self.input.extend_from_slice(&piece[..length]);
        Ok(length)
    }
}

/// The answer's head and its length in bytes, `None` while it is incomplete.
fn parse_head(input: &[u8]) -> Result<Option<(Response, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(input)? else {
        return Ok(None);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = head
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), text(header.value)))
        .collect();
    Ok(Some((
        Response {
            status: head.code.unwrap_or(0),
            headers,
            body: Vec::new(),
        },
        length,
    )))
}
