//! Frames as the network gives them: finding a TCP connection attempt in one, and turning it into its refusal.
use core::net::IpAddr;

/// The bytes of one Ethernet frame, from its destination address on.
///
/// Every access is checked: in the kernel the check is what lets the verifier admit the access.
pub trait Frame {
    /// The frame's length in bytes.
    fn length(&self) -> usize;
    /// `N` bytes from `offset` on, or `None` where the frame ends before.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;
    /// The first `length` of `N` bytes from `offset` on, or `None` where the frame ends before or they are more.
    fn read_some<const N: usize>(&self, offset: usize, length: usize, bytes: &mut [u8; N]) -> Option<()>;
    /// Overwrites `N` bytes from `offset` on, or changes nothing and answers `None` where the frame ends before.
    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()>;
    /// Gives the frame a length in bytes; what is new of it is zero or not said. `None` where it cannot become so long.
    fn resize(&mut self, length: usize) -> Option<()>;
}

/// A frame in memory.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a mut [u8]);

impl Frame for Bytes<'_> {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }

    fn read_some<const N: usize>(&self, offset: usize, length: usize, bytes: &mut [u8; N]) -> Option<()> {
        let read = self.0.get(offset..)?.get(..length)?;
        bytes.get_mut(..length)?.copy_from_slice(read);
        Some(())
    }

    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()> {
        *self.0.get_mut(offset..)?.first_chunk_mut()? = bytes;
        Some(())
    }

    fn resize(&mut self, length: usize) -> Option<()> {
        let whole = core::mem::take(&mut self.0);
        let fits = length <= whole.len();
        self.0 = if fits { &mut whole[..length] } else { whole };
        fits.then_some(())
    }
}

/// An IPv6 address, or an IPv4 address in its mapped form `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), in network byte order.
///
/// Aligned, so that the kernel programs copy words.
#[repr(C, align(4))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub bytes: [u8; 16],
}

impl Address {
    /// An IPv4 address in its mapped form.
    #[inline(always)]
    pub const fn v4([a, b, c, d]: [u8; 4]) -> Self {
        Self {
            bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d],
        }
    }

    /// Whether it is an IPv4 address in its mapped form.
    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        matches!(self.bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ..])
    }

    /// An IPv6 address.
    #[inline(always)]
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self { bytes }
    }

    /// The address without its mapping prefix.
    #[inline(always)]
    pub const fn last_four(&self) -> [u8; 4] {
        let [.., a, b, c, d] = self.bytes;
        [a, b, c, d]
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::v4(address.octets()),
            IpAddr::V6(address) => Self::v6(address.octets()),
        }
    }
}

/// The version of the Internet Protocol that carries a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V4,
    V6,
}

impl Version {
    /// The address that stands for every local one of this version.
    #[inline(always)]
    pub const fn any(self) -> Address {
        match self {
            Self::V4 => Address::v4([0; 4]),
            Self::V6 => Address::v6([0; 16]),
        }
    }
}

/// Why a frame holds no connection attempt that can be judged by its addresses and ports alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// Neither IPv4 nor IPv6, or below more than two VLAN tags.
    NotIp,
    /// IPv4 options or IPv6 extension headers, which only the host's own stack honours.
    Options,
    /// A fragment: the ports of a later one are unknown, and the first one is kept with it.
    Fragment,
    /// Another protocol than TCP.
    NotTcp,
    /// Headers that contradict each other or the frame's length.
    Malformed,
    /// A segment of TCP that opens no connection.
    NotSyn,
}

/// The first segment of a TCP connection: SYN without ACK, RST and FIN (RFC 9293 section 3.10.7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub version: Version,
    /// How many VLAN tags lie before the IP header: at most [`TAGS`].
    pub tags: usize,
    pub source: Address,
    pub destination: Address,
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    /// Bytes of data that the segment carries (TCP Fast Open, RFC 7413).
    pub payload: u32,
}

/// How many VLAN tags are looked behind.
pub const TAGS: usize = 2;

const ETHERNET: usize = 14;
const VLAN_TAG: usize = 4;
const TYPE_IPV4: u16 = 0x0800;
const TYPE_IPV6: u16 = 0x86dd;
/// IEEE 802.1Q and 802.1ad.
const TYPE_VLAN: [u16; 2] = [0x8100, 0x88a8];
const PROTOCOL_TCP: u8 = 6;
const IPV4: usize = 20;
const IPV6: usize = 40;
const TCP: usize = 20;
const FIN: u8 = 0x01;
/// A segment that opens a connection.
pub const SYN: u8 = 0x02;
const RST: u8 = 0x04;
/// A segment that acknowledges.
pub const ACK: u8 = 0x10;

/// Finds the connection attempt in a frame, or says what else the frame is.
#[inline(always)]
pub fn attempt(frame: &impl Frame) -> Result<Attempt, Other> {
    let (version, tags) = network(frame)?;
    let start = network_start(tags);
    let (segment, end) = match version {
        Version::V4 => (start + IPV4, start + ipv4_length(frame, start)?),
        Version::V6 => (start + IPV6, start + ipv6_length(frame, start)?),
    };
    let header: [u8; TCP] = frame.read(segment).ok_or(Other::Malformed)?;
    if header[13] & (SYN | ACK | RST | FIN) != SYN {
        return Err(Other::NotSyn);
    }
    let data = segment + (header[12] >> 4) as usize * 4;
    if data < segment + TCP || data > end || end > frame.length() {
        return Err(Other::Malformed);
    }
    let (source, destination) = addresses(frame, version, tags).ok_or(Other::Malformed)?;
    Ok(Attempt {
        version,
        tags,
        source,
        destination,
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        payload: (end - data) as u32,
    })
}

/// The IP version behind the VLAN tags, and how many they are.
#[inline(always)]
fn network(frame: &impl Frame) -> Result<(Version, usize), Other> {
    for tags in 0..=TAGS {
        let kind = frame.read(network_start(tags) - 2).ok_or(Other::Malformed)?;
        match u16::from_be_bytes(kind) {
            TYPE_IPV4 => return Ok((Version::V4, tags)),
            TYPE_IPV6 => return Ok((Version::V6, tags)),
            kind if TYPE_VLAN.contains(&kind) => {}
            _ => break,
        }
    }
    Err(Other::NotIp)
}

/// Where the IP header starts behind so many VLAN tags. The mask bounds the answer for the verifier, whatever it knows of the tags.
#[inline(always)]
const fn network_start(tags: usize) -> usize {
    ETHERNET + (tags & 3) * VLAN_TAG
}

/// The length of an IPv4 packet that carries a whole TCP segment behind a plain header.
#[inline(always)]
fn ipv4_length(frame: &impl Frame, start: usize) -> Result<usize, Other> {
    let header: [u8; IPV4] = frame.read(start).ok_or(Other::Malformed)?;
    match header[0] {
        0x45 => {}
        0x46..=0x4f => return Err(Other::Options),
        _ => return Err(Other::Malformed),
    }
    // More Fragments, or an offset.
    if u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0 {
        return Err(Other::Fragment);
    }
    if header[9] != PROTOCOL_TCP {
        return Err(Other::NotTcp);
    }
    Ok(u16::from_be_bytes([header[2], header[3]]) as usize)
}

/// The length of an IPv6 packet that carries a TCP segment right behind its header.
#[inline(always)]
fn ipv6_length(frame: &impl Frame, start: usize) -> Result<usize, Other> {
    let header: [u8; IPV6] = frame.read(start).ok_or(Other::Malformed)?;
    if header[0] >> 4 != 6 {
        return Err(Other::Malformed);
    }
    match header[6] {
        PROTOCOL_TCP => Ok(IPV6 + u16::from_be_bytes([header[4], header[5]]) as usize),
        44 => Err(Other::Fragment),
        // Hop-by-hop options, routing, authentication, destination options, mobility.
        0 | 43 | 51 | 60 | 135 => Err(Other::Options),
        _ => Err(Other::NotTcp),
    }
}

/// Source and destination. A function of its own, so that the kernel program keeps them in memory instead of 32 registers that spill.
#[inline(never)]
fn addresses(frame: &impl Frame, version: Version, tags: usize) -> Option<(Address, Address)> {
    let start = network_start(tags);
    match version {
        Version::V4 => Some((
            Address::v4(frame.read(start + 12)?),
            Address::v4(frame.read(start + 16)?),
        )),
        Version::V6 => Some((
            Address::v6(frame.read(start + 8)?),
            Address::v6(frame.read(start + 24)?),
        )),
    }
}

impl Attempt {
    /// Where its IP header starts, and where its TCP header.
    #[inline(always)]
    pub const fn starts(&self) -> (usize, usize) {
        let start = network_start(self.tags);
        match self.version {
            Version::V4 => (start, start + IPV4),
            Version::V6 => (start, start + IPV6),
        }
    }

    /// A number that is the same for every transmission of this attempt and hardly ever for another one; never zero.
    #[inline(always)]
    pub fn fingerprint(&self) -> u64 {
        let ports = (self.source_port as u64) << 48 | (self.destination_port as u64) << 32;
        let mut mixed = mix(ports | self.sequence as u64);
        for address in [&self.source, &self.destination] {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = address.bytes;
            mixed = mix(mixed ^ u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
            mixed = mix(mixed ^ u64::from_ne_bytes([i, j, k, l, m, n, o, p]));
        }
        mixed | 1
    }
}

/// Spreads each bit of a word over all of them (the finalizer of SplitMix64, with one round left out).
#[inline(always)]
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ (word >> 31)
}

/// Turns the frame of a connection attempt into its refusal: a segment with RST and ACK that acknowledges the SYN and its data
/// (RFC 9293 section 3.10.7.1).
///
/// `None` where the frame is too short, which a frame that holds the attempt never is.
#[inline(never)]
pub fn refuse(frame: &mut impl Frame, attempt: &Attempt) -> Option<()> {
    reply::<TCP>(frame, attempt, header(attempt, 0, RST | ACK, 0))
}

/// A TCP header of `N` bytes that acknowledges an attempt and its data; its options and its checksum are still zero.
#[inline(always)]
pub fn header<const N: usize>(attempt: &Attempt, sequence: u32, flags: u8, window: u16) -> [u8; N] {
    let acknowledged = attempt.sequence.wrapping_add(1).wrapping_add(attempt.payload);
    let mut header = [0; N];
    [header[0], header[1]] = attempt.destination_port.to_be_bytes();
    [header[2], header[3]] = attempt.source_port.to_be_bytes();
    [header[4], header[5], header[6], header[7]] = sequence.to_be_bytes();
    [header[8], header[9], header[10], header[11]] = acknowledged.to_be_bytes();
    header[12] = ((N / 4) as u8) << 4;
    header[13] = flags;
    [header[14], header[15]] = window.to_be_bytes();
    header
}

/// Turns the frame of an attempt into one that carries this segment, whose checksum is zero, back to where it came from, below the same
/// VLAN tags. `None` where the frame has no room for it; it is as it was then.
#[inline(always)]
pub fn reply<const N: usize>(frame: &mut impl Frame, attempt: &Attempt, mut segment: [u8; N]) -> Option<()> {
    let start = network_start(attempt.tags);
    // The pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1): addresses, length, protocol.
    let (at, addresses) = match attempt.version {
        Version::V4 => (
            start + IPV4,
            sum(&attempt.source.last_four()) + sum(&attempt.destination.last_four()),
        ),
        Version::V6 => (
            start + IPV6,
            sum(&attempt.source.bytes) + sum(&attempt.destination.bytes),
        ),
    };
    let pseudo_header = addresses + N as u32 + PROTOCOL_TCP as u32;
    [segment[16], segment[17]] = checksum(pseudo_header + sum(&segment)).to_be_bytes();
    frame.resize(at + N)?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]: [u8; 12] = frame.read(0)?;
    frame.write(0, [s0, s1, s2, s3, s4, s5, d0, d1, d2, d3, d4, d5])?;
    match attempt.version {
        Version::V4 => frame.write(start, ipv4(attempt, N as u8))?,
        Version::V6 => frame.write(start, ipv6(attempt, N as u8))?,
    }
    frame.write(at, segment)
}

/// How far an answer may travel: the default of RFC 1700 and of Linux.
const HOPS: u8 = 64;

/// The IP header of an answer to an attempt, in front of so many bytes.
#[inline(always)]
fn ipv4(attempt: &Attempt, payload: u8) -> [u8; IPV4] {
    let [s0, s1, s2, s3] = attempt.destination.last_four();
    let [d0, d1, d2, d3] = attempt.source.last_four();
    let length = IPV4 as u8 + payload;
    // Identification 0 with Don't Fragment (RFC 6864 section 4.1).
    let mut header = [
        0x45,
        0,
        0,
        length,
        0,
        0,
        0x40,
        0,
        HOPS,
        PROTOCOL_TCP,
        0,
        0,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ];
    [header[10], header[11]] = checksum(sum(&header)).to_be_bytes();
    header
}

/// As [`ipv4`].
#[inline(always)]
fn ipv6(attempt: &Attempt, payload: u8) -> [u8; IPV6] {
    let mut header = [0; IPV6];
    header[0] = 0x60;
    header[5] = payload;
    header[6] = PROTOCOL_TCP;
    header[7] = HOPS;
    header[8..24].copy_from_slice(&attempt.destination.bytes);
    header[24..40].copy_from_slice(&attempt.source.bytes);
    header
}

/// The sum of 16-bit words in network byte order, carries not yet added in.
#[inline(always)]
fn sum<const N: usize>(bytes: &[u8; N]) -> u32 {
    let mut total = 0;
    let mut at = 0;
    while at + 1 < N {
        total += u16::from_be_bytes([bytes[at], bytes[at + 1]]) as u32;
        at += 2;
    }
    total
}

/// The Internet checksum (RFC 1071) of a sum of less than 2¹⁶ words.
#[inline(always)]
fn checksum(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

#[cfg(feature = "user")]
// SAFETY: `repr(C)`, sixteen bytes, any of which is valid.
unsafe impl aya::Pod for Address {}
