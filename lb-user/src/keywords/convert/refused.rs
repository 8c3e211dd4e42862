//! Converters of the language that this version refuses by name.

use super::refused;
use crate::rules::ConvertRow;

/// A lookup of the sample in a stick table.
macro_rules! table {
    ($name:literal, $doc:literal) => {
        refused(&[concat!("table_", $name)], "(<table>)", $doc)
    };
}

pub(super) const ROWS: &[ConvertRow] = &[
    refused(
        &["51d.single"],
        "(<prop>[,<prop>*])",
        "Properties of the client's device, from a vendor's library.",
    ),
    refused(
        &["aes_gcm_dec"],
        "(<bits>,<nonce>,<key>,<aead_tag>)",
        "Decrypts with AES-GCM.",
    ),
    refused(
        &["debug"],
        "([<prefix][,<destination>])",
        "Shows what passes through in an event sink.",
    ),
    refused(&["in_table"], "(<table>)", "Is the sample in a stick table?"),
    refused(
        &["protobuf"],
        "(<field_number>,[<field_type>])",
        "A field of a protocol buffer.",
    ),
    refused(
        &["ungrpc"],
        "(<field_number>,[<field_type>])",
        "A field of the protocol buffer in a gRPC message.",
    ),
    table!("bytes_in_rate", "Bytes from the client over the table's period."),
    table!("bytes_out_rate", "Bytes to the client over the table's period."),
    table!("conn_cnt", "Connections so far."),
    table!("conn_cur", "Connections now."),
    table!("conn_rate", "Connections over the table's period."),
    table!("gpt0", "The general purpose tag."),
    table!("gpc0", "The first general purpose counter."),
    table!(
        "gpc0_rate",
        "Increments of the first general purpose counter over the table's period."
    ),
    table!("gpc1", "The second general purpose counter."),
    table!(
        "gpc1_rate",
        "Increments of the second general purpose counter over the table's period."
    ),
    table!("http_err_cnt", "HTTP errors of the client so far."),
    table!("http_err_rate", "HTTP errors of the client over the table's period."),
    table!("http_fail_cnt", "HTTP failures of servers so far."),
    table!("http_fail_rate", "HTTP failures of servers over the table's period."),
    table!("http_req_cnt", "HTTP requests so far."),
    table!("http_req_rate", "HTTP requests over the table's period."),
    table!("kbytes_in", "Kilobytes from the client so far."),
    table!("kbytes_out", "Kilobytes to the client so far."),
    table!("server_id", "The server that the table holds for the sample."),
    table!("sess_cnt", "Sessions so far."),
    table!("sess_rate", "Sessions over the table's period."),
    table!("trackers", "How many streams track the entry."),
];
