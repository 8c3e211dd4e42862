//! How connections to clients and servers are made and kept.

use super::{BACK, Draft, FRONT, ONLY_BACK, ProxyRow, works};
use crate::keywords::server::transport;
use crate::keywords::{Reading, number};
use crate::language::{Error, Words};
use crate::plan::options::{Offload, Options, TcpKeepalive};
use crate::plan::proxy::HttpReuse;
use std::time::Duration;

/// The three keywords that tune the kernel's probes of one side.
macro_rules! keepalive {
    ($name:literal, $side:ident, $field:ident, $scope:expr, $doc:literal, $read:expr) => {
        works(
            &[$name],
            "<value>",
            $scope,
            $doc,
            concat!($name, " 3"),
            |keyword, words, draft, _| {
                let side: fn(&mut Options) -> &mut TcpKeepalive = |options| &mut options.$side;
                side(&mut draft.proxy.options).$field = Some($read(keyword, words)?);
                words.end(keyword)
            },
        )
    };
}

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["source"],
        "<addr>[:<port>] [interface <name>]",
        BACK,
        "The address that connections to servers start from.",
        "source 127.0.0.1",
        source,
    ),
    works(
        &["http-reuse"],
        "{ never | safe | aggressive | always }",
        BACK,
        "When an idle connection to a server may serve another client.",
        "http-reuse safe",
        |keyword, words, draft, _| {
            draft.proxy.http_reuse = match words.next().unwrap_or_default() {
                "never" => HttpReuse::Never,
                "safe" => HttpReuse::Safe,
                "aggressive" => HttpReuse::Aggressive,
                "always" => HttpReuse::Always,
                _ => {
                    return Err(Error::new(format!(
                        "'{keyword}' only supports 'never', 'safe', 'aggressive', 'always'."
                    )));
                }
            };
            words.end(keyword)
        },
    ),
    works(
        &["max-session-srv-conns"],
        "<nb>",
        FRONT,
        "Accepted; idle connections belong to servers and are bounded by `pool-max-conn`.",
        "max-session-srv-conns 5",
        |keyword, words, _, _| number::only_integer::<i64>(keyword, words).map(drop),
    ),
    works(
        &["http-send-name-header"],
        "[<header>]",
        ONLY_BACK,
        "The header that tells a server which name it has here.",
        "http-send-name-header X-Server",
        send_name_header,
    ),
    works(
        &["monitor-uri"],
        "<uri>",
        FRONT,
        "Requests for this URI are answered with 200 by the balancer itself.",
        "mode http\nmonitor-uri /alive",
        |keyword, words, draft, _| {
            let uri = words.next().ok_or_else(|| Error::expects(keyword, "an URI"))?;
            words.end(keyword)?;
            draft.proxy.monitor_uri = Some(uri.to_owned());
            Ok(())
        },
    ),
    works(
        &["offload"],
        "{ auto | off | nat | handover }",
        FRONT,
        "Which flows the kernel carries: with `nat` those that nobody has to look into, from their first SYN; with `handover` those that userspace began, once both sides are quiet; with `auto` none as yet.",
        "offload handover",
        |keyword, words, draft, _| {
            draft.proxy.options.offload = match words.next().unwrap_or_default() {
                "auto" => Offload::Auto,
                "off" => Offload::Off,
                "nat" => Offload::Nat,
                "handover" => Offload::Handover,
                known @ "sockmap" => {
                    return Err(Error::not_implemented(&format!("{keyword} {known}")));
                }
                other => {
                    return Err(Error::new(format!(
                        "'{keyword}' only supports 'auto', 'off', 'nat', 'handover' and 'sockmap' (got '{other}')."
                    )));
                }
            };
            words.end(keyword)
        },
    ),
    works(
        &["load-server-state-from-file"],
        "{ global | local | none }",
        BACK,
        "Accepted with `none` only: servers start as configured.",
        "load-server-state-from-file none",
        |keyword, words, _, _| match words.next().unwrap_or_default() {
            "none" => words.end(keyword),
            known @ ("global" | "local") => Err(Error::not_implemented(&format!("{keyword} {known}"))),
            other => Err(Error::new(format!(
                "'{keyword}' expects 'global', 'local' or 'none'. Got '{other}'"
            ))),
        },
    ),
    keepalive!(
        "clitcpka-cnt",
        client_keepalive,
        count,
        FRONT,
        "Probes without answer before a client's connection is given up.",
        count
    ),
    keepalive!(
        "clitcpka-idle",
        client_keepalive,
        idle,
        FRONT,
        "Quiet time on a client's connection before the first probe.",
        seconds
    ),
    keepalive!(
        "clitcpka-intvl",
        client_keepalive,
        interval,
        FRONT,
        "Time between probes of a client's connection.",
        seconds
    ),
    keepalive!(
        "srvtcpka-cnt",
        server_keepalive,
        count,
        BACK,
        "Probes without answer before a server's connection is given up.",
        count
    ),
    keepalive!(
        "srvtcpka-idle",
        server_keepalive,
        idle,
        BACK,
        "Quiet time on a server's connection before the first probe.",
        seconds
    ),
    keepalive!(
        "srvtcpka-intvl",
        server_keepalive,
        interval,
        BACK,
        "Time between probes of a server's connection.",
        seconds
    ),
];

fn count(keyword: &str, words: &mut Words<'_>) -> Result<u32, Error> {
    words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| Error::new(format!("'{keyword}' expects an integer value")))
}

/// The kernel counts whole seconds, from one.
fn seconds(keyword: &str, words: &mut Words<'_>) -> Result<Duration, Error> {
    if words.is_empty() {
        return Err(Error::new(format!("'{keyword}' expects an integer value")));
    }
    let time = number::timer_in(keyword, words, Duration::from_secs(1))?;
    match time.as_secs() {
        0 => Err(Error::new(format!("'{keyword}' expects a time of at least one second"))),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

fn source(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let from = transport::source(keyword, words, reading)?;
    if !words.is_empty() {
        return Err(Error::new(format!(
            "'{keyword}' only supports optional keywords 'interface' and 'usesrc'."
        )));
    }
    draft.proxy.source = from.address;
    draft.proxy.source_interface = from.interface;
    Ok(())
}

fn send_name_header(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let name = words
        .next()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::new(format!("'{keyword}' requires a header string.")))?;
    words.end(keyword)?;
    let framing = ["connection", "content-length", "host", "transfer-encoding"];
    if framing.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Err(Error::new(format!("'{keyword}' : '{name}' is not permitted here.")));
    }
    draft.proxy.send_name_header = Some(name.to_ascii_lowercase());
    Ok(())
}
