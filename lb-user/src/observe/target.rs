//! A log target: what it takes, how it wraps it, where that goes.

use std::cell::RefCell;

use super::envelope::{self, Line, Sender, Stamp};
use super::output::Output;
use super::sampler::Sampler;
use crate::plan::log::LogTransportFormat;

/// One `log` line of the configuration, opened.
#[derive(Debug)]
pub struct Target {
    pub output: Output,
    pub format: LogTransportFormat,
    pub length: usize,
    pub sampler: Option<Sampler>,
    pub facility: u8,
    /// Highest severity number that is sent.
    pub level: u8,
    /// Graver severities are sent as this one.
    pub min_level: u8,
}

/// What sending needs for a moment: a line's bytes and the texts of its second.
#[derive(Default)]
struct Scratch {
    line: Vec<u8>,
    stamp: Stamp,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Target {
    /// Sends the line if its severity and the sampler allow. `false` says that it was lost.
    pub fn send(&self, sender: &Sender, line: &Line<'_>) -> bool {
        if line.level > self.level || !self.sampler.as_ref().is_none_or(Sampler::takes) {
            return true;
        }
        let line = Line {
            facility: self.facility,
            level: line.level.max(self.min_level),
            ..*line
        };
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch { line: out, stamp } = scratch;
            out.clear();
            stamp.set(line.now);
            envelope::write(out, self.format, self.length, sender, stamp, &line);
            out.push(b'\n');
            self.output.send(out).is_ok()
        })
    }
}
