//! The kernel's help in words (`show ebpf`).
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{GateStand, Running, Stand};
use crate::kernel::forward::Status;
use crate::kernel::placement::{Placed, Placement};
use crate::kernel::{Capabilities, GateStatus, InterfaceState, KernelError, RuleCount, State};
use crate::plan::{Plan, Proxy};

/// Writes all that is known. Writing to a string cannot fail.
pub fn write(plan: &Plan, stand: &mut Stand) -> String {
    let mut out = String::new();
    let mut counts = BTreeMap::new();
    match &mut stand.gate {
        GateStand::Off(why) => {
            let _ = writeln!(out, "gate: off ({why})");
        }
        GateStand::On(running) => {
            if let Err(error) = gate(&mut out, running) {
                let _ = writeln!(out, "gate: {error}");
            }
            if let Some(cookies) = &running.cookies {
                super::cookies::write(&mut out, cookies);
            }
            counts = counts_by_rule(&running.gate.counters().unwrap_or_default(), &stand.placement);
        }
    }
    stand.steering.write(&mut out);
    forwarding(&mut out, stand.forwarding.as_ref());
    rules(&mut out, plan, &stand.placement, &counts);
    if let Some(capabilities) = &stand.capabilities {
        self::capabilities(&mut out, capabilities);
    }
    out
}

fn forwarding(out: &mut String, status: Option<&Status>) {
    let Some(status) = status else {
        let _ = writeln!(out, "forwarding: off (nothing to carry there)");
        return;
    };
    let _ = writeln!(out, "forwarding: on (TC), {} addresses and ports", status.services);
    for interface in &status.interfaces {
        let _ = writeln!(out, "  interface {interface}: on");
    }
    let packets = status.reasons.iter().filter(|(_, count)| *count > 0);
    let packets: Vec<String> = packets.map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(out, "  packets: {}", packets.join(", "));
}

fn gate(out: &mut String, running: &mut Running) -> Result<(), KernelError> {
    let Running { gate, trouble, .. } = running;
    let status = gate.status()?;
    let _ = writeln!(out, "gate: on (XDP program {})", status.program);
    if let Some(trouble) = trouble {
        let _ = writeln!(out, "  trouble: {trouble}");
    }
    for interface in &status.interfaces {
        let _ = match interface.state {
            InterfaceState::Native => writeln!(out, "  interface {}: native", interface.name),
            InterfaceState::Generic => writeln!(out, "  interface {}: generic", interface.name),
            InterfaceState::Off => writeln!(out, "  interface {}: off", interface.name),
            InterfaceState::Failed(error) => writeln!(out, "  interface {}: off ({error})", interface.name),
        };
    }
    maps(out, &status);
    let packets = status.reasons.iter().filter(|(_, count)| *count > 0);
    let packets: Vec<String> = packets.map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(out, "packets: {}", packets.join(", "));
    Ok(())
}

fn maps(out: &mut String, status: &GateStatus<'_>) {
    let GateStatus {
        listeners, verdicts, ..
    } = status;
    let _ = writeln!(out, "  tables: {listeners} listeners, {verdicts} verdicts");
    super::steering::maps(out, status.maps, &status.pins);
}

/// The counts of each rule, of all its listeners together, by the position of frontend and rule.
type Counts = BTreeMap<(usize, usize), (u64, u64)>;

fn counts_by_rule(counts: &[RuleCount], placement: &Placement) -> Counts {
    let mut sums = Counts::new();
    for count in counts {
        if let Some(counted) = placement.counted.get(count.id as usize) {
            let (connections, packets) = sums.entry((counted.frontend.index(), counted.rule)).or_default();
            *connections += count.connections;
            *packets += count.packets;
        }
    }
    sums
}

fn rules(out: &mut String, plan: &Plan, placement: &Placement, counts: &Counts) {
    for placed in &placement.frontends {
        let Some(proxy) = plan.proxies.get(placed.frontend.index()) else {
            continue;
        };
        let _ = writeln!(out, "frontend {}:", proxy.name);
        listeners(out, proxy, placed);
        for (position, (rule, reason)) in proxy.rules.tcp_connection.iter().zip(&placed.rules).enumerate() {
            let _ = write!(out, "  {} tcp-request connection {}: ", rule.location, rule.row.name());
            let _ = match (reason, counts.get(&(placed.frontend.index(), position))) {
                (Some(reason), _) => writeln!(out, "userspace ({reason})"),
                (None, Some((connections, packets))) => {
                    writeln!(out, "kernel, {connections} connections, {packets} packets")
                }
                (None, None) => writeln!(out, "userspace (the gate is off)"),
            };
        }
    }
}

fn listeners(out: &mut String, proxy: &Proxy, placed: &Placed) {
    for (bind, reason) in proxy.binds.iter().zip(&placed.listeners) {
        if let Some(reason) = reason {
            let _ = writeln!(out, "  {} bind {}: userspace ({reason})", bind.location, bind.address);
        }
    }
}

fn capabilities(out: &mut String, capabilities: &Capabilities) {
    let _ = writeln!(out, "capabilities at the start:");
    for step in &capabilities.steps {
        let _ = match &step.state {
            State::Present => writeln!(out, "  {}: present", step.name),
            State::Missing { why, mend: None } => writeln!(out, "  {}: missing ({why})", step.name),
            State::Missing { why, mend: Some(mend) } => {
                writeln!(out, "  {}: missing ({why}; {mend})", step.name)
            }
        };
    }
}
