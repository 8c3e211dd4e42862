//! Backends and servers that a sample names.

use super::works;
use crate::keywords::fetch;
use crate::rules::{Args, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["nbsrv"],
        "",
        "The usable servers of the backend of that name.",
        "str(app),nbsrv # 1",
        Convert::new(Kind::Str, Kind::Int, |_, value, f| {
            let name = value.into_text();
            let named = f
                .process
                .proxies
                .iter()
                .find(|proxy| proxy.is_backend && proxy.name.as_bytes() == &*name)?;
            Some(Value::Int(fetch::usable(named)))
        }),
    ),
    works(
        &["srv_queue"],
        "",
        "The connections in the queue of the server of that name, with or without its backend's name before it.",
        "str(app/s1),srv_queue # 0",
        Convert::new(Kind::Str, Kind::Int, queue),
    ),
];

fn queue<'a>(_: &'a Args, value: Value<'a>, facts: &Facts<'a>) -> Option<Value<'a>> {
    let text = value.into_text();
    let (proxy, name) = match memchr::memchr(b'/', &text) {
        Some(slash) => {
            let backend = text.get(..slash)?;
            let named = facts
                .process
                .proxies
                .iter()
                .find(|proxy| proxy.is_backend && proxy.name.as_bytes() == backend)?;
            (named, text.get(slash + 1..)?)
        }
        None => (facts.proxy()?, &*text),
    };
    let server = proxy.servers.iter().find(|server| server.name.as_bytes() == name)?;
    Some(Value::Int(server.queue.get() as i64))
}
