//! `show events`: what the rings hold.

use std::sync::Arc;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::language::{Does, Scope};

/// Commands about rings.
pub const ROWS: &[CommandRow] = &[CommandRow {
    names: &["show events"],
    args: "[<sink>] [-w] [-n]",
    scope: Scope::CLI_USER,
    doc: "show event sink state",
    example: "show events buf0 -n",
    does: Does::Works(show),
}];

fn show(request: &mut Request<'_>) -> Answer {
    let loggers = request.world.engine.loggers;
    let Some(name) = request.word(0) else {
        let mut text = "Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n".to_owned();
        for (fd, name, description) in [(1, "stdout", "standard output"), (2, "stderr", "standard error")] {
            text += &format!("    {name:<10} : type=fd, {description} (fd#{fd})\n");
        }
        for ring in &loggers.rings {
            text += &format!(
                "    {:<10} : type=buffer, {} dropped, {}\n",
                ring.name,
                ring.dropped(),
                ring.description
            );
        }
        return Answer::Text(text);
    };
    let Some(ring) = loggers.ring(name) else {
        return match name {
            "stdout" | "stderr" => Answer::error("Nothing to report for this sink"),
            _ => Answer::error("No such event sink"),
        };
    };
    let wish = |letter| {
        request
            .words
            .iter()
            .skip(1)
            .any(|word| word.starts_with('-') && word.contains(letter))
    };
    let from = if wish('n') { ring.end() } else { 0 };
    if wish('w') {
        return Answer::Follow {
            ring: Arc::clone(ring),
            from,
        };
    }
    let mut lines = Vec::new();
    ring.read(from, &mut lines);
    Answer::Text(String::from_utf8_lossy(&lines).into_owned())
}
