//! "Did you mean": the known word nearest to a mistyped one.

/// Returns the candidate that `word` is most likely a slip of, if one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).max(1) + 1;
    candidates
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What ends a message about an unknown word: `; did you mean 'near' maybe ?`, or a full stop.
pub fn hint<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    match nearest(word, candidates) {
        Some(near) => format!("; did you mean '{near}' maybe ?"),
        None => ".".to_owned(),
    }
}

/// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
pub fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let known = ["tcp-ut", "tfo", "thread", "transparent"];
        assert_eq!(nearest("tcut", known.iter().copied()), Some("tcp-ut"));
        assert_eq!(nearest("transparant", known.iter().copied()), Some("transparent"));
        assert_eq!(nearest("zzzzzzzz", known.iter().copied()), None);
    }
}
