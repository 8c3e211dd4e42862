//! Stick tables and the counters that a stream tracks in them (manual 7.3.3).

use super::refused;
use crate::language::Scope;
use crate::rules::FetchRow;

/// The counter of a tracked entry: by number, by one of three prefixes, or that of the client's address.
macro_rules! tracked {
    ($name:literal, $doc:literal) => {
        refused(
            &[
                concat!("sc_", $name),
                concat!("sc0_", $name),
                concat!("sc1_", $name),
                concat!("sc2_", $name),
                concat!("src_", $name),
            ],
            "(<ctr>[,<table>])",
            Scope::L4_CLIENT,
            $doc,
        )
    };
}

/// All fetches of tables.
pub(in crate::keywords::fetch) const ROWS: &[FetchRow] = &[
    tracked!("bytes_in_rate", "Bytes from the client over the table's period."),
    tracked!("bytes_out_rate", "Bytes to the client over the table's period."),
    tracked!(
        "clr_gpc0",
        "Clears the first general purpose counter and gives what it was."
    ),
    tracked!(
        "clr_gpc1",
        "Clears the second general purpose counter and gives what it was."
    ),
    tracked!("conn_cnt", "Connections so far."),
    tracked!("conn_cur", "Connections now."),
    tracked!("conn_rate", "Connections over the table's period."),
    tracked!("get_gpc0", "The first general purpose counter."),
    tracked!("get_gpc1", "The second general purpose counter."),
    tracked!("get_gpt0", "The general purpose tag."),
    tracked!(
        "gpc0_rate",
        "Increments of the first general purpose counter over the table's period."
    ),
    tracked!(
        "gpc1_rate",
        "Increments of the second general purpose counter over the table's period."
    ),
    tracked!("http_err_cnt", "HTTP errors of the client so far."),
    tracked!("http_err_rate", "HTTP errors of the client over the table's period."),
    tracked!("http_fail_cnt", "HTTP failures of servers so far."),
    tracked!("http_fail_rate", "HTTP failures of servers over the table's period."),
    tracked!("http_req_cnt", "HTTP requests so far."),
    tracked!("http_req_rate", "HTTP requests over the table's period."),
    tracked!(
        "inc_gpc0",
        "Increments the first general purpose counter and gives what it is."
    ),
    tracked!(
        "inc_gpc1",
        "Increments the second general purpose counter and gives what it is."
    ),
    tracked!("kbytes_in", "Kilobytes from the client so far."),
    tracked!("kbytes_out", "Kilobytes to the client so far."),
    tracked!("sess_cnt", "Sessions so far."),
    tracked!("sess_rate", "Sessions over the table's period."),
    tracked!("tracked", "Is the counter tracking an entry?"),
    tracked!("trackers", "How many streams track the entry."),
    refused(
        &["src_updt_conn_cnt"],
        "([<table>])",
        Scope::L4_CLIENT,
        "Creates the entry of the client's address or counts one more connection in it, and gives the count.",
    ),
    refused(
        &["table_avl"],
        "([<table>])",
        Scope::INTERNAL,
        "Entries that a table still has room for.",
    ),
    refused(&["table_cnt"], "([<table>])", Scope::INTERNAL, "Entries in a table."),
];
