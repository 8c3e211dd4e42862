//! `cookie`: persistence by a cookie (manual 4.2).

/// The cookie by which a backend's clients come back to their servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub mode: CookieMode,
    /// The server never sees an inserted cookie, the client never sees one for a server it knows.
    pub indirect: bool,
    /// A cacheable response that gets a cookie is marked private.
    pub nocache: bool,
    /// Only responses to POST get a cookie.
    pub postonly: bool,
    /// A cookie that the server sets itself is left alone.
    pub preserve: bool,
    /// Seconds after which a cookie that was not used counts as expired.
    pub max_idle: Option<u64>,
    /// Seconds after which a cookie is too old, used or not.
    pub max_life: Option<u64>,
    /// Servers that have no cookie of their own get one from their address and `dynamic-cookie-key`.
    pub dynamic: bool,
    /// What follows `path=/` in an inserted cookie: `; domain=example.org; HttpOnly; Secure`.
    pub attributes: String,
}

/// Who sets the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// The server does, all by itself.
    #[default]
    Watch,
    /// The balancer does.
    Insert,
    /// The server does, and the balancer puts the server's name in place of its value.
    Rewrite,
    /// The server does, and the balancer puts the server's name before its value.
    Prefix,
}

impl Cookie {
    /// Does the balancer touch cookies, and the log tell of them?
    pub fn is_managed(&self) -> bool {
        self.mode != CookieMode::Watch || self.indirect
    }

    /// Do inserted cookies carry dates?
    pub fn is_dated(&self) -> bool {
        self.max_idle.is_some() || self.max_life.is_some()
    }
}
