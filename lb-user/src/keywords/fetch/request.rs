//! The request line (manual 7.3.6).

use super::{answer, request, works};
use crate::language::Scope;
use crate::rules::{Fetch, FetchRow, Kind, Value};

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["method"],
        "",
        Scope::HTTP_REQUEST_KEPT,
        "The request's method.",
        "method # GET",
        Fetch::one(Kind::Method, |_, f| {
            answer(request(f).map(|head| Value::Method(head.method().into()).into()))
        }),
    ),
    works(
        &["req.ver", "req_ver"],
        "",
        Scope::HTTP_REQUEST_HEAD,
        "The version of the request, without `HTTP/`.",
        "req.ver # 1.1",
        Fetch::one(Kind::Str, |_, f| {
            answer(request(f).map(|head| Value::str(head.version_digits()).into()))
        }),
    ),
];
