//! A proxy section in the making.

use crate::language::Location;
use crate::plan::proxy::ErrorReply;
use crate::plan::{Mode, Proxy, Timeouts};
use crate::rules::context::Promise;
use crate::rules::{Condition, Expression, LogFormat};
use crate::stick::StickTable;

/// A proxy while its section is read: what is typed already, and what names other sections and waits to be linked.
/// A `defaults` section is one as well; proxies start from a clone of it.
#[derive(Clone)]
pub struct Draft {
    pub proxy: Proxy,
    pub log_format: LogLine,
    pub log_format_sd: Option<Text>,
    pub unique_id_format: Option<Text>,
    pub default_backend: Option<String>,
    /// Does a `balance` line stand here or in the defaults?
    pub balances: bool,
    pub use_backend: Vec<UseBackend>,
    pub use_server: Vec<UseServer>,
    pub stick: Vec<Stick>,
    /// What replaces error messages, in the order of the lines; later ones outdo earlier ones.
    pub errors: Vec<ErrorLine>,
    /// What rules take for granted.
    pub promises: Vec<Promise>,
    pub table: Option<StickTable>,
    pub table_location: Option<Location>,
    /// What `http-check` lines say, kept also without `option httpchk`.
    pub http_check: crate::plan::check::HttpCheck,
    /// The timeouts that the section started with, for the warning about those set twice.
    pub inherited_timeouts: Timeouts,
    /// Where the log format was chosen.
    pub log_format_at: Location,
}

/// What a frontend's log lines look like.
#[derive(Clone, Debug, Default)]
pub enum LogLine {
    /// One line at the connection's start.
    #[default]
    Connect,
    Tcp,
    Http,
    Clf,
    Custom(Text),
}

/// A format that is compiled when all sections are known.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    pub location: Location,
}

/// A `use_backend` line.
#[derive(Clone)]
pub struct UseBackend {
    pub name: String,
    /// The name's format, where it is not a plain one.
    pub format: Option<LogFormat>,
    pub condition: Option<Condition>,
}

/// A `use-server` line.
#[derive(Clone)]
pub struct UseServer {
    pub name: String,
    pub format: Option<LogFormat>,
    pub condition: Option<Condition>,
}

/// A `stick` line.
#[derive(Clone)]
pub struct Stick {
    /// The section that declares the table; `None`: this one.
    pub table: Option<String>,
    pub key: Expression,
    pub matches: bool,
    pub stores: bool,
    pub on_response: bool,
    pub condition: Option<Condition>,
}

/// A line about error messages.
#[derive(Clone)]
pub enum ErrorLine {
    Message {
        status: u16,
        reply: ErrorReply,
    },
    /// Back to the built-in message.
    Default(u16),
    /// `errorfiles`: the messages of an `http-errors` section.
    Section {
        name: String,
        /// Only these status codes; empty: all of the section.
        statuses: Vec<u16>,
        location: Location,
    },
}

impl Default for Draft {
    fn default() -> Draft {
        Draft {
            proxy: Proxy {
                retries: 3,
                max_keep_alive_queue: -1,
                ..Proxy::default()
            },
            log_format: LogLine::default(),
            log_format_sd: None,
            unique_id_format: None,
            default_backend: None,
            balances: false,
            use_backend: Vec::new(),
            use_server: Vec::new(),
            stick: Vec::new(),
            errors: Vec::new(),
            promises: Vec::new(),
            table: None,
            table_location: None,
            http_check: crate::plan::check::HttpCheck::default(),
            inherited_timeouts: Timeouts::default(),
            log_format_at: Location::default(),
        }
    }
}

impl Draft {
    /// A draft that starts from this `defaults` section.
    pub fn inherit(&self) -> Draft {
        Draft {
            inherited_timeouts: self.proxy.timeouts.clone(),
            ..self.clone()
        }
    }

    /// What a proxy that never starts names need not exist.
    pub fn forget_links(&mut self) {
        self.default_backend = None;
        self.use_backend.clear();
        self.use_server.clear();
        self.stick.clear();
        self.promises.clear();
    }

    /// Is the proxy in HTTP mode?
    pub fn is_http(&self) -> bool {
        self.proxy.mode == Mode::Http
    }

    /// `frontend 'f'`, `backend 'b'`, `proxy 'l'`.
    pub fn title(&self) -> String {
        format!("{} '{}'", self.proxy.kind(), self.proxy.name)
    }
}
