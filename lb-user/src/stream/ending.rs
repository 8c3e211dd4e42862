//! How an exchange can end, as the log's termination state tells it (manual 8.5).

use std::borrow::Cow;

use crate::http::reply::Reply;

/// An exchange that ends before its time: who ended it, in which phase, and what the client is told.
pub struct Ending {
    /// First letter: what ended it.
    pub cause: u8,
    /// Second letter: the phase.
    pub phase: u8,
    pub answer: Answer,
}

/// What the client is sent.
pub enum Answer {
    /// The error message of this status.
    Status(u16),
    /// The message for this status of an `http-errors` section.
    Section {
        section: u32,
        status: u16,
    },
    Reply(Cow<'static, Reply>),
    /// The error message of 401, or of 407 to a client that takes this for a proxy, asking for credentials.
    Challenge {
        realm: &'static [u8],
    },
    /// Nothing; the log shows this status.
    Silence(u16),
    /// Nothing, and the client is not even told that the connection ends.
    Vanish,
}

/// First letters of the termination state.
pub mod cause {
    /// The client closed.
    pub const CLIENT: u8 = b'C';
    /// The client was silent for too long.
    pub const CLIENT_TIMEOUT: u8 = b'c';
    /// The server closed, refused, or is not there.
    pub const SERVER: u8 = b'S';
    /// The server was silent for too long.
    pub const SERVER_TIMEOUT: u8 = b's';
    /// The proxy refused: a deny rule, a bad message, a security check.
    pub const PROXY: u8 = b'P';
    /// The proxy answered by itself.
    pub const LOCAL: u8 = b'L';
    /// A resource is exhausted.
    pub const RESOURCE: u8 = b'R';
    /// A fault of the balancer.
    pub const INTERNAL: u8 = b'I';
    /// The server went down.
    pub const DOWN: u8 = b'D';
    /// The backup server gave way to one that came up.
    pub const UP: u8 = b'U';
    /// The administrator ended it.
    pub const KILLED: u8 = b'K';
    /// All is well.
    pub const NONE: u8 = b'-';
}

/// Second letters of the termination state.
pub mod phase {
    /// The request's head was awaited.
    pub const REQUEST: u8 = b'R';
    /// It waited in a queue.
    pub const QUEUE: u8 = b'Q';
    /// A connection to a server was being made.
    pub const CONNECT: u8 = b'C';
    /// The response's head was awaited.
    pub const HEADERS: u8 = b'H';
    /// Data were moved.
    pub const DATA: u8 = b'D';
    /// The response is out; its last data went missing.
    pub const LAST: u8 = b'L';
    /// The client was kept waiting for its refusal.
    pub const TARPIT: u8 = b'T';
    /// All is well.
    pub const NONE: u8 = b'-';
}

impl Ending {
    /// An ending with any answer.
    pub fn new(cause: u8, phase: u8, answer: Answer) -> Ending {
        Ending { cause, phase, answer }
    }

    /// An error message goes to the client.
    pub fn status(cause: u8, phase: u8, status: u16) -> Ending {
        Ending::new(cause, phase, Answer::Status(status))
    }

    /// The connection just ends; `status` is what the log shows.
    pub fn silent(cause: u8, phase: u8, status: u16) -> Ending {
        Ending::new(cause, phase, Answer::Silence(status))
    }
}
