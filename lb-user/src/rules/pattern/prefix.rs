//! Which of many strings is the longest that a text begins with?

/// Strings in order, each with the longest other one that it begins with.
///
/// Whatever a text begins with sorts before it, and what sorts between the two begins with it as well. So the last
/// string that is not after the text leads, from string to prefix, to the longest prefix of the text.
#[derive(Clone, Debug, Default)]
pub struct Prefixes(Vec<Prefix>);

#[derive(Clone, Debug)]
struct Prefix {
    text: Box<[u8]>,
    /// Its place in the list that it came from.
    entry: usize,
    /// The position of the string that it begins with.
    parent: Option<u32>,
}

impl Prefixes {
    /// Sorts the strings. Of equal ones the first counts.
    pub fn new(strings: Vec<Box<[u8]>>) -> Prefixes {
        let mut sorted: Vec<(Box<[u8]>, usize)> = strings.into_iter().zip(0..).collect();
        sorted.sort();
        sorted.dedup_by(|later, first| later.0 == first.0);
        let mut prefixes: Vec<Prefix> = Vec::with_capacity(sorted.len());
        for (text, entry) in sorted {
            let mut parent = prefixes.len().checked_sub(1).map(|last| last as u32);
            while let Some(at) = parent
                && let Some(known) = prefixes.get(at as usize)
                && !text.starts_with(&known.text)
            {
                parent = known.parent;
            }
            prefixes.push(Prefix { text, entry, parent });
        }
        Prefixes(prefixes)
    }

    /// The entry that is the longest prefix of `text`.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        let after = self.0.partition_point(|prefix| *prefix.text <= *text);
        let mut at = after.checked_sub(1);
        loop {
            let prefix = self.0.get(at?)?;
            if text.starts_with(&prefix.text) {
                return Some(prefix.entry);
            }
            at = prefix.parent.map(|parent| parent as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_longest_prefix_is_found(strings in proptest::collection::vec("[ab]{0,4}", 0..12), text in "[ab]{0,6}") {
            let longest = strings.iter().filter(|string| text.starts_with(*string)).map(String::len).max();
            let expected = longest.and_then(|length| strings.iter().position(|string| *string == text[..length]));
            let prefixes = Prefixes::new(strings.iter().map(|string| string.as_bytes().into()).collect());
            proptest::prop_assert_eq!(prefixes.find(text.as_bytes()), expected);
        }
    }
}
