//! The rule sets of a proxy, in the order the stream asks them.

use std::sync::Arc;

use crate::rules::condition::Acl;

use crate::rules::{Condition, Expression, LogFormat, RuleSet};
use crate::state::ServerId;
use crate::stick::TableId;

/// Every rule set of one proxy.
#[derive(Clone, Default)]
pub struct Rules {
    pub acls: std::collections::HashMap<String, Arc<Acl>>,
    pub tcp_connection: RuleSet,
    pub tcp_session: RuleSet,
    pub tcp_content: RuleSet,
    pub tcp_response: RuleSet,
    pub http_request: RuleSet,
    /// `redirect` lines, judged after `http_request` whatever that decided, unless it answered.
    pub redirect: RuleSet,
    pub http_response: RuleSet,
    pub http_after_response: RuleSet,
    pub use_backend: Vec<UseBackend>,
    pub use_server: Vec<UseServer>,
    pub stick: Vec<Stick>,
    pub monitor_fail: Vec<Condition>,
    pub force_persist: Vec<Condition>,
    pub ignore_persist: Vec<Condition>,
}

/// A `use_backend` line: the backend is a log-format (a plain name most of the time).
#[derive(Clone)]
pub struct UseBackend {
    pub backend: BackendName,
    pub condition: Option<Condition>,
}

/// How a rule names its backend.
#[derive(Clone)]
pub enum BackendName {
    Fixed(crate::state::ProxyId),
    Dynamic(LogFormat),
}

/// A `use-server` line.
#[derive(Clone)]
pub struct UseServer {
    pub server: ServerName,
    pub condition: Option<Condition>,
}

/// How a rule names its server.
#[derive(Clone)]
pub enum ServerName {
    Fixed(ServerId),
    Dynamic(LogFormat),
}

/// A `stick` line.
#[derive(Clone)]
pub struct Stick {
    pub table: TableId,
    pub key: Expression,
    /// Look the key up and follow what it says.
    pub matches: bool,
    /// Learn the server chosen.
    pub stores: bool,
    /// Judge when the response has come (`store-response`).
    pub on_response: bool,
    pub condition: Option<Condition>,
}
