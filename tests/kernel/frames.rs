//! Frames made by another implementation than the one under test.
use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, TcpHeader, TcpOptionElement};

pub const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 10];
pub const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const CUSTOMER_TAG: u16 = 0x8100;
pub const SERVICE_TAG: u16 = 0x88a8;

/// A TCP segment from a client to the host, in a frame.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The types of the VLAN tags, outermost first.
    pub tags: Vec<u16>,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub tcp: TcpHeader,
    pub payload: Vec<u8>,
}

impl Segment {
    /// A connection attempt with the options that Linux sends.
    pub fn syn(source: IpAddr, destination: IpAddr, port: u16) -> Self {
        let mut tcp = TcpHeader::new(40000, port, 0x1234_5678, 64240);
        tcp.syn = true;
        let options = [
            TcpOptionElement::MaximumSegmentSize(1460),
            TcpOptionElement::SelectiveAcknowledgementPermitted,
            TcpOptionElement::Timestamp(1, 0),
            TcpOptionElement::Noop,
            TcpOptionElement::WindowScale(7),
        ];
        tcp.set_options(&options).expect("twenty bytes of options");
        Self {
            tags: Vec::new(),
            source,
            destination,
            tcp,
            payload: Vec::new(),
        }
    }

    /// The frame, checksums right.
    pub fn bytes(&self) -> Vec<u8> {
        let mut frame = [HOST_MAC, CLIENT_MAC].concat();
        for (id, tag) in (100..).zip(&self.tags) {
            frame.extend(tag.to_be_bytes());
            frame.extend(u16::to_be_bytes(id));
        }
        let mut tcp = self.tcp.clone();
        let length = tcp.header_len() + self.payload.len();
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut ip = Ipv4Header::new(length as u16, 61, IpNumber::TCP, source.octets(), destination.octets())
                    .expect("a length that fits");
                ip.header_checksum = ip.calc_header_checksum();
                tcp.checksum = tcp.calc_checksum_ipv4(&ip, &self.payload).expect("a length that fits");
                frame.extend(0x0800_u16.to_be_bytes());
                frame.extend(ip.to_bytes());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let ip = Ipv6Header {
                    payload_length: length as u16,
                    next_header: IpNumber::TCP,
                    hop_limit: 61,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv6Header::default()
                };
                tcp.checksum = tcp.calc_checksum_ipv6(&ip, &self.payload).expect("a length that fits");
                frame.extend(0x86dd_u16.to_be_bytes());
                frame.extend(ip.to_bytes());
            }
            families => panic!("two families: {families:?}"),
        }
        frame.extend(tcp.to_bytes());
        frame.extend(&self.payload);
        frame
    }

    /// Where the IP header starts.
    pub fn network(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// Where the TCP header starts.
    pub fn transport(&self) -> usize {
        self.network() + if self.source.is_ipv4() { 20 } else { 40 }
    }
}
