//! The packet that a TC program was called for.
use aya_ebpf::bindings::BPF_F_PSEUDO_HDR;
use aya_ebpf::helpers::{bpf_csum_update, bpf_l4_csum_replace, bpf_skb_pull_data};
use aya_ebpf::programs::TcContext;
use lb_common::flow::{Change, Packet};

/// A packet; reads and writes reach its linear part, which holds every header once [`Skb::new`] has pulled them in.
pub struct Skb {
    context: TcContext,
}

/// Ethernet, IPv6 and the longest TCP header.
const HEADERS: u32 = 14 + 40 + 60;

impl Skb {
    #[inline(always)]
    pub fn new(context: TcContext) -> Self {
        let length = context.len();
        let wanted = if length < HEADERS { length } else { HEADERS };
        if context.data() + wanted as usize > context.data_end() {
            // SAFETY: the context is the one the kernel called us with. A packet that stays short is read no further.
            unsafe { bpf_skb_pull_data(context.skb.skb, wanted) };
        }
        Self { context }
    }

    /// The address of `N` words from `offset` on, where the packet holds them.
    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u32; N]> {
        let start = self.context.data() + offset;
        (start + N * 4 <= self.context.data_end()).then_some(start as *mut [u32; N])
    }
}

impl Packet for Skb {
    #[inline(always)]
    fn length(&self) -> usize {
        self.context.len() as usize
    }

    #[inline(always)]
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        // SAFETY: `at` answers only with addresses inside of the packet, which belongs to this run of the program alone.
        self.at(offset).map(|words| unsafe { words.read_unaligned() })
    }

    #[inline(always)]
    fn set_words<const N: usize>(&mut self, offset: usize, words: [u32; N]) -> Option<()> {
        // SAFETY: as for `words`.
        self.at(offset).map(|target| unsafe { target.write_unaligned(words) })
    }

    #[inline(always)]
    fn change_checksum(&mut self, offset: usize, addresses: Change, segment: Change) -> Option<()> {
        let skb = self.context.skb.skb;
        // SAFETY: as for `new`; no pointer into the packet outlives the calls.
        let (pseudo, plain) = unsafe {
            (
                bpf_l4_csum_replace(
                    skb,
                    offset as u32,
                    0,
                    addresses.folded() as u64,
                    BPF_F_PSEUDO_HDR as u64,
                ),
                bpf_l4_csum_replace(skb, offset as u32, 0, segment.folded() as u64, 0),
            )
        };
        (pseudo == 0 && plain == 0).then_some(())
    }

    #[inline(always)]
    fn uncovered(&mut self, change: Change) {
        // SAFETY: as for `new`. It fails where the kernel keeps no sum of the packet, which is then not to be changed.
        unsafe { bpf_csum_update(self.context.skb.skb, change.folded()) };
    }
}
