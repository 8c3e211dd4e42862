//! TLS sessions and certificates (manual 7.3.4).

mod certificate;
mod session;

pub(super) use certificate::ROWS as CERTIFICATES;
pub(super) use session::ROWS as SESSIONS;
