//! Rules are judged here, and what they want is done.

use super::ending::{Answer, Ending, cause, phase};
use super::exchange::Exchange;
use super::kept::keep;
use crate::http::cacheable::is_cacheable;
use crate::http::message::{Head, Version};
use crate::http::status;
use crate::http::uri;
use crate::plan::Proxy;
use crate::rules::condition::Verdict;
use crate::rules::effect::{self, Await, Effect, HeaderEdit};
use crate::rules::facts::Side;
use crate::rules::{Rule, RuleSet, Value, Variable};

/// Which rule set is judged, for counting and for the termination state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Request,
    Response,
    AfterResponse,
}

impl Set {
    /// The phase in which its rules are judged.
    fn phase(self) -> u8 {
        match self {
            Set::Request => phase::REQUEST,
            Set::Response | Set::AfterResponse => phase::HEADERS,
        }
    }
}

impl Exchange<'_> {
    /// The frontend's own answers and rules.
    pub(crate) async fn judge_request(&mut self) -> Result<(), Ending> {
        self.answer_monitor()?;
        let content = self.judge(&self.frontend.rules.tcp_content, Set::Request).await;
        if content.is_err() {
            // What ended on these rules never came to be a request.
            self.facts.request_line.clear();
            return content;
        }
        self.capture_request();
        let judged = self.judge_requested(self.frontend).await;
        if judged.is_err() {
            self.capture_request_cookie();
        }
        judged
    }

    async fn judge_requested(&mut self, proxy: &'static Proxy) -> Result<(), Ending> {
        self.judge(&proxy.rules.http_request, Set::Request).await?;
        self.judge(&proxy.rules.redirect, Set::Request).await
    }

    /// The rules of a backend that is not the frontend itself.
    pub(crate) async fn judge_in_backend(&mut self) -> Result<(), Ending> {
        if self.proxy.id == self.frontend.id {
            return Ok(());
        }
        self.judge(&self.proxy.rules.tcp_content, Set::Request).await?;
        self.judge_requested(self.proxy).await
    }

    /// The backend's rules first, then the frontend's.
    pub(crate) async fn judge_response(&mut self) -> Result<(), Ending> {
        self.capture_response();
        self.judge(&self.proxy.rules.http_response, Set::Response).await?;
        if self.proxy.id != self.frontend.id {
            self.judge(&self.frontend.rules.http_response, Set::Response).await?;
        }
        self.capture_response_cookie();
        self.check_cache()?;
        self.dress_response();
        self.judge_after_response().await;
        Ok(())
    }

    /// `http-after-response` also sees the answers that the balancer makes itself.
    pub(crate) async fn judge_after_response(&mut self) {
        // These rules can only change the response; there is no ending to pass on.
        let _ = self
            .judge(&self.proxy.rules.http_after_response, Set::AfterResponse)
            .await;
        if self.proxy.id != self.frontend.id {
            let _ = self
                .judge(&self.frontend.rules.http_after_response, Set::AfterResponse)
                .await;
        }
    }

    /// `monitor-uri` is answered before any rule, and never logged.
    fn answer_monitor(&mut self) -> Result<(), Ending> {
        let Some(monitor) = self.frontend.monitor_uri.as_deref() else {
            return Ok(());
        };
        let uri = self.request.uri();
        let asked = if monitor.starts_with('/') {
            uri::path(uri)
        } else {
            Some(uri)
        };
        if asked != Some(monitor.as_bytes()) {
            return Ok(());
        }
        let facts = self.facts(Side::Request);
        let failing = self
            .frontend
            .rules
            .monitor_fail
            .iter()
            .any(|condition| condition.evaluate(&facts) == Verdict::Yes);
        self.facts.log_level = Some(crate::rules::facts::LogLevel::Silent);
        Err(Ending::status(
            cause::LOCAL,
            phase::REQUEST,
            if failing { 503 } else { 200 },
        ))
    }

    async fn judge(&mut self, rules: &'static RuleSet, set: Set) -> Result<(), Ending> {
        self.strict = true;
        for (at, rule) in rules.iter().enumerate() {
            let effect = self.ask(rule, set);
            // Converters such as `set-var` write while they are evaluated.
            self.facts.apply_writes(&mut self.client.session, self.engine.process);
            match effect {
                // What is fetched is not there, and no more will come.
                Effect::Continue | Effect::Wait(Await::Data) => {}
                Effect::Allow | Effect::SwitchToHttp => return Ok(()),
                Effect::Wait(Await::Body { at_least, timeout_ms }) if set == Set::Request => {
                    self.wait_for_body(at_least, timeout_ms).await?;
                }
                Effect::Wait(Await::Body { at_least, timeout_ms }) => {
                    self.wait_for_response_body(at_least, timeout_ms).await?;
                }
                Effect::StrictMode(strict) => self.strict = strict,
                Effect::EarlyHint(edit) => {
                    if self.response.status() != 103 {
                        self.response = Head::response(103, status::reason(103).as_bytes(), Version::Http11);
                    }
                    edit_headers(&mut self.response, edit);
                    if !continues_hint(rules.get(at + 1)) {
                        self.send_hints().await?;
                    }
                }
                effect => self.perform(effect, set)?,
            }
        }
        Ok(())
    }

    /// What `rule` wants, given the facts of now.
    fn ask(&self, rule: &'static Rule, set: Set) -> Effect<'static, 'static> {
        let side = if set == Set::Request {
            Side::Request
        } else {
            Side::Response
        };
        let facts = self.facts(side);
        if let Some(condition) = &rule.condition
            && condition.evaluate(&facts) != Verdict::Yes
        {
            return Effect::Continue;
        }
        rule.action.run(&facts).detach()
    }

    fn perform(&mut self, effect: Effect<'static, 'static>, set: Set) -> Result<(), Ending> {
        match effect {
            Effect::Continue | Effect::Allow | Effect::Wait(_) | Effect::SwitchToHttp => {}
            // Only HTTP rules want these, which the caller sees to.
            Effect::StrictMode(_) | Effect::EarlyHint(_) => {}
            Effect::Malformed => {
                self.count_failed_request();
                return Err(Ending::status(cause::PROXY, phase::REQUEST, 400));
            }
            Effect::Reject | Effect::SilentDrop => return Err(self.reject(&effect, set)),
            Effect::Deny(answer) => return Err(self.deny(answer, set)),
            Effect::Tarpit(answer) => {
                return Err(Ending {
                    phase: phase::TARPIT,
                    ..self.deny(answer, set)
                });
            }
            Effect::Return(answer) => {
                if let effect::Answer::Challenge { .. } = answer {
                    self.count_tracked_error();
                }
                return Err(Ending::new(cause::LOCAL, set.phase(), converted(answer)));
            }
            edit @ (Effect::Header(_)
            | Effect::SetMethod(_)
            | Effect::SetUri(_)
            | Effect::SetPath(_)
            | Effect::SetPathQuery(_)
            | Effect::SetQuery(_)
            | Effect::SetStatus { .. }) => return self.edit_message(edit, set),
            Effect::SetVariable { variable, value } => self.set_variable(variable, Some(value)),
            Effect::UnsetVariable(variable) => self.set_variable(variable, None),
            Effect::SetSource(address) => self.client.session.source = address,
            Effect::SetDestination(address) => self.client.session.destination = Some(address),
            Effect::SetLogLevel(level) => self.facts.log_level = Some(level),
            Effect::SetServerTimeout(ms) => self.facts.server_timeout = ms,
            Effect::SetTunnelTimeout(ms) => self.facts.tunnel_timeout = ms,
            Effect::CaptureRequest { slot, value } => {
                keep(
                    &self.frontend.request_captures,
                    &mut self.facts.request_captures,
                    slot,
                    value,
                );
            }
            Effect::CaptureResponse { slot, value } => {
                keep(
                    &self.frontend.response_captures,
                    &mut self.facts.response_captures,
                    slot,
                    value,
                );
            }
            Effect::SetPriorityClass(class) => self.facts.priority_class = class,
            Effect::SetPriorityOffset(offset) => self.facts.priority_offset = offset,
            Effect::SetTos(tos) => self.client.set_tos(tos),
            Effect::SetMark(mark) => self.client.set_mark(mark),
            Effect::EditPatterns { set, change } => set.change(change),
            Effect::DisableRetry => self.may_ask_again = false,
            Effect::Track { set, table, key } => self.track(set, table, &key),
            Effect::Fail => return self.rewrite_failed(set),
        }
        Ok(())
    }

    /// Changes the message that `set` is about.
    fn edit_message(&mut self, edit: Effect<'static, 'static>, set: Set) -> Result<(), Ending> {
        match edit {
            Effect::Header(edit) => return self.rewrite(set, edit.size(), |head| edit_headers(head, edit)),
            Effect::SetMethod(method) => return self.rewrite(set, method.len(), |head| head.set_method(&method)),
            Effect::SetUri(uri) => return self.rewrite(set, uri.len(), |head| head.set_uri(&uri)),
            Effect::SetPath(path) => {
                // What has no path (`*`) gives way as a whole.
                return self.rewrite(set, path.len(), |head| {
                    if !head.set_path(&path) {
                        head.set_uri(&path);
                    }
                });
            }
            Effect::SetPathQuery(pathq) => {
                return self.rewrite(set, pathq.len(), |head| {
                    if !head.set_pathq(&pathq) {
                        head.set_uri(&pathq);
                    }
                });
            }
            Effect::SetQuery(query) => {
                return self.rewrite(set, query.len(), |head| {
                    head.set_query(&query);
                });
            }
            Effect::SetStatus { status, reason } => {
                let reason = reason.unwrap_or_else(|| status::reason(status).as_bytes().into());
                self.response.set_status(status, &reason);
            }
            _ => {}
        }
        Ok(())
    }

    /// What a content rule of a TCP stream wants.
    pub(crate) fn perform_content(&mut self, effect: Effect<'static, 'static>, side: Side) -> Result<(), Ending> {
        let set = if side == Side::Request {
            Set::Request
        } else {
            Set::Response
        };
        self.perform(effect, set)
    }

    fn head(&mut self, set: Set) -> &mut Head {
        if set == Set::Request {
            &mut self.request
        } else {
            &mut self.response
        }
    }

    /// Changes a head where its buffer has room for `added` more bytes.
    fn rewrite(&mut self, set: Set, added: usize, rewrite: impl FnOnce(&mut Head)) -> Result<(), Ending> {
        let (size, body) = match (set, &self.server) {
            (Set::Request, _) => (self.request_size, self.client.connection.input.len()),
            (_, Some(server)) => (self.response_size, server.connection.input.len()),
            (_, None) => (0, 0),
        };
        let tune = &self.engine.plan.global.tune;
        // Receiving leaves `tune.maxrewrite` bytes of a buffer free.
        let body = body.min(tune.bufsize.saturating_sub(tune.maxrewrite + size));
        let room = tune.bufsize - body.min(tune.bufsize);
        let head = self.head(set);
        if head.head_len() + added > room {
            return self.rewrite_failed(set);
        }
        rewrite(head);
        Ok(())
    }

    /// A rewrite that cannot be done is counted and, in strict mode, ends the exchange with an internal error.
    fn rewrite_failed(&mut self, set: Set) -> Result<(), Ending> {
        self.client.counters(|frontend, listener| {
            frontend.failed_rewrites.increment();
            listener.failed_rewrites.increment();
        });
        match self.strict {
            true => Err(Ending::status(cause::PROXY, set.phase(), 500)),
            false => Ok(()),
        }
    }

    /// Sends the 103 response that `early-hint` rules put together, to a client that can know of it.
    async fn send_hints(&mut self) -> Result<(), Ending> {
        let sent = self.pass_informational().await;
        self.response.clear();
        sent
    }

    fn reject(&mut self, effect: &Effect<'_, '_>, set: Set) -> Ending {
        self.count_denied(set);
        self.keep_client = false;
        let answer = if matches!(effect, Effect::SilentDrop) {
            Answer::Vanish
        } else {
            Answer::Silence(0)
        };
        Ending::new(cause::PROXY, phase::REQUEST, answer)
    }

    fn deny(&mut self, answer: effect::Answer<'static>, set: Set) -> Ending {
        self.count_denied(set);
        if set == Set::Request {
            self.count_tracked_error();
        }
        Ending::new(cause::PROXY, set.phase(), converted(answer))
    }

    /// `option checkcache`: a cookie that a cache might hand to others goes no further.
    fn check_cache(&mut self) -> Result<(), Ending> {
        let response = &self.response;
        let sets_cookie = response.has(b"set-cookie") || response.has(b"set-cookie2");
        if !self.proxy.options.checkcache || !sets_cookie || !is_cacheable(self.request.method(), response) {
            return Ok(());
        }
        self.count_denied(Set::Response);
        Err(Ending::status(cause::PROXY, phase::HEADERS, 502))
    }

    fn count_denied(&self, set: Set) {
        let backend = self
            .backend
            .and_then(|backend| backend.state())
            .map(|state| &state.backend.counters);
        if set == Set::Request {
            self.client.counters(|frontend, listener| {
                frontend.denied_requests.increment();
                listener.denied_requests.increment();
            });
            if let Some(backend) = backend {
                backend.denied_requests.increment();
            }
            return;
        }
        self.client.counters(|frontend, listener| {
            frontend.denied_responses.increment();
            listener.denied_responses.increment();
        });
        if let Some(backend) = backend {
            backend.denied_responses.increment();
        }
    }

    fn set_variable(&mut self, variable: &Variable, value: Option<Value<'static>>) {
        self.facts
            .set_variable(&mut self.client.session, self.engine.process, variable, value);
    }
}

fn converted(answer: effect::Answer<'static>) -> Answer {
    match answer {
        effect::Answer::Status(status) => Answer::Status(status),
        effect::Answer::Section { section, status } => Answer::Section { section, status },
        effect::Answer::Reply(reply) => Answer::Reply(reply),
        effect::Answer::Challenge { realm } => Answer::Challenge { realm },
    }
}

/// Does the rule that follows add to the same 103 response, whatever the facts?
fn continues_hint(next: Option<&Rule>) -> bool {
    next.is_some_and(|rule| rule.row.name() == "early-hint" && rule.condition.is_none())
}

/// Changes the header list.
pub(crate) fn edit_headers(head: &mut Head, edit: HeaderEdit<'_, '_>) {
    match edit {
        HeaderEdit::Add { name, value } => head.add(name, &value),
        HeaderEdit::Set { name, value } => head.set(name, &value),
        HeaderEdit::Remove { matcher } => head.retain(|name, _| !matcher.matches(name)),
        HeaderEdit::Rewrite { values } => {
            for (index, value) in values {
                head.replace_value(index, &value);
            }
        }
    }
}
