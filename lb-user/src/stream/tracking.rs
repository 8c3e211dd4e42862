//! What the stick tables' counters are told: requests, their errors and failures, bytes (manual 7.3.3, the `sc_` family).

use super::exchange::Exchange;
use crate::runtime::clock;
use crate::stick::{DataType, Entry, Key, TableId};

impl Exchange<'_> {
    /// Lets a set of counters follow the entry of `key`, which the request and the response so far count for.
    pub(super) fn track(&mut self, set: usize, table: TableId, key: &Key) {
        let Some(table) = self.engine.process.tables.get(table) else {
            return;
        };
        let (is_request, status) = (self.http, self.responding.then(|| self.response.status()));
        self.facts.counters.track(set, table, key, clock::ticks(), |entry| {
            if is_request {
                count_request(entry);
                count_status(entry, status.unwrap_or(0));
            }
        });
    }

    /// A request came, whole or not.
    pub(super) fn count_tracked_request(&self) {
        self.count_tracked(count_request);
    }

    /// The client erred: its request is broken, was denied, or the server refused it with a status of 4xx.
    pub(super) fn count_tracked_error(&self) {
        self.count_tracked(count_error);
    }

    /// The server failed: with a status of 5xx other than 501 and 505, or without a response.
    pub(super) fn count_tracked_failure(&self) {
        self.count_tracked(count_failure);
    }

    /// A response with this status came from the server.
    pub(super) fn count_tracked_status(&self, status: u16) {
        if status >= 400 {
            self.count_tracked(|entry| count_status(entry, status));
        }
    }

    /// The stream ends, after so many bytes.
    pub(super) fn count_tracked_bytes(&self) {
        let (bytes_in, bytes_out) = (self.facts.bytes_in, self.facts.bytes_out);
        if bytes_in | bytes_out != 0 {
            self.count_tracked(|entry| {
                entry.count(DataType::BytesInCnt, DataType::BytesInRate, bytes_in);
                entry.count(DataType::BytesOutCnt, DataType::BytesOutRate, bytes_out);
            });
        }
    }

    fn count_tracked(&self, count: impl Fn(&mut Entry<'_>)) {
        self.facts.count(&self.client.session, clock::ticks(), count);
    }
}

fn count_request(entry: &mut Entry<'_>) {
    entry.count(DataType::HttpReqCnt, DataType::HttpReqRate, 1);
}

fn count_error(entry: &mut Entry<'_>) {
    entry.count(DataType::HttpErrCnt, DataType::HttpErrRate, 1);
}

fn count_failure(entry: &mut Entry<'_>) {
    entry.count(DataType::HttpFailCnt, DataType::HttpFailRate, 1);
}

/// A server's 4xx is the client's error, its 5xx is its failure, unless it says that it cannot do what was asked.
fn count_status(entry: &mut Entry<'_>, status: u16) {
    match status {
        400..500 => count_error(entry),
        501 | 505 => {}
        500..600 => count_failure(entry),
        _ => {}
    }
}
