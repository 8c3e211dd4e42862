//! Checks across the servers of a backend and of several.

use super::super::read::World;
use super::{Missing, server_named};
use crate::language::{Error, Severity};
use crate::plan::server::ServerAddress;
use crate::plan::{Proxy, Server};
use std::collections::HashMap;

/// Distinct names and numbers, tracking that ends in a checked server, ports for checks.
pub fn link(proxies: &mut [Proxy], world: &mut World<'_>) {
    numbers(proxies, world);
    for proxy in proxies.iter().filter(|proxy| proxy.is_backend) {
        distinct(proxy, world);
        ports(proxy, world);
    }
    track(proxies, world);
}

/// Two proxies may not have one `id`.
fn numbers(proxies: &[Proxy], world: &mut World<'_>) {
    let mut seen: HashMap<u32, &Proxy> = HashMap::new();
    for proxy in proxies {
        let Some(number) = proxy.puid else {
            continue;
        };
        if let Some(other) = seen.insert(number, proxy) {
            let text = format!(
                "{} {} reuses same custom id as {} {} (declared at {}).",
                proxy.kind(),
                proxy.name,
                other.kind(),
                other.name,
                other.location
            );
            world.alert(&proxy.location, &Error::new(text));
        }
    }
}

fn distinct(proxy: &Proxy, world: &mut World<'_>) {
    let mut names: HashMap<&str, &Server> = HashMap::new();
    let mut numbers: HashMap<u32, &Server> = HashMap::new();
    for server in &proxy.servers {
        let (backend, name) = (&proxy.name, &server.name);
        if let Some(other) = names.insert(name, server) {
            let line = other.location.line;
            let text = format!(
                "{} '{backend}', another server named '{name}' was already defined at line {line}, please use distinct names.",
                proxy.kind()
            );
            world.alert(&server.location, &Error::new(text));
        }
        let Some(number) = server.id else {
            continue;
        };
        if let Some(other) = numbers.insert(number, server) {
            let text = format!(
                "'server {backend}/{name}' : 'id' : custom id {number} already used at {} ('server {}').",
                other.location, other.name
            );
            world.alert(&server.location, &Error::new(text));
        }
    }
}

/// A check needs a port to go to.
fn ports(proxy: &Proxy, world: &mut World<'_>) {
    for server in proxy.servers.iter().filter(|server| server.check.enabled) {
        let without = match &server.address {
            ServerAddress::MappedPort { .. } => true,
            ServerAddress::Name { port, .. } => *port == 0,
            ServerAddress::Inet(_) | ServerAddress::Unix(_) | ServerAddress::Abstract(_) => false,
        };
        if without && server.check.port.is_none() {
            let (kind, backend, name) = (proxy.kind(), &proxy.name, &server.name);
            alert(
                world,
                format!("config: {kind} '{backend}': server '{name}' has neither service port nor check port."),
            );
        }
    }
}

fn alert(world: &mut World<'_>, text: String) {
    world.diagnostics.push(Severity::Alert, text);
}

/// Resolves `track` and follows each chain to a server with checks of its own.
fn track(proxies: &mut [Proxy], world: &mut World<'_>) {
    let mut resolved = Vec::new();
    for proxy in proxies.iter() {
        for (index, server) in proxy.servers.iter().enumerate() {
            let Some(text) = &server.track else {
                continue;
            };
            let context = format!("'server {}/{}'", proxy.name, server.name);
            let problem = match server_named(text, proxy.id, world) {
                Ok(id) => {
                    resolved.push((proxy.id, index, id));
                    continue;
                }
                Err(Missing::Proxy(name)) => format!("unable to find required proxy '{name}' for tracking."),
                Err(Missing::Server(name, backend)) => {
                    let backend = proxies.get(backend.index()).map_or("", |proxy| proxy.name.as_str());
                    format!("unable to find required server '{backend}/{name}' for tracking.")
                }
            };
            world.alert(&server.location, &Error::new(problem).within(context));
        }
    }
    for (backend, index, id) in resolved {
        let server = proxies
            .get_mut(backend.index())
            .and_then(|proxy| proxy.servers.get_mut(index));
        server.into_iter().for_each(|server| server.tracks = Some(id));
    }
    for proxy in proxies.iter() {
        for server in proxy.servers.iter().filter(|server| server.tracks.is_some()) {
            if let Err(text) = chain(server, proxies) {
                let context = format!("'server {}/{}'", proxy.name, server.name);
                world.alert(&server.location, &Error::new(text).within(context));
            }
        }
    }
}

/// Does what this server tracks, directly or not, have checks?
fn chain(server: &Server, proxies: &[Proxy]) -> Result<(), String> {
    let mut at = server;
    let longest = proxies.iter().map(|proxy| proxy.servers.len()).sum();
    for _ in 0..longest {
        let Some(id) = at.tracks else {
            break;
        };
        let next = proxies
            .get(id.backend.index())
            .and_then(|proxy| proxy.servers.get(id.index()));
        at = next.unwrap_or(at);
        if at.check.enabled {
            return Ok(());
        }
    }
    let track = server.track.as_deref().unwrap_or_default();
    Err(match at.tracks {
        Some(_) => format!("unable to track '{track}': a tracking loop was found."),
        None => format!("unable to use {track} for tracking as it does not have any check enabled."),
    })
}
