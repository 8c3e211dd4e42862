//! The gate in XDP: the maps and the program. What it decides is `lb_common::gate`.
#![no_std]
#![no_main]
// The stable atomics do not compile for BPF.
#![feature(core_intrinsics)]
#![allow(internal_features)]
use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_xadd, atomic_xchg};

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, xdp_action};
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{Array, HashMap, LpmTrie, PerCpuArray, ProgramArray};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use lb_common::gate::{self, Fate, ListenerKey, Maps, RECENT, Reason, Reasons, RuleCounter, SourceKey, Verdict};
use lb_common::packet::Address;
use lb_common::stick::{self, Atomics, Denied, Entry, EntryKey, Identity, Seen, WORDS, Watch};
use lb_ebpf::XdpFrame;

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;
const MMAPABLE: usize = BPF_F_MMAPABLE as usize;

// Userspace sizes the maps when it loads the program; the capacities here are for other loaders.

/// This host's own addresses; the value is the index of the interface that has it.
#[btf_map]
static GATE_LOCAL: HashMap<Address, u32, 1024, NO_PREALLOC> = HashMap::new();
/// The rule list of each listener.
#[btf_map]
static GATE_LISTENERS: HashMap<ListenerKey, u32, 1024, NO_PREALLOC> = HashMap::new();
/// Verdicts on single sources.
#[btf_map]
static GATE_HOSTS: HashMap<SourceKey, Verdict, 1024, NO_PREALLOC> = HashMap::new();
/// Verdicts on networks.
#[btf_map]
static GATE_NETWORKS: LpmTrie<SourceKey, Verdict, 1024> = LpmTrie::new();
/// What each rule matched.
#[btf_map]
static GATE_RULES: PerCpuArray<RuleCounter, 1024> = PerCpuArray::new();
/// What became of the packets.
#[btf_map]
static GATE_REASONS: PerCpuArray<Reasons, 1> = PerCpuArray::new();
/// Fingerprints of recent attempts. Processors share it, since an attempt may be repeated on another one; two that write at once
/// cost no more than a connection counted twice.
#[btf_map]
static GATE_RECENT: Array<u64, { RECENT as usize }> = Array::new();

/// What each rule list asks of stick tables.
#[btf_map]
static GATE_WATCH: HashMap<u32, Watch, 1024, NO_PREALLOC> = HashMap::new();
/// The places of the entries of stick tables.
#[btf_map]
static STICK_PLACES: HashMap<EntryKey, u32, 1024, NO_PREALLOC> = HashMap::new();
/// The entries, which userspace writes in its own memory.
#[btf_map]
static STICK_ENTRIES: Array<Entry, 1024, MMAPABLE> = Array::new();
/// What the numbers of the tables stand for, for the next process.
#[btf_map]
static STICK_TABLES: Array<Identity, 16> = Array::new();
/// What was denied each entry.
#[btf_map]
static STICK_DENIED: Array<Denied, 1024, MMAPABLE> = Array::new();
/// The program that has what passes to a listener next, where there is one.
#[btf_map]
static GATE_NEXT: ProgramArray<1> = ProgramArray::new();

#[xdp(frags)]
pub fn lb_gate(context: XdpContext) -> u32 {
    match gate::run(&mut XdpFrame::new(&context), &KernelMaps) {
        Fate::Pass => xdp_action::XDP_PASS,
        Fate::Admit => {
            // SAFETY: the next program takes over for good, or there is none.
            let _ = unsafe { GATE_NEXT.tail_call(&context, 0) };
            xdp_action::XDP_PASS
        }
        Fate::Drop => xdp_action::XDP_DROP,
        Fate::Transmit => xdp_action::XDP_TX,
    }
}

struct KernelMaps;

impl Maps for KernelMaps {
    #[inline(always)]
    fn is_local(&self, address: &Address) -> bool {
        GATE_LOCAL.get_ptr(address).is_some()
    }

    #[inline(always)]
    fn list(&self, listener: &ListenerKey) -> Option<u32> {
        // SAFETY: the value is copied at once; userspace replaces whole elements, which the kernel frees after this run.
        unsafe { GATE_LISTENERS.get(listener).copied() }
    }

    #[inline(always)]
    fn host(&self, source: &SourceKey) -> Option<Verdict> {
        // SAFETY: as for `list`; only userspace writes verdicts, and only valid ones.
        unsafe { GATE_HOSTS.get(source).copied() }
    }

    #[inline(always)]
    fn network(&self, source: &SourceKey) -> Option<Verdict> {
        GATE_NETWORKS.get(&Key::new(SourceKey::BITS, *source)).copied()
    }

    #[inline(always)]
    fn is_new(&self, fingerprint: u64) -> bool {
        let Some(slot) = GATE_RECENT.get_ptr_mut(fingerprint as u32 % RECENT) else {
            return true;
        };
        // SAFETY: an array's slot lives as long as the map; 64-bit loads and stores are single instructions.
        unsafe { slot.replace(fingerprint) != fingerprint }
    }

    #[inline(always)]
    fn count(&self, reason: Reason) {
        if let Some(reasons) = GATE_REASONS.get_ptr_mut(0) {
            // SAFETY: the slot is this processor's own, and programs on it do not interrupt each other.
            unsafe { *(*reasons).of(reason) += 1 }
        }
    }

    #[inline(always)]
    fn count_rule(&self, rule: u32, new: bool) {
        if let Some(counter) = GATE_RULES.get_ptr_mut(rule) {
            // SAFETY: as for `count`.
            unsafe {
                (*counter).packets += 1;
                (*counter).connections += new as u64;
            }
        }
    }

    #[inline(always)]
    fn watch(&self, list: u32) -> Option<&Watch> {
        // SAFETY: as for `list`.
        unsafe { GATE_WATCH.get(&list) }
    }

    #[inline(always)]
    fn place(&self, key: &EntryKey) -> Option<u32> {
        // SAFETY: as for `list`.
        unsafe { STICK_PLACES.get(key).copied() }
    }

    #[inline(always)]
    fn entry(&self, place: u32) -> Option<Seen<'_>> {
        let words: *const [u64; WORDS] = STICK_ENTRIES.get_ptr(place)?.cast();
        let denied = STICK_DENIED.get_ptr(place)?;
        // SAFETY: an array's slots live as long as the map. Userspace writes the words meanwhile, each with one instruction, and they
        // are loaded one by one; what is compared may be a moment old.
        unsafe {
            Some(Seen {
                words: &*words,
                denied: *denied,
            })
        }
    }

    #[inline(always)]
    fn count_denied(&self, place: u32, generation: u64, period: u64, now: u64) {
        if let Some(denied) = STICK_DENIED.get_ptr_mut(place) {
            // SAFETY: an array's slot lives as long as the map, and nothing else changes it.
            unsafe { stick::count::<Bpf>(denied, generation, period, now) }
        }
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper has no conditions.
        unsafe { bpf_ktime_get_ns() / 1_000_000 }
    }
}

struct Bpf;

impl Atomics for Bpf {
    #[inline(always)]
    unsafe fn add(word: *mut u64, n: u64) {
        // SAFETY: as the caller promises.
        unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(word, n) };
    }

    #[inline(always)]
    unsafe fn swap(word: *mut u64, new: u64) -> u64 {
        // SAFETY: as the caller promises.
        unsafe { atomic_xchg::<u64, { AtomicOrdering::AcqRel }>(word, new) }
    }

    #[inline(always)]
    unsafe fn replace(word: *mut u64, old: u64, new: u64) -> bool {
        // SAFETY: as the caller promises.
        unsafe { atomic_cxchg::<u64, { AtomicOrdering::AcqRel }, { AtomicOrdering::Relaxed }>(word, old, new).1 }
    }
}
