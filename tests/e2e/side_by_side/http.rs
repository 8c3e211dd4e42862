//! HTTP exchanges.
use super::{Scene, compare};
use anyhow::Result;

/// A request on a connection that ends with it.
macro_rules! request {
    ($line:literal $(, $field:literal)*) => {
        concat!($line, " HTTP/1.1\r\nhost: lab\r\n", $($field, "\r\n",)* "connection: close\r\n\r\n")
    };
}

/// A request after which the connection goes on.
macro_rules! first {
    ($line:literal $(, $field:literal)*) => {
        concat!($line, " HTTP/1.1\r\nhost: lab\r\n", $($field, "\r\n",)* "\r\n")
    };
}

/// A short answer.
macro_rules! answer {
    ($($field:literal),*) => {
        concat!("HTTP/1.1 200 OK\r\n", $($field, "\r\n",)* "content-length: 2\r\n\r\nok")
    };
}

const SIMPLE: Scene = Scene {
    frontend: "    mode http",
    backend: "    mode http\n    server s1 SERVER",
    ..Scene::HTTP
};

#[test]
fn cookies_are_captured() -> Result<()> {
    let captures = |name, global, frontend, clients, server| Scene {
        name,
        global,
        frontend,
        clients,
        server,
        ..SIMPLE
    };
    compare(&[
        captures(
            "whole name",
            "",
            "    mode http\n    capture cookie SID= len 20",
            &[request!(
                "GET /",
                "cookie: a=b; SID=1234567890123456789012; c=d",
                "cookie: SID=2"
            )],
            &[answer!(
                "set-cookie: SIDE=1",
                "set-cookie: SID=99; path=/",
                "set-cookie: SID=100"
            )],
        ),
        captures(
            "prefix",
            "",
            "    mode http\n    capture cookie SID len 20",
            &[request!("GET /", "cookie: xSID=1; SIDE=2; SID=3")],
            &[answer!("set-cookie: XSID=1", "set-cookie: SIDE=2; path=/")],
        ),
        captures(
            "length of all",
            "    tune.http.cookielen 12",
            "    mode http\n    capture cookie SID= len 20",
            &[request!("GET /", "cookie: SID=1234567890123456789012")],
            &[answer!("set-cookie: SID=1234567890123456789012")],
        ),
        captures(
            "none",
            "",
            "    mode http\n    capture cookie SID= len 20",
            &[request!("GET /", "cookie: SIDE=1")],
            &[answer!()],
        ),
        captures(
            "two requests",
            "",
            "    mode http\n    capture cookie SID= len 20",
            &[concat!(
                "GET /1 HTTP/1.1\r\nhost: lab\r\ncookie: SID=1\r\n\r\n",
                request!("GET /2")
            )],
            &[answer!(), answer!()],
        )
        .with_lines(2),
    ])
}

#[test]
fn long_request_lines_are_cut_in_logs() -> Result<()> {
    compare(&[
        Scene {
            name: "configured",
            global: "    tune.http.logurilen 20",
            clients: &[request!("GET /0123456789012345678901234567890123456789")],
            ..SIMPLE
        },
        Scene {
            name: "at the limit",
            global: "    tune.http.logurilen 26",
            clients: &[
                request!("GET /01234567890"),
                request!("GET /012345678901"),
                request!("GET /0123456789012"),
            ],
            server: &[answer!(), answer!(), answer!()],
            lines: 3,
            ..SIMPLE
        },
    ])
}

#[test]
fn variables_have_their_first_value() -> Result<()> {
    compare(&[Scene {
        name: "set-var",
        global: "    set-var proc.zone str(edge)\n    set-var proc.double int(21),mul(2)",
        frontend: "    mode http\n    http-request return status 200 content-type text/plain lf-string \"%[var(proc.zone)] %[var(proc.double)]\"",
        ..SIMPLE
    }])
}

#[test]
fn servers_are_told_what_is_configured() -> Result<()> {
    let backend = |name, backend| Scene {
        name,
        backend,
        ..SIMPLE
    };
    compare(&[
        backend(
            "http-send-name-header",
            "    mode http\n    http-send-name-header X-Server\n    server s1 SERVER",
        ),
        Scene {
            clients: &[request!("GET /", "x-server: mine")],
            ..backend(
                "http-send-name-header over the client's",
                "    mode http\n    http-send-name-header X-Server\n    server s1 SERVER",
            )
        },
        Scene {
            server: &["CLOSE", answer!()],
            ..backend(
                "http-send-name-header on a retry",
                "    mode http\n    retries 1\n    option redispatch 1\n    retry-on all-retryable-errors\n    http-send-name-header X-Server\n    balance static-rr\n    server s1 SERVER\n    server s2 SERVER",
            )
        },
        backend(
            "http-pretend-keepalive",
            "    mode http\n    option http-server-close\n    option http-pretend-keepalive\n    server s1 SERVER",
        ),
        Scene {
            clients: &["GET / HTTP/1.0\r\n\r\n"],
            server: &["HTTP/1.0 200 OK\r\n\r\nokCLOSE"],
            ..backend(
                "http-pretend-keepalive to 1.0",
                "    mode http\n    option httpclose\n    option http-pretend-keepalive\n    server s1 SERVER",
            )
        },
        backend(
            "httpclose alone",
            "    mode http\n    option httpclose\n    server s1 SERVER",
        ),
    ])
}

#[test]
fn cacheable_cookies_are_blocked() -> Result<()> {
    let check = |name, server| Scene {
        name,
        server,
        backend: "    mode http\n    option checkcache\n    server s1 SERVER",
        ..SIMPLE
    };
    compare(&[
        check("private", &[answer!("set-cookie: a=b", "cache-control: private")]),
        check(
            "no-store",
            &[answer!("set-cookie: a=b", "cache-control: no-store, max-age=3")],
        ),
        check("no-cache", &[answer!("set-cookie: a=b", "cache-control: no-cache")]),
        check(
            "no-cache=cookie",
            &[answer!("set-cookie: a=b", "cache-control: no-cache=\"set-cookie\"")],
        ),
        check("max-age=0", &[answer!("set-cookie: a=b", "cache-control: max-age=0")]),
        check(
            "s-maxage=0",
            &[answer!("set-cookie: a=b", "cache-control: public, s-maxage=0")],
        ),
        check("pragma", &[answer!("set-cookie: a=b", "pragma: no-cache")]),
        check(
            "private then public",
            &[answer!(
                "set-cookie: a=b",
                "cache-control: private",
                "cache-control: public"
            )],
        ),
        check("no cookie", &[answer!("cache-control: public")]),
        check(
            "not cacheable",
            &["HTTP/1.1 302 Found\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"],
        ),
        Scene {
            clients: &["POST / HTTP/1.1\r\nhost: lab\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"],
            ..check("post", &[answer!("set-cookie: a=b")])
        },
    ])
}

#[test]
fn a_log_line_may_come_early() -> Result<()> {
    const EARLY: &str =
        "    mode http\n    option logasap\n    log-format \"LINE %b/%s %ST %tsc %B %Td %Ta %Tt %Tu %{+Q}r\"";
    let early = |name| Scene {
        name,
        frontend: EARLY,
        ..SIMPLE
    };
    compare(&[
        early("response"),
        Scene {
            backend: "    mode http\n    http-request deny",
            ..early("refusal")
        },
        Scene {
            server: &["HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nokCLOSE"],
            ..early("broken off")
        },
        Scene {
            clients: &[concat!(first!("GET /1"), request!("GET /2"))],
            server: &[answer!(), answer!()],
            lines: 2,
            ..early("two")
        },
    ])
}

#[test]
fn a_kept_connection_prefers_its_last_server() -> Result<()> {
    let backend = |name, backend| Scene {
        name,
        backend,
        clients: &[concat!(first!("GET /1"), first!("GET /2"), request!("GET /3"))],
        server: &[answer!(), answer!(), answer!()],
        lines: 3,
        ..SIMPLE
    };
    compare(&[
        backend(
            "prefer-last-server",
            "    mode http\n    http-reuse never\n    option prefer-last-server\n    balance roundrobin\n    server s1 SERVER\n    server s2 SERVER",
        ),
        backend(
            "shared connections",
            "    mode http\n    option prefer-last-server\n    balance roundrobin\n    server s1 SERVER\n    server s2 SERVER",
        ),
        backend(
            "without it",
            "    mode http\n    http-reuse never\n    balance roundrobin\n    server s1 SERVER\n    server s2 SERVER",
        ),
        backend(
            "with a hash",
            "    mode http\n    http-reuse never\n    option prefer-last-server\n    balance uri\n    server s1 SERVER\n    server s2 SERVER",
        ),
        backend(
            "server-close",
            "    mode http\n    http-reuse never\n    option http-server-close\n    option prefer-last-server\n    balance roundrobin\n    server s1 SERVER\n    server s2 SERVER",
        ),
    ])
}

#[test]
fn headers_are_captured() -> Result<()> {
    const CAPTURES: &str = "    mode http\n    capture request header X len 5\n    capture response header Y len 5";
    compare(&[
        Scene {
            name: "captures",
            frontend: CAPTURES,
            clients: &[request!("GET /", "x: 1234567", "x: last-one")],
            server: &[answer!("y: abcdefgh")],
            ..SIMPLE
        },
        Scene {
            name: "captures of a denied request",
            frontend: "    mode http\n    capture request header X len 5\n    capture cookie A= len 9\n    http-request deny",
            clients: &[request!("GET /", "x: 1234567", "cookie: A=1")],
            ..SIMPLE
        },
        Scene {
            name: "captures before rules",
            frontend: "    mode http\n    capture request header X len 5\n    capture response header Y len 5\n    capture cookie A= len 9\n    http-request set-header x new\n    http-request set-header cookie A=2\n    http-response set-header y new\n    http-response set-header set-cookie A=2",
            clients: &[request!("GET /", "x: old", "cookie: A=1")],
            server: &[answer!("y: old", "set-cookie: A=1")],
            ..SIMPLE
        },
        Scene {
            name: "captures of a denied response",
            frontend: "    mode http\n    capture response header Y len 5\n    capture cookie A= len 9\n    http-response deny",
            server: &[answer!("y: old", "set-cookie: A=1")],
            ..SIMPLE
        },
    ])
}

#[test]
fn persistence_may_hold_on_to_a_dead_server_or_be_ignored() -> Result<()> {
    let stuck = |name, backend| Scene {
        name,
        backend,
        clients: &[request!("GET /1"), request!("GET /2"), request!("GET /2")],
        server: &[answer!(), answer!(), answer!()],
        lines: 3,
        ..SIMPLE
    };
    compare(&[
        stuck(
            "use-server of a dead one",
            "    mode http\n    use-server s1 if TRUE\n    server s1 127.0.0.1:1 disabled\n    server s2 SERVER",
        ),
        stuck(
            "option persist",
            "    mode http\n    option persist\n    use-server s1 if TRUE\n    server s1 127.0.0.1:1 disabled\n    server s2 SERVER",
        ),
        stuck(
            "force-persist",
            "    mode http\n    force-persist if { path /2 }\n    use-server s1 if TRUE\n    server s1 127.0.0.1:1 disabled\n    server s2 SERVER",
        ),
        stuck(
            "stick",
            "    mode http\n    stick-table type ip size 10\n    stick on src\n    balance roundrobin\n    server s1 SERVER\n    server s2 SERVER",
        ),
        stuck(
            "ignore-persist",
            "    mode http\n    ignore-persist if { path /2 }\n    stick-table type ip size 10\n    stick on src\n    balance roundrobin\n    server s1 SERVER\n    server s2 SERVER",
        ),
    ])
}

#[test]
fn content_rules_of_http_frontends_see_the_request() -> Result<()> {
    let rules = |name, frontend| Scene {
        name,
        frontend,
        clients: &[request!("GET /path", "x: 1")],
        ..SIMPLE
    };
    compare(&[
        rules(
            "rejected path",
            "    mode http\n    tcp-request content reject if { path /path }",
        ),
        rules(
            "other path",
            "    mode http\n    tcp-request content reject if { path /other }",
        ),
        rules(
            "delay",
            "    mode http\n    tcp-request inspect-delay 5s\n    tcp-request content accept if { req.hdr(x) 1 }\n    tcp-request content reject",
        ),
        rules(
            "variable",
            "    mode http\n    tcp-request content set-var(txn.p) path\n    http-request return status 200 content-type a/b lf-string %[var(txn.p)]",
        ),
        Scene {
            backend: "    mode http\n    tcp-request content reject if { path /path }\n    server s1 SERVER",
            ..rules("in the backend", "    mode http")
        },
        Scene {
            backend: "    mode http\n    tcp-response content reject if { status 200 }\n    server s1 SERVER",
            ..rules("response", "    mode http")
        },
    ])
}

#[test]
fn an_acl_line_below_a_rule_adds_to_what_the_rule_names() -> Result<()> {
    compare(&[Scene {
        name: "acl below",
        frontend: "    mode http\n    acl bad path /a\n    http-request deny deny_status 429 if bad\n    acl bad path /b\n    http-request return status 200",
        clients: &[request!("GET /a"), request!("GET /b"), request!("GET /c")],
        lines: 3,
        ..SIMPLE
    }])
}
