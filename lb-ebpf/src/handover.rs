//! Flows that userspace handed over: the maps and the programs. What they decide is `lb_common::flow::handover`.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![allow(internal_features)]
use core::ffi::c_void;
use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_or, atomic_xadd};
use core::mem::offset_of;

use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::btf_maps::{Array, HashMap, RingBuf};
use aya_ebpf::helpers::{bpf_ktime_get_coarse_ns, bpf_redirect_neigh, bpf_skb_load_bytes};
use aya_ebpf::macros::{btf_map, classifier};
use aya_ebpf::programs::TcContext;
use lb_common::flow::handover::{self, Ended, Fate, Flow, Side, Switch, Switched, Ways};
use lb_common::flow::{State, Tuple, Way};
use lb_ebpf::Skb;

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

// Userspace sizes the maps when it loads the programs; the capacities here are for other loaders.

/// The ways of the flows. Userspace adds and removes them, the kernel alone changes them.
#[btf_map]
static HANDOVER_WAYS: HashMap<Tuple, Way, 1024, NO_PREALLOC> = HashMap::new();
/// What userspace has to know of each flow, for the process that follows ours. Only userspace reads and writes it.
#[btf_map]
static HANDOVER_FLOWS: HashMap<Tuple, Flow, 1024, NO_PREALLOC> = HashMap::new();
/// The process that looks after the flows. Only userspace reads and writes it.
#[btf_map]
static HANDOVER_OWNER: Array<u32, 1> = Array::new();
/// The ends of flows, for userspace.
#[btf_map]
static HANDOVER_ENDS: RingBuf<Ended, { 1 << 18 }> = RingBuf::new();

#[classifier]
pub fn lb_handover(context: TcContext) -> i32 {
    // SAFETY: the context is the one the kernel called us with.
    let ingress = unsafe { (*context.skb.skb).ifindex };
    match handover::run(&mut Skb::new(context), &mut KernelWays { ingress }) {
        Fate::Pass => TC_ACT_UNSPEC,
        Fate::Drop => TC_ACT_SHOT as i32,
        // SAFETY: without parameters the kernel looks up route and neighbour by itself.
        Fate::Redirect(interface) => unsafe { bpf_redirect_neigh(interface, core::ptr::null_mut(), 0, 0) as i32 },
    }
}

/// Run by userspace with a [`Switch`] for a packet: switches both ways if nothing passed since it looked.
#[classifier]
pub fn lb_switch(context: TcContext) -> i32 {
    match switch(&context) {
        Some(()) => Switched::Done as i32,
        None => Switched::Moved as i32,
    }
}

#[inline(always)]
fn switch(context: &TcContext) -> Option<()> {
    let client = side(context, offset_of!(Switch, client))?;
    let server = side(context, offset_of!(Switch, server))?;
    hold(client.0, client.1)?;
    if hold(server.0, server.1).is_none() {
        let held = Way::word_with(client.1, State::Held);
        // SAFETY: see `word`.
        unsafe {
            atomic_cxchg::<u32, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(word(client.0), held, client.1)
        };
        return None;
    }
    fill(context, offset_of!(Switch, client), client.0)?;
    fill(context, offset_of!(Switch, server), server.0)?;
    // SAFETY: the elements are the map's for as long as this program runs; one byte is stored at once.
    unsafe {
        (&raw mut (*server.0).state).write_volatile(State::Established);
        (&raw mut (*client.0).state).write_volatile(State::Established);
    }
    Some(())
}

/// A way in the map, and the word that userspace saw of it.
#[inline(always)]
fn side(context: &TcContext, offset: usize) -> Option<(*mut Way, u32)> {
    let tuple: Tuple = context.load(offset + offset_of!(Side, tuple)).ok()?;
    let word = context.load(offset + offset_of!(Side, word)).ok()?;
    Some((HANDOVER_WAYS.get_ptr_mut(&tuple)?, word))
}

/// Holds a watched way, unless a segment passed.
#[inline(always)]
fn hold(way: *mut Way, seen: u32) -> Option<()> {
    let held = Way::word_with(seen, State::Held);
    // SAFETY: see `word`.
    let (_, held) =
        unsafe { atomic_cxchg::<u32, { AtomicOrdering::SeqCst }, { AtomicOrdering::SeqCst }>(word(way), seen, held) };
    held.then_some(())
}

/// Writes what becomes of a way, which stays held.
#[inline(always)]
fn fill(context: &TcContext, offset: usize, way: *mut Way) -> Option<()> {
    let offset = (offset + offset_of!(Side, way)) as u32;
    // SAFETY: the element has room for a way, and nobody reads more of one that is held than its state.
    let result = unsafe {
        bpf_skb_load_bytes(
            context.skb.skb.cast::<c_void>().cast_const(),
            offset,
            way.cast(),
            size_of::<Way>() as u32,
        )
    };
    (result == 0).then_some(())
}

/// The word of a way in the map: an aligned part of an element that lives for as long as this program runs.
#[inline(always)]
fn word(way: *mut Way) -> *mut u32 {
    way.cast::<u8>().wrapping_add(Way::WORD).cast()
}

struct KernelWays {
    ingress: u32,
}

impl Ways for KernelWays {
    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: a helper without arguments.
        unsafe { bpf_ktime_get_coarse_ns() }
    }

    #[inline(always)]
    fn ingress(&self) -> u32 {
        self.ingress
    }

    #[inline(always)]
    fn way(&mut self, tuple: &Tuple) -> Option<&mut Way> {
        // SAFETY: an element outlives the program's run. Other processors may count in it at the same time, which costs a count.
        HANDOVER_WAYS.get_ptr_mut(tuple).map(|way| unsafe { &mut *way })
    }

    #[inline(always)]
    fn remove(&mut self, tuple: &Tuple) {
        // It fails where the way is gone already.
        let _ = HANDOVER_WAYS.remove(tuple);
    }

    #[inline(always)]
    fn pass(way: &mut Way, flags: u8) -> u32 {
        let word = word(way);
        // SAFETY: see `word`.
        unsafe {
            atomic_or::<u32, u32, { AtomicOrdering::SeqCst }>(word, (flags as u32) << 8);
            atomic_xadd::<u32, u32, { AtomicOrdering::SeqCst }>(word, Way::PASSED)
        }
    }

    #[inline(always)]
    fn tell(&mut self, ended: &Ended) {
        // It fails where userspace is far behind; see the trait.
        let _ = HANDOVER_ENDS.output(*ended, 0);
    }
}
