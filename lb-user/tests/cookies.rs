//! Persistence cookies against what HAProxy does with them: the exchanges of `tests/data/cookies.txt`.

use std::sync::Arc;

use lb_user::backend::cookie::Values;
use lb_user::backend::cookie::request::{Judge, Named};
use lb_user::backend::cookie::response::Dresser;
use lb_user::backend::live;
use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, load};
use lb_user::http::cacheable::is_cacheable;
use lb_user::http::{Head, Version};
use lb_user::keywords::RULES;
use lb_user::language::{Diagnostics, NoNames};
use lb_user::plan::Plan;

/// Seconds since the epoch at which the exchanges take place.
const NOW: i64 = 1_700_000_000;
/// What stands between fields of a column.
const AND: &str = " & ";
const DOWN: usize = 2;
const CHOSEN: usize = 3;

/// The plan of a backend with these lines and four servers.
fn plan(lines: &str) -> Plan {
    let text = format!(
        "backend b\n mode http\n timeout connect 1s\n timeout server 1s\n {}\n server s1 127.0.0.1:1 cookie a\n \
         server s2 127.0.0.1:1 cookie b\n server s3 127.0.0.1:1 cookie c\n server s4 127.0.0.1:1\n",
        lines.replace("\\n", "\n")
    );
    let mut diagnostics = Diagnostics::default();
    let loaded = load(
        Inputs {
            sources: &[Source {
                name: Arc::from("cookies.cfg"),
                text: text.into_bytes(),
            }],
            environment: Environment::default(),
            registry: &RULES,
            host: &NoNames,
            read_file: &|path| std::fs::read(path),
        },
        &mut diagnostics,
    );
    loaded.plan.unwrap_or_else(|| panic!("{:?}", diagnostics.messages()))
}

/// Dates instead of `{-3}`, which is three times twenty seconds ago, and `{now}`.
fn dated(text: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, date)) = rest.split_once('{') {
        let (word, after) = date.split_once('}').unwrap();
        let steps: i64 = if word == "now" { 0 } else { word.parse().unwrap() };
        let date = (NOW + steps * 20) / 4;
        out += before;
        out.extend(
            (0..5)
                .rev()
                .map(|place| char::from(DIGITS[(date >> (6 * place) & 63) as usize])),
        );
        rest = after;
    }
    out + rest
}

fn head(mut head: Head, fields: impl Iterator<Item = (String, String)>) -> Head {
    for (name, value) in fields {
        head.add(name.as_bytes(), value.as_bytes());
    }
    head
}

fn fields(column: &str) -> impl Iterator<Item = (String, String)> {
    let fields = column.split(AND).filter_map(|field| field.split_once(": "));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn told(head: &Head, named: bool) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields = head.headers().map(|(name, value)| match (named, &*text(name)) {
        (false, _) => text(value),
        (true, "set-cookie") => format!("Set-Cookie: {}", text(value)),
        (true, "cache-control") => format!("Cache-Control: {}", text(value)),
        (true, name) => format!("{name}: {}", text(value)),
    });
    fields.collect::<Vec<_>>().join(AND)
}

/// What becomes of one exchange: server, request cookies, response fields, flags.
fn outcome(lines: &str, method: &str, cookies: &str, response: &str) -> String {
    let plan = plan(lines);
    let process = live::process(&plan, 1, 100);
    let proxy = &plan.proxies[0];
    let cookie = proxy.cookie.as_ref().unwrap();
    let values = Values::of(&proxy.servers, &process.proxies[0]);
    let ignored = !proxy.rules.ignore_persist.is_empty();
    let named = lines
        .split_once("use-server s")
        .map(|(_, rule)| rule.as_bytes()[0] - b'1');
    let cookies = cookies.split(AND).filter(|value| !value.is_empty());
    let cookies = cookies.map(|value| ("Cookie".to_owned(), value.to_owned()));
    let mut request = head(Head::request(method.as_bytes(), b"/", Version::Http11), cookies);
    let presented = Judge {
        cookie,
        find: &|value| {
            let index = values.server(value)?;
            let is_up = index != DOWN;
            Some(Named { index, is_up })
        },
        decided: ignored || named.is_some(),
        forced: !proxy.rules.force_persist.is_empty(),
        now: NOW as u64,
    }
    .judge(&mut request);
    let bound = named.map(usize::from).or(presented.server);
    let server = bound.unwrap_or(CHOSEN);
    let mut response = head(Head::response(200, b"OK", Version::Http11), fields(response));
    let mut flags = [presented.flag, b'N'];
    if !cookie.is_managed() {
        flags = *b"--";
    } else if !ignored {
        flags[1] = Dresser {
            cookie,
            server: values.of_server(server),
            presented,
            bound: bound.is_some(),
            is_post: method == "POST",
            is_cacheable: is_cacheable(method.as_bytes(), &response),
            now: NOW as u64,
        }
        .dress(&mut response);
    }
    let flags = String::from_utf8_lossy(&flags).into_owned();
    [
        format!("s{}", server + 1),
        told(&request, false),
        told(&response, true),
        flags,
    ]
    .join("\t")
}

#[test]
fn cookies_fare_as_they_do_with_the_peer() {
    let mut wrong = String::new();
    for line in include_str!("../../tests/data/cookies.txt").lines() {
        if line.starts_with('#') {
            continue;
        }
        let line = dated(line);
        let columns: Vec<&str> = line.splitn(5, '\t').collect();
        let [lines, method, cookies, response, expected] = columns[..] else {
            panic!("{line}");
        };
        let ours = outcome(lines, method, cookies, response);
        if ours != expected {
            wrong += &format!("{line}\n  ours: {ours}\n");
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn computed_cookies_are_those_of_the_peer() {
    let text = "dynamic-cookie-key secret\n cookie S insert dynamic\n server s0 127.0.0.1:38133";
    let plan = plan(text);
    let process = live::process(&plan, 1, 100);
    let values = Values::of(&plan.proxies[0].servers, &process.proxies[0]);
    assert_eq!(values.of_server(0), Some(&b"4eb92054aeb8bbf2"[..]));
    assert_eq!(values.of_server(1), Some(&b"a"[..]));
    assert_eq!(values.server(b"4eb92054aeb8bbf2"), Some(0));
}
