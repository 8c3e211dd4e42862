//! What a rule wants done. Rules only say it; the stream does it.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::facts::LogLevel;
use super::pattern::{Change, PatternSet};
use super::value::Value;
use super::variable::Variable;
use crate::http::reply::Reply;
use crate::stick::{Key, TableId};

/// The outcome of one action. `'p` is the plan that the rule is part of, `'a` the facts that values may borrow from;
/// [`Effect::detach`] ends the second borrow, so that the message can be changed.
pub enum Effect<'p, 'a> {
    /// Go on with the next rule.
    Continue,
    /// Come back when more of the message is there.
    Wait(Await),
    /// Stop evaluating this rule set, the traffic may pass (`accept`, `allow`).
    Allow,
    /// Close the connection (`tcp-request … reject`).
    Reject,
    /// Refuse the request as malformed (400).
    Malformed,
    /// Forget the connection without telling the client.
    SilentDrop,
    /// Answer with this status' error message (`deny`), or with the reply given.
    Deny(Answer<'p>),
    /// The same after `timeout tarpit`.
    Tarpit(Answer<'p>),
    /// Answer with this reply and count it as intercepted (`return`, `redirect`, `auth`).
    Return(Answer<'p>),
    Header(HeaderEdit<'p, 'a>),
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
        variable: &'p Variable,
        value: Value<'static>,
    },
    UnsetVariable(&'p Variable),
    SetSource(SocketAddr),
    SetDestination(SocketAddr),
    SetLogLevel(LogLevel),
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
    /// Follow `key` in `table` with a set of counters.
    Track {
        set: usize,
        table: TableId,
        key: Key,
    },
    /// Change an ACL or a map for everyone who uses it.
    EditPatterns {
        set: &'p PatternSet,
        change: Change,
    },
    /// Continue as HTTP from the connection's first byte.
    SwitchToHttp,
    /// Send this informational response now (`early-hint`).
    EarlyHint(HeaderEdit<'p, 'a>),
    /// Stop rewriting errors from failing the message (`strict-mode off`), or the reverse.
    StrictMode(bool),
    /// Do not send this request again once it was sent (`disable-l7-retry`).
    DisableRetry,
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
pub enum Answer<'p> {
    /// The error message of this status: error files first, then the built-in one.
    Status(u16),
    /// The message for this status of an `http-errors` section.
    Section {
        section: u32,
        status: u16,
    },
    Reply(Cow<'p, Reply>),
    /// Ask for credentials for this realm, which is quoted already: the error message of 401 or 407 with a challenge.
    Challenge {
        realm: &'p [u8],
    },
}

/// One change of the header list.
pub enum HeaderEdit<'p, 'a> {
    Add {
        name: &'p [u8],
        value: Cow<'a, [u8]>,
    },
    /// Removes all with that name, then adds one.
    Set {
        name: &'p [u8],
        value: Cow<'a, [u8]>,
    },
    Remove {
        matcher: &'p dyn HeaderMatch,
    },
    /// New values, by the position of the field they replace the value of.
    Rewrite {
        values: Vec<(usize, Vec<u8>)>,
    },
}

/// Which header names an edit means (`del-header … -m`).
pub trait HeaderMatch: Send + Sync {
    fn matches(&self, name: &[u8]) -> bool;
}

impl<'p> Effect<'p, '_> {
    /// The same effect, owning the bytes that it borrowed from the facts.
    pub fn detach(self) -> Effect<'p, 'static> {
        match self {
            Effect::Continue => Effect::Continue,
            Effect::Wait(what) => Effect::Wait(what),
            Effect::Allow => Effect::Allow,
            Effect::Reject => Effect::Reject,
            Effect::Malformed => Effect::Malformed,
            Effect::SilentDrop => Effect::SilentDrop,
            Effect::Deny(answer) => Effect::Deny(answer),
            Effect::Tarpit(answer) => Effect::Tarpit(answer),
            Effect::Return(answer) => Effect::Return(answer),
            Effect::Header(edit) => Effect::Header(edit.detach()),
            Effect::SetMethod(value) => Effect::SetMethod(owned(value)),
            Effect::SetUri(value) => Effect::SetUri(owned(value)),
            Effect::SetPath(value) => Effect::SetPath(owned(value)),
            Effect::SetPathQuery(value) => Effect::SetPathQuery(owned(value)),
            Effect::SetQuery(value) => Effect::SetQuery(owned(value)),
            Effect::SetStatus { status, reason } => Effect::SetStatus {
                status,
                reason: reason.map(owned),
            },
            Effect::SetVariable { variable, value } => Effect::SetVariable { variable, value },
            Effect::EditPatterns { set, change } => Effect::EditPatterns { set, change },
            Effect::UnsetVariable(variable) => Effect::UnsetVariable(variable),
            Effect::SetSource(address) => Effect::SetSource(address),
            Effect::SetDestination(address) => Effect::SetDestination(address),
            Effect::SetLogLevel(level) => Effect::SetLogLevel(level),
            Effect::SetTos(tos) => Effect::SetTos(tos),
            Effect::SetMark(mark) => Effect::SetMark(mark),
            Effect::SetPriorityClass(class) => Effect::SetPriorityClass(class),
            Effect::SetPriorityOffset(offset) => Effect::SetPriorityOffset(offset),
            Effect::SetServerTimeout(ms) => Effect::SetServerTimeout(ms),
            Effect::SetTunnelTimeout(ms) => Effect::SetTunnelTimeout(ms),
            Effect::CaptureRequest { slot, value } => Effect::CaptureRequest { slot, value },
            Effect::CaptureResponse { slot, value } => Effect::CaptureResponse { slot, value },
            Effect::Track { set, table, key } => Effect::Track { set, table, key },
            Effect::SwitchToHttp => Effect::SwitchToHttp,
            Effect::EarlyHint(edit) => Effect::EarlyHint(edit.detach()),
            Effect::StrictMode(on) => Effect::StrictMode(on),
            Effect::DisableRetry => Effect::DisableRetry,
            Effect::Fail => Effect::Fail,
        }
    }
}

impl<'p> HeaderEdit<'p, '_> {
    /// At most so many bytes more does a head take after the change.
    pub fn size(&self) -> usize {
        match self {
            HeaderEdit::Add { name, value } | HeaderEdit::Set { name, value } => {
                name.len() + value.len() + ": \r\n".len()
            }
            HeaderEdit::Remove { .. } => 0,
            HeaderEdit::Rewrite { values } => values.iter().map(|(_, value)| value.len()).sum(),
        }
    }

    fn detach(self) -> HeaderEdit<'p, 'static> {
        match self {
            HeaderEdit::Add { name, value } => HeaderEdit::Add {
                name,
                value: owned(value),
            },
            HeaderEdit::Set { name, value } => HeaderEdit::Set {
                name,
                value: owned(value),
            },
            HeaderEdit::Remove { matcher } => HeaderEdit::Remove { matcher },
            HeaderEdit::Rewrite { values } => HeaderEdit::Rewrite { values },
        }
    }
}

fn owned(value: Cow<'_, [u8]>) -> Cow<'static, [u8]> {
    Cow::Owned(value.into_owned())
}
