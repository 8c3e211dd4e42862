//! Harm that grows strange input out of good input.
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// One small change. Places are relative, so that they make sense in input of any length.
#[derive(Clone, Debug)]
enum Harm {
    Replace(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, Index),
    Repeat(Index, Index),
}

/// One of the seeds after up to six changes; `words` are what is worth inserting.
pub fn harmed(seeds: &'static [&'static [u8]], words: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    (select(seeds), vec(harm(words), 0..=6)).prop_map(|(seed, harms)| {
        let mut bytes = seed.to_vec();
        harms.iter().for_each(|harm| harm.befall(&mut bytes));
        bytes
    })
}

fn harm(words: &'static [&'static [u8]]) -> impl Strategy<Value = Harm> {
    let place = || any::<Index>();
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Harm::Replace(at, byte)),
        (place(), select(words)).prop_map(|(at, word)| Harm::Insert(at, word)),
        (place(), place()).prop_map(|(from, to)| Harm::Remove(from, to)),
        (place(), place()).prop_map(|(from, to)| Harm::Repeat(from, to)),
    ]
}

impl Harm {
    fn befall(&self, bytes: &mut Vec<u8>) {
        let at = |place: &Index| place.index(bytes.len() + 1);
        let range = |from: &Index, to: &Index| {
            // Most harm is short, or little would be left of the seed.
            let from = at(from);
            from..(from + to.index(16)).min(bytes.len())
        };
        match self {
            Self::Replace(place, byte) => {
                let at = at(place);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Insert(place, word) => {
                let at = at(place);
                bytes.splice(at..at, word.iter().copied());
            }
            Self::Remove(from, to) => {
                let range = range(from, to);
                bytes.drain(range);
            }
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let end = range.end;
                let again = bytes[range].to_vec();
                bytes.splice(end..end, again);
            }
        }
    }
}
