//! Whether a stream can be handed over now, and with what. Pure.
use std::io;

use lb_common::flow::handover::{Side, Switch};
use lb_common::flow::{State, Translation, Tuple, Way, flag};
use thiserror::Error;

use super::repair::{Leg, Standing};

/// Why a stream stays in userspace.
#[derive(Debug, Error)]
pub enum Stays {
    /// It may go later.
    #[error(transparent)]
    ForNow(#[from] Busy),
    /// It will not go at all.
    #[error(transparent)]
    ForGood(#[from] Unfit),
}

/// What a stream is to be done with first.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Busy {
    #[error("bytes wait to be read")]
    Unread,
    #[error("bytes wait to be acknowledged")]
    Unacknowledged,
    #[error("no segment of one side was seen by the kernel program yet")]
    Unseen,
    #[error("a segment came meanwhile")]
    Moved,
}

/// What a stream cannot be handed over with.
#[derive(Debug, Error)]
pub enum Unfit {
    #[error("one side is closing")]
    Closing,
    #[error("client and server speak different versions of IP")]
    Version,
    #[error("only one side uses timestamps")]
    Timestamps,
    #[error("only one side uses selective acknowledgments")]
    Sack,
    #[error("only one side uses explicit congestion notification")]
    Ecn,
    #[error("one side may send larger segments than the other takes")]
    SegmentSize,
    #[error("one side lays out its options in no known way")]
    Options,
    #[error("its way in the kernel is gone")]
    Gone,
    #[error("its end could not be counted and logged as configured")]
    Unaccountable,
    #[error("the kernel refuses: {0}")]
    Refused(#[from] io::Error),
}

/// One side of a stream: how the kernel programs know it, and how its socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// What the peer's segments come with.
    pub tuple: Tuple,
    /// What was noted of them.
    pub way: Way,
    pub leg: Leg,
    /// Bytes of payload that came this way so far.
    pub bytes: u64,
}

/// Whether a socket is at rest.
pub fn rests(standing: Standing) -> Result<(), Stays> {
    if !standing.established {
        return Err(Unfit::Closing.into());
    }
    if standing.unread > 0 {
        return Err(Busy::Unread.into());
    }
    if standing.unacknowledged > 0 {
        return Err(Busy::Unacknowledged.into());
    }
    Ok(())
}

/// What the ways are switched with.
pub fn switch(client: &Half, server: &Half, started: u64) -> Result<Switch, Stays> {
    fit(client, server)?;
    for half in [client, server] {
        noted(half)?;
    }
    let forward = Stamps::of(client, server);
    let back = Stamps::of(server, client);
    Ok(Switch {
        header: [0; 16],
        client: side(client, server, flag::CLIENT, (forward, back), started),
        server: side(server, client, 0, (back, forward), started),
    })
}

/// Do both sides speak alike?
fn fit(client: &Half, server: &Half) -> Result<(), Unfit> {
    let (from, to) = (&client.leg, &server.leg);
    let is_v4 = |half: &Half| {
        half.tuple
            .source
            .bytes
            .starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
    };
    if is_v4(client) != is_v4(server) {
        return Err(Unfit::Version);
    }
    if from.timestamp.is_some() != to.timestamp.is_some() {
        return Err(Unfit::Timestamps);
    }
    if from.sack != to.sack {
        return Err(Unfit::Sack);
    }
    if from.ecn != to.ecn {
        return Err(Unfit::Ecn);
    }
    if from.receives > to.takes || to.receives > from.takes {
        return Err(Unfit::SegmentSize);
    }
    Ok(())
}

/// Has the socket received all that the kernel program let pass?
fn noted(half: &Half) -> Result<(), Stays> {
    let has = |flag| half.way.flags & flag != 0;
    if half.way.state != State::Userspace {
        return Err(Unfit::Gone.into());
    }
    if has(flag::UNFIT) {
        return Err(Unfit::Options.into());
    }
    if !has(flag::BEGUN) || has(flag::STAMPED) != half.leg.timestamp.is_some() {
        return Err(Busy::Unseen.into());
    }
    if has(flag::FINISHED) || half.way.next() != half.leg.receive_next {
        return Err(Busy::Moved.into());
    }
    Ok(())
}

/// How much is added to the timestamps that one side sends.
#[derive(Clone, Copy)]
struct Stamps(u32);

impl Stamps {
    /// The sender's last timestamp becomes one just after the last that the receiver had from us.
    fn of(sender: &Half, receiver: &Half) -> Self {
        let ours = receiver.leg.timestamp.map_or(0, |stamp| stamp.wrapping_add(1));
        Self(ours.wrapping_sub(sender.way.translation.timestamp))
    }
}

fn side(from: &Half, to: &Half, flags: u8, (own, other): (Stamps, Stamps), started: u64) -> Side {
    let translation = Translation {
        sequence: to.leg.send_next.wrapping_sub(from.leg.receive_next),
        acknowledgment: to.leg.receive_next.wrapping_sub(from.leg.send_next),
        timestamp: own.0,
        // What the sender echoes was translated on its way to it.
        echo: other.0.wrapping_neg(),
        window_from: from.leg.peer_shift,
        window_to: to.leg.own_shift,
        active: true,
        unused: 0,
    };
    let way = Way {
        to: to.tuple.reversed(),
        translation: match from.leg.timestamp {
            Some(_) => translation,
            None => Translation {
                timestamp: 0,
                echo: 0,
                ..translation
            },
        },
        // Back by where the other side's segments come from.
        interface: to.way.interface,
        first: from.leg.receive_next.wrapping_sub(from.bytes as u32),
        state: State::Held,
        flags,
        started,
        seen: from.way.seen,
        sent: from.bytes,
        ..Way::watched(flags)
    };
    Side {
        tuple: from.tuple,
        word: from.way.word(),
        way,
    }
}

#[cfg(test)]
mod tests;
