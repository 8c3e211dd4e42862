//! One run of a check, without sockets or clock: events in, effects out.

use super::answer::{Answer, Judgement};
use super::request;
use super::result::{Outcome, Status};
use super::schedule::Patience;
use crate::plan::check::CheckKind;

/// Microseconds of the monotonic clock.
type Ticks = u64;

/// What happened on the connection.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    Connected,
    /// The TLS handshake is done.
    Secured,
    /// The connection could not be made.
    Refused(Refusal),
    Received(&'a [u8]),
    /// The server closed its side.
    Ended,
    /// The connection broke; the system's words.
    Broken(String),
    /// Nothing happened in time: see [`Probe::poll_timeout`].
    TimedOut,
}

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The other side, or the way to it, said so.
    Remote(String),
    /// The system did not even try.
    Local(String),
    /// A unix socket did not take it.
    Unix(String),
    /// The TLS handshake failed.
    Tls(String),
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Connect,
    /// Shake hands over the connection.
    Secure,
    Send(Vec<u8>),
    /// It is over; the connection is to be closed.
    Finish(Outcome),
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Securing,
    Talking,
}

/// The state of a run.
pub struct Probe<'a> {
    kind: &'a CheckKind,
    answer: Option<Answer<'a>>,
    patience: Patience,
    started: Ticks,
    deadline: Ticks,
    stage: Stage,
    effect: Option<Effect>,
    state_header: Option<&'a str>,
    /// Does the server speak TLS?
    secures: bool,
}

impl<'a> Probe<'a> {
    /// Starts a run at `now` against a server that `is_up` or not, and that `secures` its connections or not. `state_header` is what
    /// the server is told of itself.
    pub fn new(
        kind: &'a CheckKind,
        patience: Patience,
        secures: bool,
        is_up: bool,
        state_header: Option<&'a str>,
        now: Ticks,
    ) -> Probe<'a> {
        Probe {
            kind,
            answer: match kind {
                CheckKind::Connect => None,
                CheckKind::Http(check) => Some(Answer::new(check, is_up)),
            },
            patience,
            started: now,
            deadline: now + patience.connect.as_micros() as Ticks,
            stage: Stage::Connecting,
            effect: Some(Effect::Connect),
            state_header,
            secures,
        }
    }

    /// What to do now, once.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effect.take()
    }

    /// When to report [`Event::TimedOut`].
    pub fn poll_timeout(&self) -> Ticks {
        self.deadline
    }

    /// Takes note of `event` at `now`.
    pub fn handle(&mut self, event: Event, now: Ticks) {
        match event {
            Event::Connected if self.secures => {
                self.stage = Stage::Securing;
                self.effect = Some(Effect::Secure);
            }
            Event::Connected => self.ready(now, Status::L4Ok),
            Event::Secured => self.ready(now, Status::L6Ok),
            Event::Refused(Refusal::Tls(info)) => self.finish(now, Status::L6Response, Some(info)),
            Event::Refused(Refusal::Remote(info)) => self.finish(now, Status::L4Connection, Some(info)),
            Event::Refused(Refusal::Local(info)) => self.finish(now, Status::L4Connection, Some(general(&info))),
            Event::Refused(Refusal::Unix(info)) => self.finish(now, Status::SocketError, Some(general(&info))),
            Event::Broken(info) => self.finish(now, Status::SocketError, Some(info)),
            Event::TimedOut => match self.stage {
                Stage::Connecting => self.finish(now, Status::L4Timeout, None),
                Stage::Securing => self.finish(now, Status::L6Timeout, None),
                Stage::Talking => self.finish(now, Status::L7Timeout, None),
            },
            Event::Received(bytes) => {
                if let Some(judgement) = self.answer.as_mut().and_then(|answer| answer.receive(bytes)) {
                    self.judged(judgement, now);
                }
            }
            Event::Ended => {
                if let Some(judgement) = self.answer.as_mut().map(Answer::end) {
                    self.judged(judgement, now);
                }
            }
        }
    }

    /// There is a connection to talk over; `well`: that it is there is all that was asked.
    fn ready(&mut self, now: Ticks, well: Status) {
        self.stage = Stage::Talking;
        match self.kind {
            CheckKind::Connect => self.finish(now, well, None),
            CheckKind::Http(check) => {
                if let Some(answer) = self.patience.answer {
                    self.deadline = now + answer.as_micros() as Ticks;
                }
                self.effect = Some(Effect::Send(request::write(check, self.state_header)));
            }
        }
    }

    fn judged(&mut self, judgement: Judgement, now: Ticks) {
        let outcome = Outcome {
            code: judgement.code,
            ..self.outcome(now, judgement.status, judgement.info)
        };
        self.effect = Some(Effect::Finish(outcome));
    }

    fn finish(&mut self, now: Ticks, status: Status, info: Option<String>) {
        self.effect = Some(Effect::Finish(self.outcome(now, status, info)));
    }

    fn outcome(&self, now: Ticks, status: Status, info: Option<String>) -> Outcome {
        Outcome {
            status,
            code: None,
            info,
            duration_ms: now.saturating_sub(self.started) / 1000,
        }
    }
}

fn general(info: &str) -> String {
    format!("General socket error ({info})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::check::HttpCheck;
    use std::time::Duration;

    const PATIENT: Patience = Patience {
        connect: Duration::from_millis(300),
        answer: None,
    };
    const IMPATIENT: Patience = Patience {
        connect: Duration::from_millis(100),
        answer: Some(Duration::from_millis(150)),
    };

    fn http() -> CheckKind {
        CheckKind::Http(HttpCheck::default())
    }

    fn outcome(status: Status, info: Option<&str>, duration_ms: u64) -> Option<Effect> {
        Some(Effect::Finish(Outcome {
            status,
            code: None,
            info: info.map(str::to_owned),
            duration_ms,
        }))
    }

    #[test]
    fn a_connection_is_enough_for_layer_4() {
        let mut probe = Probe::new(&CheckKind::Connect, PATIENT, false, true, None, 1_000);
        assert_eq!(probe.poll_effect(), Some(Effect::Connect));
        assert_eq!(probe.poll_effect(), None);
        probe.handle(Event::Connected, 3_500);
        assert_eq!(probe.poll_effect(), outcome(Status::L4Ok, None, 2));
    }

    #[test]
    fn refusals_have_the_peers_words() {
        let refused = |refusal| {
            let kind = http();
            let mut probe = Probe::new(&kind, PATIENT, false, true, None, 0);
            probe.poll_effect();
            probe.handle(Event::Refused(refusal), 0);
            probe.poll_effect()
        };
        for (refusal, status, info) in [
            (
                Refusal::Remote("Connection refused".into()),
                Status::L4Connection,
                "Connection refused",
            ),
            (
                Refusal::Local("Network is unreachable".into()),
                Status::L4Connection,
                "General socket error (Network is unreachable)",
            ),
            (
                Refusal::Unix("No such file or directory".into()),
                Status::SocketError,
                "General socket error (No such file or directory)",
            ),
        ] {
            assert_eq!(refused(refusal), outcome(status, Some(info), 0));
        }
    }

    #[test]
    fn timeouts_are_those_of_the_phase() {
        let kind = http();
        for (patience, connected, deadline, status) in [
            (PATIENT, None, 300_000, Status::L4Timeout),
            (IMPATIENT, None, 100_000, Status::L4Timeout),
            (PATIENT, Some(50_000), 300_000, Status::L7Timeout),
            (IMPATIENT, Some(50_000), 200_000, Status::L7Timeout),
        ] {
            let mut probe = Probe::new(&kind, patience, false, true, None, 0);
            if let Some(at) = connected {
                probe.handle(Event::Connected, at);
            }
            assert_eq!(probe.poll_timeout(), deadline);
            probe.handle(Event::TimedOut, deadline);
            assert_eq!(probe.poll_effect(), outcome(status, None, deadline / 1000));
        }
    }

    #[test]
    fn an_answer_is_asked_for_and_judged() {
        let kind = http();
        let mut probe = Probe::new(&kind, PATIENT, false, true, None, 0);
        probe.poll_effect();
        probe.handle(Event::Connected, 10);
        assert_eq!(
            probe.poll_effect(),
            Some(Effect::Send(b"OPTIONS / HTTP/1.0\r\n\r\n".to_vec()))
        );
        probe.handle(Event::Received(b"HTTP/1.0 200"), 20);
        assert_eq!(probe.poll_effect(), None);
        probe.handle(Event::Received(b" OK\r\n\r\n"), 5_000);
        let Some(Effect::Finish(outcome)) = probe.poll_effect() else {
            panic!("not finished")
        };
        assert_eq!(
            (outcome.status, outcome.code, outcome.duration_ms),
            (Status::L7Ok, Some(200), 5)
        );
    }

    #[test]
    fn an_end_or_a_reset_before_the_answer_fails() {
        let kind = http();
        for (event, status, info) in [
            (Event::Ended, Status::L7Response, None),
            (
                Event::Broken("Connection reset by peer".into()),
                Status::SocketError,
                Some("Connection reset by peer"),
            ),
        ] {
            let mut probe = Probe::new(&kind, PATIENT, false, true, None, 0);
            probe.handle(Event::Connected, 0);
            probe.handle(event, 0);
            assert_eq!(probe.poll_effect(), outcome(status, info, 0));
        }
    }
}
