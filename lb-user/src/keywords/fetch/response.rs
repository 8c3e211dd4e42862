//! The status line of the response (manual 7.3.6).

use super::{answer, response, works};
use crate::language::Scope;
use crate::rules::{Fetch, FetchRow, Kind, Value};

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["status"],
        "",
        Scope::HTTP_RESPONSE_KEPT,
        "The status of the response.",
        "status # 200",
        Fetch::one(Kind::Int, |_, f| {
            let sent = f.exchange.status;
            let status = f.response.map_or(sent, |head| head.status());
            Some(status)
                .filter(|status| *status > 0)
                .map(|status| Value::Int(status.into()))
                .into()
        }),
    ),
    works(
        &["res.ver", "resp_ver"],
        "",
        Scope::HTTP_RESPONSE_HEAD,
        "The version of the response, without `HTTP/`.",
        "res.ver # 1.1",
        Fetch::one(Kind::Str, |_, f| {
            answer(response(f).map(|head| Value::str(head.version_digits()).into()))
        }),
    ),
];
