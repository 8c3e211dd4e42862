//! What only shows when a whole proxy is known.

use super::super::read::World;
use crate::keywords::proxy::{Draft, LogLine};
use crate::language::Severity;
use crate::plan::balance::Algorithm;
use crate::plan::log::{LogAddress, LogTarget, Ring};
use crate::plan::{Global, Options};

/// Is there anything that clients can connect to?
pub fn members(draft: &Draft, world: &mut World<'_>) {
    let proxy = &draft.proxy;
    if proxy.is_frontend && proxy.binds.is_empty() && !proxy.disabled {
        warn(
            world,
            format!(
                "config : {} has no 'bind' directive. Please declare it as a backend if this was intended.",
                draft.title()
            ),
        );
    }
}

/// Servers that a default backend puts out of reach.
pub fn overruled(draft: &Draft, world: &mut World<'_>) {
    if draft.proxy.is_backend && !draft.proxy.servers.is_empty() {
        let title = draft.title();
        warn(
            world,
            format!(
                "config : In {title}, the 'default_backend' rule always has precedence over the servers, which will never be used."
            ),
        );
    }
}

/// Timeouts that a proxy should not be without.
pub fn timeouts(draft: &Draft, world: &mut World<'_>) {
    let proxy = &draft.proxy;
    let timeouts = &proxy.timeouts;
    let serves = !proxy.servers.is_empty() || proxy.dispatch.is_some() || proxy.options.transparent;
    let front = proxy.is_frontend && timeouts.client.is_none();
    let back = proxy.is_backend && serves && (timeouts.connect.is_none() || timeouts.server.is_none());
    if !proxy.disabled && (front || back) {
        warn(
            world,
            format!(
                "config : missing timeouts for {}.\n   | While not properly invalid, you will certainly encounter various problems\n   | with such a configuration. To fix this, please ensure that all following\n   | timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
                draft.title()
            ),
        );
    }
}

/// Who answers when there are several ways: servers, one address, or wherever the client wanted to go.
pub fn ways(draft: &mut Draft, world: &mut World<'_>) {
    let title = draft.title();
    let proxy = &mut draft.proxy;
    if !proxy.is_backend || !draft.balances {
        return;
    }
    if proxy.options.transparent {
        let text = format!("config : {title} cannot use both transparent and balance mode.");
        world.diagnostics.push(Severity::Alert, text);
    }
    if proxy.dispatch.take().is_some() {
        warn(
            world,
            format!("config : dispatch address of {title} will be ignored in balance mode."),
        );
    }
}

/// Options of HTTP proxies, with the facets they concern.
const HTTP_OPTIONS: &[(&str, bool, bool, fn(&Options) -> bool)] = &[
    ("accept-invalid-http-request", true, false, |o| o.accept_invalid_request),
    ("accept-invalid-http-response", false, true, |o| {
        o.accept_invalid_response
    }),
    ("checkcache", false, true, |o| o.checkcache),
    ("disable-h2-upgrade", true, false, |o| o.disable_h2_upgrade),
    ("forwardfor", true, true, |o| o.forwardfor.is_some()),
    ("http-buffer-request", true, true, |o| o.http_buffer_request),
    ("http-ignore-probes", true, false, |o| o.http_ignore_probes),
    ("http-no-delay", true, true, |o| o.http_no_delay),
    ("http-pretend-keepalive", false, true, |o| o.http_pretend_keepalive),
    ("http-use-proxy-header", true, false, |o| o.http_use_proxy_header),
    ("originalto", true, true, |o| o.originalto.is_some()),
    ("prefer-last-server", false, true, |o| o.prefer_last_server),
];

/// What a TCP proxy has no use for. A hash of the request becomes round robin.
pub fn http_only(draft: &mut Draft, world: &mut World<'_>) {
    if draft.is_http() {
        return;
    }
    let title = draft.title();
    if draft.proxy.is_frontend {
        frontend_needs_http(draft, &title, world);
    }
    if draft.proxy.is_backend {
        backend_needs_http(draft, &title, world);
    }
    let proxy = &draft.proxy;
    let rules = &proxy.rules;
    for (name, is_empty) in [
        ("http-request", rules.http_request.is_empty()),
        ("redirect", rules.redirect.is_empty()),
        ("http-response", rules.http_response.is_empty()),
        ("http-after-response", rules.http_after_response.is_empty()),
    ] {
        if !is_empty {
            warn(
                world,
                format!("config : '{name}' rules ignored for {title} as they require HTTP mode."),
            );
        }
    }
    for (name, front, back, is_set) in HTTP_OPTIONS {
        let concerned = (*front && proxy.is_frontend) || (*back && proxy.is_backend);
        if concerned && is_set(&proxy.options) {
            warn(
                world,
                format!("config : 'option {name}' ignored for {title} as it requires HTTP mode."),
            );
        }
    }
}

fn frontend_needs_http(draft: &Draft, title: &str, world: &mut World<'_>) {
    for bind in draft.proxy.binds.iter().filter(|bind| bind.options.http1_only) {
        let (address, location) = (&bind.address, &bind.location);
        let text = format!("config : {title} : MUX protocol 'h1' is not usable for 'bind {address}' at [{location}].");
        world.diagnostics.push(Severity::Alert, text);
    }
    if matches!(draft.log_format, LogLine::Http | LogLine::Clf) {
        warn(
            world,
            format!(
                "parsing [{}] : 'option httplog' not usable with {title} (needs 'mode http'). Falling back to 'option tcplog'.",
                draft.log_format_at
            ),
        );
    }
    if draft.proxy.monitor_uri.is_some() {
        warn(
            world,
            format!("config : monitor-uri will be ignored for {title} (needs 'mode http')."),
        );
    }
    if draft.proxy.cookie_capture.is_some() {
        warn(
            world,
            format!("config : 'capture' statement ignored for {title} as it requires HTTP mode."),
        );
    }
}

fn backend_needs_http(draft: &mut Draft, title: &str, world: &mut World<'_>) {
    let proxy = &mut draft.proxy;
    let algorithm = &mut proxy.balance.algorithm;
    if matches!(
        algorithm,
        Algorithm::Uri(_) | Algorithm::UrlParam { .. } | Algorithm::Header { .. }
    ) {
        *algorithm = Algorithm::RoundRobin;
        warn(
            world,
            format!("config : Layer 7 hash not possible for {title} (needs 'mode http'). Falling back to round robin."),
        );
    }
    if proxy.cookie.is_some() {
        warn(
            world,
            format!("config : cookie will be ignored for {title} (needs 'mode http')."),
        );
    }
    for server in &proxy.servers {
        if server.redirect.is_some() {
            let text = format!("config : {title} : server cannot have cookie or redirect prefix in non-HTTP mode.");
            world.diagnostics.push(Severity::Alert, text);
        } else if server.cookie.is_some() {
            let name = &server.name;
            warn(
                world,
                format!("config : {title} : ignoring cookie for server '{name}' as HTTP mode is disabled."),
            );
        }
    }
}

/// A log format without any target is most likely forgotten.
pub fn logs(draft: &Draft, global: &Global, world: &mut World<'_>) {
    let logs = &draft.proxy.logs;
    let nothing_global = !logs.global || global.logs.is_empty();
    let formatted = !matches!(draft.log_format, LogLine::Connect);
    if draft.proxy.is_frontend && formatted && logs.targets.is_empty() && nothing_global {
        let title = draft.title();
        warn(
            world,
            format!("config : log format ignored for {title} since it has no log address."),
        );
    }
}

/// Log lines need a ring that some section declares.
pub fn rings(targets: &[LogTarget], declared: &[Ring], whose: &str, world: &mut World<'_>) {
    for target in targets {
        if let LogAddress::Ring(name) = &target.address
            && !declared.iter().any(|ring| ring.name == *name)
        {
            let text = format!("config : {whose} : unable to find ring '{name}' to log to.");
            world.diagnostics.push(Severity::Alert, text);
        }
    }
}

fn warn(world: &mut World<'_>, text: String) {
    world.diagnostics.push(Severity::Warning, text);
}
