//! Keywords of the global section that are known by name only.

use super::{GlobalRow, refused};

/// What a vendor's proprietary library would be needed for.
const VENDOR: &str = "Device detection with a vendor's library.";

pub(super) const ROWS: &[GlobalRow] = &[
    refused(&["external-check"], "", "Allow health checks by other programs."),
    refused(
        &["h1-case-adjust"],
        "<from> <to>",
        "A header name's spelling for bogus peers.",
    ),
    refused(
        &["h1-case-adjust-file"],
        "<hdrs-file>",
        "Spellings of header names, in a file.",
    ),
    refused(&["issuers-chain-path"], "<dir>", "Where the chains of issuers are."),
    refused(
        &["lua-load"],
        "<file> [ <arg1> [ <arg2> [ ... ] ] ]",
        "Load a Lua program.",
    ),
    refused(
        &["lua-load-per-thread"],
        "<file> [ <arg1> [ <arg2> [ ... ] ] ]",
        "Load a Lua program in each worker.",
    ),
    refused(&["lua-prepend-path"], "<string> [<type>]", "Where Lua modules are."),
    refused(
        &["pp2-never-send-local"],
        "",
        "Name the balancer's own connections PROXY in place of LOCAL.",
    ),
    refused(&["ssl-dh-param-file"], "<file>", "Diffie-Hellman parameters."),
    refused(
        &["ssl-engine"],
        "<name> [algo <comma-separated list of algorithms>]",
        "An OpenSSL engine.",
    ),
    refused(&["ssl-mode-async"], "", "Asynchronous TLS engines."),
    refused(
        &["ssl-skip-self-issued-ca"],
        "",
        "Leave self-issued authorities out of chains.",
    ),
    refused(
        &["tune.fail-alloc"],
        "<number>",
        "How many allocations in a hundred fail, for tests.",
    ),
    refused(&["tune.h2.max-frame-size"], "<number>", "Longest HTTP/2 frame."),
    refused(&["wurfl-patch-file"], "[<file path>]", VENDOR),
    refused(&["maxcomprate"], "<number>", "Bytes a second that may be compressed."),
    refused(
        &["maxcompcpuusage"],
        "<number>",
        "The load above which compression is reduced.",
    ),
    refused(&["maxsslconn"], "<number>", "How many TLS connections there may be."),
    refused(
        &["maxsslrate"],
        "<number>",
        "How many TLS sessions a second are accepted.",
    ),
    refused(&["maxzlibmem"], "<number>", "Memory for compression."),
    refused(&["tune.comp.maxlevel"], "<number>", "The strongest compression."),
    refused(
        &["tune.h2.header-table-size"],
        "<number>",
        "The table of header compression in HTTP/2.",
    ),
    refused(
        &["tune.h2.initial-window-size"],
        "<number>",
        "The first window of an HTTP/2 stream.",
    ),
    refused(
        &["tune.h2.max-concurrent-streams"],
        "<number>",
        "Streams of one HTTP/2 connection.",
    ),
    refused(
        &["tune.lua.forced-yield"],
        "<number>",
        "Lua instructions between two yields.",
    ),
    refused(&["tune.lua.maxmem"], "<number>", "Memory for Lua."),
    refused(&["tune.lua.session-timeout"], "<timeout>", "Time for Lua in a session."),
    refused(&["tune.lua.task-timeout"], "<timeout>", "Time for a Lua task."),
    refused(&["tune.lua.service-timeout"], "<timeout>", "Time for a Lua service."),
    refused(&["tune.ssl.keylog"], "{ on | off }", "Log TLS secrets."),
    refused(&["tune.ssl.lifetime"], "<timeout>", "How long a TLS session is kept."),
    refused(
        &["tune.ssl.force-private-cache"],
        "",
        "TLS sessions of each process apart.",
    ),
    refused(&["tune.ssl.maxrecord"], "<number>", "Longest TLS record."),
    refused(
        &["tune.ssl.ssl-ctx-cache-size"],
        "<number>",
        "Generated certificates kept.",
    ),
    refused(&["tune.zlib.memlevel"], "<number>", "Memory of zlib."),
    refused(&["tune.zlib.windowsize"], "<number>", "Window of zlib."),
    refused(&["deviceatlas-json-file"], "<path>", VENDOR),
    refused(&["deviceatlas-log-level"], "<value>", VENDOR),
    refused(&["deviceatlas-separator"], "<char>", VENDOR),
    refused(&["deviceatlas-properties-cookie"], "<name>", VENDOR),
    refused(&["51degrees-data-file"], "<file path>", VENDOR),
    refused(&["51degrees-property-name-list"], "[<string> ...]", VENDOR),
    refused(&["51degrees-property-separator"], "<char>", VENDOR),
    refused(&["51degrees-cache-size"], "<number>", VENDOR),
    refused(&["wurfl-data-file"], "<file path>", VENDOR),
    refused(&["wurfl-information-list"], "[<capability>]*", VENDOR),
    refused(&["wurfl-information-list-separator"], "<char>", VENDOR),
    refused(&["wurfl-cache-size"], "<size>", VENDOR),
];
