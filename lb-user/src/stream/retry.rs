//! Asking again: requests that a server did not answer, or answered with a failure that `retry-on` covers
//! (manual 4.2).

use super::ending::{Ending, cause};
use super::exchange::Exchange;
use crate::plan::proxy::RetryOn;
use crate::runtime::clock;

impl Exchange<'_> {
    /// Prepares another try after `failure`, or passes the failure on.
    pub(crate) fn retry_request(&mut self, failure: Ending) -> Result<(), Ending> {
        let Some(server) = &self.server else {
            return Err(failure);
        };
        let silent = server.connection.ended && server.connection.input.is_empty();
        // The server closed an idle connection while the request was on its way: it never saw it.
        let stale = server.uses > 0 && silent && failure.cause == cause::SERVER && self.up.body.is_untouched();
        if !stale && !self.may_retry(|on| on.covers(failure.cause, silent)) {
            return Err(failure);
        }
        if !stale {
            self.count_try();
        }
        self.ask_again();
        Ok(())
    }

    /// Is this status one to be hidden from the client by another try? Prepares that try.
    pub(crate) fn retries_status(&mut self, status: u16) -> bool {
        if !self.may_retry(|on| on.statuses.contains(&status)) {
            return false;
        }
        self.count_try();
        self.ask_again();
        true
    }

    fn may_retry(&self, covers: impl FnOnce(&RetryOn) -> bool) -> bool {
        self.may_ask_again
            && self.up.is_replayable()
            && self.facts.retries < self.proxy.retries
            && covers(&self.proxy.retry_on)
    }

    fn count_try(&mut self) {
        self.facts.retries += 1;
        if self.redispatches() {
            self.facts.redispatched = true;
            self.slot = None;
            self.engine.count_redispatch(self.backend, self.facts.server);
        } else {
            self.engine.count_retry(self.backend, self.facts.server);
        }
    }

    fn ask_again(&mut self) {
        self.server = None;
        self.keep_server = true;
        self.responding = false;
        self.phase_start = clock::ticks();
    }

    /// Is this retry one that `option redispatch` sends to another server?
    pub(crate) fn redispatches(&self) -> bool {
        let retries = self.facts.retries as i32;
        match self.proxy.options.redispatch {
            None | Some(0) => false,
            Some(every) if every > 0 => retries % every == 0,
            Some(before_last) => retries == self.proxy.retries as i32 + 1 + before_last,
        }
    }
}

impl RetryOn {
    /// Does the request need to be kept until the response comes?
    pub(super) fn needs_request(&self) -> bool {
        self.empty_response || self.junk_response || self.response_timeout || !self.statuses.is_empty()
    }

    /// Is a failure with this cause covered? `silent`: the server closed without a word.
    fn covers(&self, cause: u8, silent: bool) -> bool {
        match cause {
            cause::SERVER if silent => self.empty_response,
            cause::SERVER | cause::PROXY => self.junk_response,
            cause::SERVER_TIMEOUT => self.response_timeout,
            _ => false,
        }
    }
}
