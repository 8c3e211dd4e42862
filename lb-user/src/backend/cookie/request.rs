//! The request's cookies: which server they choose, and what of them the server sees.

use super::{DATE, DATE_LENGTH, Dates, PREFIX, Presented, UNIT, read_date};
use crate::http::cookie::{pair, parts};
use crate::http::header::{trim, trim_start};
use crate::http::message::Head;
use crate::plan::{Cookie, CookieMode};

/// How far a date may lie in the future: clocks of servers and zones differ.
const FUTURE: u64 = 24 * 3600;

/// A server that a cookie names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    pub index: usize,
    pub is_up: bool,
}

/// What cookies are judged against.
pub struct Judge<'a> {
    pub cookie: &'a Cookie,
    /// The server of a cookie's value.
    pub find: &'a dyn Fn(&[u8]) -> Option<Named>,
    /// Another rule has chosen the server already, or none may be chosen by cookie.
    pub decided: bool,
    /// A server that is down is chosen all the same (`option persist`, `force-persist`).
    pub forced: bool,
    /// Seconds since the epoch.
    pub now: u64,
}

impl Judge<'_> {
    /// Reads the request's cookies and takes out of them what is not for the server.
    pub fn judge(&self, request: &mut Head) -> Presented {
        let mut presented = Presented {
            server: None,
            flag: b'N',
            dates: Dates::default(),
        };
        let mut from = 0;
        while let Some(at) = request.position(b"cookie", from) {
            let value = request.field(at).map(|(_, value)| value).unwrap_or_default();
            for (_, value) in parts(value).filter_map(|part| self.ours(part)) {
                self.read(value, &mut presented);
            }
            match self.strip(value) {
                Some(stripped) if stripped.is_empty() => {
                    request.remove_at(at);
                    continue;
                }
                Some(stripped) => request.replace_value(at, &stripped),
                None => {}
            }
            from = at + 1;
        }
        presented
    }

    /// Is this part the persistence cookie?
    fn ours<'p>(&self, part: &'p [u8]) -> Option<(&'p [u8], &'p [u8])> {
        pair(part).filter(|(name, _)| *name == self.cookie.name.as_bytes())
    }

    fn read(&self, value: &[u8], presented: &mut Presented) {
        if presented.server.is_some() {
            return;
        }
        let delimiter = if self.is_prefixed() { PREFIX } else { DATE };
        let end = memchr::memchr(delimiter, value).unwrap_or(value.len());
        let (name, rest) = value.split_at(end);
        if !self.is_prefixed() {
            presented.dates = dates(rest);
            if let Some(flag) = self.is_stale(presented.dates) {
                presented.flag = flag;
                return;
            }
        }
        if self.decided {
            if presented.flag == b'N' {
                presented.flag = b'U';
            }
            return;
        }
        match (self.find)(name) {
            Some(Named { index, is_up }) => {
                presented.flag = if is_up { b'V' } else { b'D' };
                presented.server = (is_up || self.forced).then_some(index);
            }
            None if presented.flag == b'N' => presented.flag = b'I',
            None => {}
        }
    }

    /// The flag of a cookie that is too old (`maxlife`) or was not used for too long (`maxidle`).
    fn is_stale(&self, dates: Dates) -> Option<u8> {
        let beyond = |limit: Option<u64>, date: Option<u32>| {
            let (Some(limit), Some(date)) = (limit, date) else {
                return false;
            };
            let date = u64::from(date) * UNIT;
            date + limit < self.now || date > self.now + FUTURE
        };
        if beyond(self.cookie.max_life, dates.first) {
            Some(b'O')
        } else {
            beyond(self.cookie.max_idle, dates.last).then_some(b'E')
        }
    }

    fn is_prefixed(&self) -> bool {
        self.cookie.mode == CookieMode::Prefix
    }

    /// The value of a `Cookie` field as the server is to see it, if that is another one.
    fn strip(&self, value: &[u8]) -> Option<Vec<u8>> {
        match self.cookie.mode {
            CookieMode::Prefix => self.without_prefix(value),
            CookieMode::Insert if self.cookie.indirect => self.without_cookie(value),
            _ => None,
        }
    }

    fn without_prefix(&self, value: &[u8]) -> Option<Vec<u8>> {
        parts(value).find_map(|part| self.ours(part))?;
        let mut stripped = Vec::with_capacity(value.len());
        for part in parts(value) {
            push_separator(value, part, &mut stripped);
            let Some((name, own)) = self.ours(part) else {
                stripped.extend_from_slice(part);
                continue;
            };
            let own = match memchr::memchr(PREFIX, own) {
                Some(at) => own.get(at + 1..).unwrap_or_default(),
                None => own,
            };
            let indent = part.len() - trim_start(part).len();
            let content = trim(part).len();
            stripped.extend_from_slice(part.get(..indent).unwrap_or_default());
            stripped.extend_from_slice(name);
            stripped.push(b'=');
            stripped.extend_from_slice(own);
            stripped.extend_from_slice(part.get(indent + content..).unwrap_or_default());
        }
        Some(stripped)
    }

    /// Without the cookie, and without the RFC 2965 attributes that belong to it. Empty if no cookie is left.
    fn without_cookie(&self, value: &[u8]) -> Option<Vec<u8>> {
        parts(value).find_map(|part| self.ours(part))?;
        let mut stripped = Vec::with_capacity(value.len());
        let (mut after_ours, mut keeps_any) = (false, false);
        for part in parts(value) {
            let is_attribute = trim_start(part).starts_with(b"$");
            if self.ours(part).is_some() || (after_ours && is_attribute) {
                after_ours = true;
                continue;
            }
            keeps_any |= !is_attribute && !trim(part).is_empty();
            if !after_ours {
                push_separator(value, part, &mut stripped);
                stripped.extend_from_slice(part);
                continue;
            }
            after_ours = false;
            stripped.truncate(trim(&stripped).len());
            if !stripped.is_empty() {
                push_separator(value, part, &mut stripped);
                stripped.push(b' ');
            }
            stripped.extend_from_slice(trim_start(part));
        }
        if !keeps_any {
            stripped.clear();
        }
        stripped.truncate(trim(&stripped).len());
        Some(stripped)
    }
}

/// Appends what separates `part`, a part of `value`, from the one before it.
fn push_separator(value: &[u8], part: &[u8], out: &mut Vec<u8>) {
    let start = part.as_ptr() as usize - value.as_ptr() as usize;
    out.extend(start.checked_sub(1).and_then(|before| value.get(before)));
}

/// The dates behind a server's name: `|last|first`.
fn dates(text: &[u8]) -> Dates {
    let mut fields = text.split(|octet| *octet == DATE).skip(1);
    Dates {
        last: fields
            .next()
            .filter(|field| field.len() >= DATE_LENGTH)
            .and_then(read_date),
        first: fields.next().and_then(read_date),
    }
}
