//! ACLs and rule sets.

use std::sync::Arc;

use super::{Draft, NOT_DEFAULTS, ONLY_BACK, ONLY_FRONT, ProxyRow, works};
use crate::keywords::Reading;
use crate::keywords::number::{self, BadTime};
use crate::language::{Diagnostics, Error, Location, Scope, Severity, Words};
use crate::plan::proxy::CaptureSlot;
use crate::plan::rules::Rules;
use crate::rules::condition::Acl;
use crate::rules::{Context, Rule, RuleSet};
use std::time::Duration;

/// A row whose lines are the rules of one set.
macro_rules! rules {
    ($name:literal, $set:ident, $sections:expr, $place:expr, $doc:literal, $example:literal) => {
        works(
            &[$name],
            "<action> [ <arguments> ] [ { if | unless } <condition> ]",
            $sections,
            $doc,
            $example,
            |_, words, draft, reading| {
                warn_if_over($name, &draft.proxy.rules.$set, reading);
                let rule = compile(Rule::parse, words, draft, reading, $place)?;
                draft.proxy.rules.$set.push(rule);
                Ok(())
            },
        )
    };
}

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["acl"],
        "<aclname> <criterion> [flags] [operator] [<value>] ...",
        NOT_DEFAULTS,
        "A named test; several lines of one name are alternatives.",
        "acl local src 127.0.0.0/8",
        acl,
    ),
    rules!(
        "tcp-request connection",
        tcp_connection,
        ONLY_FRONT,
        Scope::TCP_CONNECTION,
        "What happens to a connection before anything was read from it.",
        "tcp-request connection reject if { src 192.0.2.0/24 }"
    ),
    rules!(
        "tcp-request session",
        tcp_session,
        ONLY_FRONT,
        Scope::TCP_SESSION,
        "What happens once the PROXY header and the handshake are through.",
        "tcp-request session reject if { src 192.0.2.0/24 }"
    ),
    rules!(
        "tcp-request content",
        tcp_content,
        NOT_DEFAULTS,
        Scope::TCP_CONTENT,
        "What happens as the first bytes come.",
        "tcp-request content reject if { src 192.0.2.0/24 }"
    ),
    rules!(
        "tcp-response content",
        tcp_response,
        ONLY_BACK,
        Scope::TCP_RESPONSE,
        "What happens as the first bytes of the server come.",
        "tcp-response content accept"
    ),
    rules!(
        "http-request",
        http_request,
        NOT_DEFAULTS,
        Scope::HTTP_REQUEST,
        "What happens to each request.",
        "mode http\nhttp-request deny if { src 192.0.2.0/24 }"
    ),
    rules!(
        "http-response",
        http_response,
        NOT_DEFAULTS,
        Scope::HTTP_RESPONSE,
        "What happens to each response of a server.",
        "mode http\nhttp-response deny if { src 192.0.2.0/24 }"
    ),
    rules!(
        "http-after-response",
        http_after_response,
        NOT_DEFAULTS,
        Scope::HTTP_AFTER_RESPONSE,
        "What happens to each response, the balancer's own included.",
        "mode http\nhttp-after-response allow"
    ),
    works(
        &["redirect"],
        "{ location | prefix | scheme } <to> [code <code>] <option> [{if | unless} <condition>]",
        NOT_DEFAULTS,
        "Answer with a redirect, after the `http-request` rules.",
        "mode http\nredirect scheme https if { src 192.0.2.0/24 }",
        |_, words, draft, reading| {
            // The keyword is the name of the action, too.
            words.back();
            let rule = compile(Rule::parse_keyword, words, draft, reading, Scope::HTTP_REQUEST)?;
            draft.proxy.rules.redirect.push(rule);
            Ok(())
        },
    ),
    works(
        &["tcp-request inspect-delay"],
        "<timeout>",
        NOT_DEFAULTS,
        "How long `tcp-request content` rules may wait for data.",
        "tcp-request inspect-delay 5s",
        |keyword, words, draft, _| {
            draft.proxy.inspect_delay = delay(keyword, words, draft)?;
            Ok(())
        },
    ),
    works(
        &["tcp-response inspect-delay"],
        "<timeout>",
        ONLY_BACK,
        "How long `tcp-response content` rules may wait for data.",
        "tcp-response inspect-delay 5s",
        |keyword, words, draft, _| {
            draft.proxy.response_inspect_delay = delay(keyword, words, draft)?;
            Ok(())
        },
    ),
];

/// Actions that let no rule below them be judged.
const FINAL: [&str; 6] = ["allow", "auth", "deny", "redirect", "return", "tarpit"];

/// Says so if the rules above a line leave nothing to it.
fn warn_if_over(keyword: &str, above: &RuleSet, reading: &mut Reading<'_>) {
    let last = above.last().filter(|rule| rule.condition.is_none());
    if last.is_some_and(|rule| FINAL.contains(&rule.row.name())) {
        let text = format!(
            "parsing [{}]: previous '{keyword}' action is final and has no condition attached, further entries are NOOP.",
            reading.location
        );
        reading.diagnostics.push(Severity::Warning, text);
    }
}

/// Reads a line's rule, and notes what it declares and takes for granted.
fn compile(
    parse: fn(Scope, &mut Words<'_>, &mut Context<'_>) -> Result<Rule, Error>,
    words: &mut Words<'_>,
    draft: &mut Draft,
    reading: &mut Reading<'_>,
    place: Scope,
) -> Result<Rule, Error> {
    let mut context = reading.compiler(draft, place);
    let rule = parse(place, words, &mut context)?;
    let Context {
        new_capture, promises, ..
    } = context;
    draft.promises.extend(promises);
    let slot = |length| CaptureSlot { header: None, length };
    draft.proxy.request_captures.extend(new_capture.map(slot));
    Ok(rule)
}

fn acl(_: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let (name, test) = Acl::declare(words, &mut reading.compiler(draft, Scope(0)))?;
    let acl = draft.proxy.rules.acls.entry(name.clone()).or_insert_with(|| {
        Arc::new(Acl {
            name: name.into(),
            tests: Vec::new(),
        })
    });
    // Conditions above see this test, too, once the section is linked.
    Arc::make_mut(acl).tests.push(test);
    Ok(())
}

fn delay(keyword: &str, words: &mut Words<'_>, draft: &Draft) -> Result<Option<Duration>, Error> {
    let title = draft.title();
    let text = words.next().ok_or_else(|| {
        Error::new(format!(
            "'{keyword}' expects a positive delay in milliseconds, in {title}"
        ))
    })?;
    words.end(keyword)?;
    let time = number::duration(text, Duration::from_millis(1)).map_err(|mistake| {
        let what = match mistake {
            BadTime::Character(bad) => format!("unexpected character '{bad}'"),
            BadTime::Overflow => "timer overflow".to_owned(),
            BadTime::Underflow => "timer underflow".to_owned(),
        };
        Error::new(format!(
            "'{keyword}' expects a positive delay in milliseconds, in {title} ({what})"
        ))
    })?;
    Ok(Some(time).filter(|time| !time.is_zero()))
}

/// The kinds of rules in the order in which they are judged, whatever the order of their lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Connection,
    Session,
    Content,
    MonitorFail,
    HttpRequest,
    Redirect,
    UseBackend,
}

/// Says so if a line's rule will be judged before one that stands above it.
pub fn warn_if_late(spelling: &str, draft: &Draft, diagnostics: &mut Diagnostics, at: &Location) {
    let (stage, name) = match spelling {
        "tcp-request connection" => (Stage::Connection, "tcp-request"),
        "tcp-request session" => (Stage::Session, "tcp-request"),
        "tcp-request content" => (Stage::Content, "tcp-request"),
        "monitor fail" => (Stage::MonitorFail, spelling),
        "http-request" => (Stage::HttpRequest, spelling),
        "redirect" => (Stage::Redirect, spelling),
        _ => return,
    };
    let Rules {
        tcp_session,
        tcp_content,
        http_request,
        redirect,
        monitor_fail,
        ..
    } = &draft.proxy.rules;
    let filled = |set: &RuleSet| !set.is_empty();
    let above = [
        (Stage::Session, filled(tcp_session), "a 'tcp-request session'"),
        (Stage::Content, filled(tcp_content), "a 'tcp-request content'"),
        (Stage::MonitorFail, !monitor_fail.is_empty(), "a 'monitor fail'"),
        (Stage::HttpRequest, filled(http_request), "an 'http-request'"),
        (Stage::Redirect, filled(redirect), "a 'redirect'"),
        (Stage::UseBackend, !draft.use_backend.is_empty(), "a 'use_backend'"),
        (Stage::UseBackend, !draft.use_server.is_empty(), "a 'use-server'"),
    ];
    let later = above.into_iter().find(|(other, filled, _)| *filled && *other > stage);
    if let Some((_, _, other)) = later {
        diagnostics.warn(
            at,
            format_args!("a '{name}' rule placed after {other} rule will still be processed before."),
        );
    }
}
