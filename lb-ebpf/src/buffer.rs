//! The socket buffer that a TC program was called for.
use aya_ebpf::bindings::{__sk_buff, BPF_F_PSEUDO_HDR};
use aya_ebpf::helpers::generated::{bpf_csum_update, bpf_l4_csum_replace, bpf_skb_pull_data};
use lb_common::flow::{Change, Packet};

/// The packet in a socket buffer: reads and writes reach its linear part, which holds every header.
pub struct Buffer {
    skb: *mut __sk_buff,
}

/// Ethernet, IPv6 and the longest TCP header.
const HEADERS: u32 = 14 + 40 + 60;

impl Buffer {
    /// The buffer of this run, its headers made linear.
    #[inline(always)]
    pub fn new(skb: *mut __sk_buff) -> Self {
        let buffer = Self { skb };
        // SAFETY: the context is the one the kernel called us with, here and below.
        let (length, start, end) = unsafe { ((*skb).len, (*skb).data as usize, (*skb).data_end as usize) };
        let wanted = if length < HEADERS { length } else { HEADERS };
        if start + wanted as usize > end {
            // SAFETY: no pointer into the packet was taken yet.
            unsafe { bpf_skb_pull_data(skb, wanted) };
        }
        buffer
    }

    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u32; N]> {
        // SAFETY: as for `new`.
        let (start, end) = unsafe { ((*self.skb).data as usize + offset, (*self.skb).data_end as usize) };
        (start + N * 4 <= end).then_some(start as *mut [u32; N])
    }
}

impl Packet for Buffer {
    #[inline(always)]
    fn length(&self) -> usize {
        // SAFETY: as for `new`.
        unsafe { (*self.skb).len as usize }
    }

    #[inline(always)]
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        // SAFETY: `at` answers only with addresses inside of the packet, which belongs to this run of the program alone. BPF knows
        // no alignment that the processor does not.
        self.at(offset).map(|words| unsafe { *words })
    }

    #[inline(always)]
    fn set_words<const N: usize>(&mut self, offset: usize, words: [u32; N]) -> Option<()> {
        // SAFETY: as for `words`.
        self.at(offset).map(|target| unsafe { *target = words })
    }

    /// The kernel knows whether the checksum is there already, or still to be computed on the way out.
    #[inline(always)]
    fn change_checksum(&mut self, offset: usize, addresses: Change, segment: Change) -> Option<()> {
        // SAFETY: as for `new`; no pointer into the packet outlives the calls.
        let failed = unsafe {
            bpf_l4_csum_replace(self.skb, offset as u32, 0, segment.folded() as u64, 0)
                | bpf_l4_csum_replace(
                    self.skb,
                    offset as u32,
                    0,
                    addresses.folded() as u64,
                    BPF_F_PSEUDO_HDR as u64,
                )
        };
        (failed == 0).then_some(())
    }

    #[inline(always)]
    fn uncovered(&mut self, change: Change) {
        // SAFETY: as for `new`. It fails where the hardware gave no sum of the whole packet, and none needs changing then.
        unsafe { bpf_csum_update(self.skb, change.folded()) };
    }
}
