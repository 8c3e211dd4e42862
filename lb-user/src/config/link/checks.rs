//! What only shows when a whole proxy is known.

use super::super::read::World;
use crate::keywords::proxy::{Draft, LogLine};
use crate::language::Severity;
use crate::plan::Global;

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

/// What a TCP proxy has no use for.
pub fn http_only(draft: &Draft, world: &mut World<'_>) {
    if draft.is_http() {
        return;
    }
    let (proxy, title) = (&draft.proxy, draft.title());
    if proxy.is_frontend && matches!(draft.log_format, LogLine::Http | LogLine::Clf) {
        warn(
            world,
            format!(
                "config : 'option httplog' not usable with {title} (needs 'mode http'). Falling back to 'option tcplog'."
            ),
        );
    }
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
    if proxy.is_backend {
        for server in proxy.servers.iter().filter(|server| server.cookie.is_some()) {
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
    if logs.global && global.logs.is_empty() && logs.targets.is_empty() {
        let title = draft.title();
        world.diagnostics.push(
            Severity::Diag,
            format!("config : {title} uses 'log global' but the global section has no 'log' line."),
        );
    }
}

fn warn(world: &mut World<'_>, text: String) {
    world.diagnostics.push(Severity::Warning, text);
}
