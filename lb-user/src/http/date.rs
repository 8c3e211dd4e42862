//! Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The last second of the year 9999: the form has four digits for the year.
const LAST: u64 = 253_402_300_799;

/// Writes the moment `seconds` after 1970, at most year 9999's end, as an IMF-fixdate of 29 bytes.
pub fn format(seconds: u64) -> String {
    let seconds = seconds.min(LAST);
    let days = seconds / 86400;
    let (year, month, day) = civil(days);
    let clock = seconds % 86400;
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[month as usize],
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

/// Reads a date in any of the three forms HTTP ever had, as seconds after 1970; none before that. A year of two
/// digits below 70 is in this century.
pub fn parse(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split([' ', '-', ',']).filter(|word| !word.is_empty());
    words
        .next()
        .filter(|weekday| DAYS.iter().any(|day| weekday.starts_with(day)))?;
    let second = words.next()?;
    let (day, month, clock, year) = match number(second, 2) {
        Some(day) => {
            let (month, year, clock) = (words.next()?, words.next()?, words.next()?);
            words.next().filter(|zone| *zone == "GMT")?;
            (day, month, clock, year)
        }
        None => (number(words.next()?, 2)?, second, words.next()?, words.next()?),
    };
    if words.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let year = match (year.len(), number(year, 4)?) {
        (2, short @ 70..) => 1900 + short,
        (2, short) => 2000 + short,
        (4, year @ 1970..) => year,
        _ => return None,
    };
    Some(days_before(year, month, day)? * 86400 + time_of_day(clock)?)
}

fn time_of_day(clock: &str) -> Option<u64> {
    let mut parts = clock.split(':').map(|part| number(part, 2).filter(|_| part.len() == 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // 60 is a leap second.
    (hour < 24 && minute < 60 && second <= 60 && parts.next().is_none()).then_some(hour * 3600 + minute * 60 + second)
}

/// A number of at most `max` digits.
fn number(text: &str, max: usize) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= max && text.bytes().all(|octet| octet.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        1 => 28 + u64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Days from 1970 to the first of January of `year`.
fn year_start(year: u64) -> u64 {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

/// Days from 1970 to a date, `month` counted from 0; none when the month has no such day.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    (1..=month_length(year, month)).contains(&day).then(|| {
        let months: u64 = (0..month).map(|month| month_length(year, month)).sum();
        year_start(year) + months + day - 1
    })
}

/// Year, month from 0 and day of the month of the day `days` after 1970's first.
fn civil(days: u64) -> (u64, u64, u64) {
    let guess = 1970 + days / 366;
    let year = (guess..)
        .take_while(|&year| year_start(year) <= days)
        .last()
        .unwrap_or(guess);
    let mut day = days - year_start(year);
    let mut month = 0;
    while day >= month_length(year, month) {
        day -= month_length(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951782399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951782400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ];
        for (seconds, text) in cases {
            assert_eq!(format(seconds), text);
            assert_eq!(parse(text.as_bytes()), Some(seconds), "{text}");
        }
    }

    #[test]
    fn old_forms_are_read() {
        assert_eq!(parse(b"Sunday, 06-Nov-94 08:49:37 GMT"), Some(784111777));
        assert_eq!(parse(b"Sun Nov  6 08:49:37 1994"), Some(784111777));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "Sun",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 19944 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
