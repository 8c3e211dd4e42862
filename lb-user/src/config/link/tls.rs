//! Listeners' and servers' TLS, compiled when all of it is read.

use std::sync::Arc;

use super::super::read::World;
use crate::language::Severity;
use crate::plan::{Bind, Mode, Proxy, Server};
use crate::tls::{Acceptor, Connector, Line, ServerLine, Verify};

/// Makes the acceptors of a proxy's listeners and the connectors of its servers.
pub fn link(proxy: &mut Proxy, world: &mut World<'_>) {
    for server in &mut proxy.servers {
        if server.tls.enabled || server.tls.checks {
            server.tls.connector = connector(server, &proxy.name, world);
        }
    }
    let (name, mode) = (proxy.name.clone(), proxy.mode);
    // The addresses of one line share its acceptor.
    for line in proxy.binds.chunk_by_mut(|one, other| one.location == other.location) {
        let acceptor = match line.first() {
            Some(bind) if bind.options.tls.enabled => compile(bind, &name, mode, world),
            _ => None,
        };
        for bind in line {
            bind.acceptor.clone_from(&acceptor);
        }
    }
}

fn compile(bind: &Bind, proxy: &str, mode: Mode, world: &mut World<'_>) -> Option<Arc<Acceptor>> {
    let tls = &bind.options.tls;
    let place = format!("for bind '{}' at [{}]", bind.address, bind.location);
    let mut say = |severity, text: String| {
        world
            .diagnostics
            .push(severity, format!("config : Proxy '{proxy}': {text}"));
    };
    if tls.certificates.is_empty() {
        match tls.line.strict_sni {
            true => say(
                Severity::Warning,
                format!("no SSL certificate specified {place}, ssl connections will fail (use 'crt')."),
            ),
            false => {
                say(
                    Severity::Alert,
                    format!("no SSL certificate specified {place} (use 'crt')."),
                );
                return None;
            }
        }
    }
    let defaults = &world.names.tls;
    let line = Line {
        settings: tls.line.settings.over(&defaults.bind),
        tickets: tls.line.tickets && defaults.tickets,
        prefer_client_ciphers: tls.line.prefer_client_ciphers || defaults.prefer_client_ciphers,
        sessions: defaults.sessions,
        ..tls.line.clone()
    };
    let listed = tls.certificates.iter().filter_map(|entry| entry.settings.alpn.as_ref());
    let mut protocols = line.settings.alpn.iter().chain(listed).flatten();
    if mode == Mode::Http && protocols.any(|protocol| protocol == b"h2") {
        say(
            Severity::Alert,
            format!("'alpn h2' is not implemented in this version, {place}."),
        );
        return None;
    }
    match Acceptor::new(&line, tls.certificates.clone()) {
        Ok((acceptor, unknown)) => {
            for suite in unknown {
                say(
                    Severity::Warning,
                    format!("cipher suite '{suite}' is not supported and left out {place}."),
                );
            }
            Some(Arc::new(acceptor))
        }
        Err(why) => {
            say(Severity::Alert, format!("{why} {place}."));
            None
        }
    }
}

/// What messages call the default.
const NO_AUTHORITIES: &str = "verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use 'ssl-server-verify none' in the global section to disable server-side verifications by default.";

fn connector(server: &Server, backend: &str, world: &mut World<'_>) -> Option<Arc<Connector>> {
    let tls = &server.tls;
    let mut say = |severity, text: &str| {
        let place = format!("config : [{}] : 'server {backend}/{}'", server.location, server.name);
        world.diagnostics.push(severity, format!("{place} : {text}"));
    };
    let defaults = &world.names.tls;
    let settings = tls.line.settings.over(&defaults.server);
    let by_default = if defaults.verify_servers {
        Verify::Required
    } else {
        Verify::None
    };
    let verify = match tls.verify.unwrap_or(by_default) {
        Verify::None => None,
        _ if settings.authorities.is_none() => {
            say(Severity::Alert, NO_AUTHORITIES);
            return None;
        }
        _ => settings.authorities.clone(),
    };
    if settings.alpn.iter().flatten().any(|protocol| protocol == b"h2") {
        say(Severity::Alert, "'alpn h2' is not implemented in this version.");
        return None;
    }
    let line = ServerLine {
        settings,
        verify,
        ..tls.line.clone()
    };
    match Connector::new(&line) {
        Ok((connector, unknown)) => {
            for suite in unknown {
                say(
                    Severity::Warning,
                    &format!("cipher suite '{suite}' is not supported and left out."),
                );
            }
            Some(Arc::new(connector))
        }
        Err(why) => {
            say(Severity::Alert, &format!("{why}."));
            None
        }
    }
}
