//! Fetches of the language that this version refuses by name.

mod tls;

use crate::language::{Does, Scope};
use crate::rules::FetchRow;

/// Fetches of rooms that are not built yet.
pub(super) const ROWS: &[FetchRow] = &[
    refused(
        &["51d.all"],
        "(<prop>[,<prop>*])",
        Scope::L5_CLIENT,
        "Properties of the client's device, from a vendor's library.",
    ),
    refused(
        &["cpu_calls"],
        "",
        Scope::INTERNAL,
        "How often the stream was worked on.",
    ),
    refused(
        &["cpu_ns_avg"],
        "",
        Scope::INTERNAL,
        "Nanoseconds that each of these calls took.",
    ),
    refused(
        &["cpu_ns_tot"],
        "",
        Scope::INTERNAL,
        "Nanoseconds that all of these calls took.",
    ),
    refused(
        &["lat_ns_avg"],
        "",
        Scope::INTERNAL,
        "Nanoseconds that the stream waited for each call.",
    ),
    refused(
        &["lat_ns_tot"],
        "",
        Scope::INTERNAL,
        "Nanoseconds that the stream waited for all calls.",
    ),
    refused(
        &["distcc_body"],
        "(<token>[,<occ>])",
        Scope::L6_REQUEST.or(Scope::L6_RESPONSE),
        "The body behind a token of a distcc message.",
    ),
    refused(
        &["distcc_param"],
        "(<token>[,<occ>])",
        Scope::L6_REQUEST.or(Scope::L6_RESPONSE),
        "The parameter of a token of a distcc message.",
    ),
    refused(
        &["src_is_local"],
        "",
        Scope::L4_CLIENT,
        "Is the client's address one of this machine?",
    ),
    refused(
        &["dst_is_local"],
        "",
        Scope::L4_CLIENT,
        "Is the address that the client connected to one of this machine?",
    ),
    refused(
        &["fc_rtt"],
        "(<unit>)",
        Scope::L4_CLIENT,
        "The kernel's estimate of the round trip to the client.",
    ),
    refused(
        &["fc_rttvar"],
        "(<unit>)",
        Scope::L4_CLIENT,
        "How much the round trip to the client varies.",
    ),
    refused(
        &["fc_unacked"],
        "",
        Scope::L4_CLIENT,
        "Segments on the way to the client.",
    ),
    refused(
        &["fc_sacked"],
        "",
        Scope::L4_CLIENT,
        "Segments that the client acknowledged out of order.",
    ),
    refused(
        &["fc_retrans"],
        "",
        Scope::L4_CLIENT,
        "Segments on the way to the client for another time.",
    ),
    refused(
        &["fc_fackets"],
        "",
        Scope::L4_CLIENT,
        "The kernel's count of forward acknowledgements.",
    ),
    refused(
        &["fc_lost"],
        "",
        Scope::L4_CLIENT,
        "Segments to the client that count as lost.",
    ),
    refused(
        &["fc_reordering"],
        "",
        Scope::L4_CLIENT,
        "How far segments to the client overtake each other.",
    ),
    refused(
        &["res.cache_hit"],
        "",
        Scope::HTTP_RESPONSE_KEPT,
        "Does the response come from a cache?",
    ),
    refused(
        &["res.cache_name"],
        "",
        Scope::HTTP_RESPONSE_KEPT,
        "The cache that the response comes from.",
    ),
    refused(
        &["res.comp"],
        "",
        Scope::HTTP_RESPONSE_KEPT,
        "Was the response compressed here?",
    ),
    refused(
        &["res.comp_algo"],
        "",
        Scope::HTTP_RESPONSE_KEPT,
        "The algorithm that the response was compressed with.",
    ),
    refused(
        &["internal.htx.data"],
        "",
        MESSAGE,
        "Bytes of data in the peer's representation of a message.",
    ),
    refused(
        &["internal.htx.free"],
        "",
        MESSAGE,
        "Free bytes in the peer's representation of a message.",
    ),
    refused(
        &["internal.htx.free_data"],
        "",
        MESSAGE,
        "Free bytes for data in the peer's representation of a message.",
    ),
    refused(
        &["internal.htx.has_eom"],
        "",
        MESSAGE,
        "Is the message's end in the peer's representation of it?",
    ),
    refused(
        &["internal.htx.nbblks"],
        "",
        MESSAGE,
        "Blocks in the peer's representation of a message.",
    ),
    refused(
        &["internal.htx.size"],
        "",
        MESSAGE,
        "Size of the peer's representation of a message.",
    ),
    refused(
        &["internal.htx.used"],
        "",
        MESSAGE,
        "Used bytes in the peer's representation of a message.",
    ),
    refused(
        &["internal.htx_blk.size"],
        "(<idx>)",
        MESSAGE,
        "Size of a block of the peer's representation.",
    ),
    refused(
        &["internal.htx_blk.type"],
        "(<idx>)",
        MESSAGE,
        "Type of a block of the peer's representation.",
    ),
    refused(
        &["internal.htx_blk.data"],
        "(<idx>)",
        MESSAGE,
        "Data of a block of the peer's representation.",
    ),
    refused(
        &["internal.htx_blk.hdrname"],
        "(<idx>)",
        MESSAGE,
        "Header name in a block of the peer's representation.",
    ),
    refused(
        &["internal.htx_blk.hdrval"],
        "(<idx>)",
        MESSAGE,
        "Header value in a block of the peer's representation.",
    ),
    refused(
        &["internal.htx_blk.start_line"],
        "(<idx>)",
        MESSAGE,
        "Start line in a block of the peer's representation.",
    ),
    refused(
        &["internal.strm.is_htx"],
        "",
        Scope::INTERNAL,
        "Does the stream use the peer's representation of messages?",
    ),
];

pub(super) use tls::ROWS as TLS;

const MESSAGE: Scope = Scope::HTTP_REQUEST_HEAD.or(Scope::HTTP_RESPONSE_HEAD);

const fn refused(names: &'static [&'static str], args: &'static str, scope: Scope, doc: &'static str) -> FetchRow {
    FetchRow {
        names,
        args,
        scope,
        doc,
        example: "",
        does: Does::Refused,
    }
}
