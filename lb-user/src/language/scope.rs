//! Where a row may be used: sections for keywords, rule sets for actions, phases for sample fetches.

use std::ops::BitOr;

/// A set of places. The constants of one kind (sections, rule sets, phases) are only combined with their own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(pub u64);

impl Scope {
    // Sections a keyword may stand in.
    /// The `global` section.
    pub const GLOBAL: Scope = Scope(1);
    /// `defaults` sections.
    pub const DEFAULTS: Scope = Scope(1 << 1);
    /// `frontend` sections.
    pub const FRONTEND: Scope = Scope(1 << 2);
    /// `backend` sections.
    pub const BACKEND: Scope = Scope(1 << 3);
    /// `listen` sections.
    pub const LISTEN: Scope = Scope(Self::FRONTEND.0 | Self::BACKEND.0);
    /// Every kind of proxy section.
    pub const PROXY: Scope = Scope(Self::DEFAULTS.0 | Self::LISTEN.0);

    // Levels of the runtime API from which a command may be given.
    /// Anyone on the runtime API.
    pub const CLI_USER: Scope = Scope(1 << 26);
    /// Operators of the runtime API.
    pub const CLI_OPERATOR: Scope = Scope(1 << 27);
    /// Administrators of the runtime API.
    pub const CLI_ADMIN: Scope = Scope(1 << 28);
    /// A command that `help` does not list.
    pub const CLI_UNLISTED: Scope = Scope(1 << 29);

    // Rule sets an action may stand in.
    /// `tcp-request connection`.
    pub const TCP_CONNECTION: Scope = Scope(1 << 8);
    /// `tcp-request session`.
    pub const TCP_SESSION: Scope = Scope(1 << 9);
    /// `tcp-request content`.
    pub const TCP_CONTENT: Scope = Scope(1 << 10);
    /// `tcp-response content`.
    pub const TCP_RESPONSE: Scope = Scope(1 << 11);
    /// `http-request`.
    pub const HTTP_REQUEST: Scope = Scope(1 << 12);
    /// `http-response`.
    pub const HTTP_RESPONSE: Scope = Scope(1 << 13);
    /// `http-after-response`.
    pub const HTTP_AFTER_RESPONSE: Scope = Scope(1 << 14);

    /// Every TCP rule set.
    pub const TCP_RULES: Scope =
        Scope(Self::TCP_CONNECTION.0 | Self::TCP_SESSION.0 | Self::TCP_CONTENT.0 | Self::TCP_RESPONSE.0);

    // Other places where expressions and conditions stand.
    /// `log-format` and its like.
    pub const LOG: Scope = Scope(1 << 15);
    /// `unique-id-format`.
    pub const UNIQUE_ID: Scope = Scope(1 << 16);
    /// `use_backend`, `monitor fail` and what else a frontend asks before it chooses.
    pub const USE_BACKEND: Scope = Scope(1 << 17);
    /// `balance`, `use-server`, `stick match`, `stick store-request`, `force-persist` and the like.
    pub const BALANCE: Scope = Scope(1 << 18);
    /// `stick store-response`.
    pub const STICK_RESPONSE: Scope = Scope(1 << 19);

    // What must exist for a sample fetch to answer (manual 7.3).
    /// Always known: process, time, configuration.
    pub const INTERNAL: Scope = Scope(1 << 32);
    /// The accepted connection.
    pub const L4_CLIENT: Scope = Scope(1 << 33);
    /// The client's session, TLS included.
    pub const L5_CLIENT: Scope = Scope(1 << 34);
    /// The address of the connection to the server.
    pub const L4_SERVER: Scope = Scope(1 << 35);
    /// The session with the server, TLS included.
    pub const L5_SERVER: Scope = Scope(1 << 36);
    /// Bytes in the request buffer.
    pub const L6_REQUEST: Scope = Scope(1 << 37);
    /// Bytes in the response buffer.
    pub const L6_RESPONSE: Scope = Scope(1 << 38);
    /// A parsed HTTP request's headers, gone once it was forwarded.
    pub const HTTP_REQUEST_HEAD: Scope = Scope(1 << 39);
    /// What is kept of an HTTP request to the end of its transaction.
    pub const HTTP_REQUEST_KEPT: Scope = Scope(1 << 40);
    /// A parsed HTTP response's headers, gone once it was forwarded.
    pub const HTTP_RESPONSE_HEAD: Scope = Scope(1 << 41);
    /// What is kept of an HTTP response to the end of its transaction.
    pub const HTTP_RESPONSE_KEPT: Scope = Scope(1 << 42);
    /// The backend was chosen.
    pub const BACKEND_CHOSEN: Scope = Scope(1 << 43);
    /// The server was chosen.
    pub const SERVER_CHOSEN: Scope = Scope(1 << 44);
    /// What is only final when the transaction ends (log time).
    pub const AT_END: Scope = Scope(1 << 45);
    /// A health check in progress.
    pub const CHECK: Scope = Scope(1 << 46);

    /// Both sets together.
    pub const fn or(self, other: Scope) -> Scope {
        Scope(self.0 | other.0)
    }

    /// Do the two sets share a place?
    pub const fn meets(self, other: Scope) -> bool {
        self.0 & other.0 != 0
    }

    /// Is every place of `other` in this set?
    pub const fn contains(self, other: Scope) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Scope {
    type Output = Scope;

    fn bitor(self, other: Scope) -> Scope {
        self.or(other)
    }
}
