//! Forwarding in TC: the maps and the program. What it decides is `lb_common::flow`.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(internal_features)]
use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::bindings::{__sk_buff, bpf_sock_tuple, BPF_F_NO_PREALLOC, BPF_NOEXIST, TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::btf_maps::{Array, HashMap, PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::{
    bpf_get_prandom_u32, bpf_sk_release, bpf_skc_lookup_tcp, bpf_ktime_get_coarse_ns, bpf_redirect_neigh, bpf_redirect_peer,
};
use aya_ebpf::macros::{btf_map, classifier};
use aya_ebpf::programs::TcContext;
use lb_common::flow::{
    self, Event, Fate, Load, NotAdded, PEER, Reason, Segment, Server, Service, ServiceKey, Slot, Tables, Tuple, Way, words,
};
use lb_common::packet::Version;
use lb_ebpf::Buffer;

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

// Userspace sizes the maps when it loads the program; the capacities here are for other loaders.

/// Both ways of each flow.
#[btf_map]
static FLOW_WAYS: HashMap<Tuple, Way, 65536, NO_PREALLOC> = HashMap::new();
/// Where connections are taken.
#[btf_map]
static FLOW_SERVICES: HashMap<ServiceKey, Service, 1024, NO_PREALLOC> = HashMap::new();
/// The servers, by number.
#[btf_map]
static FLOW_SERVERS: HashMap<u32, Server, 1024, NO_PREALLOC> = HashMap::new();
/// What the services' choices are made from.
#[btf_map]
static FLOW_SLOTS: Array<Slot, 65536> = Array::new();
/// What services and servers have carried, by number.
#[btf_map]
static FLOW_LOADS: Array<Load, 1024> = Array::new();
/// How many connections to add to those for what userspace knows alone, by number.
#[btf_map]
static FLOW_OTHERS: Array<i32, 1024> = Array::new();
/// The interfaces whose peers are in other network namespaces.
#[btf_map]
static FLOW_PEERS: HashMap<u32, u32, 64, NO_PREALLOC> = HashMap::new();
/// What became of packets, by reason.
#[btf_map]
static FLOW_REASONS: PerCpuArray<u64, 16> = PerCpuArray::new();
/// What userspace is told.
#[btf_map]
static FLOW_EVENTS: RingBuf<Event, 1048576> = RingBuf::new();

#[classifier]
pub fn lb_forward(context: TcContext) -> i32 {
    let skb = context.skb.skb;
    // SAFETY: the context is the one the kernel called us with.
    let interface = unsafe { (*skb).ifindex };
    match flow::run(&mut Buffer::new(skb), &KernelTables { interface, skb }) {
        Fate::Pass => TC_ACT_UNSPEC,
        Fate::Drop => TC_ACT_SHOT as i32,
        // SAFETY: calls without pointers, the context's run.
        Fate::Redirect(interface) if interface & PEER != 0 => unsafe { bpf_redirect_peer(interface & !PEER, 0) as i32 },
        // SAFETY: as above; without parameters the kernel finds the next hop by itself.
        Fate::Redirect(interface) => unsafe { bpf_redirect_neigh(interface, core::ptr::null_mut(), 0, 0) as i32 },
    }
}

struct KernelTables {
    interface: u32,
    skb: *mut __sk_buff,
}

/// Adds to a counter that other processors add to, and answers with what it was.
#[inline(always)]
fn add(counter: *mut u64, by: u64) -> u64 {
    // SAFETY: the counter lies in a map's slot, which lives as long as the map.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(counter, by) }
}

impl Tables for KernelTables {
    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: a call without arguments.
        unsafe { bpf_ktime_get_coarse_ns() }
    }

    #[inline(always)]
    fn random(&self) -> u32 {
        // SAFETY: a call without arguments.
        unsafe { bpf_get_prandom_u32() }
    }

    #[inline(always)]
    fn ingress(&self) -> u32 {
        match FLOW_PEERS.get_ptr(self.interface) {
            Some(_) => self.interface | PEER,
            None => self.interface,
        }
    }

    #[inline(always)]
    fn way<T>(&self, tuple: &Tuple, look: impl FnOnce(&mut Way) -> T) -> Option<T> {
        // SAFETY: the kernel keeps the element for the rest of this run. Another processor may carry a segment of the same way at
        // the same time: each field is one aligned word, and all that is lost is a time or a sum that the next segment sets right.
        FLOW_WAYS.get_ptr_mut(tuple).map(|way| look(unsafe { &mut *way }))
    }

    #[inline(never)]
    fn has_socket(&self, segment: &Segment) -> bool {
        const LISTEN: u32 = 10;
        const CURRENT_NAMESPACE: u64 = -1_i32 as u32 as u64;
        // SAFETY: integers all, for which zero is valid.
        let mut tuple: bpf_sock_tuple = unsafe { core::mem::zeroed() };
        let (source, destination) = (words(&segment.tuple.source), words(&segment.tuple.destination));
        let [source_port, destination_port] = [segment.tuple.ports.source, segment.tuple.ports.destination];
        let size = match segment.version {
            Version::V4 => {
                // SAFETY: the union's part that the size below tells.
                let part = unsafe { &mut tuple.__bindgen_anon_1.ipv4 };
                part.saddr = source[3];
                part.daddr = destination[3];
                part.sport = u16::from_ne_bytes(source_port);
                part.dport = u16::from_ne_bytes(destination_port);
                size_of_val(part)
            }
            Version::V6 => {
                // SAFETY: as above.
                let part = unsafe { &mut tuple.__bindgen_anon_1.ipv6 };
                part.saddr = source;
                part.daddr = destination;
                part.sport = u16::from_ne_bytes(source_port);
                part.dport = u16::from_ne_bytes(destination_port);
                size_of_val(part)
            }
        };
        // SAFETY: the context is the one the kernel called us with, the tuple as long as said; the socket is released where there is
        // one.
        unsafe {
            let socket = bpf_skc_lookup_tcp(self.skb.cast(), &raw mut tuple, size as u32, CURRENT_NAMESPACE, 0);
            if socket.is_null() {
                return false;
            }
            let listens = (*socket).state == LISTEN;
            bpf_sk_release(socket.cast());
            !listens
        }
    }

    #[inline(always)]
    fn add(&self, tuple: &Tuple, way: &Way) -> Result<(), NotAdded> {
        const EXISTS: i32 = -17;
        match FLOW_WAYS.insert(tuple, way, BPF_NOEXIST as u64) {
            Ok(()) => Ok(()),
            Err(EXISTS) => Err(NotAdded::Exists),
            Err(_) => Err(NotAdded::Full),
        }
    }

    #[inline(always)]
    fn remove(&self, tuple: &Tuple) {
        // What is not there need not be removed.
        let _ = FLOW_WAYS.remove(tuple);
    }

    #[inline(always)]
    fn service(&self, key: &ServiceKey) -> Option<&Service> {
        // SAFETY: userspace replaces whole elements, which the kernel frees after this run.
        unsafe { FLOW_SERVICES.get(key) }
    }

    #[inline(always)]
    fn server(&self, number: u32) -> Option<&Server> {
        // SAFETY: as for `service`.
        unsafe { FLOW_SERVERS.get(number) }
    }

    #[inline(always)]
    fn slot(&self, at: u32) -> Option<&Slot> {
        FLOW_SLOTS.get(at)
    }

    #[inline(always)]
    fn load(&self, number: u32) -> u32 {
        let (Some(load), Some(others)) = (FLOW_LOADS.get(number), FLOW_OTHERS.get(number)) else {
            return u32::MAX;
        };
        let now = load.opened.wrapping_sub(load.ended) as i32 + *others;
        if now < 0 { 0 } else { now as u32 }
    }

    #[inline(always)]
    fn opened(&self, number: u32) {
        if let Some(load) = FLOW_LOADS.get_ptr_mut(number) {
            // SAFETY: a field of a slot that was found.
            add(unsafe { &raw mut (*load).opened }, 1);
        }
    }

    #[inline(always)]
    fn ended(&self, number: u32) {
        if let Some(load) = FLOW_LOADS.get_ptr_mut(number) {
            // SAFETY: as for `opened`.
            add(unsafe { &raw mut (*load).ended }, 1);
        }
    }

    #[inline(always)]
    fn next_turn(&self, backend: u32) -> u64 {
        match FLOW_LOADS.get_ptr_mut(backend) {
            // SAFETY: as for `opened`.
            Some(load) => add(unsafe { &raw mut (*load).chosen }, 1),
            None => 0,
        }
    }

    #[inline(always)]
    fn last_turn(&self, server: u32) -> u64 {
        FLOW_LOADS.get(server).map_or(0, |load| load.chosen)
    }

    #[inline(always)]
    fn set_last_turn(&self, server: u32, turn: u64) {
        if let Some(load) = FLOW_LOADS.get_ptr_mut(server) {
            // SAFETY: a slot lives as long as the map; a 64-bit store is a single instruction.
            unsafe { (*load).chosen = turn };
        }
    }

    #[inline(always)]
    fn tell(&self, event: Event) -> bool {
        let entry = FLOW_EVENTS.reserve(0);
        entry.is_some_and(|mut entry| {
            entry.write(event);
            entry.submit(0);
            true
        })
    }

    #[inline(always)]
    fn count(&self, reason: Reason) {
        if let Some(count) = FLOW_REASONS.get_ptr_mut(reason as u32) {
            // SAFETY: the slot is this processor's own, and programs on it do not interrupt each other.
            unsafe { *count += 1 };
        }
    }
}
