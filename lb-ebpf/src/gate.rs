//! The gate in XDP: the maps and the program. What it decides is `lb_common::gate`.
#![no_std]
#![no_main]
use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, xdp_action};
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{Array, HashMap, LpmTrie, PerCpuArray};
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use lb_common::gate::{self, Fate, ListenerKey, Maps, RECENT, Reason, Reasons, RuleCounter, SourceKey, Verdict};
use lb_common::packet::Address;
use lb_ebpf::XdpFrame;

lb_ebpf::license!();

const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;

// Userspace sizes the maps when it loads the program; the capacities here are for other loaders.

/// This host's own addresses; the value is the length of the prefix they are configured with.
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

#[xdp(frags)]
pub fn lb_gate(context: XdpContext) -> u32 {
    match gate::run(&mut XdpFrame::new(context), &KernelMaps) {
        Fate::Pass => xdp_action::XDP_PASS,
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
}
