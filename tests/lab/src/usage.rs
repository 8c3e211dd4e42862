//! What a process costs: processor time and memory, as the kernel accounts for them.
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Memory of a process in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Resident set size: every page that is mapped and present.
    pub rss: u64,
    /// Proportional set size: a page that N processes share counts as 1/N.
    pub pss: u64,
}

/// The processor time that all threads of a process used so far, user and system, to the nanosecond.
///
/// Source: `/proc/PID/task/*/schedstat` (proc(5)). The time of threads that ended is not in it.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let nanoseconds = text
            .split_ascii_whitespace()
            .next()
            .context("empty schedstat")?
            .parse()?;
        total += Duration::from_nanos(nanoseconds);
    }
    Ok(total)
}

/// How long a processor was busy since the machine started, with whatever: processes, interrupts, network traffic (softirq).
///
/// Source: `/proc/stat` (proc(5)), in ticks of a hundredth of a second.
pub fn processor_busy(processor: usize) -> Result<Duration> {
    busy_of(&fs::read_to_string("/proc/stat")?, processor)
}

/// The columns are user, nice, system, idle, iowait, irq, softirq, and times that are in these or not ours.
fn busy_of(text: &str, processor: usize) -> Result<Duration> {
    let name = format!("cpu{processor} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    let columns = line
        .with_context(|| format!("no processor {processor}"))?
        .split_ascii_whitespace();
    let ticks: Vec<u64> = columns.take(7).map(str::parse).collect::<Result<_, _>>()?;
    let busy: u64 = [0, 1, 2, 5, 6].iter().filter_map(|&column| ticks.get(column)).sum();
    Ok(Duration::from_millis(10 * busy))
}

/// The memory of a process now.
///
/// Source: `/proc/PID/smaps_rollup` (proc(5)).
pub fn memory(pid: u32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).with_context(|| format!("process {pid}"))?;
    Ok(Memory {
        rss: rollup_field(&text, "Rss:")?,
        pss: rollup_field(&text, "Pss:")?,
    })
}

/// One field of a rollup, in bytes (the file counts in units of 1024).
fn rollup_field(text: &str, name: &str) -> Result<u64> {
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .with_context(|| format!("no {name} in smaps_rollup"))?;
    let kibibytes: u64 = line
        .split_ascii_whitespace()
        .nth(1)
        .context("a field without a value")?
        .parse()?;
    Ok(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_costs_time_and_memory() -> Result<()> {
        let pid = std::process::id();
        let memory = memory(pid)?;
        assert!(memory.rss >= memory.pss && memory.pss > 0, "{memory:?}");
        assert!(processor_time(pid)? > Duration::ZERO);
        Ok(())
    }

    #[test]
    fn a_processor_is_busy_with_all_but_waiting() -> Result<()> {
        let text = "cpu  9 9 9 9 9 9 9 9\ncpu1 1 2 4 8 16 32 64 128 0 0\ncpu10 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(busy_of(text, 1)?, Duration::from_millis(1030));
        assert!(busy_of(text, 2).is_err());
        Ok(())
    }

    #[test]
    fn a_rollup_is_read_by_field_name() -> Result<()> {
        let text = "5-7 ---p 0 00:00 0 [rollup]\nRss:    8 kB\nPss:    3 kB\nPss_Dirty:   1 kB\n";
        assert_eq!((rollup_field(text, "Rss:")?, rollup_field(text, "Pss:")?), (8192, 3072));
        assert!(rollup_field(text, "Swap:").is_err());
        Ok(())
    }
}
