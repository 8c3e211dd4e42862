//! Actions on how the stream is carried on.

use std::sync::Arc;
use std::time::Duration;

use super::{HTTP, HTTP_BOTH, always, arguments, expression, works};
use crate::keywords::number::{self, BadTime};
use crate::language::row::find;
use crate::language::{Error, Scope, Words, units};
use crate::rules::action::argument;
use crate::rules::effect::Await;
use crate::rules::facts::LogLevel;
use crate::rules::value::{Kind, Value};
use crate::rules::{Action, ActionRow, Context, Effect, Expression, Facts};

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["set-log-level"],
        "<level>",
        HTTP_BOTH.or(Scope::TCP_CONTENT).or(Scope::TCP_RESPONSE),
        "Log this stream at another level, or not at all (`silent`).",
        "mode http\nhttp-request set-log-level silent",
        |_, words, _| {
            let expects = "expects exactly 1 argument (log level name or 'silent')";
            let [name] = arguments(words, expects)?;
            let level = log_level(name).ok_or_else(|| Error::new(expects))?;
            Ok(Arc::new(move |_: &Facts<'_>| Effect::SetLogLevel(level)))
        },
    ),
    works(
        &["set-nice"],
        "<nice>",
        HTTP_BOTH.or(Scope::TCP_CONTENT).or(Scope::TCP_RESPONSE),
        "Accepted; streams are served in turn, none is nicer than others.",
        "mode http\nhttp-request set-nice 10",
        |_, words, _| {
            let [_] = arguments(words, "expects exactly 1 argument (integer value)")?;
            Ok(always(|| Effect::Continue))
        },
    ),
    works(
        &["set-priority-class"],
        "<expr>",
        LATE,
        "The class of the request in queues: lower ones are served before.",
        "mode http\nhttp-request set-priority-class int(-5)",
        |_, words, context| {
            Ok(Arc::new(SetPriority {
                value: expression(words, context, None)?,
                limit: 2047,
                effect: Effect::SetPriorityClass,
            }))
        },
    ),
    works(
        &["set-priority-offset"],
        "<expr>",
        LATE,
        "Milliseconds by which the request counts in queues as come later.",
        "mode http\nhttp-request set-priority-offset int(100)",
        |_, words, context| {
            Ok(Arc::new(SetPriority {
                value: expression(words, context, None)?,
                limit: 524_287,
                effect: Effect::SetPriorityOffset,
            }))
        },
    ),
    works(
        &["set-timeout"],
        "{ server | tunnel } { <timeout> | <expr> }",
        Scope::HTTP_REQUEST,
        "Change a timeout for this stream alone.",
        "mode http\nhttp-request set-timeout server 5s",
        set_timeout,
    ),
    works(
        &["wait-for-body"],
        "time <time> [ at-least <bytes> ]",
        HTTP_BOTH,
        "Hold the message until its body, or enough of it, is here.",
        "mode http\nhttp-request wait-for-body time 1s at-least 1k",
        wait_for_body,
    ),
    works(
        &["disable-l7-retry"],
        "",
        Scope::HTTP_REQUEST,
        "Try this request again only where the connection failed, whatever `retry-on` says.",
        "mode http\nhttp-request disable-l7-retry",
        |_, _, _| Ok(always(|| Effect::DisableRetry)),
    ),
    works(
        &["strict-mode"],
        "{ on | off }",
        HTTP,
        "Whether rewrites of the rules below may fail without ending the exchange.",
        "mode http\nhttp-request strict-mode off",
        |_, words, _| {
            let [word] = arguments(words, "expects exactly 1 arguments")?;
            match word {
                "on" => Ok(always(|| Effect::StrictMode(true))),
                "off" => Ok(always(|| Effect::StrictMode(false))),
                other => Err(Error::new(format!(
                    "Unexpected value '{other}'. Only 'on' and 'off' are supported"
                ))),
            }
        },
    ),
    works(
        &["switch-mode"],
        "http",
        Scope::TCP_CONTENT,
        "Continue as HTTP from the connection's first byte.",
        "tcp-request inspect-delay 5s\ntcp-request content switch-mode http if HTTP",
        switch_mode,
    ),
];

/// A syslog severity by name (RFC 5424 section 6.2.1), or silence.
fn log_level(name: &str) -> Option<LogLevel> {
    const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    if name == "silent" {
        return Some(LogLevel::Silent);
    }
    let level = LEVELS.iter().position(|level| *level == name)?;
    u8::try_from(level).ok().map(LogLevel::Level)
}

/// Which timeout is set.
#[derive(Clone, Copy)]
enum Timeout {
    Server,
    Tunnel,
}

impl Timeout {
    fn effect(self, milliseconds: u32) -> Effect<'static, 'static> {
        match self {
            Timeout::Server => Effect::SetServerTimeout(milliseconds),
            Timeout::Tunnel => Effect::SetTunnelTimeout(milliseconds),
        }
    }
}

/// Where a request can still wait in a queue.
const LATE: Scope = Scope::TCP_CONTENT.or(Scope::HTTP_REQUEST);

struct SetPriority {
    value: Expression,
    /// The largest number, and negated the smallest.
    limit: i64,
    effect: fn(i32) -> Effect<'static, 'static>,
}

impl Action for SetPriority {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let value = self
            .value
            .value(facts)
            .and_then(|value| value.cast(Kind::Int)?.as_int());
        match value {
            Some(value) => (self.effect)(value.clamp(-self.limit, self.limit) as i32),
            None => Effect::Continue,
        }
    }
}

struct SetTimeout {
    which: Timeout,
    milliseconds: Expression,
}

impl Action for SetTimeout {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let value = self.milliseconds.value(facts).and_then(|value| value.cast(Kind::Int));
        let Some(Value::Int(milliseconds)) = value else {
            return Effect::Continue;
        };
        let milliseconds = u32::try_from(milliseconds).ok().filter(|ms| *ms > 0);
        milliseconds.map_or(Effect::Continue, |milliseconds| self.which.effect(milliseconds))
    }
}

fn set_timeout(_: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let [which, time] = arguments(words, "expects exactly 2 arguments")?;
    words.back();
    if !context.capabilities().meets(Scope::BACKEND) {
        let name = context.proxy_name;
        return Err(Error::new(format!("proxy '{name}' has no backend capability")));
    }
    let timeout = match which {
        "server" => Timeout::Server,
        "tunnel" => Timeout::Tunnel,
        other => {
            return Err(Error::new(format!(
                "'set-timeout' rule supports 'server'/'tunnel' (got '{other}')"
            )));
        }
    };
    let fetch = time.split(['(', ',']).next().unwrap_or_default();
    if find(context.registry.fetches, fetch).is_some() {
        let milliseconds = expression(words, context, None)?;
        return Ok(Arc::new(SetTimeout {
            which: timeout,
            milliseconds,
        }));
    }
    words.next();
    let rule = format!("rule 'set-timeout {which}'");
    let time = duration(time).map_err(|mistake| match mistake {
        BadTime::Character(bad) => Error::new(format!("unexpected character '{bad}' in {rule}")),
        BadTime::Overflow => Error::new(format!("timer overflow in {rule}")),
        BadTime::Underflow => Error::new(format!("timer underflow in {rule}")),
    })?;
    if time == 0 {
        return Err(Error::new(format!(
            "null value is not valid for a 'set-timeout {which}' rule"
        )));
    }
    Ok(Arc::new(move |_: &Facts<'_>| timeout.effect(time)))
}

/// A time in milliseconds.
fn duration(text: &str) -> Result<u32, BadTime> {
    let time = number::duration(text, Duration::from_millis(1))?;
    u32::try_from(time.as_millis()).map_err(|_| BadTime::Overflow)
}

fn wait_for_body(_: &str, words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let (mut time, mut at_least) = (None, 0);
    while let Some(word @ ("time" | "at-least")) = words.peek() {
        words.next();
        let text = argument(words).ok_or_else(|| Error::new(format!("missing argument for '{word}'")))?;
        if word == "time" {
            let milliseconds = duration(text).map_err(|mistake| match mistake {
                BadTime::Character(bad) => Error::new(format!("unexpected character '{bad}'")),
                BadTime::Overflow => Error::new(format!(
                    "time overflow in argument '{text}' to rule 'wait-for-body' (maximum value is 2147483647 ms or ~24.8 days)"
                )),
                BadTime::Underflow => Error::new(format!(
                    "time underflow in argument '{text}' to rule 'wait-for-body' (minimum non-null value is 1 ms)"
                )),
            })?;
            time = Some(milliseconds);
        } else {
            at_least = units::size(text).map_err(|_| {
                let bad = text.chars().find(|c| !c.is_ascii_digit()).unwrap_or_default();
                Error::new(format!("unexpected character '{bad}'"))
            })?;
        }
    }
    let timeout_ms = time.ok_or_else(|| Error::new("expects time <time> [ at-least <bytes> ]"))?;
    let wait = Await::Body {
        at_least,
        timeout_ms: timeout_ms.into(),
    };
    Ok(Arc::new(move |_: &Facts<'_>| Effect::Wait(wait)))
}

fn switch_mode(_: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let expects = || Error::new("'tcp-request switch-mode' expects a mode as argument.");
    let mode = argument(words).ok_or_else(expects)?;
    if !context.capabilities().meets(Scope::FRONTEND) {
        let name = context.proxy_name;
        return Err(Error::new(format!(
            "'tcp-request content switch-mode' not allowed because proxy '{name}' has no frontend capability"
        )));
    }
    match mode {
        "http" => {}
        other => {
            return Err(Error::new(format!(
                "'tcp-request switch-mode' expects a valid mode (got '{other}')."
            )));
        }
    }
    if words.take("proto") {
        return Err(Error::not_implemented("tcp-request content switch-mode http proto"));
    }
    Ok(always(|| Effect::SwitchToHttp))
}
