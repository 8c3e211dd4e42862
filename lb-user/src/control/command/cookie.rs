//! Commands about cookies that are computed from servers' addresses.

use std::sync::PoisonError;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::language::{Does, Scope};
use crate::state::proxy::DynamicCookie;

/// Commands about dynamic cookies.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["disable dynamic-cookie backend"],
        args: "<bk>",
        scope: Scope::CLI_ADMIN,
        doc: "disable dynamic cookies on a specific backend",
        example: "disable dynamic-cookie backend be",
        does: Does::Works(|request| change(request, |cookie| cookie.enabled = false)),
    },
    CommandRow {
        names: &["enable dynamic-cookie backend"],
        args: "<bk>",
        scope: Scope::CLI_ADMIN,
        doc: "enable dynamic cookies on a specific backend",
        example: "enable dynamic-cookie backend be",
        does: Does::Works(|request| change(request, |cookie| cookie.enabled = true)),
    },
    CommandRow {
        names: &["set dynamic-cookie-key backend"],
        args: "<bk> <k>",
        scope: Scope::CLI_ADMIN,
        doc: "change a backend secret key for dynamic cookies",
        example: "set dynamic-cookie-key backend be secret",
        does: Does::Works(|request| {
            let key = request.word(1).filter(|key| !key.is_empty());
            let key = key.map(|key| key.as_bytes().to_vec());
            if request.word(0).is_some() && key.is_none() {
                return Answer::error("String value expected.");
            }
            change(request, |cookie| cookie.key = key)
        }),
    },
];

fn change(request: &Request<'_>, change: impl FnOnce(&mut DynamicCookie)) -> Answer {
    let Some(name) = request.word(0) else {
        return Answer::error("A backend name is expected.");
    };
    let Some(proxy) = request.world.backend(name) else {
        return Answer::error("No such backend.");
    };
    change(
        &mut proxy
            .backend
            .dynamic_cookie
            .write()
            .unwrap_or_else(PoisonError::into_inner),
    );
    if let Some(backend) = request.world.engine.backend(proxy.id) {
        backend.name_servers();
    }
    Answer::Done
}
