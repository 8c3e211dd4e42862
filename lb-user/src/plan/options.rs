//! `option …` switches of a proxy (manual 4.2), each with its name there.

/// On or off for each plain `option`.
#[derive(Clone, Debug)]
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
    /// `clitcpka-cnt`, `-idle`, `-intvl` and `srvtcpka-…`.
    pub client_keepalive: TcpKeepalive,
    pub server_keepalive: TcpKeepalive,
    /// Redispatch after how many retries: `Some(-1)` on the last one only, `Some(n)` each nth.
    pub redispatch: Option<i32>,
    pub http_keep_alive: HttpConnection,
    pub offload: Offload,
    pub forwardfor: Option<Forwarded>,
    pub originalto: Option<Forwarded>,
}

/// `offload`: which flows the kernel may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// Those of which it was shown that nobody can tell the difference: as yet, none.
    Auto,
    Off,
    /// Those that it carries from their first SYN on.
    Nat,
    /// Those that userspace begins, once both sides are quiet.
    Handover,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            abortonclose: false,
            accept_invalid_request: false,
            accept_invalid_response: false,
            allbackups: false,
            checkcache: false,
            clitcpka: false,
            srvtcpka: false,
            contstats: false,
            disable_h2_upgrade: false,
            dontlog_normal: false,
            dontlognull: false,
            http_buffer_request: false,
            http_ignore_probes: false,
            http_no_delay: false,
            http_pretend_keepalive: false,
            http_use_proxy_header: false,
            independent_streams: false,
            log_health_checks: false,
            log_separate_errors: false,
            logasap: false,
            nolinger: false,
            persist: false,
            prefer_last_server: false,
            socket_stats: false,
            splice_auto: false,
            splice_request: false,
            splice_response: false,
            tcp_smart_accept: false,
            tcp_smart_connect: false,
            transparent: false,
            http_proxy: false,
            client_keepalive: TcpKeepalive::default(),
            server_keepalive: TcpKeepalive::default(),
            redispatch: None,
            http_keep_alive: HttpConnection::default(),
            offload: Offload::Auto,
            forwardfor: None,
            originalto: None,
        }
    }
}

/// What the kernel's keepalive probes use instead of its own settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// Probes without answer before the connection is given up.
    pub count: Option<u32>,
    /// Quiet time before the first probe.
    pub idle: Option<std::time::Duration>,
    /// Time between probes.
    pub interval: Option<std::time::Duration>,
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
