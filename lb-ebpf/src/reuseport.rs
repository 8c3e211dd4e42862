//! One worker for each source, by `sk_reuseport`: the maps and the program. What it decides is `lb_common::steer`.
#![no_std]
#![no_main]
use core::ptr::addr_of;

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, bpf_hdr_start_off, sk_action};
use aya_ebpf::btf_maps::{HashMap, PerCpuArray, SockMap};
use aya_ebpf::helpers::{bpf_get_socket_cookie, bpf_sk_select_reuseport, bpf_skb_load_bytes_relative};
use aya_ebpf::macros::{btf_map, sk_reuseport};
use aya_ebpf::programs::SkReuseportContext;
use lb_common::packet::Address;
use lb_common::steer::{self, Group};

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;
const TYPE_IPV4: u32 = 0x0800;
const TYPE_IPV6: u32 = 0x86dd;

// Userspace sizes the maps when it loads the program; the capacities here are for other loaders.

/// The group of each listening socket, by the socket's cookie.
#[btf_map]
static REUSEPORT_GROUPS: HashMap<u64, Group, 1024, NO_PREALLOC> = HashMap::new();
/// The sockets of all groups.
#[btf_map]
static REUSEPORT_SOCKETS: SockMap<1024> = SockMap::new();
/// How many connections the socket at each position was chosen for.
#[btf_map]
static REUSEPORT_COUNTS: PerCpuArray<u64, 1024> = PerCpuArray::new();

/// Where nothing is chosen, the kernel chooses as without us.
#[sk_reuseport]
pub fn lb_reuseport(context: SkReuseportContext) -> u32 {
    let _ = choose(&context);
    sk_action::SK_PASS
}

#[inline(always)]
fn choose(context: &SkReuseportContext) -> Option<()> {
    // SAFETY: the context is the one the kernel called us with, and so is its socket.
    let cookie = unsafe { bpf_get_socket_cookie((*context.md).__bindgen_anon_3.sk.cast()) };
    // SAFETY: the value is copied at once; userspace replaces whole elements, which the kernel frees after this run.
    let group = unsafe { REUSEPORT_GROUPS.get(&cookie).copied()? };
    let mut position = group.first + steer::worker(&source(context)?, group.workers);
    let sockets = addr_of!(REUSEPORT_SOCKETS).cast_mut().cast();
    // SAFETY: context, map and key are what the helper asks for.
    if unsafe { bpf_sk_select_reuseport(context.md, sockets, (&raw mut position).cast(), 0) } == 0
        && let Some(count) = REUSEPORT_COUNTS.get_ptr_mut(position)
    {
        // SAFETY: the slot is this processor's own, and programs on it do not interrupt each other.
        unsafe { *count += 1 }
    }
    Some(())
}

/// The address that the segment comes from.
#[inline(always)]
fn source(context: &SkReuseportContext) -> Option<Address> {
    match u16::from_be(context.eth_protocol() as u16) as u32 {
        TYPE_IPV4 => load(context, 12).map(Address::v4),
        TYPE_IPV6 => load(context, 8).map(Address::v6),
        _ => None,
    }
}

/// `N` bytes of the IP header.
#[inline(always)]
fn load<const N: usize>(context: &SkReuseportContext, offset: u32) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let start = bpf_hdr_start_off::BPF_HDR_START_NET;
    // SAFETY: the helper writes as many bytes as there are, or fails.
    let read =
        unsafe { bpf_skb_load_bytes_relative(context.as_ptr(), offset, bytes.as_mut_ptr().cast(), N as u32, start) };
    (read == 0).then_some(bytes)
}
