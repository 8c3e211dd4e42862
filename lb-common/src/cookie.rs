//! SYN cookies: who answers connection attempts while a listener is flooded with them, and what the answer says.
//!
//! [`run`] is the whole of the kernel program but for its maps, its frame, and the host's own cookie and clock. What the client offers
//! (window scale, selective acknowledgements) travels in the answer's timestamp, as the host's stack expects to find it again.
use crate::gate::{Fate, ListenerKey};
use crate::packet::{self, ACK, Attempt, Frame, SYN, Version};

/// Changes with any map's key, value or meaning: part of the pin directory's name.
pub const LAYOUT: u32 = 1;

/// How long attempts are counted before the count begins anew, in nanoseconds.
pub const PERIOD: u64 = 1_000_000_000;

/// The attempts to reach one listener. Processors share it: two that count at once lose one of the two, and a flood is none the less one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flood {
    /// When the current period began.
    pub since: u64,
    /// In the current period.
    pub attempts: u32,
    /// Whether there is a flood: one, or zero.
    pub engaged: u32,
}

impl Flood {
    /// Whether there is a flood at that time.
    pub fn is_on(&self, now: u64) -> bool {
        self.engaged != 0 && now.saturating_sub(self.since) < 2 * PERIOD
    }

    /// Counts an attempt, and answers whether it is part of a flood: more than `limit` attempts in a period are one, which is over when
    /// a whole period saw no more than half of that.
    #[inline(always)]
    pub fn attempt(&mut self, limit: u32, now: u64) -> bool {
        let elapsed = now.saturating_sub(self.since);
        if elapsed >= PERIOD {
            if elapsed >= 2 * PERIOD || self.attempts <= limit / 2 {
                self.engaged = 0;
            }
            self.since = now;
            self.attempts = 0;
        }
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts > limit {
            self.engaged = 1;
        }
        self.engaged != 0
    }
}

/// The client or the host scales no windows: the value that stands for it in a timestamp.
pub const NO_SCALE: u32 = 15;

/// What the operator and the host's own settings say.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Attempts at one listener in a [`PERIOD`] beyond which there is a flood.
    pub limit: u32,
    /// `net.ipv4.tcp_timestamps`: 0 off, 1 with an offset that only the stack knows, 2 without.
    pub timestamps: u32,
    /// The scale of the windows that the host's stack will give, or [`NO_SCALE`].
    pub scale: u32,
    /// `net.ipv4.tcp_sack`: 0 off, 1 on.
    pub sack: u32,
}

/// A TCP header with room for all options, and for as much again as the verifier takes its length for.
pub type Header = [u8; 80];

const PLAIN: usize = 20;

/// What a client offers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The client's clock, where `timestamps` is one.
    pub clock: u32,
    pub timestamps: u32,
    /// The scale of the client's windows, or [`NO_SCALE`].
    pub scale: u32,
    /// Selective acknowledgements: one, or zero.
    pub sack: u32,
}

/// A walk through the options of a TCP header (RFC 9293 section 3.2, RFC 7323, RFC 2018).
///
/// The kernel program keeps it in a map: of what lies there the verifier knows nothing, so one step looks to it like any other.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    pub header: Header,
    /// What was found so far.
    pub offer: Offer,
    /// Where the next option starts.
    at: u32,
    /// Where the header ends.
    end: u32,
}

impl Default for Walk {
    fn default() -> Self {
        let offer = Offer {
            clock: 0,
            timestamps: 0,
            scale: NO_SCALE,
            sack: 0,
        };
        Self {
            header: [0; 80],
            offer,
            at: 0,
            end: 0,
        }
    }
}

impl Walk {
    /// More steps than any header has options.
    pub const STEPS: u32 = 40;

    /// Begins with the attempt's header.
    #[inline(always)]
    fn begin(&mut self, frame: &impl Frame, attempt: &Attempt) -> Option<()> {
        let (_, start) = attempt.starts();
        let [words]: [u8; 1] = frame.read(start + 12)?;
        // At least 20 and, for the verifier, at most 80 bytes.
        let end = PLAIN + ((words >> 4).wrapping_sub(5) & 15) as usize * 4;
        frame.read_some(start, end, &mut self.header)?;
        (self.at, self.end) = (PLAIN as u32, end as u32);
        (self.offer.clock, self.offer.timestamps) = (0, 0);
        (self.offer.scale, self.offer.sack) = (NO_SCALE, 0);
        Some(())
    }

    /// Reads one option. Answers whether there may be another one.
    #[inline(always)]
    pub fn step(&mut self) -> bool {
        // The mask is for the verifier.
        let at = (self.at & 63) as usize;
        let header = &self.header;
        let (kind, length) = (header[at], header[at + 1] as u32);
        if kind == 1 {
            self.at = at as u32 + 1;
            return self.at < self.end;
        }
        self.at = at as u32 + length;
        if kind == 0 || length < 2 || self.at > self.end {
            return false;
        }
        match (kind, length) {
            // A greater scale is taken for the greatest (RFC 7323 section 2.3).
            (3, 3) => self.offer.scale = if header[at + 2] > 14 { 14 } else { header[at + 2] as u32 },
            (4, 2) => self.offer.sack = 1,
            (8, 10) => {
                self.offer.clock = u32::from_be_bytes([header[at + 2], header[at + 3], header[at + 4], header[at + 5]]);
                self.offer.timestamps = 1;
            }
            _ => {}
        }
        self.at < self.end
    }
}

reasons! {
    /// Passed: no listener here that cookies are made for.
    NoListener no_listener
    /// Passed: no flood.
    Calm calm
    /// Passed: it carries data (TCP Fast Open), which the stack may know what to do with.
    Data data
    /// Passed: only the stack can answer with a timestamp (`net.ipv4.tcp_timestamps` is 1).
    Timestamps timestamps
    /// Passed: the stack makes no cookie now (`net.ipv4.tcp_syncookies` is 0, or 1 and the listener's queue has room).
    NoCookie no_cookie
    /// Passed: the frame has no room for the answer.
    NoRoom no_room
    /// Answered.
    Answered answered
}

/// The host's part: maps, cookie, clock.
pub trait Host {
    /// What the settings are.
    fn settings(&self) -> Option<Settings>;
    /// Counts an attempt at a listener, and answers whether it is part of a flood; `None` where there is no such listener.
    fn attempt(&self, listener: &ListenerKey, limit: u32) -> Option<bool>;
    /// Takes the steps of a walk, until one is the last.
    fn walk(&self, walk: &mut Walk) {
        (0..Walk::STEPS).take_while(|_| walk.step()).for_each(drop);
    }
    /// The stack's cookie for an attempt whose TCP header this is.
    fn cookie(&self, attempt: &Attempt, header: &Header) -> Option<u32>;
    /// The largest packet of the interface that the attempt came by, in bytes.
    fn packet_size(&self) -> u32;
    /// Milliseconds of the clock that the stack's timestamps tell.
    fn clock(&self) -> u32;
    /// Counts a packet.
    fn count(&self, reason: Reason);
}

/// Answers an attempt that is part of a flood, and leaves any other alone. The walk is memory to work in.
#[inline(always)]
pub fn run(frame: &mut impl Frame, host: &impl Host, walk: &mut Walk) -> Fate {
    // What is no attempt does not come here.
    let Ok(attempt) = packet::attempt(frame) else {
        return Fate::Pass;
    };
    let reason = judge(frame, &attempt, host, walk);
    host.count(reason);
    match reason {
        Reason::Answered => Fate::Transmit,
        _ => Fate::Pass,
    }
}

#[inline(always)]
fn judge(frame: &mut impl Frame, attempt: &Attempt, host: &impl Host, walk: &mut Walk) -> Reason {
    let Some(settings) = host.settings() else {
        return Reason::NoListener;
    };
    match flooded(attempt, settings.limit, host) {
        None => return Reason::NoListener,
        Some(false) => return Reason::Calm,
        Some(true) => {}
    }
    if attempt.payload > 0 {
        return Reason::Data;
    }
    if walk.begin(frame, attempt).is_none() {
        return Reason::NoRoom;
    }
    host.walk(walk);
    let mut offer = walk.offer;
    if offer.timestamps == 1 && settings.timestamps == 1 {
        return Reason::Timestamps;
    }
    offer.timestamps &= settings.timestamps >> 1;
    let Some(cookie) = host.cookie(attempt, &walk.header) else {
        return Reason::NoCookie;
    };
    let size = host.packet_size();
    let answered = match offer.timestamps {
        0 => answer_plainly(frame, attempt, cookie, size),
        _ => answer(
            frame,
            attempt,
            cookie,
            size,
            &timestamp(&offer, &settings, host.clock()),
        ),
    };
    answered.map_or(Reason::NoRoom, |()| Reason::Answered)
}

/// Counts an attempt at its listener: the one on the very address before the one on any.
#[inline(never)]
fn flooded(attempt: &Attempt, limit: u32, host: &impl Host) -> Option<bool> {
    let port = attempt.destination_port as u32;
    let key = |address| ListenerKey { address, port };
    host.attempt(&key(attempt.destination), limit)
        .or_else(|| host.attempt(&key(attempt.version.any()), limit))
}

/// The options that an answer with a timestamp has beside its maximum segment size.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timestamp {
    value: u32,
    echo: u32,
    scale: u32,
    sack: u32,
}

/// The timestamp of an answer: the clock, set back to where its last six bits say what the client offers (four of scale, then selective
/// acknowledgements, then congestion notification, which is not offered back).
#[inline(always)]
fn timestamp(offer: &Offer, settings: &Settings, clock: u32) -> Timestamp {
    let sack = offer.sack & settings.sack;
    let scales = offer.scale < NO_SCALE && settings.scale < NO_SCALE;
    let bits = if scales { offer.scale } else { NO_SCALE } | sack << 4;
    let value = clock & !63 | bits;
    Timestamp {
        value: if value > clock { value.wrapping_sub(64) } else { value },
        echo: offer.clock,
        scale: if scales { settings.scale } else { NO_SCALE },
        sack,
    }
}

/// The window of an answer, in bytes: what a client may send at first (RFC 6928), and less than the stack will give it.
const WINDOW: u16 = 14600;

/// The maximum segment size that packets of a size leave room for (RFC 6691).
#[inline(always)]
fn segment_size(version: Version, packet: u32) -> [u8; 2] {
    let headers = match version {
        Version::V4 => 40,
        Version::V6 => 60,
    };
    let size = packet.saturating_sub(headers);
    (if size > u16::MAX as u32 { u16::MAX } else { size as u16 }).to_be_bytes()
}

#[inline(never)]
fn answer_plainly(frame: &mut impl Frame, attempt: &Attempt, cookie: u32, packet: u32) -> Option<()> {
    let mut segment: [u8; 24] = packet::header(attempt, cookie, SYN | ACK, WINDOW);
    let [m0, m1] = segment_size(attempt.version, packet);
    [segment[20], segment[21], segment[22], segment[23]] = [2, 4, m0, m1];
    packet::reply(frame, attempt, segment)
}

#[inline(never)]
fn answer(frame: &mut impl Frame, attempt: &Attempt, cookie: u32, packet: u32, timestamp: &Timestamp) -> Option<()> {
    let mut segment: [u8; 40] = packet::header(attempt, cookie, SYN | ACK, WINDOW);
    let [m0, m1] = segment_size(attempt.version, packet);
    let [s0, s1] = if timestamp.sack == 1 { [4, 2] } else { [1, 1] };
    let [w0, w1, w2] = if timestamp.scale < NO_SCALE {
        [3, 3, timestamp.scale as u8]
    } else {
        [1, 1, 1]
    };
    let [v0, v1, v2, v3] = timestamp.value.to_be_bytes();
    let [e0, e1, e2, e3] = timestamp.echo.to_be_bytes();
    let options = [
        2, 4, m0, m1, s0, s1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3, 1, w0, w1, w2,
    ];
    segment[20..].copy_from_slice(&options);
    packet::reply(frame, attempt, segment)
}

#[cfg(feature = "user")]
mod plain {
    //! SAFETY, for each of these: `repr(C)`, no padding, and any bytes are a value.
    use super::*;

    // SAFETY: see above.
    unsafe impl aya::Pod for Flood {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Settings {}
    // SAFETY: see above.
    unsafe impl aya::Pod for Reasons {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_from_a_crowd_and_from_its_end() {
        let mut flood = Flood::default();
        let mut period = |attempts: u64, number: u64| {
            let time = |attempt| number * PERIOD + attempt * PERIOD / attempts.max(1);
            (0..attempts)
                .filter(|&attempt| flood.attempt(100, time(attempt)))
                .count()
        };
        // (attempts in a period, how many of them are answered), one period after the other.
        for (number, (attempts, answered)) in (10..).zip([
            (100, 0),
            (150, 50),
            (80, 80),
            (50, 50),
            (50, 0),
            (1000, 900),
            (0, 0),
            (0, 0),
            (90, 0),
        ]) {
            assert_eq!(period(attempts, number), answered, "{attempts} in period {number}");
        }
    }

    fn offer(options: &[u8]) -> Offer {
        let mut walk = Walk {
            at: PLAIN as u32,
            end: (PLAIN + options.len()) as u32,
            ..Walk::default()
        };
        walk.header[PLAIN..PLAIN + options.len()].copy_from_slice(options);
        (0..Walk::STEPS).take_while(|_| walk.step()).for_each(drop);
        walk.offer
    }

    #[test]
    fn offers_are_read_in_every_order() {
        let offer_of = |clock, timestamps, scale, sack| Offer {
            clock,
            timestamps,
            scale,
            sack,
        };
        let cases: [(&[u8], Offer); 9] = [
            (&[], offer_of(0, 0, NO_SCALE, 0)),
            // Linux.
            (
                &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 2, 0, 0, 0, 0, 1, 3, 3, 7],
                offer_of(0x102, 1, 7, 1),
            ),
            // macOS.
            (
                &[
                    2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 4, 2, 0, 0,
                ],
                offer_of(9, 1, 6, 1),
            ),
            // Windows.
            (&[2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2], offer_of(0, 0, 8, 1)),
            (&[3, 3, 200], offer_of(0, 0, 14, 0)),
            // An end before, a length that leads nowhere, one that leads out.
            (&[0, 3, 3, 7], offer_of(0, 0, NO_SCALE, 0)),
            (&[9, 0, 3, 3, 7], offer_of(0, 0, NO_SCALE, 0)),
            (&[9, 255, 3, 3, 7], offer_of(0, 0, NO_SCALE, 0)),
            // An unknown one is skipped.
            (&[30, 5, 3, 3, 7, 4, 2], offer_of(0, 0, NO_SCALE, 1)),
        ];
        for (options, expected) in cases {
            assert_eq!(offer(options), expected, "{options:?}");
        }
    }

    #[test]
    fn the_timestamp_says_what_was_offered_and_never_runs_ahead() {
        for (scale, sack, ours) in [(7, 1, 7), (0, 0, 7), (NO_SCALE, 1, 7), (3, 1, NO_SCALE)] {
            for clock in 1000..1200 {
                let settings = Settings {
                    scale: ours,
                    sack: 1,
                    ..Settings::default()
                };
                let client = Offer {
                    clock: 77,
                    timestamps: 1,
                    scale,
                    sack,
                };
                let Timestamp { value, echo, .. } = timestamp(&client, &settings, clock);
                let kept = if ours == NO_SCALE { NO_SCALE } else { scale };
                assert_eq!((value & 15, value >> 4 & 1, echo), (kept, sack, 77));
                assert!(value <= clock && value + 64 > clock, "{value} at {clock}");
            }
        }
    }
}
