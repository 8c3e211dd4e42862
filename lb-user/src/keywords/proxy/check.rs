//! What health checks ask and expect: `option httpchk` and `http-check`.

use super::{BACK, Draft, ProxyRow, works};
use crate::keywords::Reading;
use crate::language::row::Does;
use crate::language::{Error, Row, Words, raw};
use crate::plan::check::{CheckKind, Expected, HttpExpect};

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["option httpchk"],
        "[ [<method>] <uri> [<version>] ]",
        BACK,
        "Check servers with an HTTP request, `OPTIONS /` in HTTP/1.0 by default.",
        "option httpchk GET /alive",
        httpchk,
    ),
    works(
        &["option tcp-check"],
        "",
        BACK,
        "Check servers by connecting to them; exchanges scripted with `tcp-check` are refused.",
        "option tcp-check",
        |keyword, words, draft, _| {
            words.end(keyword)?;
            draft.proxy.check = CheckKind::Connect;
            Ok(())
        },
    ),
    works(
        &["http-check send"],
        "[meth <method>] [uri <uri>] [ver <version>] [hdr <name> <value>]* [body <string>] [comment <msg>]",
        BACK,
        "What the request of checks is made of.",
        "http-check send meth GET uri /alive hdr Host example.com",
        send,
    ),
    works(
        &["http-check expect"],
        "[comment <msg>] [!] { status | rstatus | string | rstring } <pattern>",
        BACK,
        "Which answers to checks are good; 2xx and 3xx where it is not set.",
        "http-check expect status 200-299",
        expect,
    ),
    works(
        &["http-check disable-on-404"],
        "",
        BACK,
        "A server that answers checks with 404 gets no new sessions but is not down.",
        "http-check disable-on-404",
        |_, words, draft, _| {
            words.end("http-check")?;
            draft.http_check.disable_on_404 = true;
            Ok(())
        },
    ),
    works(
        &["http-check send-state"],
        "",
        BACK,
        "Tell servers in checks how the balancer sees them.",
        "http-check send-state",
        |_, words, draft, _| {
            words.end("http-check")?;
            draft.http_check.send_state = true;
            Ok(())
        },
    ),
    works(
        &["http-check comment"],
        "<string>",
        BACK,
        "A text about the check, for whoever reads the configuration.",
        "http-check comment \"the page of the load balancer\"",
        |_, words, _, _| {
            words
                .next()
                .map(drop)
                .ok_or_else(|| Error::new("'http-check comment' : expects a string as argument."))
        },
    ),
    Row {
        names: &["http-check connect"],
        args: "[default] [port <expr>] [addr <ip>] [send-proxy] [via-socks4] [ssl] [sni <sni>] [alpn <alpn>] [linger] [proto <name>] [comment <msg>]",
        scope: BACK,
        doc: "How checks connect, in a script of several exchanges.",
        example: "http-check connect port 80",
        does: Does::Refused,
    },
    Row {
        names: &[
            "http-check set-var(",
            "http-check set-var-fmt(",
            "http-check unset-var(",
        ],
        args: "<var-name>) <expr>",
        scope: BACK,
        doc: "A variable of the check.",
        example: "http-check set-var(check.port) int(8080)",
        does: Does::Refused,
    },
];

fn httpchk(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let check = &mut draft.http_check;
    (check.method, check.uri, check.version) = (None, None, None);
    match words.take_rest() {
        [] => {}
        [uri] => check.uri = Some(uri.clone()),
        [method, uri] => {
            check.method = Some(method.clone());
            check.uri = Some(uri.clone());
        }
        [method, uri, version] => {
            check.method = Some(method.clone());
            check.uri = Some(uri.clone());
            check.version = Some(version.clone());
            if version.contains('\r') || version.contains('\n') {
                reading.warn(format_args!(
                    "'{keyword}' : hiding headers or body at the end of the version string is deprecated. Please, consider to use 'http-check send' directive instead."
                ));
            }
        }
        [_, _, _, extra, ..] => {
            return Err(Error::new(format!(
                "'{keyword}' cannot handle unexpected argument '{extra}'."
            )));
        }
    }
    draft.proxy.check = CheckKind::Http(Default::default());
    Ok(())
}

fn send(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let check = &mut draft.http_check;
    check.headers.clear();
    check.body = None;
    while let Some(word) = words.next() {
        let mut string = || {
            let missing = || Error::new(format!("'{keyword}' : '{word}' expects a string as argument."));
            words.next().map(str::to_owned).ok_or_else(missing)
        };
        match word {
            "meth" => check.method = Some(string()?),
            "uri" => check.uri = Some(string()?),
            "ver" => check.version = Some(string()?),
            "body" => check.body = Some(string()?),
            "comment" => drop(string()?),
            "hdr" => {
                let missing = || Error::new(format!("'{keyword}' : 'hdr' expects <name> and <value> as arguments."));
                let (Some(name), Some(value)) = (words.next(), words.next()) else {
                    return Err(missing());
                };
                if value.contains('%') {
                    return Err(Error::not_implemented("http-check send … hdr <name> <fmt>"));
                }
                check.headers.push((name.to_owned(), value.to_owned()));
            }
            "uri-lf" | "body-lf" => return Err(Error::not_implemented(&format!("{keyword} … {word}"))),
            other => {
                return Err(Error::new(format!(
                    "'{keyword}' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got '{other}' as argument."
                )));
            }
        }
    }
    Ok(())
}

fn expect(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let fail = |text: &str| Error::new(format!("'{keyword}' : {text}"));
    let mut found = None;
    if words.is_empty() {
        return Err(fail("expects at least a matching pattern as arguments."));
    }
    while let Some(word) = words.next() {
        if word == "comment" {
            words
                .next()
                .ok_or_else(|| fail("'comment' expects a string as argument."))?;
            continue;
        }
        let (negate, kind) = match word.strip_prefix('!') {
            Some("") => (true, words.next().unwrap_or_default()),
            Some(kind) => (true, kind),
            None => (false, word),
        };
        let known = ["status", "rstatus", "string", "rstring"].contains(&kind);
        match kind {
            "min-recv" | "string-lf" | "hdr" | "fhdr" | "ok-status" | "error-status" | "tout-status" | "on-success"
            | "on-error" | "status-code" => {
                return Err(Error::not_implemented(&format!("{keyword} {kind}")));
            }
            _ if !known => {
                return Err(fail(&format!(
                    "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment but got '{kind}' as argument."
                )));
            }
            _ if found.is_some() => return Err(fail("only on pattern expected.")),
            _ => {}
        }
        let pattern = words
            .next()
            .ok_or_else(|| fail(&format!("'{kind}' expects a <pattern> as argument.")))?;
        let what = expected(kind, pattern).map_err(|error| fail(&error))?;
        found = Some(HttpExpect { negate, what });
    }
    let found = found.ok_or_else(|| fail("expects at least a matching pattern as arguments."))?;
    draft.http_check.expect.push(found);
    Ok(())
}

fn expected(kind: &str, pattern: &str) -> Result<Expected, String> {
    let regex = || {
        regex::bytes::Regex::new(pattern).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("regex '{pattern}' is invalid (error={reason}).")
        })
    };
    Ok(match kind {
        "status" => Expected::Status(statuses(pattern)?),
        "rstatus" => Expected::StatusRegex(regex()?),
        "rstring" => Expected::Regex(regex()?),
        _ => Expected::Text(raw::bytes(pattern).into_owned()),
    })
}

/// `200,301-308`.
fn statuses(text: &str) -> Result<Vec<(u16, u16)>, String> {
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_digit() && !matches!(c, ',' | '-')) {
        return Err(format!("invalid character '{bad}' in the list of status codes."));
    }
    text.split(',')
        .map(|range| {
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let bounds = low.parse().ok().zip(high.parse().ok());
            bounds
                .filter(|(low, high): &(u16, u16)| low <= high)
                .ok_or_else(|| format!("invalid range '{range}' in the list of status codes."))
        })
        .collect()
}
