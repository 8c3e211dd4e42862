//! What a rule wants done. Rules only say it; the stream does it.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::facts::LogLevel;
use super::value::Value;
use super::variable::Variable;
use crate::http::reply::Reply;
use crate::state::TableId;

/// The outcome of one action.
pub enum Effect<'a> {
    /// Go on with the next rule.
    Continue,
    /// Come back when more of the message is there.
    Wait(Await),
    /// Stop evaluating this rule set, the traffic may pass (`accept`, `allow`).
    Allow,
    /// Close the connection (`tcp-request … reject`).
    Reject,
    /// Forget the connection without telling the client.
    SilentDrop,
    /// Answer with this status' error message (`deny`), or with the reply given.
    Deny(Answer<'a>),
    /// The same after `timeout tarpit`.
    Tarpit(Answer<'a>),
    /// Answer with this reply and count it as intercepted (`return`, `redirect`, `auth`).
    Return(Answer<'a>),
    Header(HeaderEdit<'a>),
    SetMethod(Cow<'a, [u8]>),
    SetUri(Cow<'a, [u8]>),
    SetPath(Cow<'a, [u8]>),
    /// Path and query string at once.
    SetPathQuery(Cow<'a, [u8]>),
    SetQuery(Cow<'a, [u8]>),
    SetStatus {
        status: u16,
        reason: Option<Cow<'a, [u8]>>,
    },
    SetVariable {
        variable: &'a Variable,
        value: Value<'static>,
    },
    UnsetVariable(&'a Variable),
    SetSource(SocketAddr),
    SetDestination(SocketAddr),
    SetLogLevel(LogLevel),
    SetNice(i32),
    SetTos(u32),
    SetMark(u32),
    /// Priority class or offset in the queue.
    SetPriorityClass(i32),
    SetPriorityOffset(i32),
    SetServerTimeout(u32),
    SetTunnelTimeout(u32),
    CaptureRequest {
        slot: usize,
        value: Vec<u8>,
    },
    CaptureResponse {
        slot: usize,
        value: Vec<u8>,
    },
    /// Follow `key` in `table` with counter set `index`.
    Track {
        index: usize,
        table: TableId,
        key: Value<'static>,
    },
    /// Continue as HTTP from the connection's first byte.
    SwitchToHttp,
    /// Send this informational response now (`early-hint`).
    EarlyHint(HeaderEdit<'a>),
    /// Stop rewriting errors from failing the message (`strict-mode off`), or the reverse.
    StrictMode(bool),
    /// The action could not be carried out (a rewrite without room, a missing value).
    Fail,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Await {
    /// Any more bytes: the expression may answer then.
    Data,
    /// The body, or its first `at_least` bytes (0: all that fits), at most `timeout_ms`.
    Body { at_least: u64, timeout_ms: u64 },
}

/// What the client gets instead of the server's response.
pub enum Answer<'a> {
    /// The error message of this status: error files first, then the built-in one.
    Status(u16),
    Reply(Cow<'a, Reply>),
}

/// One change of the header list.
pub enum HeaderEdit<'a> {
    Add {
        name: &'a [u8],
        value: Cow<'a, [u8]>,
    },
    /// Removes all with that name, then adds one.
    Set {
        name: &'a [u8],
        value: Cow<'a, [u8]>,
    },
    Remove {
        matcher: &'a dyn HeaderMatch,
    },
    /// Rewrites each whole value, or each comma-separated part of it.
    Replace {
        name: &'a [u8],
        regex: &'a regex::bytes::Regex,
        with: Cow<'a, [u8]>,
        each_part: bool,
    },
}

/// Which header names an edit means (`del-header … -m`).
pub trait HeaderMatch: Send + Sync {
    fn matches(&self, name: &[u8]) -> bool;
}
