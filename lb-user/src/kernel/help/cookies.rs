//! SYN cookies for the running process.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use lb_common::gate::ListenerKey;

use crate::kernel::cookie::{CookieStatus, Cookies, cookies_made};
use crate::kernel::placement::Listening;
use crate::kernel::{Gate, KernelError};
use crate::plan::Plan;

/// The listeners whose connections the stack makes as the cookies' answers say: without a segment size of their own.
fn listeners(plan: &Plan, listening: &[Listening]) -> BTreeSet<ListenerKey> {
    let is_plain = |listening: &&Listening| {
        let bind = listening.listener.and_then(|listener| {
            let proxy = plan.proxies.get(listener.frontend.index())?;
            proxy.binds.get(listener.index as usize)
        });
        bind.is_some_and(|bind| {
            let options = &bind.options;
            options.mss.is_none() && options.interface.is_none() && options.namespace.is_none()
        })
    };
    let endpoints = listening
        .iter()
        .filter(is_plain)
        .filter_map(|listening| listening.endpoint);
    let key = |(address, port): (IpAddr, u16)| ListenerKey {
        address: address.into(),
        port: port.into(),
    };
    endpoints.flat_map(|endpoint| endpoint.keys()).map(key).collect()
}

/// Loads the program and chains it behind the gate. `None` where the configuration does not want it.
pub fn start(plan: &Plan, listening: &[Listening], gate: &mut Gate) -> Option<Result<Cookies, KernelError>> {
    let global = &plan.global;
    let limit = global.ebpf.syn_cookies.limit()?;
    // The buffer decides the window's scale then, which the answer has to say before there is a buffer.
    if global.tune.receive_buffer_client.is_some() {
        return None;
    }
    let mut load = || {
        let mut cookies = Cookies::load(limit, listeners(plan, listening), &super::pin_dir(plan))?;
        gate.chain(cookies.program()?)?;
        cookies.give_pins_to(global.uid, global.gid);
        Ok(cookies)
    };
    Some(load())
}

/// Takes over which sockets listen now.
pub fn listen(cookies: &mut Cookies, plan: &Plan, listening: &[Listening]) -> Result<(), KernelError> {
    cookies.listen(listeners(plan, listening))
}

/// Writes all that is known. Writing to a string cannot fail.
pub fn write(out: &mut String, cookies: &Result<Cookies, KernelError>) {
    let status = cookies.as_ref().map(Cookies::status);
    match status {
        Ok(Ok(status)) => describe(out, &status),
        Ok(Err(error)) => off(out, &error),
        Err(error) => off(out, error),
    }
}

fn off(out: &mut String, error: &KernelError) {
    let _ = writeln!(out, "SYN cookies: off ({error})");
}

fn describe(out: &mut String, status: &CookieStatus<'_>) {
    let (limit, program) = (status.settings.limit, status.program);
    let _ = writeln!(
        out,
        "SYN cookies: beyond {limit} attempts a second at a listener (XDP program {program})"
    );
    for hint in hints(status.settings.timestamps) {
        let _ = writeln!(out, "  {hint}");
    }
    for ListenerKey { address, port } in &status.flooded {
        let address = IpAddr::V6(Ipv6Addr::from(address.bytes)).to_canonical();
        let _ = writeln!(out, "  flood: {address} port {port}");
    }
    super::steering::maps(out, status.maps, &status.pins);
    let attempts = status.reasons.iter().filter(|(_, count)| *count > 0);
    let attempts: Vec<String> = attempts.map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(out, "  attempts: {}", attempts.join(", "));
}

/// What the host's settings keep from cookies.
fn hints(timestamps: u32) -> impl Iterator<Item = &'static str> {
    let made = match cookies_made() {
        Some(0) => Some("net.ipv4.tcp_syncookies is 0: the host makes none"),
        Some(1) => {
            Some("net.ipv4.tcp_syncookies is 1: none before a listener's queue is full (2: from the flood's begin)")
        }
        _ => None,
    };
    let kept = (timestamps == 1).then_some(
        "net.ipv4.tcp_timestamps is 1: clients with timestamps are left to the host's own cookies (2: here, too)",
    );
    made.into_iter().chain(kept)
}
