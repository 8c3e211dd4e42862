//! What is kept of messages for logs and rules: `capture` lines.

use super::exchange::Exchange;
use crate::http::cookie::{pair, parts};
use crate::http::header::trim;
use crate::http::message::Head;
use crate::plan::proxy::{CaptureSlot, CookieCapture};

impl Exchange<'_> {
    /// Keeps headers of the request as it came.
    pub(super) fn capture_request(&mut self) {
        capture(
            &self.frontend.request_captures,
            &self.request,
            &mut self.facts.request_captures,
        );
    }

    /// Keeps headers of the response as it came.
    pub(super) fn capture_response(&mut self) {
        capture(
            &self.frontend.response_captures,
            &self.response,
            &mut self.facts.response_captures,
        );
    }

    /// Keeps the first cookie that `capture cookie` means.
    pub(super) fn capture_request_cookie(&mut self) {
        let Some(wanted) = &self.frontend.cookie_capture else {
            return;
        };
        let mut cookies = self.request.values(b"cookie").flat_map(parts);
        self.facts.request_cookie = cookies.find_map(|part| captured(wanted, part));
    }

    /// The same of the response, where only the first cookie of each field counts.
    pub(super) fn capture_response_cookie(&mut self) {
        let Some(wanted) = &self.frontend.cookie_capture else {
            return;
        };
        let fields = self.response.values(b"set-cookie");
        let fields = fields.chain(self.response.values(b"set-cookie2"));
        let mut cookies = fields.filter_map(|value| parts(value).next());
        self.facts.response_cookie = cookies.find_map(|part| captured(wanted, part));
    }
}

/// The cookie in `part` with its name, if it is wanted.
fn captured(wanted: &CookieCapture, part: &[u8]) -> Option<Vec<u8>> {
    let (name, _) = pair(part)?;
    let is_wanted = match wanted.prefix {
        true => name.starts_with(wanted.name.as_bytes()),
        false => name == wanted.name.as_bytes(),
    };
    let part = trim(part);
    is_wanted.then(|| part.get(..wanted.length).unwrap_or(part).to_vec())
}

/// Fills the slots of `capture … header` lines from a head.
fn capture(slots: &[CaptureSlot], head: &Head, captures: &mut Vec<Option<Vec<u8>>>) {
    captures.resize(slots.len(), None);
    for (slot, capture) in slots.iter().enumerate() {
        let Some(name) = &capture.header else { continue };
        // The last occurrence counts.
        let Some(value) = head.values(name.as_bytes()).last() else {
            continue;
        };
        let kept = value.get(..capture.length).unwrap_or(value).to_vec();
        keep(slots, captures, slot, kept);
    }
}

/// Fills one slot with as much of a value as it is declared for. A slot that the frontend does not have stays empty.
pub(super) fn keep(slots: &[CaptureSlot], captures: &mut Vec<Option<Vec<u8>>>, slot: usize, mut value: Vec<u8>) {
    let Some(declared) = slots.get(slot) else { return };
    value.truncate(declared.length);
    captures.resize(slots.len(), None);
    if let Some(kept) = captures.get_mut(slot) {
        *kept = Some(value);
    }
}
