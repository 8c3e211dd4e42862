//! The envelope around a log message: priority, date, host, tag (manual 3.1 `log`, RFC 3164, RFC 5424).

use std::io::Write;

use crate::plan::log::LogTransportFormat;
use crate::runtime::calendar::Calendar;

/// Who writes the lines: the same for all that a process sends.
#[derive(Clone, Debug)]
pub struct Sender {
    /// `log-send-hostname`, or nothing.
    pub host: Option<String>,
    pub pid: u32,
}

/// One message and what its envelope says of it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Microseconds since the epoch.
    pub now: u64,
    pub facility: u8,
    /// Severity number, 0 (emergency) to 7 (debug).
    pub level: u8,
    pub tag: &'a str,
    /// RFC 5424 structured data; empty when there is none.
    pub structured_data: &'a [u8],
    pub message: &'a [u8],
}

/// The texts of one second, kept because most lines share theirs with the line before.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    second: Option<u64>,
    /// `Nov 22 17:58:10` (RFC 3164 section 4.1.2).
    syslog: String,
    /// `2026-11-22T17:58:10`, without its fraction.
    iso: String,
    /// `+00:00`.
    zone: String,
}

impl Stamp {
    /// Takes the texts of the second of `now`, microseconds since the epoch.
    pub fn set(&mut self, now: u64) {
        let second = now / 1_000_000;
        if self.second == Some(second) {
            return;
        }
        let date = Calendar::local(second);
        let (sign, hours, minutes) = date.zone();
        self.second = Some(second);
        self.syslog = format!(
            "{} {:2} {:02}:{:02}:{:02}",
            date.month_name(),
            date.day,
            date.hour,
            date.minute,
            date.second
        );
        self.iso = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year,
            date.month + 1,
            date.day,
            date.hour,
            date.minute,
            date.second
        );
        self.zone = format!("{sign}{hours:02}:{minutes:02}");
    }
}

/// Appends the line in `format`, cut to `length` bytes, without a line end. `stamp` is that of the line's second.
pub fn write(
    out: &mut Vec<u8>,
    format: LogTransportFormat,
    length: usize,
    sender: &Sender,
    stamp: &Stamp,
    line: &Line<'_>,
) {
    let start = out.len();
    head(out, format, sender, stamp, line);
    out.extend_from_slice(line.message);
    out.truncate(start.saturating_add(length).min(out.len()));
}

fn head(out: &mut Vec<u8>, format: LogTransportFormat, sender: &Sender, stamp: &Stamp, line: &Line<'_>) {
    let priority = u32::from(line.facility) * 8 + u32::from(line.level);
    let level = line.level;
    let tag = line.tag;
    let pid = sender.pid;
    let micros = line.now % 1_000_000;
    let Stamp { syslog, iso, zone, .. } = stamp;
    // Writing to a Vec cannot fail.
    let _ = match format {
        LogTransportFormat::Raw => Ok(()),
        LogTransportFormat::Short => write!(out, "<{level}>"),
        LogTransportFormat::Priority => write!(out, "<{priority}>"),
        LogTransportFormat::Timed => write!(out, "<{level}>{iso}.{micros:06}{zone} "),
        LogTransportFormat::Iso => write!(out, "{iso}.{micros:06}{zone} "),
        LogTransportFormat::Local => write!(out, "<{priority}>{syslog} {tag}[{pid}]: "),
        LogTransportFormat::Rfc3164 => {
            let host = sender.host.as_deref().unwrap_or("localhost");
            write!(out, "<{priority}>{syslog} {host} {tag}[{pid}]: ")
        }
        LogTransportFormat::Rfc5424 => {
            let host = sender.host.as_deref().unwrap_or("-");
            let _ = write!(out, "<{priority}>1 {iso}.{micros:06}{zone} {host} {tag} {pid} - ");
            out.extend_from_slice(if line.structured_data.is_empty() {
                b"-"
            } else {
                line.structured_data
            });
            write!(out, " ")
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(structured_data: &'a [u8], message: &'a [u8]) -> Line<'a> {
        Line {
            now: 1_795_370_134_000_042,
            facility: 16,
            level: 6,
            tag: "mytag",
            structured_data,
            message,
        }
    }

    fn written(format: LogTransportFormat, host: Option<&str>, length: usize, line: &Line<'_>) -> String {
        let sender = Sender {
            host: host.map(str::to_owned),
            pid: 77,
        };
        // A stamp of a fixed zone, whatever the machine's is.
        let stamp = Stamp {
            second: Some(line.now / 1_000_000),
            syslog: "Nov  2 17:55:34".to_owned(),
            iso: "2026-11-02T17:55:34".to_owned(),
            zone: "+00:00".to_owned(),
        };
        let mut out = b"before ".to_vec();
        write(&mut out, format, length, &sender, &stamp, line);
        String::from_utf8(out).expect("text").split_off("before ".len())
    }

    #[test]
    fn each_format_has_its_head() {
        use LogTransportFormat::*;
        for (format, host, expected) in [
            (Raw, None, "hello"),
            (Short, None, "<6>hello"),
            (Priority, None, "<134>hello"),
            (Timed, None, "<6>2026-11-02T17:55:34.000042+00:00 hello"),
            (Iso, None, "2026-11-02T17:55:34.000042+00:00 hello"),
            (Local, None, "<134>Nov  2 17:55:34 mytag[77]: hello"),
            (Local, Some("h"), "<134>Nov  2 17:55:34 mytag[77]: hello"),
            (Rfc3164, None, "<134>Nov  2 17:55:34 localhost mytag[77]: hello"),
            (Rfc3164, Some("h"), "<134>Nov  2 17:55:34 h mytag[77]: hello"),
            (
                Rfc5424,
                None,
                "<134>1 2026-11-02T17:55:34.000042+00:00 - mytag 77 - - hello",
            ),
            (
                Rfc5424,
                Some("h"),
                "<134>1 2026-11-02T17:55:34.000042+00:00 h mytag 77 - - hello",
            ),
        ] {
            assert_eq!(written(format, host, 1024, &line(b"", b"hello")), expected);
        }
    }

    #[test]
    fn structured_data_stands_before_the_message() {
        let text = written(LogTransportFormat::Rfc5424, None, 1024, &line(b"[a b=\"c\"]", b"hello"));
        assert!(text.ends_with(" 77 - [a b=\"c\"] hello"), "{text}");
    }

    #[test]
    fn the_length_counts_head_and_message() {
        let whole = written(LogTransportFormat::Local, None, 1024, &line(b"", b"0123456789"));
        for length in 0..=whole.len() {
            let cut = written(LogTransportFormat::Local, None, length, &line(b"", b"0123456789"));
            assert_eq!(cut, whole[..length]);
        }
    }

    #[test]
    fn a_stamp_follows_the_seconds() {
        let mut stamp = Stamp::default();
        stamp.set(5_000_000);
        let first = stamp.clone();
        stamp.set(5_999_999);
        assert_eq!(stamp.iso, first.iso);
        stamp.set(6_000_000);
        assert_ne!(stamp.iso, first.iso);
        assert_eq!(stamp.syslog.len(), "Nov 22 17:58:10".len());
    }
}
