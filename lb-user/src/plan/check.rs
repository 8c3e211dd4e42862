//! Health checks as configured (manual 4.2 `option httpchk`, `http-check`; 5.2 `check`).

use std::net::IpAddr;
use std::time::Duration;

/// The `check` family of a server line.
#[derive(Clone, Debug)]
pub struct CheckSettings {
    pub enabled: bool,
    pub address: Option<IpAddr>,
    pub port: Option<u16>,
    pub inter: Duration,
    pub fast_inter: Option<Duration>,
    pub down_inter: Option<Duration>,
    pub rise: u32,
    pub fall: u32,
    pub send_proxy: bool,
}

impl Default for CheckSettings {
    fn default() -> CheckSettings {
        CheckSettings {
            enabled: false,
            address: None,
            port: None,
            inter: Duration::from_secs(2),
            fast_inter: None,
            down_inter: None,
            rise: 2,
            fall: 3,
            send_proxy: false,
        }
    }
}

/// What a backend asks its servers.
#[derive(Clone, Debug, Default)]
pub enum CheckKind {
    /// Can a connection be made?
    #[default]
    Connect,
    Http(HttpCheck),
}

/// `option httpchk` with its `http-check` lines.
#[derive(Clone, Debug, Default)]
pub struct HttpCheck {
    pub method: Option<String>,
    pub uri: Option<String>,
    /// `HTTP/1.0`, `HTTP/1.1`; headers may follow it in the old form.
    pub version: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub expect: Vec<HttpExpect>,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    pub send_state: bool,
}

/// One `http-check expect` line.
#[derive(Clone, Debug)]
pub struct HttpExpect {
    pub negate: bool,
    pub what: Expected,
}

/// What an answer is compared with.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Status codes, as inclusive ranges.
    Status(Vec<(u16, u16)>),
    StatusRegex(regex::bytes::Regex),
    /// Text in the body.
    Text(Vec<u8>),
    Regex(regex::bytes::Regex),
}
