//! SYN cookies in XDP, behind the gate: the maps and the program. What it decides is `lb_common::cookie`.
#![no_std]
#![no_main]
use core::ffi::{c_long, c_void};
use core::ptr::null_mut;

use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, bpf_sock, xdp_action};
use aya_ebpf::btf_maps::{Array, HashMap, PerCpuArray};
use aya_ebpf::helpers::generated::bpf_tcp_gen_syncookie;
use aya_ebpf::helpers::{bpf_check_mtu, bpf_ktime_get_ns, bpf_loop, bpf_sk_lookup_tcp, bpf_sk_release};
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use lb_common::cookie::{self, Flood, Header, Host, Reason, Reasons, Settings, Walk};
use lb_common::gate::{Fate, ListenerKey};
use lb_common::packet::{Address, Attempt, Version};
use lb_ebpf::XdpFrame;

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

// Userspace sizes the maps when it loads the program; the capacities here are for other loaders.

/// The attempts at each listener.
#[btf_map]
static COOKIE_FLOODS: HashMap<ListenerKey, Flood, 1024, NO_PREALLOC> = HashMap::new();
/// What the operator and the host say.
#[btf_map]
static COOKIE_SETTINGS: Array<Settings, 1> = Array::new();
/// What became of the attempts.
#[btf_map]
static COOKIE_REASONS: PerCpuArray<Reasons, 1> = PerCpuArray::new();

/// Memory to work in.
#[btf_map]
static COOKIE_WALK: PerCpuArray<Walk, 1> = PerCpuArray::new();

#[xdp(frags)]
pub fn lb_cookie(context: XdpContext) -> u32 {
    let Some(walk) = COOKIE_WALK.get_ptr_mut(0) else {
        return xdp_action::XDP_PASS;
    };
    // SAFETY: the slot is this processor's own, and programs on it do not interrupt each other.
    let walk = unsafe { &mut *walk };
    match cookie::run(&mut XdpFrame::new(&context), &KernelHost(&context), walk) {
        Fate::Transmit => xdp_action::XDP_TX,
        _ => xdp_action::XDP_PASS,
    }
}

struct KernelHost<'a>(&'a XdpContext);

impl Host for KernelHost<'_> {
    #[inline(always)]
    fn settings(&self) -> Option<Settings> {
        COOKIE_SETTINGS.get(0).copied()
    }

    #[inline(always)]
    fn attempt(&self, listener: &ListenerKey, limit: u32) -> Option<bool> {
        let flood = COOKIE_FLOODS.get_ptr_mut(listener)?;
        // SAFETY: the kernel frees an element after this run; two processors that write at once write one or the other's count.
        Some(unsafe { (*flood).attempt(limit, bpf_ktime_get_ns()) })
    }

    #[inline(always)]
    fn walk(&self, _: &mut Walk) {
        // SAFETY: the helper calls the function, which finds the walk by itself: what it is given has to lie on the stack.
        unsafe { bpf_loop(Walk::STEPS, step as *mut c_void, null_mut(), 0) };
    }

    #[inline(always)]
    fn cookie(&self, attempt: &Attempt, header: &Header) -> Option<u32> {
        match attempt.version {
            Version::V4 => make_v4(self.0, attempt, header),
            Version::V6 => make_v6(self.0, attempt, header),
        }
    }

    #[inline(always)]
    fn packet_size(&self) -> u32 {
        let mut size = 0;
        // SAFETY: the context is the one the kernel called us with; the size is ours.
        unsafe { bpf_check_mtu(self.0.ctx.cast(), 0, &raw mut size, 0, 0) };
        size
    }

    #[inline(always)]
    fn clock(&self) -> u32 {
        // SAFETY: the helper has no precondition.
        (unsafe { bpf_ktime_get_ns() } / 1_000_000) as u32
    }

    #[inline(always)]
    fn count(&self, reason: Reason) {
        if let Some(reasons) = COOKIE_REASONS.get_ptr_mut(0) {
            // SAFETY: the slot is this processor's own, and programs on it do not interrupt each other.
            unsafe { *(*reasons).of(reason) += 1 }
        }
    }
}

/// One turn of the loop: zero for another one.
unsafe extern "C" fn step(_: u32, _: *mut c_void) -> c_long {
    let Some(walk) = COOKIE_WALK.get_ptr_mut(0) else {
        return 1;
    };
    // SAFETY: the slot is this processor's own.
    unsafe { !(*walk).step() as c_long }
}

/// The address in words, as it stands in a header.
#[inline(always)]
fn words(address: &Address) -> [u32; 4] {
    // SAFETY: an address is aligned for words, of which any bytes are some.
    unsafe { (&raw const *address).cast::<[u32; 4]>().read() }
}

#[inline(always)]
fn ports(attempt: &Attempt) -> u32 {
    (attempt.source_port.to_be() as u32) | (attempt.destination_port.to_be() as u32) << 16
}

// An IP header ends with the addresses. With the ports behind it, these are a `struct bpf_sock_tuple`.

#[inline(never)]
fn make_v4(context: &XdpContext, attempt: &Attempt, header: &Header) -> Option<u32> {
    let mut ip = [0; 6];
    ip[0] = u32::from_ne_bytes([0x45, 0, 0, 0]);
    [_, _, _, ip[3]] = words(&attempt.source);
    [_, _, _, ip[4]] = words(&attempt.destination);
    ip[5] = ports(attempt);
    make::<6, 3>(context, &mut ip, header)
}

#[inline(never)]
fn make_v6(context: &XdpContext, attempt: &Attempt, header: &Header) -> Option<u32> {
    let mut ip = [0; 11];
    ip[0] = u32::from_ne_bytes([0x60, 0, 0, 0]);
    [ip[2], ip[3], ip[4], ip[5]] = words(&attempt.source);
    [ip[6], ip[7], ip[8], ip[9]] = words(&attempt.destination);
    ip[10] = ports(attempt);
    make::<11, 2>(context, &mut ip, header)
}

/// Asks the stack for the cookie of the listener that waits for the tuple, which starts with the word `TUPLE`.
#[inline(always)]
fn make<const WORDS: usize, const TUPLE: usize>(
    context: &XdpContext,
    ip: &mut [u32; WORDS],
    header: &Header,
) -> Option<u32> {
    // BPF_F_CURRENT_NETNS
    const NAMESPACE: u64 = -1_i32 as u64;
    // At least 20 and, for the verifier, at most 80 bytes.
    let size = 20 + ((header[12] >> 4).wrapping_sub(5) & 15) as u32 * 4;
    let header = header.as_ptr().cast_mut();
    // SAFETY: all pointers are to memory of the length that is told beside them; the socket is released where there is one.
    unsafe {
        let tuple = ip.as_mut_ptr().add(TUPLE).cast();
        let length = (WORDS - TUPLE) * 4;
        let listener: *mut bpf_sock = bpf_sk_lookup_tcp(context.ctx.cast(), tuple, length as u32, NAMESPACE, 0);
        if listener.is_null() {
            return None;
        }
        let length = (WORDS as u32 - 1) * 4;
        let made = bpf_tcp_gen_syncookie(listener.cast(), ip.as_mut_ptr().cast(), length, header.cast(), size);
        bpf_sk_release(listener.cast());
        // The cookie is the lower half, the client's segment size the upper one.
        (made >= 0).then_some(made as u32)
    }
}
