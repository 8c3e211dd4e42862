//! The frame that an XDP program was called for.
use aya_ebpf::helpers::{bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::programs::XdpContext;
use lb_common::packet::Frame;

/// A frame; reads and writes reach its linear part, which holds every header.
pub struct XdpFrame {
    context: XdpContext,
}

impl XdpFrame {
    #[inline(always)]
    pub fn new(context: XdpContext) -> Self {
        Self { context }
    }

    /// The address of `N` bytes from `offset` on, where the frame holds them.
    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u8; N]> {
        let start = self.context.data() + offset;
        (start + N <= self.context.data_end()).then_some(start as *mut [u8; N])
    }
}

impl Frame for XdpFrame {
    #[inline(always)]
    fn length(&self) -> usize {
        // SAFETY: the context is the one the kernel called us with. (The verifier admits no subtraction of the frame's ends.)
        unsafe { bpf_xdp_get_buff_len(self.context.ctx) as usize }
    }

    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        // SAFETY: `at` answers only with addresses inside of the frame, which belongs to this run of the program alone.
        self.at(offset).map(|bytes| unsafe { *bytes })
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()> {
        // SAFETY: as for `read`.
        self.at(offset).map(|target| unsafe { *target = bytes })
    }

    /// A frame that the kernel does not cut keeps its tail as padding below the length in its IP header, which harms nobody.
    #[inline(always)]
    fn truncate(&mut self, length: usize) {
        let change = length as i32 - self.length() as i32;
        // SAFETY: as for `length`; no pointer into the frame outlives the call.
        unsafe { bpf_xdp_adjust_tail(self.context.ctx, change) };
    }
}
