//! Listeners' TLS, compiled when all of it is read.

use std::sync::Arc;

use super::super::read::World;
use crate::language::Severity;
use crate::plan::{Bind, Mode, Proxy};
use crate::tls::{Acceptor, Line};

/// Makes the acceptors of a proxy's listeners.
pub fn link(proxy: &mut Proxy, world: &mut World<'_>) {
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
