//! Workers and the processors they run on.

use super::{GlobalDraft, GlobalRow, works};
use crate::keywords::Reading;
use crate::language::{Error, Words};

/// Most workers.
const MAX_THREADS: u32 = 64;
/// Most processors that can be named.
const MAX_CPU: u32 = 1_024;

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["nbthread"],
        "<number>",
        "How many workers serve; one for each usable processor where it is not set.",
        "nbthread 2",
        |keyword, words, draft, _| {
            let word = words.next().unwrap_or_default();
            words.end(keyword)?;
            let number: u32 = word.parse().map_err(|_| {
                Error::new(format!(
                    "'{keyword}' passed a missing or unparsable integer value in '{word}'"
                ))
            })?;
            if !(1..=MAX_THREADS).contains(&number) {
                return Err(Error::new(format!(
                    "'{keyword}' value must be between 1 and {MAX_THREADS} (was {number})"
                )));
            }
            draft.global.threads = Some(number);
            Ok(())
        },
    ),
    works(
        &["nbproc"],
        "<number>",
        "Accepted with 1 only: workers are threads of one process.",
        "nbproc 1",
        |keyword, words, _, _| {
            let number: u32 = crate::keywords::number::only_integer(keyword, words)?;
            match number {
                1 => Ok(()),
                _ => Err(Error::not_implemented(&format!("{keyword} {number}"))),
            }
        },
    ),
    works(
        &["cpu-map"],
        "[auto:]<process-set>[/<thread-set>] <cpu-set>...",
        "The processors each worker may run on.",
        "cpu-map auto:1/1-2 0-1",
        cpu_map,
    ),
    works(
        &["numa-cpu-mapping", "no numa-cpu-mapping"],
        "",
        "Accepted; workers are bound to processors by `cpu-map` only.",
        "numa-cpu-mapping",
        |keyword, words, _, _| words.end(keyword),
    ),
];

fn cpu_map(keyword: &str, words: &mut Words<'_>, draft: &mut GlobalDraft, _: &mut Reading<'_>) -> Result<(), Error> {
    let (Some(set), false) = (words.next(), words.is_empty()) else {
        return Err(Error::new(format!(
            "{keyword} expects a process number  ('all', 'odd', 'even', a number from 1 to {MAX_THREADS} or a range),  followed by a list of CPU ranges with numbers from 0 to {}.",
            MAX_CPU - 1
        )));
    };
    let (automatic, set) = match set.strip_prefix("auto:") {
        Some(set) => (true, set),
        None => (false, set),
    };
    let (processes, threads) = set.split_once('/').unwrap_or((set, "all"));
    let processes = numbers(processes, 1, MAX_THREADS).ok_or_else(|| bad_set(keyword, processes))?;
    let threads = numbers(threads, 1, MAX_THREADS).ok_or_else(|| bad_set(keyword, threads))?;
    let mut cpus = Vec::new();
    for text in words.take_rest() {
        let more = numbers(text, 0, MAX_CPU - 1)
            .ok_or_else(|| Error::new(format!("{keyword} : '{text}' is not a CPU range.")))?;
        cpus.extend(more);
    }
    if !processes.contains(&1) {
        return Ok(());
    }
    if automatic && threads.len() != cpus.len() {
        return Err(Error::new(format!(
            "{keyword} : an automatic map needs as many CPUs as threads ({} and {}).",
            cpus.len(),
            threads.len()
        )));
    }
    let map = &mut draft.global.cpu_map;
    for (position, thread) in threads.into_iter().enumerate() {
        let worker = (thread - 1) as usize;
        if map.len() <= worker {
            map.resize(worker + 1, Vec::new());
        }
        let set = match automatic {
            true => cpus.get(position).copied().into_iter().collect(),
            false => cpus.clone(),
        };
        map.get_mut(worker).into_iter().for_each(|slot| *slot = set.clone());
    }
    Ok(())
}

fn bad_set(keyword: &str, text: &str) -> Error {
    Error::new(format!("{keyword} : '{text}' is not a valid number/range."))
}

/// The numbers that `all`, `odd`, `even`, `3` or `1-4` stand for.
fn numbers(text: &str, low: u32, high: u32) -> Option<Vec<u32>> {
    match text {
        "all" => return Some((low..=high).collect()),
        "odd" => return Some((low..=high).filter(|number| number % 2 == 1).collect()),
        "even" => return Some((low..=high).filter(|number| number % 2 == 0).collect()),
        _ => {}
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    (low <= first && first <= last && last <= high).then(|| (first..=last).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_numbers() {
        for (text, expected) in [
            ("3", Some(vec![3])),
            ("1-3", Some(vec![1, 2, 3])),
            ("odd", Some(vec![1, 3])),
            ("even", Some(vec![2, 4])),
            ("all", Some(vec![1, 2, 3, 4])),
            ("0", None),
            ("5", None),
            ("3-1", None),
            ("x", None),
        ] {
            assert_eq!(numbers(text, 1, 4), expected, "{text}");
        }
    }
}
