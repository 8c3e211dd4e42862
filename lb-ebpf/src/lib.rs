//! What the kernel programs share.
#![no_std]

mod buffer;
mod frame;
mod skb;

pub use buffer::Buffer;
pub use frame::XdpFrame;
pub use skb::Skb;

/// The license that the kernel asks of programs that call its GPL-only functions.
#[macro_export]
macro_rules! license {
    () => {
        #[unsafe(link_section = "license")]
        #[unsafe(no_mangle)]
        static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
    };
}

/// Never reached: the verifier admits no program with a path that leads here.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
