//! `option …` switches.

use super::{ANY, BACK, Draft, FRONT, ProxyRow, works};
use crate::keywords::Reading;
use crate::language::{Error, Words};
use crate::plan::options::{Forwarded, HttpConnection};
use std::net::IpAddr;

/// A row for a switch that sets one field, `no option` clearing it.
macro_rules! switch {
    ($name:literal, $scope:expr, $doc:literal, $($field:ident),+) => {
        works(
            &[concat!("option ", $name), concat!("no option ", $name)],
            "",
            $scope,
            $doc,
            concat!("option ", $name),
            |keyword, words, draft, _| {
                words.end(keyword)?;
                $(draft.proxy.options.$field = !keyword.starts_with("no ");)+
                Ok(())
            },
        )
    };
}

/// A row for a mode of keeping connections.
macro_rules! keeping {
    ($name:literal, $mode:expr, $doc:literal) => {
        works(
            &[concat!("option ", $name), concat!("no option ", $name)],
            "",
            ANY,
            $doc,
            concat!("option ", $name),
            |keyword, words, draft, _| {
                words.end(keyword)?;
                let options = &mut draft.proxy.options;
                match keyword.starts_with("no ") {
                    false => options.http_keep_alive = $mode,
                    true if options.http_keep_alive == $mode => {
                        options.http_keep_alive = HttpConnection::default();
                    }
                    true => {}
                }
                Ok(())
            },
        )
    };
}

pub(super) const ROWS: &[ProxyRow] = &[
    switch!(
        "abortonclose",
        BACK,
        "Give a request up when its client closes before it was served.",
        abortonclose
    ),
    switch!(
        "accept-invalid-http-request",
        FRONT,
        "Let some malformed requests pass.",
        accept_invalid_request
    ),
    switch!(
        "accept-invalid-http-response",
        BACK,
        "Let some malformed responses pass.",
        accept_invalid_response
    ),
    switch!(
        "allbackups",
        BACK,
        "Use all backup servers at once when no other server is left.",
        allbackups
    ),
    switch!(
        "checkcache",
        BACK,
        "Block responses that would have a cache store a cookie.",
        checkcache
    ),
    switch!(
        "clitcpka",
        FRONT,
        "The kernel probes quiet connections of clients.",
        clitcpka
    ),
    switch!(
        "srvtcpka",
        BACK,
        "The kernel probes quiet connections to servers.",
        srvtcpka
    ),
    switch!(
        "tcpka",
        ANY,
        "The kernel probes quiet connections on both sides.",
        clitcpka,
        srvtcpka
    ),
    switch!(
        "contstats",
        FRONT,
        "Accepted; byte counters always move while data do.",
        contstats
    ),
    switch!(
        "disable-h2-upgrade",
        FRONT,
        "Accepted; an HTTP/2 preface is never taken as an upgrade.",
        disable_h2_upgrade
    ),
    switch!("dontlog-normal", FRONT, "Do not log what went well.", dontlog_normal),
    switch!(
        "dontlognull",
        FRONT,
        "Do not log connections on which nothing was sent.",
        dontlognull
    ),
    switch!(
        "http-buffer-request",
        ANY,
        "Wait for the body, as far as it fits, before the request is judged.",
        http_buffer_request
    ),
    switch!(
        "http-ignore-probes",
        FRONT,
        "Do not answer connections on which no request ever begins.",
        http_ignore_probes
    ),
    switch!(
        "http-no-delay",
        ANY,
        "Accepted; each piece of data is sent at once.",
        http_no_delay
    ),
    switch!(
        "http-pretend-keepalive",
        BACK,
        "Do not tell servers that the connection will be closed.",
        http_pretend_keepalive
    ),
    switch!(
        "http-use-proxy-header",
        FRONT,
        "Read and write `Proxy-Connection` in place of `Connection`.",
        http_use_proxy_header
    ),
    switch!(
        "independent-streams",
        ANY,
        "Data sent do not refresh the timeout of data awaited.",
        independent_streams
    ),
    switch!(
        "log-health-checks",
        BACK,
        "Log each change in the result of a server's checks.",
        log_health_checks
    ),
    switch!(
        "log-separate-errors",
        FRONT,
        "Log errors one level higher.",
        log_separate_errors
    ),
    switch!("logasap", FRONT, "Log as soon as the response begins.", logasap),
    switch!("nolinger", ANY, "Reset connections when they end.", nolinger),
    switch!(
        "persist",
        BACK,
        "Keep sending sessions to the server that persistence names while it is down.",
        persist
    ),
    switch!(
        "prefer-last-server",
        BACK,
        "Reuse the server of the connection's last request where possible.",
        prefer_last_server
    ),
    switch!(
        "socket-stats",
        FRONT,
        "Keep statistics of each listening socket.",
        socket_stats
    ),
    switch!(
        "splice-auto",
        ANY,
        "Accepted; which way bytes take through the kernel is chosen per flow, see `offload`.",
        splice_auto
    ),
    switch!(
        "splice-request",
        ANY,
        "Accepted; which way bytes take through the kernel is chosen per flow, see `offload`.",
        splice_request
    ),
    switch!(
        "splice-response",
        ANY,
        "Accepted; which way bytes take through the kernel is chosen per flow, see `offload`.",
        splice_response
    ),
    switch!(
        "tcp-smart-accept",
        FRONT,
        "Save the empty acknowledgment when a connection opens with data.",
        tcp_smart_accept
    ),
    switch!(
        "tcp-smart-connect",
        BACK,
        "Save the empty acknowledgment when a connection to a server opens with data.",
        tcp_smart_connect
    ),
    works(
        &["option transparent", "no option transparent", "transparent"],
        "",
        BACK,
        "Connect to the address that the client asked for when there is no server.",
        "option transparent",
        |keyword, words, draft, _| {
            words.end(keyword)?;
            draft.proxy.options.transparent = !keyword.starts_with("no ");
            Ok(())
        },
    ),
    keeping!(
        "http-keep-alive",
        HttpConnection::KeepAlive,
        "Keep connections to clients and servers between requests; the default."
    ),
    keeping!(
        "http-server-close",
        HttpConnection::ServerClose,
        "Close the connection to the server after each response."
    ),
    keeping!(
        "httpclose",
        HttpConnection::Close,
        "Close both connections after each response."
    ),
    works(
        &["option redispatch", "no option redispatch"],
        "<interval>",
        BACK,
        "Try another server: on the last retry (-1, the default), or on each retry of that interval.",
        "option redispatch 1",
        redispatch,
    ),
    works(
        &["option forwardfor"],
        "[ except <network> ] [ header <name> ] [ if-none ]",
        ANY,
        "Add the client's address to each request.",
        "option forwardfor except 127.0.0.0/8 header X-Client",
        |keyword, words, draft, _| {
            draft.proxy.options.forwardfor = Some(forwarded(keyword, "X-Forwarded-For", true, words)?);
            Ok(())
        },
    ),
    works(
        &["option originalto"],
        "[ except <network> ] [ header <name> ]",
        ANY,
        "Add the address that the client asked for to each request.",
        "option originalto except 127.0.0.0/8 header X-Client-Dst",
        |keyword, words, draft, _| {
            draft.proxy.options.originalto = Some(forwarded(keyword, "X-Original-To", false, words)?);
            Ok(())
        },
    ),
    works(
        &["option http-use-htx", "no option http-use-htx"],
        "",
        ANY,
        "Accepted, with no effect: there is one representation of messages.",
        "option http-use-htx",
        |keyword, words, _, reading| {
            words.end(keyword)?;
            if keyword.starts_with("no ") {
                return Err(Error::new(
                    "option 'http-use-htx' : only one representation of messages exists, it cannot be switched off.",
                ));
            }
            reading
                .warn("option 'http-use-htx' is deprecated and ignored. The HTX mode is now the only supported mode.");
            Ok(())
        },
    ),
];

fn redispatch(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    draft.proxy.options.redispatch = match (keyword.starts_with("no "), words.next()) {
        (true, None) => None,
        (false, None) => Some(-1),
        (false, Some(word)) => Some(
            word.parse()
                .map_err(|_| Error::new(format!("invalid value for '{keyword}': '{word}' is not an integer.")))?,
        ),
        (true, Some(extra)) => {
            return Err(Error::new(format!(
                "'{keyword}' cannot handle unexpected argument '{extra}'."
            )));
        }
    };
    words.end(keyword)
}

fn forwarded(keyword: &str, header: &str, if_none: bool, words: &mut Words<'_>) -> Result<Forwarded, Error> {
    let mut forwarded = Forwarded {
        header: header.into(),
        except: None,
        if_none: false,
    };
    while let Some(word) = words.next() {
        match word {
            "except" => {
                let network = words.next().unwrap_or_default();
                forwarded.except =
                    Some(network_of(network).ok_or_else(|| {
                        Error::new(format!("'{keyword} {word}' expects <address>[/mask] as argument."))
                    })?);
            }
            "header" => {
                let name = words
                    .next()
                    .filter(|name| !name.is_empty())
                    .ok_or_else(|| Error::new(format!("'{keyword} {word}' expects <header_name> as argument.")))?;
                forwarded.header = name.into();
            }
            "if-none" if if_none => forwarded.if_none = true,
            _ => {
                let known = match if_none {
                    true => "'except', 'header' and 'if-none'",
                    false => "'except' and 'header'",
                };
                return Err(Error::new(format!(
                    "'{keyword}' only supports optional values: {known}."
                )));
            }
        }
    }
    Ok(forwarded)
}

/// `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or a lone address.
pub(super) fn network_of(text: &str) -> Option<(IpAddr, u8)> {
    let (address, mask) = text.split_once('/').unwrap_or((text, ""));
    let ip: IpAddr = address.parse().ok()?;
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let length = match mask.parse::<u8>() {
        Ok(length) => length,
        Err(_) if mask.is_empty() => longest,
        Err(_) => {
            let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok().filter(|_| ip.is_ipv4())?);
            let length = bits.leading_ones();
            (bits.count_ones() == length).then_some(length as u8)?
        }
    };
    (length <= longest).then_some((ip, length))
}
