//! A runtime API session: bytes in, answers out (management manual 9.3). It knows no socket and no clock.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Answer, Request};
use super::input::{Input, Line, Step};
use super::world::World;
use super::{help, registry};
use crate::language::{Does, Error};
use crate::observe::Ring;
use crate::plan::bind::SeverityOutput;
use crate::plan::global::CliLevel;

/// What commands may see and change of the session that gives them.
#[derive(Clone, Debug)]
pub struct State {
    pub level: CliLevel,
    /// The level of the socket, where the session began.
    pub socket_level: CliLevel,
    /// Shows a prompt and stays (`prompt`).
    pub interactive: bool,
    pub severity_output: Option<SeverityOutput>,
    pub experimental: bool,
    pub expert: bool,
    /// May the client take the listening sockets?
    pub exposes_listeners: bool,
    /// How long the session may be idle.
    pub timeout: Duration,
}

/// One client of the runtime API.
pub struct Session {
    state: State,
    input: Input,
    /// The ring whose lines are shown as they come, and the number of the next one.
    following: Option<(Arc<Ring>, u64)>,
    /// Was a line carried out?
    served: bool,
    closed: bool,
    hands_over: bool,
}

/// The moment at which a session acts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Microseconds of the monotonic clock.
    pub ticks: u64,
    /// Microseconds since the epoch.
    pub date: u64,
}

impl Session {
    /// A session of that level; `limit` is the largest command in bytes.
    pub fn new(state: State, limit: usize) -> Session {
        Session {
            state,
            input: Input::new(limit),
            following: None,
            served: false,
            closed: false,
            hands_over: false,
        }
    }

    /// How long it may be idle.
    pub fn timeout(&self) -> Duration {
        self.state.timeout
    }

    /// Takes in what was received, and appends what there is to answer to `out`.
    pub fn receive(&mut self, bytes: &[u8], world: &World, now: Now, out: &mut Vec<u8>) {
        // Anything that comes in ends the showing of a ring, and means nothing else.
        if self.following.take().is_some() {
            return self.end_answer(out);
        }
        self.input.feed(bytes);
        while !self.closed && self.following.is_none() {
            match self.input.step() {
                Step::Idle => break,
                Step::MorePayload if self.state.interactive => out.extend_from_slice(b"+ "),
                Step::MorePayload => {}
                Step::TooLong => self.closed = true,
                Step::Ready(line) => self.carry_out(&line, world, now, out),
            }
        }
    }

    /// Is there nothing left to say? Without a prompt a session ends when all that was received is answered.
    pub fn is_over(&self) -> bool {
        let idle = self.following.is_none() && self.input.is_empty();
        self.closed || (self.served && !self.state.interactive && idle)
    }

    /// Is the client to be given the listening sockets? The session is over then.
    pub fn hands_over(&self) -> bool {
        self.hands_over
    }

    /// The ring that is being shown and the number of the line to wait for.
    pub fn following(&self) -> Option<(Arc<Ring>, u64)> {
        self.following.clone()
    }

    /// Appends the lines that came into the ring being shown.
    pub fn follow(&mut self, out: &mut Vec<u8>) {
        if let Some((ring, next)) = &mut self.following {
            *next = ring.read(*next, out);
        }
    }

    fn carry_out(&mut self, line: &Line, world: &World, now: Now, out: &mut Vec<u8>) {
        self.served = true;
        for (index, words) in line.commands.iter().enumerate() {
            let is_last = index + 1 == line.commands.len();
            let payload = line.payload.as_deref().filter(|_| is_last);
            let answer = self.command(words, payload, world, now);
            match answer {
                Answer::Quit => {
                    self.closed = true;
                    return;
                }
                Answer::HandOver => {
                    self.closed = true;
                    self.hands_over = true;
                    return;
                }
                Answer::Follow { ring, from } => {
                    self.following = Some((ring, from));
                    return self.follow(out);
                }
                answer => self.put(answer, out),
            }
        }
    }

    fn command(&mut self, words: &[String], payload: Option<&str>, world: &World, now: Now) -> Answer {
        let Some((row, length)) = registry::find(words) else {
            return Answer::Message {
                severity: 6,
                text: help::unknown(words),
            };
        };
        if !registry::is_allowed(row, self.state.level) {
            return Answer::error("Permission denied");
        }
        match row.does {
            Does::Refused => Answer::error(Error::not_implemented(row.name())),
            Does::Works(run) => run(&mut Request {
                world,
                session: &mut self.state,
                words: words.get(length..).unwrap_or_default(),
                payload,
                ticks: now.ticks,
                date: now.date,
            }),
        }
    }

    /// Writes an answer, the empty line that ends it, and the prompt.
    fn put(&self, answer: Answer, out: &mut Vec<u8>) {
        match answer {
            Answer::Done | Answer::Quit | Answer::HandOver | Answer::Follow { .. } => {}
            Answer::Text(text) => out.extend_from_slice(text.as_bytes()),
            Answer::Message { severity, text } => {
                match self.state.severity_output {
                    None => {}
                    Some(SeverityOutput::Number) => out.extend_from_slice(format!("[{severity}]: ").as_bytes()),
                    Some(SeverityOutput::Text) => {
                        let name = crate::plan::log::LEVELS.get(usize::from(severity)).unwrap_or(&"info");
                        out.extend_from_slice(format!("[{name}]: ").as_bytes());
                    }
                }
                out.extend_from_slice(text.as_bytes());
            }
        }
        self.end_answer(out);
    }

    fn end_answer(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        if self.state.interactive {
            out.extend_from_slice(b"> ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::testing::{ask, ask_at, session, world};
    use proptest::prelude::*;

    const CONFIG: &str = "
        defaults
            mode http
            timeout connect 1s
            timeout client 1s
            timeout server 1s
        frontend web
            bind 127.0.0.1:8080
            default_backend be
        backend be
            server s1 127.0.0.1:8081 weight 10
            server s2 127.0.0.1:8082 backup
    ";

    /// What a session of level admin says to these chunks, and whether it is over.
    fn talk(world: &World, chunks: &[&str]) -> (String, bool) {
        let mut session = session(CliLevel::Admin);
        let mut out = Vec::new();
        for chunk in chunks {
            session.receive(chunk.as_bytes(), world, Now::default(), &mut out);
        }
        (String::from_utf8(out).expect("text"), session.is_over())
    }

    #[test]
    fn without_a_prompt_a_session_ends_when_all_is_answered() {
        let world = world(CONFIG);
        for (chunks, answer, over) in [
            (vec!["show cli level\n"], "admin\n\n", true),
            (vec!["show cli level"], "", false),
            (vec!["show cli level;show cli level\n"], "admin\n\nadmin\n\n", true),
            (vec!["show cli level\nshow cli"], "admin\n\n", false),
            (vec!["show cli level\nshow cli", " level\n"], "admin\n\nadmin\n\n", true),
            (vec!["quit\n"], "", true),
            (vec!["show cli level;quit;show cli level\n"], "admin\n\n", true),
            (vec!["show env HOME <<\nx\n"], "", false),
            (vec!["prompt\n"], "\n> ", false),
            (vec!["prompt\nshow cli level\n", "quit\n"], "\n> admin\n\n> ", true),
            (vec!["prompt;show cli level;prompt\n"], "\n> admin\n\n> \n", true),
            (
                vec!["prompt\n", "set table t key <<\n", "x\n", "\n"],
                "\n> + + No such table\n\n> ",
                false,
            ),
        ] {
            assert_eq!(talk(&world, &chunks), (answer.to_owned(), over), "{chunks:?}");
        }
    }

    #[test]
    fn a_line_too_long_ends_the_session() {
        let line = "x".repeat(20_000) + "\n";
        assert_eq!(talk(&world(CONFIG), &[&line]), (String::new(), true));
    }

    #[test]
    fn levels_bound_what_may_be_done() {
        let world = world(CONFIG);
        for (level, line, answer) in [
            (CliLevel::User, "disable server be/s1", "Permission denied\n\n"),
            (CliLevel::Operator, "disable server be/s1", "Permission denied\n\n"),
            (CliLevel::Admin, "disable server be/s1", "\n"),
            (CliLevel::User, "show env HOME", "Permission denied\n\n"),
            (CliLevel::Operator, "show env HOME", "HOME=/root\n\n"),
            (CliLevel::User, "clear counters", "Permission denied\n\n"),
            (CliLevel::Operator, "clear counters", "\n"),
            (CliLevel::Operator, "clear counters all", "Permission denied\n\n"),
            (CliLevel::Operator, "new ssl cert x", "Permission denied\n\n"),
            (
                CliLevel::Admin,
                "new ssl cert x",
                "'new ssl cert' is not implemented in this version.\n\n",
            ),
            (
                CliLevel::Admin,
                "operator;show cli level;disable server be/s1",
                "\noperator\n\nPermission denied\n\n",
            ),
            (
                CliLevel::Admin,
                "user;operator;show cli level",
                "\nPermission denied\n\nuser\n\n",
            ),
            (
                CliLevel::Admin,
                "experimental-mode on;operator;experimental-mode",
                "\n\nPermission denied\n\n",
            ),
        ] {
            assert_eq!(ask_at(&world, level, line), answer, "{line} at {level:?}");
        }
    }

    #[test]
    fn severities_stand_before_messages_only() {
        let world = world(CONFIG);
        let number = ask(
            &world,
            "set severity-output number;set weight a/b 1;show cli level;zzzzzzzzzzzz",
        );
        assert!(
            number.starts_with("\n[3]: No such backend.\n\nadmin\n\n[6]: Unknown command"),
            "{number}"
        );
        let text = ask(&world, "set severity-output string;set weight a/b 1");
        assert_eq!(text, "\n[err]: No such backend.\n\n");
    }

    proptest! {
        /// Whatever comes in, a session answers or ends, and never panics; how it was cut does not matter while it lasts.
        #[test]
        fn anything_may_come_in(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let world = world(CONFIG);
            let mut whole = session(CliLevel::User);
            let mut expected = Vec::new();
            whole.receive(b"prompt\n", &world, Now::default(), &mut expected);
            whole.receive(&bytes, &world, Now::default(), &mut expected);

            let mut halves = session(CliLevel::User);
            let mut out = Vec::new();
            let (before, after) = bytes.split_at(cut.min(bytes.len()));
            for part in [b"prompt\n", before, after] {
                halves.receive(part, &world, Now::default(), &mut out);
            }
            prop_assert_eq!(out, expected);
        }
    }
}
