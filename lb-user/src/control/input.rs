//! From bytes to commands: lines, `;`, backslashes, `<<` payloads (management manual 9.3).

/// What the bytes received so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing complete yet.
    Idle,
    /// A line of a payload was taken in; more must come.
    MorePayload,
    Ready(Line),
    /// The line, payload included, is larger than the buffer.
    TooLong,
}

/// One line: its commands in order, and the payload of the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Words of each command. A command without words is an empty one.
    pub commands: Vec<Vec<String>>,
    pub payload: Option<String>,
}

/// Assembles lines from however they arrive.
#[derive(Debug)]
pub struct Input {
    bytes: Vec<u8>,
    /// The line that waits for its payload, and what there is of that.
    waiting: Option<(Vec<u8>, Vec<u8>)>,
    limit: usize,
}

impl Input {
    /// `limit` is the largest line with its payload, in bytes (`tune.bufsize`).
    pub fn new(limit: usize) -> Input {
        Input {
            bytes: Vec::new(),
            waiting: None,
            limit,
        }
    }

    /// Takes in what was received.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Has everything received been used up?
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.waiting.is_none()
    }

    /// The next thing that is complete. To be asked until [`Step::Idle`].
    pub fn step(&mut self) -> Step {
        let held = self
            .waiting
            .as_ref()
            .map_or(0, |(line, payload)| line.len() + payload.len());
        let Some(end) = memchr::memchr(b'\n', &self.bytes) else {
            return if held + self.bytes.len() > self.limit {
                Step::TooLong
            } else {
                Step::Idle
            };
        };
        if held + end > self.limit {
            return Step::TooLong;
        }
        let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        match self.waiting.take() {
            Some((command, payload)) if line.is_empty() => Step::Ready(read(&command, Some(&payload))),
            Some((command, mut payload)) => {
                payload.extend_from_slice(&line);
                payload.push(b'\n');
                self.waiting = Some((command, payload));
                Step::MorePayload
            }
            None => match announces_payload(&line) {
                Some(command) => {
                    self.waiting = Some((command.to_vec(), Vec::new()));
                    Step::MorePayload
                }
                None => Step::Ready(read(&line, None)),
            },
        }
    }
}

/// The line without its closing `<<`, if it has one that stands alone.
fn announces_payload(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_end().strip_suffix(b"<<")?;
    line.last().is_none_or(|byte| is_blank(*byte)).then_some(line)
}

fn read(line: &[u8], payload: Option<&[u8]>) -> Line {
    Line {
        commands: commands(line),
        payload: payload.map(|payload| String::from_utf8_lossy(payload).into_owned()),
    }
}

/// Splits at `;` and blanks; a backslash takes the special meaning from the byte after it.
fn commands(line: &[u8]) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let close = |word: &mut Option<Vec<u8>>, words: &mut Vec<String>| {
        if let Some(bytes) = word.take() {
            words.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    };
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            b';' => {
                close(&mut word, &mut words);
                commands.push(std::mem::take(&mut words));
            }
            byte if is_blank(byte) => close(&mut word, &mut words),
            byte => word.get_or_insert_default().push(byte),
        }
    }
    close(&mut word, &mut words);
    commands.push(words);
    commands
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps(input: &mut Input) -> Vec<Step> {
        std::iter::from_fn(|| Some(input.step()).filter(|step| *step != Step::Idle))
            .take(100)
            .collect()
    }

    fn lines(text: &[u8]) -> Vec<Line> {
        let mut input = Input::new(16_384);
        input.feed(text);
        let ready = |step| match step {
            Step::Ready(line) => Some(line),
            _ => None,
        };
        steps(&mut input).into_iter().filter_map(ready).collect()
    }

    #[test]
    fn commands_are_split_and_escapes_undone() {
        for (text, expected) in [
            ("show info", vec![vec!["show", "info"]]),
            ("  show\tenv  HOME \r", vec![vec!["show", "env", "HOME"]]),
            ("a;b c; ;", vec![vec!["a"], vec!["b", "c"], vec![], vec![]]),
            ("", vec![vec![]]),
            (
                r"add acl f Mon\ User\ Agent\;;x",
                vec![vec!["add", "acl", "f", "Mon User Agent;"], vec!["x"]],
            ),
            (r"a\\b \c", vec![vec![r"a\b", "c"]]),
            (r"tail\", vec![vec!["tail"]]),
            (r"\ ", vec![vec![" "]]),
            ("x << y", vec![vec!["x", "<<", "y"]]),
            ("x<<", vec![vec!["x<<"]]),
            ("# no comments", vec![vec!["#", "no", "comments"]]),
        ] {
            let read = lines(format!("{text}\n").as_bytes());
            assert_eq!(read.len(), 1, "{text}");
            assert_eq!(read[0].commands, expected, "{text}");
            assert_eq!(read[0].payload, None);
        }
    }

    #[test]
    fn a_payload_ends_with_an_empty_line() {
        let read = lines(b"show info;add map m <<\nk1 v1\nk2 v;2\n\nnext\n");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].commands, [vec!["show", "info"], vec!["add", "map", "m"]]);
        assert_eq!(read[0].payload.as_deref(), Some("k1 v1\nk2 v;2\n"));
        assert_eq!(read[1].commands, [vec!["next"]]);
        assert_eq!(lines(b"x <<\n\n")[0].payload.as_deref(), Some(""));
        assert_eq!(lines(b"x <<\nabc\n"), []);
    }

    #[test]
    fn a_line_ends_where_the_buffer_does() {
        let mut input = Input::new(8);
        input.feed(b"12345678\n123456789");
        assert!(matches!(input.step(), Step::Ready(_)));
        assert_eq!(input.step(), Step::TooLong);
        let mut input = Input::new(8);
        input.feed(b"x <<\n123\n12345\n");
        assert_eq!(steps(&mut input).last(), Some(&Step::TooLong));
    }

    proptest! {
        /// The steps do not depend on how the bytes are cut.
        #[test]
        fn cuts_change_nothing(text in r"([a-c;\\ \n]|<<\n|\n\n|\r\n){0,40}", cuts in prop::collection::vec(0usize..60, 0..6)) {
            let mut whole = Input::new(64);
            whole.feed(text.as_bytes());
            let expected = steps(&mut whole);

            let mut input = Input::new(64);
            let mut seen = Vec::new();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                input.feed(&text.as_bytes()[pair[0]..pair[1]]);
                seen.extend(steps(&mut input));
            }
            // Nothing is asked of the input after a line that is too long.
            let until_too_long = |steps: Vec<Step>| match steps.iter().position(|step| *step == Step::TooLong) {
                Some(at) => steps[..=at].to_vec(),
                None => steps,
            };
            let broken = expected.contains(&Step::TooLong);
            prop_assert_eq!(until_too_long(seen), until_too_long(expected));
            prop_assert!(broken || input.is_empty() == whole.is_empty());
        }
    }
}
