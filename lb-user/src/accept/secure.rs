//! TLS clients (`bind … ssl`): the handshake, before the session is judged.

use std::io;
use std::task::{Poll, ready};

use rustls::server::{Accepted, Acceptor as Reader};

use crate::runtime::clock::{self, Ticks};
use crate::runtime::connection::Received;
use crate::runtime::{Connection, Socket, TlsStream};
use crate::stream::Client;
use crate::tls::{Acceptor, Choice, Facts, Hello, client_auth};

/// The alert for a server name that nobody serves: unrecognized_name, fatal (RFC 6066 section 3).
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

/// How a handshake failed, in HAProxy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The client left, or never came.
    Closed,
    TimedOut,
    Handshake,
}

impl Failure {
    /// As log lines have it.
    pub fn explain(self) -> &'static str {
        match self {
            Failure::Closed => "Connection closed during SSL handshake",
            Failure::TimedOut => "Timeout during SSL handshake",
            Failure::Handshake => "SSL handshake failure",
        }
    }
}

/// Shakes hands with a client. What it sends from then on is read, and what it is sent is written, through the session.
pub async fn shake_hands(mut client: Box<Client>, acceptor: &Acceptor) -> Result<Box<Client>, (Box<Client>, Failure)> {
    let deadline = clock::after(clock::ticks(), client.frontend.timeouts.client);
    let (accepted, choice, hello) = match client.read_hello(acceptor, deadline).await {
        Ok(chosen) => chosen,
        Err(failure) => return Err((client, failure)),
    };
    let sni = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
    let session = match accepted.into_connection(choice.config) {
        Ok(session) => session,
        Err((_, mut alert)) => {
            let mut bytes = Vec::new();
            // Writing to memory does not fail.
            let _ = alert.write_all(&mut bytes);
            client.say_last(&bytes);
            return Err((client, Failure::Handshake));
        }
    };
    let Connection { socket, input, .. } = client.connection;
    let stream = TlsStream::new(socket, session, input.bytes());
    let mut stream = match stream {
        Ok(stream) => Box::new(stream),
        Err((socket, _)) => {
            client.connection = Connection::new(socket);
            return Err((client, Failure::Handshake));
        }
    };
    client_auth::take_findings();
    let mut findings = client_auth::Findings::default();
    let shaken = client.timer.until(deadline, |cx| {
        let polled = stream.poll_handshake(cx);
        // Verification happens within the call, on this thread.
        let found = client_auth::take_findings();
        if found != client_auth::Findings::default() {
            findings = found;
        }
        polled
    });
    let shaken = shaken.await;
    client.session.tls = Some(Box::new(Facts {
        sni,
        findings,
        shown: Some(choice.certificate),
        hello: Some(hello),
        ..Facts::of(stream.session())
    }));
    client.connection = Connection::new(Socket::Tls(stream));
    match shaken {
        Some(Ok(())) => Ok(client),
        Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Err((client, Failure::Handshake)),
        Some(Err(_)) => Err((client, Failure::Closed)),
        None => Err((client, Failure::TimedOut)),
    }
}

impl Client {
    /// Reads the client's first message, and finds what to answer it with.
    async fn read_hello(&mut self, acceptor: &Acceptor, deadline: Ticks) -> Result<(Accepted, Choice, Hello), Failure> {
        let mut reader = Reader::default();
        let Client { connection, timer, .. } = self;
        let read = timer.until(deadline, |cx| {
            loop {
                let mut bytes = connection.input.bytes();
                if bytes.is_empty() {
                    match ready!(connection.poll_receive(cx)) {
                        Ok(Received::Bytes(_)) => continue,
                        _ => return Poll::Ready(Err(None)),
                    }
                }
                let before = bytes.len();
                if reader.read_tls(&mut bytes).is_err() {
                    return Poll::Ready(Err(None));
                }
                let taken = before - bytes.len();
                connection.input.consume(taken);
                match reader.accept() {
                    Ok(Some(accepted)) => return Poll::Ready(Ok(accepted)),
                    Ok(None) => {}
                    Err((_, alert)) => return Poll::Ready(Err(Some(alert))),
                }
            }
        });
        let accepted = match read.await {
            Some(Ok(accepted)) => accepted,
            Some(Err(Some(mut alert))) => {
                let mut bytes = Vec::new();
                let _ = alert.write_all(&mut bytes);
                self.say_last(&bytes);
                return Err(Failure::Handshake);
            }
            Some(Err(None)) => return Err(Failure::Closed),
            None => return Err(Failure::TimedOut),
        };
        let hello = accepted.client_hello();
        match acceptor.choose(&hello) {
            Some(choice) => {
                let hello = Hello::new(&hello, self.engine.plan.global.tune.cipher_list);
                Ok((accepted, choice, hello))
            }
            None => {
                self.say_last(UNRECOGNIZED_NAME);
                Err(Failure::Handshake)
            }
        }
    }

    /// Sends what the socket takes at once, before the connection is closed.
    fn say_last(&mut self, bytes: &[u8]) {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = self.connection.poll_send(&mut cx, bytes);
    }
}
