//! One listener for many addresses and ports, by `sk_lookup`: the maps and the program. What it decides is `lb_common::steer`.
#![no_std]
#![no_main]
use core::ptr::{addr_of, null_mut};

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, BPF_SK_LOOKUP_F_REPLACE, bpf_sk_lookup, sk_action};
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{LpmTrie, PerCpuArray, SockMap};
use aya_ebpf::helpers::bpf_sk_assign;
use aya_ebpf::macros::{btf_map, sk_lookup};
use aya_ebpf::programs::SkLookupContext;
use lb_common::packet::{Address, Version};
use lb_common::steer::{self, Destination, EndpointKey, Endpoints};

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;
const REPLACE: u64 = BPF_SK_LOOKUP_F_REPLACE as u64;
const IPPROTO_TCP: u32 = 6;
const AF_INET: u32 = 2;

// Userspace sizes the maps when it loads the program; the capacities here are for other loaders.

/// The listener of each address and range of ports.
#[btf_map]
static LOOKUP_ENDPOINTS: LpmTrie<EndpointKey, u32, 1024, NO_PREALLOC> = LpmTrie::new();
/// A listening socket of each listener; none while it is paused.
#[btf_map]
static LOOKUP_LISTENERS: SockMap<1024> = SockMap::new();
/// How many segments without a connection were steered to each listener.
#[btf_map]
static LOOKUP_COUNTS: PerCpuArray<u64, 1024> = PerCpuArray::new();

#[sk_lookup]
pub fn lb_lookup(context: SkLookupContext) -> u32 {
    let lookup = context.lookup;
    // SAFETY: the kernel called us with the context, which admits loads of whole fields only, hence volatile ones.
    let (protocol, port) = unsafe {
        (
            addr_of!((*lookup).protocol).read_volatile(),
            addr_of!((*lookup).local_port).read_volatile(),
        )
    };
    if protocol == IPPROTO_TCP {
        let (version, address) = destination(lookup);
        match steer::listener(&KernelEndpoints, version, address, port as u16) {
            Destination::Listener(listener) => assign(&context, listener),
            // SAFETY: as above. Without a socket, what another program chose before us is forgotten.
            Destination::Ordinary => unsafe {
                bpf_sk_assign(context.as_ptr(), null_mut(), REPLACE);
            },
            Destination::Unknown => {}
        }
    }
    sk_action::SK_PASS
}

/// A paused listener has no socket, and its port looks as closed as any that nobody listens on.
#[inline(always)]
fn assign(context: &SkLookupContext, listener: u32) {
    if LOOKUP_LISTENERS.redirect_sk_lookup(context, listener, REPLACE).is_ok()
        && let Some(count) = LOOKUP_COUNTS.get_ptr_mut(listener)
    {
        // SAFETY: the slot is this processor's own, and programs on it do not interrupt each other.
        unsafe { *count += 1 }
    }
}

#[inline(always)]
fn destination(lookup: *const bpf_sk_lookup) -> (Version, Address) {
    // SAFETY: as in the program itself. All words are read before one is chosen, or the compiler would choose where to read.
    let (family, v4, [a, b, c, d]) = unsafe {
        let word = |index: usize| addr_of!((*lookup).local_ip6[index]).read_volatile().to_ne_bytes();
        let v4 = addr_of!((*lookup).local_ip4).read_volatile().to_ne_bytes();
        (
            addr_of!((*lookup).family).read_volatile(),
            v4,
            [word(0), word(1), word(2), word(3)],
        )
    };
    if family == AF_INET {
        return (Version::V4, Address::v4(v4));
    }
    let ([a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]) = (a, b, c, d);
    (
        Version::V6,
        Address::v6([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]),
    )
}

struct KernelEndpoints;

impl Endpoints for KernelEndpoints {
    #[inline(always)]
    fn get(&self, endpoint: &EndpointKey) -> Option<u32> {
        LOOKUP_ENDPOINTS.get(&Key::new(EndpointKey::BITS, *endpoint)).copied()
    }
}
