//! The frame that an XDP program was called for.
use aya_ebpf::helpers::{bpf_xdp_adjust_tail, bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use aya_ebpf::programs::XdpContext;
use lb_common::packet::Frame;

/// A frame; reads and writes reach its linear part, which holds every header.
pub struct XdpFrame<'a> {
    context: &'a XdpContext,
}

impl<'a> XdpFrame<'a> {
    #[inline(always)]
    pub fn new(context: &'a XdpContext) -> Self {
        Self { context }
    }

    /// The address of `N` bytes from `offset` on, where the frame holds them.
    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u8; N]> {
        let context = self.context.ctx;
        // SAFETY: the context is the one the kernel called us with. Each access loads the ends itself, whole: what the compiler keeps of
        // them for later it keeps as numbers, which the verifier takes for no pointers.
        let (data, end) = unsafe {
            let (data, end) = (&raw const (*context).data, &raw const (*context).data_end);
            (data.read_volatile() as usize, end.read_volatile() as usize)
        };
        let start = data + offset;
        (start + N <= end).then_some(start as *mut [u8; N])
    }
}

impl Frame for XdpFrame<'_> {
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
    fn read_some<const N: usize>(&self, offset: usize, length: usize, bytes: &mut [u8; N]) -> Option<()> {
        let into = bytes.as_mut_ptr().cast();
        // SAFETY: as for `length`; the verifier admits no length beyond the bytes'.
        let read = unsafe { bpf_xdp_load_bytes(self.context.ctx, offset as u32, into, length as u32) };
        (read == 0).then_some(())
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()> {
        // SAFETY: as for `read`.
        self.at(offset).map(|target| unsafe { *target = bytes })
    }

    #[inline(always)]
    fn resize(&mut self, length: usize) -> Option<()> {
        let change = length as i32 - self.length() as i32;
        // SAFETY: as for `length`; no pointer into the frame outlives the call.
        (unsafe { bpf_xdp_adjust_tail(self.context.ctx, change) } == 0).then_some(())
    }
}
