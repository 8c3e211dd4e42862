//! What a check found (management manual 9.1, `check_status` and `check_desc`).

use std::fmt::Write;

/// Status of a check. The numbers are those of `show servers state` (`srv_check_status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// No check is known.
    Unknown = 0,
    /// The first check has not ended yet.
    #[default]
    Initializing = 1,
    SocketError = 5,
    L4Ok = 6,
    L4Timeout = 7,
    L4Connection = 8,
    L6Ok = 9,
    L6Timeout = 10,
    L6Response = 11,
    L7Timeout = 12,
    L7Response = 13,
    L7Ok = 15,
    /// Passed under a condition: a 404 with `http-check disable-on-404`.
    L7OkConditional = 16,
    L7Status = 17,
}

/// What a status means for the server. The numbers are those of `show servers state` (`srv_check_result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    Unknown = 0,
    Failed = 2,
    Passed = 3,
    Conditional = 4,
}

impl Status {
    const ALL: [Status; 14] = [
        Status::Unknown,
        Status::Initializing,
        Status::SocketError,
        Status::L4Ok,
        Status::L4Timeout,
        Status::L4Connection,
        Status::L6Ok,
        Status::L6Timeout,
        Status::L6Response,
        Status::L7Timeout,
        Status::L7Response,
        Status::L7Ok,
        Status::L7OkConditional,
        Status::L7Status,
    ];

    /// The status with this number, as live state keeps it.
    pub fn from_number(number: u8) -> Status {
        let known = Status::ALL.into_iter().find(|status| *status as u8 == number);
        known.unwrap_or(Status::Unknown)
    }

    /// The word of `check_status`.
    pub fn code(self) -> &'static str {
        match self {
            Status::Unknown => "UNK",
            Status::Initializing => "INI",
            Status::SocketError => "SOCKERR",
            Status::L4Ok => "L4OK",
            Status::L4Timeout => "L4TOUT",
            Status::L4Connection => "L4CON",
            Status::L6Ok => "L6OK",
            Status::L6Timeout => "L6TOUT",
            Status::L6Response => "L6RSP",
            Status::L7Timeout => "L7TOUT",
            Status::L7Response => "L7RSP",
            Status::L7Ok => "L7OK",
            Status::L7OkConditional => "L7OKC",
            Status::L7Status => "L7STS",
        }
    }

    /// The text of `check_desc`.
    pub fn description(self) -> &'static str {
        match self {
            Status::Unknown => "Unknown",
            Status::Initializing => "Initializing",
            Status::SocketError => "Socket error",
            Status::L4Ok => "Layer4 check passed",
            Status::L4Timeout => "Layer4 timeout",
            Status::L4Connection => "Layer4 connection problem",
            Status::L6Ok => "Layer6 check passed",
            Status::L6Timeout => "Layer6 timeout",
            Status::L6Response => "Layer6 invalid response",
            Status::L7Timeout => "Layer7 timeout",
            Status::L7Response => "Layer7 invalid response",
            Status::L7Ok => "Layer7 check passed",
            Status::L7OkConditional => "Layer7 check conditionally passed",
            Status::L7Status => "Layer7 wrong status",
        }
    }

    /// What it means for the server.
    pub fn verdict(self) -> Verdict {
        match self {
            Status::Unknown | Status::Initializing => Verdict::Unknown,
            Status::L4Ok | Status::L6Ok | Status::L7Ok => Verdict::Passed,
            Status::L7OkConditional => Verdict::Conditional,
            _ => Verdict::Failed,
        }
    }
}

/// How one check ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub status: Status,
    /// Code of layers 5 to 7, such as the status of an HTTP response.
    pub code: Option<u16>,
    /// More about a failure, in the words of the system or of the server.
    pub info: Option<String>,
    pub duration_ms: u64,
}

impl Outcome {
    /// `reason: …` as it stands in logs.
    pub fn reason(&self) -> String {
        let mut text = format!("reason: {}", self.status.description());
        if let Some(code) = self.code {
            let _ = write!(text, ", code: {code}");
        }
        if let Some(info) = &self.info {
            let _ = write!(text, ", info: \"{}\"", escaped(info));
        }
        let _ = write!(text, ", check duration: {}ms", self.duration_ms);
        text
    }
}

/// What could end the quotes or disturb a terminal, as `<XX>`.
fn escaped(info: &str) -> String {
    let mut text = String::with_capacity(info.len());
    for byte in info.bytes() {
        match byte {
            b'"' | b'<' | b'>' | ..b' ' | 0x7f.. => {
                let _ = write!(text, "<{byte:02X}>");
            }
            _ => text.push(byte.into()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_statuses_correspond() {
        for status in Status::ALL {
            assert_eq!(Status::from_number(status as u8), status);
        }
        assert_eq!(Status::from_number(14), Status::Unknown);
    }

    #[test]
    fn reasons_read_as_the_peers() {
        let outcome = |status, code, info: Option<&str>| Outcome {
            status,
            code,
            info: info.map(str::to_owned),
            duration_ms: 3,
        };
        for (outcome, expected) in [
            (
                outcome(Status::L4Ok, None, None),
                "reason: Layer4 check passed, check duration: 3ms",
            ),
            (
                outcome(Status::L4Connection, None, Some("Connection refused")),
                "reason: Layer4 connection problem, info: \"Connection refused\", check duration: 3ms",
            ),
            (
                outcome(Status::L7Status, Some(500), Some("a<b>\tc\u{7f}e\"f\\g")),
                "reason: Layer7 wrong status, code: 500, info: \"a<3C>b<3E><09>c<7F>e<22>f\\g\", check duration: 3ms",
            ),
        ] {
            assert_eq!(outcome.reason(), expected);
        }
    }
}
