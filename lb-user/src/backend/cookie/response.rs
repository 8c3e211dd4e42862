//! The response's cookie: deleted, rewritten, inserted.

use super::{Dates, PREFIX, Presented, date_of, write_date};
use crate::http::cookie::{pair, parts};
use crate::http::message::Head;
use crate::plan::{Cookie, CookieMode};

/// What a response is seen to.
pub struct Dresser<'a> {
    pub cookie: &'a Cookie,
    /// The cookie of the server that answered, if it has one.
    pub server: Option<&'a [u8]>,
    pub presented: Presented,
    /// Was the server chosen by persistence or a rule, rather than by the algorithm?
    pub bound: bool,
    pub is_post: bool,
    /// May caches keep the response?
    pub is_cacheable: bool,
    /// Seconds since the epoch.
    pub now: u64,
}

impl Dresser<'_> {
    /// Sees to the cookies of the response, and gives the fourth letter of the termination state (manual 8.5).
    pub fn dress(&self, response: &mut Head) -> u8 {
        let seen = self.treat(response);
        let inserts = self.cookie.mode == CookieMode::Insert
            && (self.is_post || !self.cookie.postonly)
            && !(self.cookie.preserve && seen == b'P');
        let flag = match (self.bound, self.server) {
            _ if !inserts => return seen,
            (false, _) => b'I',
            (true, _) if !self.is_outdated() => return seen,
            (true, Some(_)) => b'U',
            (true, None) => b'I',
        };
        response.add(b"set-cookie", &self.set_cookie(flag == b'U'));
        if self.cookie.nocache && self.is_cacheable {
            response.add(b"cache-control", b"private");
        }
        flag
    }

    /// Deletes or rewrites the cookie where the server set it.
    fn treat(&self, response: &mut Head) -> u8 {
        let mut flag = b'N';
        let mut at = 0;
        while let Some((name, value)) = response.field(at) {
            let sets_cookies = name.eq_ignore_ascii_case(b"set-cookie") || name.eq_ignore_ascii_case(b"set-cookie2");
            let Some(own) = self.value(value).filter(|_| sets_cookies) else {
                at += 1;
                continue;
            };
            if self.deletes() {
                response.remove_at(at);
                flag = b'D';
                continue;
            }
            flag = b'P';
            if let Some(rewritten) = self.rewritten(own, value) {
                response.replace_value(at, &rewritten);
                flag = b'R';
            }
            at += 1;
        }
        flag
    }

    /// What the server set the cookie to, if it is the first one of a `Set-Cookie` value.
    fn value<'v>(&self, set_cookie: &'v [u8]) -> Option<&'v [u8]> {
        let (name, value) = pair(parts(set_cookie).next()?)?;
        (name == self.cookie.name.as_bytes()).then_some(value)
    }

    fn deletes(&self) -> bool {
        let replaced = self.cookie.mode == CookieMode::Insert || (self.cookie.indirect && self.server.is_some());
        replaced && !self.cookie.preserve
    }

    /// The field's value with the server's cookie in place of, or before, what the server set.
    fn rewritten(&self, own: &[u8], set_cookie: &[u8]) -> Option<Vec<u8>> {
        let server = self.server?;
        let (before, kept): (&[u8], &[u8]) = match self.cookie.mode {
            CookieMode::Rewrite => (b"", b""),
            CookieMode::Prefix => (&[PREFIX], own),
            CookieMode::Watch | CookieMode::Insert => return None,
        };
        let end = own.as_ptr() as usize + own.len() - set_cookie.as_ptr() as usize;
        let rest = set_cookie.get(end..).unwrap_or_default();
        Some([self.cookie.name.as_bytes(), b"=", server, before, kept, rest].concat())
    }

    /// Do the dates of the client's cookie call for new ones?
    fn is_outdated(&self) -> bool {
        let Dates { last, first } = self.presented.dates;
        (self.cookie.max_idle.is_some() && last.is_none())
            || self.cookie.max_life.is_some() != first.is_some()
            || last.is_some_and(|last| last < date_of(self.now))
    }

    fn set_cookie(&self, keeps_first: bool) -> Vec<u8> {
        let mut out = [self.cookie.name.as_bytes(), b"="].concat();
        match self.server {
            None => out.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
            Some(server) => {
                out.extend_from_slice(server);
                self.write_dates(keeps_first, &mut out);
            }
        }
        out.extend_from_slice(b"; path=/");
        out.extend_from_slice(self.cookie.attributes.as_bytes());
        out
    }

    fn write_dates(&self, keeps_first: bool, out: &mut Vec<u8>) {
        let now = date_of(self.now);
        if self.cookie.is_dated() {
            write_date(now, out);
        }
        if self.cookie.max_life.is_some() {
            let first = self.presented.dates.first.filter(|_| keeps_first);
            write_date(first.unwrap_or(now), out);
        }
    }
}
