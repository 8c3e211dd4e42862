//! Keywords that are known by name only.

use super::{ANY, BACK, FRONT, NOT_DEFAULTS, ONLY_BACK, ProxyRow};
use crate::language::{Row, Scope};

const fn row(names: &'static [&'static str], args: &'static str, scope: Scope, doc: &'static str) -> ProxyRow {
    Row::refused(names, args, scope, doc, "")
}

pub(super) const ROWS: &[ProxyRow] = &[
    row(&["compression"], "<arguments>", ANY, "Compress responses."),
    row(
        &["email-alert from"],
        "<emailaddr>",
        ANY,
        "The sender of alerts by mail.",
    ),
    row(
        &["email-alert level"],
        "<level>",
        ANY,
        "How grave an alert by mail must be.",
    ),
    row(
        &["email-alert mailers"],
        "<mailersect>",
        ANY,
        "Who carries alerts by mail.",
    ),
    row(
        &["email-alert myhostname"],
        "<hostname>",
        ANY,
        "This machine's name in alerts by mail.",
    ),
    row(&["email-alert to"], "<emailaddr>", ANY, "The reader of alerts by mail."),
    row(&["filter"], "<name> [param*]", NOT_DEFAULTS, "A filter of the stream."),
    row(
        &["grace"],
        "<time>",
        ANY,
        "How long the proxy serves on after the process was told to stop.",
    ),
    row(
        &[
            "option h1-case-adjust-bogus-client",
            "no option h1-case-adjust-bogus-client",
        ],
        "",
        FRONT,
        "Spell header names as bogus clients want them.",
    ),
    row(
        &[
            "option h1-case-adjust-bogus-server",
            "no option h1-case-adjust-bogus-server",
        ],
        "",
        BACK,
        "Spell header names as bogus servers want them.",
    ),
    row(
        &["option http_proxy", "no option http_proxy"],
        "",
        ANY,
        "Connect where the request's URI says.",
    ),
    row(&["option ldap-check"], "", BACK, "Check servers with an LDAP bind."),
    row(
        &["option external-check"],
        "",
        BACK,
        "Check servers with another program.",
    ),
    row(
        &["option mysql-check"],
        "[ user <username> [ { post-41 | pre-41 } ] ]",
        BACK,
        "Check servers with a MySQL handshake.",
    ),
    row(
        &["option pgsql-check"],
        "user <username>",
        BACK,
        "Check servers with a PostgreSQL startup.",
    ),
    row(&["option redis-check"], "", BACK, "Check servers with a Redis PING."),
    row(
        &["option smtpchk"],
        "[<hello> <domain>]",
        BACK,
        "Check servers with an SMTP greeting.",
    ),
    row(
        &["option ssl-hello-chk"],
        "",
        BACK,
        "Check servers with an SSLv3 hello.",
    ),
    row(
        &["option spop-check"],
        "",
        ONLY_BACK,
        "Check servers with an SPOP hello.",
    ),
    row(
        &["external-check command"],
        "<command>",
        BACK,
        "The program that checks servers.",
    ),
    row(
        &["external-check path"],
        "<path>",
        BACK,
        "Where that program finds others.",
    ),
    row(
        &["persist rdp-cookie", "persist rdp-cookie("],
        "[(<name>)]",
        BACK,
        "Persistence by the cookie of the Remote Desktop Protocol.",
    ),
    row(
        &["server-state-file-name"],
        "[ { use-backend-name | <file> } ]",
        BACK,
        "The file that holds the servers' state between two processes.",
    ),
    row(
        &["stats admin"],
        "{ if | unless } <cond>",
        NOT_DEFAULTS,
        "Who may change servers on the statistics page.",
    ),
    row(
        &["stats auth"],
        "<user>:<passwd>",
        ANY,
        "Who may see the statistics page.",
    ),
    row(&["stats enable"], "", ANY, "Serve the statistics page."),
    row(
        &["stats hide-version"],
        "",
        ANY,
        "Do not tell the version on the statistics page.",
    ),
    row(
        &["stats http-request"],
        "{ allow | deny | auth [realm <realm>] } [ { if | unless } <condition> ]",
        NOT_DEFAULTS,
        "What happens to requests for the statistics page.",
    ),
    row(
        &["stats realm"],
        "<realm>",
        ANY,
        "The realm of the statistics page's passwords.",
    ),
    row(
        &["stats refresh"],
        "<delay>",
        ANY,
        "How often the statistics page reloads.",
    ),
    row(
        &["stats scope"],
        "{ <name> | \".\" }",
        ANY,
        "The proxies on the statistics page.",
    ),
    row(
        &["stats show-desc"],
        "[ <desc> ]",
        ANY,
        "Show a text on the statistics page.",
    ),
    row(
        &["stats show-legends"],
        "",
        ANY,
        "Show more about proxies on the statistics page.",
    ),
    row(
        &["stats show-node"],
        "[ <name> ]",
        ANY,
        "Show this machine's name on the statistics page.",
    ),
    row(
        &["stats show-modules"],
        "",
        ANY,
        "Show the modules' numbers on the statistics page.",
    ),
    row(&["stats uri"], "<prefix>", ANY, "Where the statistics page is."),
    row(
        &["tcp-check comment"],
        "<string>",
        BACK,
        "A text about the next step of a scripted check.",
    ),
    row(
        &["tcp-check connect"],
        "[default] [port <expr>] [addr <ip>] [send-proxy] [via-socks4] [ssl] [sni <sni>] [alpn <alpn>] [linger] [proto <name>] [comment <msg>]",
        BACK,
        "A step of a scripted check: connect.",
    ),
    row(
        &["tcp-check expect"],
        "[min-recv <int>] [comment <msg>] [!] <match> <pattern>",
        BACK,
        "A step of a scripted check: await this.",
    ),
    row(
        &["tcp-check send"],
        "<data> [comment <msg>]",
        BACK,
        "A step of a scripted check: send this.",
    ),
    row(
        &["tcp-check send-lf"],
        "<fmt> [comment <msg>]",
        BACK,
        "A step of a scripted check: send this format.",
    ),
    row(
        &["tcp-check send-binary"],
        "<hexstring> [comment <msg>]",
        BACK,
        "A step of a scripted check: send these bytes.",
    ),
    row(
        &["tcp-check send-binary-lf"],
        "<hexfmt> [comment <msg>]",
        BACK,
        "A step of a scripted check: send this format of bytes.",
    ),
    row(
        &["tcp-check set-var(", "tcp-check set-var-fmt(", "tcp-check unset-var("],
        "<var-name>) <expr>",
        BACK,
        "A variable of a scripted check.",
    ),
    row(
        &["use-fcgi-app"],
        "<name>",
        ONLY_BACK,
        "The FastCGI application that servers run.",
    ),
];
