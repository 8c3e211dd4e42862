//! The exchange in which the rows' examples are tried, and the tests that try them.

mod peer;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::RwLock;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64};
use std::time::Duration;

use super::RULES;
use crate::http::message::{Head, Version};
use crate::language::{Diagnostics, Does, Location, NoNames, Scope, Severity};
use crate::rules::facts::{Glimpse, Proxied};
use crate::rules::{Acl, Body, Context, Exchange, Expression, Facts, FetchRow, Names, Session, Side, Value};
use crate::state::proxy::{BackendState, Configured, FrontendState, Listener};
use crate::state::server::{Check, Running, ServerCounters, admin};
use crate::state::userlist::{Password, User, Userlist};
use crate::state::{Gauge, ListenerId, Process, Proxy, ProxyId, Server, ServerId};
use crate::stick::{DataKind, DataType, Key, KeyType, StickTable, TableId, Tables};
use crate::tls;
use crate::tls::client_auth::Findings;

/// The files that examples name.
const FILES: &[(&str, &str)] = &[
    ("words.map", "a one\nb two\n"),
    ("numbers.map", "a 1\nb 2\n"),
    ("hosts.map", "a 192.0.2.1\nb 192.0.2.2\n"),
    ("ranges.map", "10:19 teens\n20: more\n"),
    ("ranges-ip.map", "10:19 192.0.2.15\n"),
    ("levels.map", "10:19 3\n"),
    ("networks.map", "198.51.0.0/16 net\n198.51.100.0/24 lab\n"),
    ("weights.map", "198.51.100.0/24 7\n"),
    ("gateways.map", "198.51.100.0/24 198.51.100.1\n"),
    ("users.map", "^/user/([a-z]+)$ hello \\1\n"),
    ("prefixes.map", "a one\nabc three\nab two\nbc bc\nabc again\n"),
    ("page.html", "<p>hello</p>\n"),
    ("page.http", "HTTP/1.0 403 No\r\ncontent-type: text/plain\r\n\r\nno\n"),
];
/// Raw bytes of a TCP stream.
const RAW: &[u8] = b"hello you,\x00\x04four and m";
/// Microseconds of the monotonic clock.
const TICKS: u64 = 5_000_000_000;
const REQUEST_BODY: &[u8] = b"name=Ann+B&city=Lima";
const RESPONSE_BODY: &[u8] = b"hello world!";

/// Everything that an example may look at.
pub(super) struct Scene {
    names: Names,
    process: Process,
    session: Session,
    exchange: Exchange,
    request: Head,
    response: Head,
    request_body: &'static [u8],
}

impl Scene {
    pub(super) fn new() -> Scene {
        let mut names = names();
        let mut exchange = exchange();
        for (name, value) in [
            ("txn.colour", Value::string(b"blue".to_vec())),
            ("txn.seven", Value::Int(7)),
        ] {
            let slot = names.variable(name).unwrap().slot;
            exchange.transaction.set(slot, value);
        }
        let process = process();
        follow(&process, &mut exchange, TICKS);
        Scene {
            names,
            process,
            session: session(),
            exchange,
            request: request(),
            response: response(),
            request_body: REQUEST_BODY,
        }
    }

    /// Runs `read` in the surroundings of a line, and gives what it gave or, if it failed or raised an alert, why.
    pub(super) fn compile<T>(
        &mut self,
        place: Scope,
        read: impl FnOnce(&mut Context<'_>) -> Result<T, crate::language::Error>,
    ) -> Result<T, String> {
        let acls: HashMap<String, Arc<Acl>> = HashMap::new();
        let mut diagnostics = Diagnostics::default();
        let location = Location::new("example.cfg", 1);
        let result = read(&mut Context {
            registry: &RULES,
            names: &mut self.names,
            acls: &acls,
            diagnostics: &mut diagnostics,
            location: &location,
            proxy: Some(ProxyId(0)),
            proxy_name: "www",
            place,
            host: &NoNames,
            variable: &|name| (name == "COLOUR").then(|| "green".to_owned()),
            request_captures: 1,
            new_capture: None,
            promises: Vec::new(),
            read_file: &|name| {
                let found = FILES.iter().find(|(known, _)| *known == name);
                found
                    .map(|(_, text)| text.as_bytes().to_vec())
                    .ok_or_else(|| "no such file".to_owned())
            },
        });
        let alert = diagnostics
            .messages()
            .iter()
            .find(|message| message.severity >= Severity::Warning);
        match (result, alert) {
            (Ok(_), Some(alert)) => Err(alert.text.clone()),
            (Ok(value), None) => Ok(value),
            (Err(error), _) => Err(error.to_string()),
        }
    }

    /// The facts of an HTTP exchange, or of a TCP stream with raw bytes.
    pub(super) fn facts(&self, is_http: bool, side: Side) -> Facts<'_> {
        let body = |http: &'static [u8]| Body {
            bytes: if is_http { http } else { RAW },
            complete: true,
        };
        Facts {
            process: &self.process,
            now: 1_234_567_890_123_456,
            ticks: TICKS,
            session: &self.session,
            exchange: &self.exchange,
            side,
            request: is_http.then_some(&self.request),
            response: is_http.then_some(&self.response),
            request_body: body(self.request_body),
            response_body: body(RESPONSE_BODY),
            glimpse: Glimpse::default(),
        }
    }
}

fn names() -> Names {
    let (www, app) = (ProxyId(0), ProxyId(1));
    let server = |index| ServerId { backend: app, index };
    Names {
        frontends: HashMap::from([("www".to_owned(), www)]),
        backends: HashMap::from([("app".to_owned(), app)]),
        userlists: HashMap::from([("people".to_owned(), 0)]),
        servers: HashMap::from([((app, "s1".to_owned()), server(0)), ((app, "s2".to_owned()), server(1))]),
        tables: HashMap::from([("www".to_owned(), TableId(0))]),
        ..Names::default()
    }
}

fn gauge(count: usize) -> Gauge {
    let gauge = Gauge::default();
    for _ in 0..count {
        gauge.up();
    }
    gauge
}

fn server(name: &str, puid: u32, admin: u8) -> Server {
    Server {
        name: name.to_owned(),
        puid,
        backup: false,
        address: RwLock::new("203.0.113.20:8000".parse().ok()),
        unix_path: None,
        user_weight: AtomicU32::new(5),
        initial_weight: 5,
        effective_weight: AtomicU32::new(80),
        weight_scale: 16,
        running: AtomicU8::new(Running::Up as u8),
        admin: AtomicU8::new(admin),
        last_change: AtomicU64::new(0),
        max_connections: AtomicU32::new(10),
        max_queue: 20,
        check: Check {
            code: AtomicI64::new(-1),
            ..Check::default()
        },
        sessions: gauge(1),
        served: gauge(1),
        queue: Gauge::default(),
        counters: ServerCounters::default(),
    }
}

fn process() -> Process {
    let proxy = |id: u32, name: &str, is_frontend: bool| Proxy {
        id: ProxyId(id),
        name: name.to_owned(),
        puid: id + 2,
        is_frontend,
        is_backend: !is_frontend,
        is_http: true,
        configured: Configured {
            default_backend: is_frontend.then_some(ProxyId(1)),
            client_timeout: 30_000,
            server_timeout: 20_000,
            tunnel_timeout: 60_000,
        },
        status: AtomicU8::new(0),
        frontend: FrontendState {
            connections: gauge(4),
            ..FrontendState::default()
        },
        backend: BackendState {
            connections: gauge(3),
            queue: gauge(2),
            ..BackendState::default()
        },
        servers: Vec::new(),
        listeners: Vec::new(),
        bad_request: Default::default(),
        bad_response: Default::default(),
    };
    let mut www = proxy(0, "www", true);
    www.listeners.push(Listener {
        connections: gauge(2),
        ..Listener::default()
    });
    let mut app = proxy(1, "app", false);
    app.servers.push(Arc::new(server("s1", 1, 0)));
    app.servers.push(Arc::new(server("s2", 2, admin::FORCED_MAINT)));
    Process {
        hostname: "edge".to_owned(),
        proxies: vec![www, app],
        userlists: vec![Userlist {
            name: "people".to_owned(),
            users: vec![User {
                name: "ann".to_owned(),
                password: Some(Password::Insecure("secret".to_owned())),
                groups: vec!["staff".to_owned(), "admin".to_owned()],
            }],
        }],
        tables: tables(),
        ..Process::default()
    }
}

/// One table of addresses that stores everything.
fn tables() -> Tables {
    let periods = |kind: DataType| (kind.kind() == DataKind::Rate).then_some(Duration::from_secs(10));
    Tables::new(&[StickTable {
        store: DataType::ALL.into_iter().map(|kind| (kind, periods(kind))).collect(),
        ..StickTable::new("www", KeyType::Ip, 100)
    }])
}

/// Lets the first set of counters follow the client's address, whose data are numbered in the order of the types.
fn follow(process: &Process, exchange: &mut Exchange, ticks: u64) {
    let table = process.tables.get(TableId(0)).unwrap();
    let key = Key::parse(table.spec(), "198.51.100.7").unwrap();
    exchange.counters.track(0, table, &key, ticks, |entry| {
        for (kind, number) in DataType::ALL.into_iter().zip(1..) {
            let unit = if kind.kind() == DataKind::Long { 1024 } else { 1 };
            entry.set(kind, number * unit);
        }
    });
}

fn session() -> Session {
    Session {
        source: "198.51.100.7:51000".parse().unwrap(),
        destination: "192.0.2.10:8080".parse().ok(),
        is_unix: false,
        frontend: ProxyId(0),
        listener: ListenerId {
            frontend: ProxyId(0),
            index: 0,
        },
        listener_puid: 1,
        listener_name: Some("public".into()),
        accepted: 1_234_567_890_000_000,
        variables: Default::default(),
        counters: None,
        tls: Some(Box::new(tls_facts())),
        proxied: Some(Box::new(Proxied {
            authority: Some(b"example.com".to_vec()),
            unique_id: Some(b"6c62".to_vec()),
        })),
    }
}

fn tls_facts() -> tls::Facts {
    let pem = include_bytes!("../../../../tests/data/certificate.pem");
    let chain = tls::certificate::certificates(pem);
    // Which key it is does not show.
    let key = rcgen::KeyPair::generate().unwrap().serialize_der();
    let provider = rustls::crypto::aws_lc_rs::default_provider().key_provider;
    let key = provider.load_private_key(PrivatePkcs8KeyDer::from(key).into()).unwrap();
    let shown = tls::Certificate {
        name: "site.pem".to_owned(),
        names: Vec::new(),
        algorithm: key.algorithm(),
        key: Arc::new(CertifiedKey::new(chain.clone(), key)),
    };
    tls::Facts {
        version: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        key_size: 128,
        alpn: Some(b"http/1.1".to_vec()),
        resumed: false,
        sni: Some("www.example.com".to_owned()),
        chain,
        findings: Findings { error: 10, depth: 0 },
        shown: Some(Arc::new(shown)),
        hello: Some(tls::Hello {
            suites: vec![0x13, 1, 0x13, 2],
        }),
    }
}

fn exchange() -> Exchange {
    Exchange {
        server_tls: Some(Arc::new(tls_facts())),
        id: 7,
        is_first: true,
        backend: Some(ProxyId(1)),
        server: Some(ServerId {
            backend: ProxyId(1),
            index: 0,
        }),
        server_local: "203.0.113.1:40000".parse().ok(),
        server_remote: "203.0.113.20:8000".parse().ok(),
        unique_id: Some(b"id-1".to_vec()),
        status: 200,
        request_captures: vec![Some(b"captured".to_vec())],
        response_captures: vec![Some(b"kept".to_vec())],
        request_line: b"GET /shop/cart.html?item=7&size=XL HTTP/1.1".to_vec(),
        server_timeout: 5_000,
        tunnel_timeout: 60_000,
        priority_class: 3,
        priority_offset: -5,
        ..Exchange::default()
    }
}

fn request() -> Head {
    let mut head = Head::request(b"GET", b"/shop/cart.html?item=7&size=XL", Version::Http11);
    for (name, value) in [
        ("Host", "www.example.com"),
        ("Accept", "text/html;q=0.9, text/plain"),
        ("X-Forwarded-For", "10.0.0.9, 198.51.100.7"),
        ("X-Level", "7"),
        ("Cookie", "theme=dark; visits=12"),
        ("Authorization", "Basic YW5uOnNlY3JldA=="),
        ("Content-Length", "20"),
    ] {
        head.add(name.as_bytes(), value.as_bytes());
    }
    head
}

fn response() -> Head {
    let mut head = Head::response(200, b"OK", Version::Http11);
    for (name, value) in [
        ("Server", "origin"),
        ("Content-Type", "text/html"),
        ("Vary", "accept, cookie"),
        ("Set-Cookie", "id=abc; Path=/"),
        ("Set-Cookie", "visits=13"),
        ("X-Node", "10.1.2.3"),
        ("Content-Length", "12"),
    ] {
        head.add(name.as_bytes(), value.as_bytes());
    }
    head
}

/// Compiles an example and compares its value with the one behind its `#`.
fn try_expression(example: &str, is_http: bool, side: Side) -> Result<(), String> {
    let mut scene = Scene::new();
    let (text, expected) = match example.split_once(" # ") {
        Some((text, expected)) => (text, Some(expected)),
        None => (example, None),
    };
    let (expression, rest) = scene.compile(Scope::HTTP_REQUEST, |context| Expression::parse_text(text, context))?;
    if !rest.is_empty() {
        return Err(format!("{text}: '{rest}' is left"));
    }
    let facts = scene.facts(is_http, side);
    let value = expression
        .text(&facts)
        .map(|text| String::from_utf8_lossy(&text).into_owned());
    match expected {
        Some(expected) if value.as_deref() != Some(expected) => Err(format!("{text}: {value:?}, not {expected}")),
        _ => Ok(()),
    }
}

fn fails(results: impl Iterator<Item = Result<(), String>>) -> String {
    results.filter_map(Result::err).collect::<Vec<_>>().join("\n")
}

#[test]
fn examples_of_fetches_give_their_values() {
    let raw = Scope::L6_REQUEST | Scope::L6_RESPONSE;
    let http = Scope::HTTP_REQUEST_HEAD | Scope::HTTP_RESPONSE_HEAD;
    let try_row = |row: &FetchRow| {
        let is_http = !row.scope.meets(raw) || row.scope.meets(http);
        try_expression(row.example, is_http, Side::Request)
    };
    let rows = RULES.fetches.iter().flat_map(|rows| rows.iter());
    let rows = rows.filter(|row| matches!(row.does, Does::Works(_)));
    assert_eq!(fails(rows.map(try_row)), "");
}

#[test]
fn examples_of_converters_give_their_values() {
    let rows = RULES.converters.iter().flat_map(|rows| rows.iter());
    let rows = rows.filter(|row| matches!(row.does, Does::Works(_)));
    assert_eq!(
        fails(rows.map(|row| try_expression(row.example, true, Side::Request))),
        ""
    );
}

#[test]
fn every_name_of_the_language_is_known_once() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/inventory");
    let listed = |file: &str| -> Vec<String> {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
            .collect()
    };
    let known = [
        (
            "sample-fetches.tsv",
            crate::language::row::names(RULES.fetches).collect::<Vec<_>>(),
        ),
        (
            "converters.tsv",
            crate::language::row::names(RULES.converters).collect(),
        ),
        (
            "log-format-variables.tsv",
            crate::language::row::names(RULES.log_variables).collect(),
        ),
        (
            "predefined-acls.tsv",
            crate::rules::acl::PREDEFINED.iter().map(|(name, _)| *name).collect(),
        ),
    ];
    let mut wrong = String::new();
    for (file, names) in known {
        for name in listed(file) {
            let name = name.trim_start_matches('%');
            let count = names.iter().filter(|known| **known == name).count();
            if count != 1 {
                wrong += &format!("{file}: '{name}' is known {count} times\n");
            }
        }
    }
    assert_eq!(wrong, "");
}
