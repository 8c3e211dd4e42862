//! Actions that are known by name only.

use crate::language::Scope;
use crate::rules::ActionRow;

const LATE: Scope = Scope::TCP_CONTENT.or(Scope::HTTP_REQUEST);

pub(super) const ROWS: &[ActionRow] = &[
    refused(
        &["expect-proxy"],
        "layer4",
        Scope::TCP_CONNECTION,
        "Read a PROXY protocol header before anything else.",
    ),
    refused(
        &["expect-netscaler-cip"],
        "layer4",
        Scope::TCP_CONNECTION,
        "Read a NetScaler Client IP header before anything else.",
    ),
    refused(
        &["close"],
        "",
        Scope::TCP_RESPONSE,
        "Close the connection to the server.",
    ),
    refused(
        &["use-service"],
        "<service-name>",
        LATE,
        "Let a service of the balancer answer.",
    ),
    refused(
        &["do-resolve"],
        "(<var>,<resolvers>,[ipv4,ipv6]) <expr>",
        LATE,
        "Resolve a name and keep the address in a variable.",
    ),
    refused(
        &["send-spoe-group"],
        "<engine-name> <group-name>",
        LATE.or(Scope::TCP_RESPONSE).or(Scope::HTTP_RESPONSE),
        "Send a group of messages to an offload agent.",
    ),
    refused(
        &["cache-use"],
        "<name>",
        Scope::HTTP_REQUEST,
        "Answer from the cache where it can.",
    ),
    refused(
        &["cache-store"],
        "<name>",
        Scope::HTTP_RESPONSE,
        "Keep the response in the cache.",
    ),
    refused(
        &["wait-for-handshake"],
        "",
        Scope::HTTP_REQUEST,
        "Hold the request until the TLS handshake is through.",
    ),
];

const fn refused(names: &'static [&'static str], args: &'static str, scope: Scope, doc: &'static str) -> ActionRow {
    ActionRow::refused(names, args, scope, doc, "")
}
