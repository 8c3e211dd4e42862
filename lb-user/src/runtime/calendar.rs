//! Dates for people: seconds since the epoch taken apart, in the machine's time zone or in UTC.

use std::fmt;

/// A moment taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    pub year: i32,
    /// From zero.
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// Days since Sunday.
    pub weekday: u8,
    /// Seconds east of Greenwich.
    pub offset: i32,
}

/// English names of the months, as logs and HTTP write them.
pub const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// English names of the days, as HTTP writes them.
pub const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Whose clocks a date is shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Local,
    Utc,
}

impl Calendar {
    /// A moment in the format of strftime(3); `None` for what cannot be shown in a kilobyte.
    pub fn strftime(format: &str, seconds: i64, zone: Zone) -> Option<Vec<u8>> {
        let format = std::ffi::CString::new(format).ok()?;
        // SAFETY: an all-zero `tm` is a valid value (its zone name may be null).
        let mut parts: libc::tm = unsafe { std::mem::zeroed() };
        let moment: libc::time_t = seconds;
        // SAFETY: both pointers are to live locals; the functions keep neither.
        let done = unsafe {
            match zone {
                Zone::Local => libc::localtime_r(&moment, &mut parts),
                Zone::Utc => libc::gmtime_r(&moment, &mut parts),
            }
        };
        if done.is_null() {
            return None;
        }
        let mut out = vec![0u8; 1_024];
        // SAFETY: `out` is written for at most its length, the format ends in zero, and `parts` was filled above.
        let written = unsafe { libc::strftime(out.as_mut_ptr().cast(), out.len(), format.as_ptr(), &parts) };
        out.truncate(written);
        (written > 0).then_some(out)
    }

    /// The moment in the machine's time zone.
    pub fn local(seconds: u64) -> Calendar {
        // SAFETY: an all-zero `tm` is a valid value (its zone name may be null).
        let mut parts: libc::tm = unsafe { std::mem::zeroed() };
        let moment = seconds as libc::time_t;
        // SAFETY: both pointers are to live locals; the function keeps neither.
        let done = unsafe { libc::localtime_r(&moment, &mut parts) };
        if done.is_null() {
            return Calendar::utc(seconds);
        }
        Calendar {
            year: parts.tm_year + 1900,
            month: parts.tm_mon as u8,
            day: parts.tm_mday as u8,
            hour: parts.tm_hour as u8,
            minute: parts.tm_min as u8,
            second: parts.tm_sec as u8,
            weekday: parts.tm_wday as u8,
            offset: parts.tm_gmtoff as i32,
        }
    }

    /// The moment in UTC.
    pub fn utc(seconds: u64) -> Calendar {
        let days = seconds / 86_400;
        let (year, month, day) = civil(days);
        let within = seconds % 86_400;
        Calendar {
            year,
            month,
            day,
            hour: (within / 3_600) as u8,
            minute: (within / 60 % 60) as u8,
            second: (within % 60) as u8,
            weekday: ((days + 4) % 7) as u8,
            offset: 0,
        }
    }

    /// English name of the month.
    pub fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month)).copied().unwrap_or("Jan")
    }

    /// English name of the day of the week.
    pub fn weekday_name(&self) -> &'static str {
        WEEKDAYS.get(usize::from(self.weekday)).copied().unwrap_or("Sun")
    }

    /// The offset from Greenwich as a sign, hours and minutes.
    pub fn zone(&self) -> (char, u32, u32) {
        let minutes = self.offset.unsigned_abs() / 60;
        (if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }
}

/// `06/Feb/2009:12:14:14`
impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Calendar {
            year,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        let month = self.month_name();
        write!(f, "{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02}")
    }
}

/// A date in microseconds since the epoch, as log lines show it: `06/Feb/2009:12:14:14.655`, in local time.
#[derive(Clone, Copy, Debug)]
pub struct LogDate(pub u64);

impl fmt::Display for LogDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:03}",
            Calendar::local(self.0 / 1_000_000),
            self.0 / 1_000 % 1_000
        )
    }
}

/// Year, month from zero and day of a day counted from 1 January 1970. Years are counted from March here, so that the
/// leap day ends them; 153 days are five months then.
fn civil(days: u64) -> (i32, u8, u8) {
    let since = days + 719_468;
    let era = since / 146_097;
    let of_era = since % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 2 } else { shifted - 10 };
    let year = era * 400 + year + u64::from(month < 2);
    (year as i32, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_where_the_calendar_has_them() {
        for (seconds, year, month, day, weekday) in [
            (0, 1970, "Jan", 1, "Thu"),
            (951_782_399, 2000, "Feb", 28, "Mon"),
            (951_782_400, 2000, "Feb", 29, "Tue"),
            (951_868_800, 2000, "Mar", 1, "Wed"),
            (1_709_164_800, 2024, "Feb", 29, "Thu"),
            (1_795_370_134, 2026, "Nov", 22, "Sun"),
            (4_107_542_400, 2100, "Mar", 1, "Mon"),
        ] {
            let date = Calendar::utc(seconds);
            assert_eq!(
                (date.year, date.month_name(), date.day, date.weekday_name()),
                (year, month, day, weekday)
            );
        }
        let date = Calendar::utc(1_795_370_134);
        assert_eq!((date.hour, date.minute, date.second), (17, 55, 34));
    }

    #[test]
    fn local_time_differs_from_utc_by_its_offset() {
        let moment = 1_795_370_134;
        let local = Calendar::local(moment);
        let shifted = Calendar::utc((moment as i64 + i64::from(local.offset)) as u64);
        assert_eq!(
            (local.day, local.hour, local.minute),
            (shifted.day, shifted.hour, shifted.minute)
        );
    }

    #[test]
    fn zones_are_written_with_their_sign() {
        let zone = |offset| {
            Calendar {
                offset,
                ..Calendar::default()
            }
            .zone()
        };
        assert_eq!(zone(0), ('+', 0, 0));
        assert_eq!(zone(19_800), ('+', 5, 30));
        assert_eq!(zone(-12_600), ('-', 3, 30));
    }
}
