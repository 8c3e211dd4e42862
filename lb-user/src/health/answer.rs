//! Judging the answer to an HTTP check (manual 4.2, `http-check expect`, `http-check disable-on-404`).

use super::request;
use super::result::Status;
use crate::http::h1::chunk::ChunkDecoder;
use crate::http::h1::framing::{self, Framing};
use crate::http::h1::head::{self, Limits, Parsed};
use crate::http::message::Head;
use crate::plan::check::{Expected, HttpCheck, HttpExpect};

/// Bytes of a body that are looked at (`tune.bufsize`).
const MAX_BODY: usize = 16384;

/// What an answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub status: Status,
    /// HTTP status of the answer.
    pub code: Option<u16>,
    pub info: Option<String>,
}

/// An answer on its way in.
pub struct Answer<'a> {
    check: &'a HttpCheck,
    /// May a 404 retire the server? Only while it is up.
    may_retire: bool,
    /// Received and not taken apart yet.
    raw: Vec<u8>,
    head: Head,
    body: Option<Body>,
    /// How many expectations were met.
    met: usize,
}

struct Body {
    framing: Framing,
    chunks: ChunkDecoder,
    content: Vec<u8>,
    is_whole: bool,
}

/// Whether an expectation is met.
enum Match {
    Yes,
    No,
    /// Not before more has come.
    Undecided,
}

impl<'a> Answer<'a> {
    /// Expects the answer to `check` from a server that is up or not.
    pub fn new(check: &'a HttpCheck, is_up: bool) -> Answer<'a> {
        Answer {
            check,
            may_retire: check.disable_on_404 && is_up,
            raw: Vec::new(),
            head: Head::new(),
            body: None,
            met: 0,
        }
    }

    /// Takes what was received; answers as soon as it suffices.
    pub fn receive(&mut self, bytes: &[u8]) -> Option<Judgement> {
        self.raw.extend_from_slice(bytes);
        match self.read() {
            Ok(true) => self.judge(),
            Ok(false) => None,
            Err(()) => Some(self.invalid(None)),
        }
    }

    /// The connection has ended.
    pub fn end(&mut self) -> Judgement {
        if let Some(body) = &mut self.body {
            body.is_whole = true;
        }
        let judgement = if self.body.is_some() { self.judge() } else { None };
        judgement.unwrap_or_else(|| self.invalid(None))
    }

    /// Parses what came. `Ok(true)`: the head is there.
    fn read(&mut self) -> Result<bool, ()> {
        if self.body.is_none() {
            let limits = Limits::default();
            match head::parse_response(&self.raw, &mut self.head, &limits).map_err(drop)? {
                Parsed::Complete { consumed } => {
                    self.raw.drain(..consumed);
                    let framing = framing::of_response(&self.head, request::asked(self.check)).map_err(drop)?;
                    self.body = Some(Body::new(framing, limits));
                }
                Parsed::Partial => return Ok(false),
                Parsed::Http2Preface => return Err(()),
            }
        }
        if let Some(body) = &mut self.body {
            let taken = body.take(&self.raw)?;
            self.raw.drain(..taken);
        }
        Ok(true)
    }

    fn judge(&mut self) -> Option<Judgement> {
        if self.may_retire && self.head.status() == 404 {
            return Some(self.judgement(Status::L7OkConditional, None));
        }
        if self.check.expect.is_empty() {
            let fine = (200..400).contains(&self.head.status());
            return Some(if fine {
                self.judgement(Status::L7Ok, None)
            } else {
                self.wrong_status()
            });
        }
        while let Some(expect) = self.check.expect.get(self.met) {
            match self.meets(expect) {
                Match::Yes => self.met += 1,
                Match::Undecided => return None,
                Match::No => return Some(self.disappointed(expect)),
            }
        }
        Some(self.judgement(Status::L7Ok, None))
    }

    fn meets(&self, expect: &HttpExpect) -> Match {
        let status = self.head.status();
        let (content, is_whole) = self
            .body
            .as_ref()
            .map_or((&[][..], true), |body| (&body.content[..], body.is_whole));
        let (found, is_final) = match &expect.what {
            Expected::Status(ranges) => (ranges.iter().any(|(from, to)| (from..=to).contains(&&status)), true),
            Expected::StatusRegex(regex) => (regex.is_match(status.to_string().as_bytes()), true),
            Expected::Text(text) => (memchr::memmem::find(content, text).is_some(), is_whole),
            Expected::Regex(regex) => (regex.is_match(content), is_whole),
        };
        match found != expect.negate {
            _ if !found && !is_final => Match::Undecided,
            true => Match::Yes,
            false => Match::No,
        }
    }

    fn disappointed(&self, expect: &HttpExpect) -> Judgement {
        match expect.what {
            Expected::Status(_) | Expected::StatusRegex(_) => self.wrong_status(),
            _ if expect.negate => self.invalid(Some("HTTP check matched unwanted content")),
            _ => self.invalid(Some("HTTP content check did not match")),
        }
    }

    fn wrong_status(&self) -> Judgement {
        let reason = String::from_utf8_lossy(self.head.reason()).into_owned();
        self.judgement(Status::L7Status, Some(reason).filter(|reason| !reason.is_empty()))
    }

    fn judgement(&self, status: Status, info: Option<String>) -> Judgement {
        Judgement {
            status,
            code: Some(self.head.status()),
            info,
        }
    }

    fn invalid(&self, info: Option<&str>) -> Judgement {
        Judgement {
            status: Status::L7Response,
            code: None,
            info: info.map(str::to_owned),
        }
    }
}

impl Body {
    fn new(framing: Framing, limits: Limits) -> Body {
        Body {
            framing,
            chunks: ChunkDecoder::new(limits),
            content: Vec::new(),
            is_whole: matches!(framing, Framing::None | Framing::Tunnel),
        }
    }

    /// Adds what belongs to the body and returns how many bytes that took.
    fn take(&mut self, raw: &[u8]) -> Result<usize, ()> {
        let mut taken = 0;
        while !self.is_whole && taken < raw.len() {
            let rest = &raw[taken..];
            let (used, data) = match self.framing {
                Framing::None | Framing::Tunnel => (rest.len(), 0..0),
                Framing::UntilClose => (rest.len(), 0..rest.len()),
                Framing::Length(length) => {
                    let missing = length.saturating_sub(self.content.len() as u64);
                    let used = rest.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
                    self.is_whole = used as u64 == missing;
                    (used, 0..used)
                }
                Framing::Chunked => {
                    let step = self.chunks.decode(rest).map_err(drop)?;
                    self.is_whole = step.done;
                    (step.consumed, step.data)
                }
            };
            self.content.extend_from_slice(rest.get(data).unwrap_or_default());
            self.is_whole |= self.content.len() >= MAX_BODY;
            taken += used;
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(expects: &[&str]) -> HttpCheck {
        let regex = |text: &str| regex::bytes::Regex::new(text).unwrap();
        let expect = |words: &&str| {
            let negate = words.starts_with('!');
            let (kind, pattern) = words.trim_start_matches(['!', ' ']).split_once(' ').unwrap();
            let what = match kind {
                "status" => {
                    let range = |range: &str| {
                        let (from, to) = range.split_once('-').unwrap_or((range, range));
                        (from.parse().unwrap(), to.parse().unwrap())
                    };
                    Expected::Status(pattern.split(',').map(range).collect())
                }
                "rstatus" => Expected::StatusRegex(regex(pattern)),
                "string" => Expected::Text(pattern.as_bytes().to_vec()),
                _ => Expected::Regex(regex(pattern)),
            };
            HttpExpect { negate, what }
        };
        HttpCheck {
            expect: expects.iter().map(expect).collect(),
            ..HttpCheck::default()
        }
    }

    /// Result, code and info in one line.
    fn judged(check: &HttpCheck, parts: &[&[u8]]) -> String {
        let mut answer = Answer::new(check, true);
        let early = parts.iter().find_map(|part| answer.receive(part));
        let Judgement { status, code, info } = early.unwrap_or_else(|| answer.end());
        let code = code.map_or(String::new(), |code| format!(" {code}"));
        let info = info.map_or(String::new(), |info| format!(" ({info})"));
        format!("{}{code}{info}", status.code())
    }

    const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

    /// Expectations, answer, and the peer's result.
    const JUDGED: &[(&[&str], &str, &str)] = &[
        (&[], "HTTP/1.0 200 OK\r\n\r\n", "L7OK 200"),
        (&[], "HTTP/1.1 302 Found it\r\n\r\n", "L7OK 302"),
        (
            &[],
            "HTTP/1.0 503 Service Unavailable\r\n\r\n",
            "L7STS 503 (Service Unavailable)",
        ),
        (&[], "HTTP/1.0 404 Not found\r\n\r\n", "L7STS 404 (Not found)"),
        (&[], "HTTP/1.1 200\r\n\r\n", "L7OK 200"),
        (
            &[],
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
            "L7STS 100 (Continue)",
        ),
        (&[], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", "L7OK 200"),
        (&[], "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", "L7RSP"),
        (&[], "garbage\r\n\r\n", "L7RSP"),
        (&[], "HTTP/1.0 200 O", "L7RSP"),
        (&[], "", "L7RSP"),
        (&["! status 200"], HELLO, "L7STS 200 (OK)"),
        (&["status 300-399,404"], HELLO, "L7STS 200 (OK)"),
        (&["status 100,200-201"], HELLO, "L7OK 200"),
        (&["rstatus ^3"], HELLO, "L7STS 200 (OK)"),
        (&["! rstatus ^2"], HELLO, "L7STS 200 (OK)"),
        (&["string hellx"], HELLO, "L7RSP (HTTP content check did not match)"),
        (&["string hello"], CHUNKED, "L7OK 200"),
        (&["! string hell"], HELLO, "L7RSP (HTTP check matched unwanted content)"),
        (&["! string hellx"], CHUNKED, "L7OK 200"),
        (&["rstring he..x"], HELLO, "L7RSP (HTTP content check did not match)"),
        (&["rstring he..o"], HELLO, "L7OK 200"),
        (
            &["! rstring he..o"],
            HELLO,
            "L7RSP (HTTP check matched unwanted content)",
        ),
        (
            &["status 200", "string hellx"],
            HELLO,
            "L7RSP (HTTP content check did not match)",
        ),
    ];

    #[test]
    fn answers_are_judged_as_by_the_peer() {
        for (expects, answer, expected) in JUDGED {
            assert_eq!(
                judged(&check(expects), &[answer.as_bytes()]),
                *expected,
                "{expects:?} {answer:?}"
            );
        }
    }

    #[test]
    fn a_404_retires_a_server_that_is_up() {
        let check = HttpCheck {
            disable_on_404: true,
            ..check(&["status 404"])
        };
        let answer = b"HTTP/1.0 404 Not found\r\n\r\n";
        let status = |is_up| {
            Answer::new(&check, is_up)
                .receive(answer)
                .map(|judgement| judgement.status)
        };
        assert_eq!(status(true), Some(Status::L7OkConditional));
        assert_eq!(status(false), Some(Status::L7Ok));
    }

    #[test]
    fn content_is_judged_as_soon_as_it_suffices() {
        let check = check(&["string ell"]);
        let mut answer = Answer::new(&check, true);
        assert_eq!(
            answer.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhel"),
            None
        );
        assert!(
            answer
                .receive(b"l")
                .is_some_and(|judgement| judgement.status == Status::L7Ok)
        );
    }

    proptest! {
        #[test]
        fn every_split_is_judged_alike(case in 0..JUDGED.len(), cut in 0usize..80, second in 0usize..80) {
            let (expects, answer, expected) = JUDGED[case];
            let (start, rest) = answer.as_bytes().split_at(cut.min(answer.len()));
            let (middle, end) = rest.split_at(second.min(rest.len()));
            prop_assert_eq!(judged(&check(expects), &[start, middle, end]), expected);
        }

        #[test]
        fn no_answer_panics(bytes: Vec<u8>) {
            let check = check(&["string x"]);
            judged(&check, &[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &bytes]);
            judged(&check, &[&bytes]);
        }
    }
}
