//! What is known of the stream as a whole.

use super::works;
use crate::language::Scope;
use crate::rules::{Fetch, FetchRow, Kind, Value};

pub(super) const ROWS: &[FetchRow] = &[
    works(
        &["http_first_req"],
        "",
        Scope::HTTP_REQUEST_KEPT,
        "Is the request the first one of its connection?",
        "http_first_req # 1",
        Fetch::one(Kind::Bool, |_, f| Value::Bool(f.exchange.is_first).into()),
    ),
    works(
        &["unique-id"],
        "",
        Scope::L4_CLIENT,
        "The id that `unique-id-format` gave the request.",
        "unique-id # id-1",
        Fetch::one(Kind::Str, |_, f| f.exchange.unique_id.as_deref().map(Value::str).into()),
    ),
    works(
        &["prio_class"],
        "",
        Scope::INTERNAL,
        "The class that `set-priority-class` set.",
        "prio_class # 3",
        Fetch::one(Kind::Int, |_, f| Value::Int(f.exchange.priority_class.into()).into()),
    ),
    works(
        &["prio_offset"],
        "",
        Scope::INTERNAL,
        "The offset that `set-priority-offset` set.",
        "prio_offset # -5",
        Fetch::one(Kind::Int, |_, f| Value::Int(f.exchange.priority_offset.into()).into()),
    ),
];
