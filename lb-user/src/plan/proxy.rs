//! Proxies: `frontend`, `backend`, `listen` and the `defaults` they start from (manual 4).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::balance::Balance;
use super::bind::Bind;
use super::check::CheckKind;
use super::cookie::Cookie;
use super::log::LogTarget;
use super::options::Options;
use super::rules::Rules;
use super::server::Server;
use crate::http::reply::Reply;
use crate::language::Location;
use crate::rules::LogFormat;
use crate::rules::reply::ReplyFormat;
use crate::state::ProxyId;
use crate::stick::TableId;

/// `mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Tcp,
    Http,
}

/// One proxy. Settings of the facet it has not are at their defaults.
#[derive(Clone, Default)]
pub struct Proxy {
    pub id: ProxyId,
    pub name: String,
    pub location: Location,
    /// `id`, the number in statistics.
    pub puid: Option<u32>,
    pub is_frontend: bool,
    pub is_backend: bool,
    pub mode: Mode,
    pub disabled: bool,
    pub description: Option<String>,
    pub options: Options,
    pub timeouts: Timeouts,
    pub rules: Rules,
    pub logs: Logs,
    /// Replies that replace the built-in error messages, by status.
    pub errors: HashMap<u16, ErrorReply>,
    pub unique_id_format: Option<LogFormat>,
    pub unique_id_header: Option<String>,

    // Frontend
    pub binds: Vec<Bind>,
    pub max_connections: Option<u32>,
    pub backlog: Option<u32>,
    pub rate_limit_sessions: u32,
    pub default_backend: Option<ProxyId>,
    pub monitor_uri: Option<String>,
    pub request_captures: Vec<CaptureSlot>,
    pub response_captures: Vec<CaptureSlot>,
    pub cookie_capture: Option<CookieCapture>,
    pub inspect_delay: Option<Duration>,

    // Backend
    pub servers: Vec<Server>,
    pub default_server: Server,
    pub balance: Balance,
    pub cookie: Option<Cookie>,
    /// The secret from which dynamic cookies are computed.
    pub dynamic_cookie_key: Option<String>,
    /// `dispatch`: the address everything goes to when there is no server.
    pub dispatch: Option<SocketAddr>,
    pub full_connections: Option<u32>,
    pub retries: u32,
    pub retry_on: RetryOn,
    pub http_reuse: HttpReuse,
    pub check: CheckKind,
    pub send_name_header: Option<String>,
    pub source: Option<SocketAddr>,
    /// `source … interface`.
    pub source_interface: Option<String>,
    pub table: Option<TableId>,
    pub response_inspect_delay: Option<Duration>,
    pub max_keep_alive_queue: i32,
}

impl Proxy {
    /// How messages call this kind of section.
    pub fn kind(&self) -> &'static str {
        match (self.is_frontend, self.is_backend) {
            (true, true) => "proxy",
            (true, false) => "frontend",
            (false, true) => "backend",
            (false, false) => "defaults",
        }
    }
}

/// All timeouts of a proxy; `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    pub client: Option<Duration>,
    pub client_fin: Option<Duration>,
    pub http_request: Option<Duration>,
    pub http_keep_alive: Option<Duration>,
    pub tarpit: Option<Duration>,
    pub queue: Option<Duration>,
    pub connect: Option<Duration>,
    pub server: Option<Duration>,
    pub server_fin: Option<Duration>,
    pub tunnel: Option<Duration>,
    pub check: Option<Duration>,
}

/// How a proxy logs.
#[derive(Clone, Default)]
pub struct Logs {
    pub targets: Vec<LogTarget>,
    /// `log global`.
    pub global: bool,
    pub format: Option<LogFormat>,
    pub structured_data: Option<LogFormat>,
    pub tag: Option<String>,
}

/// What replaces an error message.
#[derive(Clone)]
pub enum ErrorReply {
    Reply(Arc<Reply>),
    /// An answer whose text depends on the exchange.
    Format(Arc<ReplyFormat>),
    /// An empty file: nothing is sent, the connection is closed.
    Silence,
    /// `errorloc302` and `errorloc303`.
    Redirect {
        status: u16,
        location: String,
    },
}

/// `capture request header`, `declare capture`.
#[derive(Clone, Debug)]
pub struct CaptureSlot {
    /// `None` for a slot that only rules fill.
    pub header: Option<String>,
    pub length: usize,
}

/// `capture cookie`.
#[derive(Clone, Debug)]
pub struct CookieCapture {
    pub name: String,
    /// Match names that only begin with `name`.
    pub prefix: bool,
    pub length: usize,
}

/// When a failed request is tried again (`retry-on`, manual 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn {
    pub conn_failure: bool,
    pub empty_response: bool,
    pub junk_response: bool,
    pub response_timeout: bool,
    pub early_data_rejected: bool,
    pub statuses: Vec<u16>,
}

impl Default for RetryOn {
    fn default() -> RetryOn {
        RetryOn {
            conn_failure: true,
            empty_response: false,
            junk_response: false,
            response_timeout: false,
            early_data_rejected: false,
            statuses: Vec::new(),
        }
    }
}

/// `http-reuse`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpReuse {
    Never,
    #[default]
    Safe,
    Aggressive,
    Always,
}
