//! Actions that decide whether the traffic goes on.

use super::{HTTP, HTTP_BOTH, always, works};
use crate::language::Scope;
use crate::rules::{ActionRow, Effect};

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["accept"],
        "",
        Scope::TCP_RULES,
        "Stop here, the connection may pass.",
        "tcp-request connection accept if { src 127.0.0.0/8 }",
        |_, _, _| Ok(always(|| Effect::Allow)),
    ),
    works(
        &["allow"],
        "",
        HTTP,
        "Stop here, the message may pass.",
        "mode http\nhttp-request allow if { src 127.0.0.0/8 }",
        |_, _, _| Ok(always(|| Effect::Allow)),
    ),
    works(
        &["reject"],
        "",
        Scope::TCP_RULES.or(Scope::HTTP_REQUEST),
        "Close the connection without an answer.",
        "tcp-request connection reject if { src 192.0.2.0/24 }",
        |_, _, _| Ok(always(|| Effect::Reject)),
    ),
    works(
        &["silent-drop"],
        "",
        Scope::TCP_RULES.or(HTTP_BOTH),
        "Forget the connection; the client is not told.",
        "tcp-request connection silent-drop if { src 192.0.2.0/24 }",
        |_, _, _| Ok(always(|| Effect::SilentDrop)),
    ),
];
