//! Commands: what they are given, what they answer. Their rows are in the files of this folder.

pub mod cookie;
pub mod error;
pub mod event;
pub mod frontend;
pub mod info;
pub mod pattern;
pub mod refused;
pub mod server;
pub mod session;
pub mod show;
pub mod stream;
pub mod table;
#[cfg(test)]
mod tests;
pub mod variable;

use std::fmt;
use std::sync::Arc;

use super::session::State;
use super::world::World;
use crate::observe::Ring;
use crate::runtime::calendar::Calendar;

/// Carries out a command.
pub type Run = fn(&mut Request<'_>) -> Answer;

/// One command with its surroundings.
pub struct Request<'a> {
    pub world: &'a World,
    /// The session that gave it.
    pub session: &'a mut State,
    /// The words after the command's own.
    pub words: &'a [String],
    pub payload: Option<&'a str>,
    /// Microseconds of the monotonic clock.
    pub ticks: u64,
    /// Microseconds since the epoch.
    pub date: u64,
}

impl<'a> Request<'a> {
    /// The word at `index`, if there is one.
    pub fn word(&self, index: usize) -> Option<&'a str> {
        self.words.get(index).map(String::as_str)
    }
}

/// What a command answers. Texts end in a line feed, but for the few that the peer ends without.
#[derive(Debug)]
pub enum Answer {
    /// Done; there is nothing to say.
    Done,
    /// What was asked for.
    Text(String),
    /// A message, whose severity (0–7) the session may want to see.
    Message { severity: u8, text: String },
    /// The lines of a ring from that number on, until the client says something.
    Follow { ring: Arc<Ring>, from: u64 },
    /// The client gets the listening sockets.
    HandOver,
    /// The session ends.
    Quit,
}

impl Answer {
    /// A refusal in one line.
    pub fn error(text: impl fmt::Display) -> Answer {
        Answer::Message {
            severity: 3,
            text: format!("{text}\n"),
        }
    }

    /// Something to know, in one line.
    pub fn info(text: impl fmt::Display) -> Answer {
        Answer::Message {
            severity: 6,
            text: format!("{text}\n"),
        }
    }
}

/// A moment as messages write it: `22/Nov/2026:18:51:24.856`. `date` is in microseconds since the epoch.
pub fn when(date: u64) -> String {
    let parts = Calendar::local(date / 1_000_000);
    let Calendar {
        year,
        day,
        hour,
        minute,
        second,
        ..
    } = parts;
    let month = parts.month_name();
    format!(
        "{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02}.{:03}",
        date / 1_000 % 1_000
    )
}
