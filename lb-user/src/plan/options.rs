//! `option …` switches of a proxy (manual 4.2), each with its name there.

/// On or off for each plain `option`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub abortonclose: bool,
    pub accept_invalid_request: bool,
    pub accept_invalid_response: bool,
    pub allbackups: bool,
    pub checkcache: bool,
    pub clitcpka: bool,
    pub srvtcpka: bool,
    pub contstats: bool,
    pub disable_h2_upgrade: bool,
    pub dontlog_normal: bool,
    pub dontlognull: bool,
    pub http_buffer_request: bool,
    pub http_ignore_probes: bool,
    pub http_no_delay: bool,
    pub http_pretend_keepalive: bool,
    pub http_use_proxy_header: bool,
    pub independent_streams: bool,
    pub log_health_checks: bool,
    pub log_separate_errors: bool,
    pub logasap: bool,
    pub nolinger: bool,
    pub persist: bool,
    pub prefer_last_server: bool,
    pub socket_stats: bool,
    pub splice_auto: bool,
    pub splice_request: bool,
    pub splice_response: bool,
    pub tcp_smart_accept: bool,
    pub tcp_smart_connect: bool,
    pub transparent: bool,
    pub http_proxy: bool,
    /// Redispatch after how many retries: `Some(-1)` on the last one only, `Some(n)` each nth.
    pub redispatch: Option<i32>,
    pub http_keep_alive: HttpConnection,
    pub forwardfor: Option<Forwarded>,
    pub originalto: Option<Forwarded>,
}

/// How connections are kept between requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpConnection {
    /// Alive on both sides.
    #[default]
    KeepAlive,
    /// The server's side is closed after each response.
    ServerClose,
    /// Both sides are.
    Close,
}

/// `option forwardfor` and `option originalto`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    pub header: Box<str>,
    pub except: Option<(std::net::IpAddr, u8)>,
    pub if_none: bool,
}
