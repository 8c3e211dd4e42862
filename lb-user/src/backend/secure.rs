//! TLS with servers (`server … ssl`): the handshake on a fresh connection.

use std::io;
use std::task::{Context, Poll, ready};

use crate::runtime::{Socket, TlsStream};
use crate::tls::Connector;

/// A handshake under way.
pub struct Handshake(Option<Box<TlsStream>>);

impl Handshake {
    /// Begins one over `socket`, asking for the server of that name.
    ///
    /// # Errors
    /// The session cannot begin.
    pub fn new(socket: Socket, connector: &Connector, name: Option<&[u8]>) -> io::Result<Handshake> {
        let session = connector.session(name).map_err(io::Error::other)?;
        let mut stream = TlsStream::new(socket, session, &[]).map_err(|(_, error)| error)?;
        stream.set_server_name(name);
        Ok(Handshake(Some(Box::new(stream))))
    }

    /// Drives it to its end: the socket to talk through from then on.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        if let Some(stream) = &mut self.0 {
            ready!(stream.poll_handshake(cx))?;
        }
        let shaken = self.0.take().map(Socket::Tls);
        Poll::Ready(shaken.ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
