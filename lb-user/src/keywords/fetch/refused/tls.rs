//! TLS sessions and certificates (manual 7.3.4).

use super::refused;
use crate::language::Scope;
use crate::rules::FetchRow;

const CLIENT: Scope = Scope::L5_CLIENT;
const SERVER: Scope = Scope::L5_SERVER;

/// All fetches of TLS but those that say whether there is any.
pub(in crate::keywords::fetch) const ROWS: &[FetchRow] = &[
    refused(
        &["ssl_fc_cipherlist_str"],
        "",
        CLIENT,
        "Session with the client: the ciphers that the client offered, by name.",
    ),
    refused(
        &["ssl_fc_client_random"],
        "",
        CLIENT,
        "Session with the client: the client's random bytes.",
    ),
    refused(
        &["ssl_fc_client_early_traffic_secret"],
        "",
        CLIENT,
        "Session with the client: the client's early traffic secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_client_handshake_traffic_secret"],
        "",
        CLIENT,
        "Session with the client: the client's handshake traffic secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_client_traffic_secret_0"],
        "",
        CLIENT,
        "Session with the client: the client's first application traffic secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_exporter_secret"],
        "",
        CLIENT,
        "Session with the client: the exporter secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_early_exporter_secret"],
        "",
        CLIENT,
        "Session with the client: the early exporter secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_npn"],
        "",
        CLIENT,
        "Session with the client: the protocol that NPN settled on.",
    ),
    refused(
        &["ssl_fc_unique_id"],
        "",
        CLIENT,
        "Session with the client: the channel binding of the session.",
    ),
    refused(
        &["ssl_fc_server_handshake_traffic_secret"],
        "",
        CLIENT,
        "Session with the client: the server's handshake traffic secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_server_traffic_secret_0"],
        "",
        CLIENT,
        "Session with the client: the server's first application traffic secret (TLS 1.3).",
    ),
    refused(
        &["ssl_fc_server_random"],
        "",
        CLIENT,
        "Session with the client: the server's random bytes.",
    ),
    refused(
        &["ssl_fc_session_id"],
        "",
        CLIENT,
        "Session with the client: the session's id.",
    ),
    refused(
        &["ssl_fc_session_key"],
        "",
        CLIENT,
        "Session with the client: the session's master key.",
    ),
    refused(
        &["ssl_bc_client_random"],
        "",
        SERVER,
        "Session with the server: the client's random bytes.",
    ),
    refused(
        &["ssl_bc_npn"],
        "",
        SERVER,
        "Session with the server: the protocol that NPN settled on.",
    ),
    refused(
        &["ssl_bc_unique_id"],
        "",
        SERVER,
        "Session with the server: the channel binding of the session.",
    ),
    refused(
        &["ssl_bc_server_random"],
        "",
        SERVER,
        "Session with the server: the server's random bytes.",
    ),
    refused(
        &["ssl_bc_session_id"],
        "",
        SERVER,
        "Session with the server: the session's id.",
    ),
    refused(
        &["ssl_bc_session_key"],
        "",
        SERVER,
        "Session with the server: the session's master key.",
    ),
];
