//! The registries of configuration keywords against the names of the language, and every row against its own example.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, load};
use lb_user::keywords::section::{http_errors, ring, userlist};
use lb_user::keywords::{bind, global, proxy, server};
use lb_user::language::row::{self, Does};
use lb_user::language::{Diagnostics, Host, Row, Scope, Severity};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

struct Machine;

impl Host for Machine {
    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn hostname(&self) -> String {
        "edge".to_owned()
    }
}

/// A certificate with its key, which may vouch for others.
fn site() -> Vec<u8> {
    static SITE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let site = params.self_signed(&key).unwrap().pem();
        (site + &key.serialize_pem()).into_bytes()
    });
    SITE.clone()
}

/// The alerts about a configuration.
fn alerts(text: &str) -> Vec<String> {
    let source = Source {
        name: Arc::from("example.cfg"),
        text: text.as_bytes().to_vec(),
    };
    let mut diagnostics = Diagnostics::default();
    let inputs = Inputs {
        sources: &[source],
        environment: Environment::default(),
        registry: &lb_user::keywords::RULES,
        host: &Machine,
        read_file: &|path| match path.to_str() {
            Some("site.pem") => Ok(site()),
            Some("sites.list") => Ok(b"site.pem [verify none] www.example.com\n".to_vec()),
            _ => std::fs::read(path),
        },
    };
    let loaded = load(inputs, &mut diagnostics);
    let alerts: Vec<String> = diagnostics
        .messages()
        .iter()
        .filter(|message| message.severity == Severity::Alert)
        .map(|message| message.text.clone())
        .collect();
    assert_eq!(loaded.plan.is_some(), alerts.is_empty(), "{text}");
    alerts
}

/// The first column of a table of names.
fn inventory(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/data/inventory")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .map(|name| name.replace("(deprecated)", "").trim().to_owned())
        .collect()
}

fn known<T>(registry: &'static [&'static [Row<T>]]) -> BTreeSet<String> {
    row::names(registry)
        .map(|name| name.trim_end_matches('(').to_owned())
        .collect()
}

fn missing(file: &str, known: &BTreeSet<String>) -> Vec<String> {
    inventory(file).difference(known).cloned().collect()
}

#[test]
fn every_name_of_the_language_is_known() {
    let none: Vec<String> = Vec::new();
    // The global section's table lists families by their first word.
    let mut globals = known(global::REGISTRY);
    globals.extend(row::names(global::REGISTRY).filter_map(|name| name.split(' ').next().map(str::to_owned)));
    assert_eq!(missing("global-keywords.tsv", &globals), none);
    assert_eq!(missing("proxy-keywords.tsv", &known(proxy::REGISTRY)), none);
    assert_eq!(missing("bind-options.tsv", &known(bind::REGISTRY)), none);
    assert_eq!(missing("server-options.tsv", &known(server::REGISTRY)), none);
}

#[test]
fn sections_are_those_of_the_manual() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/inventory/proxy-keywords.tsv");
    let mut differences = Vec::new();
    for line in std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let columns: Vec<&str> = line.split('\t').collect();
        let name = columns[0].replace("(deprecated)", "").trim().to_owned();
        let opening = format!("{name}(");
        let row = row::find(proxy::REGISTRY, &name).or_else(|| row::find(proxy::REGISTRY, &opening));
        let Some(row) = row else { panic!("{name}") };
        let marks = [Scope::DEFAULTS, Scope::FRONTEND, Scope::BACKEND].map(|scope| row.scope.meets(scope));
        let expected = [columns[1], columns[2], columns[4]].map(|mark| mark == "X");
        if marks != expected {
            differences.push(format!("{name}: {marks:?}"));
        }
        if columns.get(5).is_some_and(|note| note.contains("no-form")) {
            assert!(row.names.contains(&format!("no {name}").as_str()), "no {name}");
        }
    }
    assert_eq!(differences, [""; 0]);
}

#[test]
fn no_name_is_claimed_twice() {
    fn check<T>(registry: &'static [&'static [Row<T>]]) {
        let mut seen = BTreeSet::new();
        for name in row::names(registry) {
            assert!(seen.insert(name), "{name}");
        }
    }
    check(global::REGISTRY);
    check(proxy::REGISTRY);
    check(bind::REGISTRY);
    check(server::REGISTRY);
}

#[test]
fn every_row_describes_itself() {
    fn check<T>(registry: &'static [&'static [Row<T>]]) {
        for row in registry.iter().flat_map(|rows| rows.iter()) {
            let name = row.name();
            assert!(row.doc.ends_with('.'), "{name}: a sentence");
            let works = matches!(row.does, Does::Works(_));
            assert!(
                !works || row.example.contains(name.split(' ').next().unwrap_or(name)),
                "{name}: an example"
            );
        }
    }
    check(global::REGISTRY);
    check(proxy::REGISTRY);
    check(bind::REGISTRY);
    check(server::REGISTRY);
}

/// Lines below a header.
fn section(header: &str, lines: &str) -> String {
    let body: String = lines
        .lines()
        .map(|line| format!("    {}\n", line.trim_start()))
        .collect();
    format!("{header}\n{body}")
}

const TIMEOUTS: &str = "timeout client 1s\ntimeout server 1s\ntimeout connect 1s";

/// What examples may refer to.
fn neighbours() -> String {
    let web = section(
        "backend web",
        &format!("mode http\n{TIMEOUTS}\nserver s1 127.0.0.1:8080"),
    );
    let site = section("http-errors site", "errorfile 503 /dev/null");
    let list = section("userlist people", "user alice insecure-password secret");
    format!("{web}{site}{list}")
}

/// The example in each section that the row's scope names.
fn proxies(row: &Row<proxy::ParseProxy>) -> Vec<String> {
    let example = row.example;
    let is_server = example.starts_with("server");
    let server = if is_server { "" } else { "server s1 127.0.0.1:8080\n" };
    let mut texts = Vec::new();
    if row.scope.meets(Scope::DEFAULTS) {
        texts.push(section("defaults", example));
    }
    if row.scope.meets(Scope::FRONTEND) {
        texts.push(section(
            "frontend f",
            &format!("bind 127.0.0.1:8000\n{TIMEOUTS}\nmode http\n{example}"),
        ));
    }
    if row.scope.meets(Scope::BACKEND) {
        texts.push(section(
            "backend b",
            &format!("{TIMEOUTS}\nmode http\n{server}{example}"),
        ));
    }
    let lines = format!("bind 127.0.0.1:8000\n{TIMEOUTS}\nmode http\n{server}{example}");
    texts.push(section("listen l", &lines));
    texts
        .into_iter()
        .map(|text| format!("{}{text}", neighbours()))
        .collect()
}

/// What is wrong with the example of a row: it must be accepted, or refused by the row's name.
fn judge<T>(row: &Row<T>, accepted: &str, refused: &str, mistakes: &mut Vec<String>) {
    match row.does {
        Does::Works(_) => {
            let alerts = alerts(accepted);
            if !alerts.is_empty() {
                mistakes.push(format!("{accepted}{alerts:?}"));
            }
        }
        Does::Refused => {
            let name = row.name().trim_end_matches('(');
            let expected = format!("'{name}' is not implemented in this version.");
            let alerts = alerts(refused);
            if !alerts.iter().any(|alert| alert.contains(&expected)) {
                mistakes.push(format!("{refused}{alerts:?}"));
            }
        }
    }
}

#[test]
fn examples_are_accepted() {
    let mut mistakes = Vec::new();
    for row in proxy::REGISTRY.iter().flat_map(|rows| rows.iter()) {
        for text in proxies(row) {
            judge(row, &text, &section("listen l", row.name()), &mut mistakes);
        }
    }
    for row in global::REGISTRY.iter().flat_map(|rows| rows.iter()) {
        let refused = section("global", row.name());
        judge(row, &section("global", row.example), &refused, &mut mistakes);
    }
    for row in bind::REGISTRY.iter().flat_map(|rows| rows.iter()) {
        let accepted = match row.example.starts_with("stats") {
            true => section("global", row.example),
            false => section("frontend f", &format!("mode http\n{TIMEOUTS}\n{}", row.example)),
        };
        let refused = section("frontend f", &format!("bind :80 {}", row.name()));
        judge(row, &accepted, &refused, &mut mistakes);
    }
    for row in server::REGISTRY.iter().flat_map(|rows| rows.iter()) {
        let accepted = section("backend b", &format!("mode http\n{TIMEOUTS}\n{}", row.example));
        let refused = section("backend b", &format!("server s 127.0.0.1:80 {}", row.name()));
        judge(row, &accepted, &refused, &mut mistakes);
    }
    small_sections(userlist::REGISTRY, &mut mistakes);
    small_sections(http_errors::REGISTRY, &mut mistakes);
    small_sections(ring::REGISTRY, &mut mistakes);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn small_sections<T>(registry: &'static [&'static [Row<T>]], mistakes: &mut Vec<String>) {
    for row in registry.iter().flat_map(|rows| rows.iter()) {
        let text = format!("{}\n", row.example);
        judge(row, &text, &text, mistakes);
    }
}

/// Words that lines are put together from, beside the keywords.
const WORDS: &[&str] = &[
    "",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "3s",
    "3x",
    "10us",
    "127.0.0.1:80",
    ":::80",
    "/x",
    "fd@3",
    "abns@",
    "if",
    "unless",
    "TRUE",
    "{",
    "}",
    "src",
    "%[src]",
    "%",
    "(",
    "a(b",
    "status",
    "string",
    "hdr",
    "len",
    "type",
    "ip",
    "size",
    "1k",
    "store",
    "gpc0,http_req_rate(",
    "on",
    "off",
    "global",
    "sample",
    "5-1:0",
    "local0",
    "é",
    "\u{0}",
];

proptest::proptest! {
    /// Whatever a line says, it is read or refused.
    #[test]
    fn no_line_is_too_strange(
        picks in proptest::collection::vec((0..1000usize, proptest::collection::vec(0..WORDS.len(), 0..5)), 1..8),
        kind in 0..5usize,
    ) {
        let header = ["global", "defaults", "frontend f", "backend b", "listen l"][kind];
        let names: Vec<&str> = match kind {
            0 => row::names(global::REGISTRY).collect(),
            _ => row::names(proxy::REGISTRY).chain(["server s 127.0.0.1:80", "bind :80"]).collect(),
        };
        let options: Vec<&str> = row::names(server::REGISTRY).chain(row::names(bind::REGISTRY)).collect();
        let mut lines = String::new();
        for (pick, words) in picks {
            lines.push_str(names[pick % names.len()]);
            for word in words {
                lines.push_str(" \"");
                lines.push_str(WORDS[word]);
                lines.push_str("\" ");
                lines.push_str(options[(pick + word) % options.len()]);
            }
            lines.push('\n');
        }
        alerts(&section(header, &lines));
    }
}
