//! The rows of actions: every name of the language is one, and every example is a configuration that loads.

use std::sync::Arc;

use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, load};
use lb_user::keywords::{RULES, action};
use lb_user::language::{Diagnostics, NoNames, Scope, Severity};

/// The actions of each rule set of TCP (2.4 manual, section 4.2); those of HTTP are in the inventory.
const TCP: &str = "\
tcp-request connection\taccept reject expect-proxy expect-netscaler-cip track-sc0 track-sc1 track-sc2 sc-inc-gpc0 \
sc-inc-gpc1 sc-set-gpt0 set-src set-src-port set-dst set-dst-port silent-drop
tcp-request session\taccept reject track-sc0 track-sc1 track-sc2 sc-inc-gpc0 sc-inc-gpc1 sc-set-gpt0 set-var unset-var \
silent-drop
tcp-request content\taccept do-resolve reject capture set-priority-class set-priority-offset track-sc0 track-sc1 \
track-sc2 sc-inc-gpc0 sc-inc-gpc1 sc-set-gpt0 set-dst set-dst-port set-var switch-mode unset-var silent-drop \
send-spoe-group use-service
tcp-response content\taccept close reject set-var unset-var sc-inc-gpc0 sc-inc-gpc1 sc-set-gpt0 silent-drop \
send-spoe-group
";

const SETS: &[(&str, Scope)] = &[
    ("tcp-request connection", Scope::TCP_CONNECTION),
    ("tcp-request session", Scope::TCP_SESSION),
    ("tcp-request content", Scope::TCP_CONTENT),
    ("tcp-response content", Scope::TCP_RESPONSE),
    ("http-request", Scope::HTTP_REQUEST),
    ("http-response", Scope::HTTP_RESPONSE),
    ("http-after-response", Scope::HTTP_AFTER_RESPONSE),
];

#[test]
fn every_action_of_the_language_is_known_once() {
    let inventory = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/inventory/actions.tsv");
    let http = std::fs::read_to_string(inventory).unwrap();
    let lines = TCP.lines().chain(http.lines().filter(|line| !line.starts_with('#')));
    let mut listed = 0;
    for (set, names) in lines.filter_map(|line| line.split_once('\t')) {
        let (_, scope) = SETS.iter().find(|(name, _)| *name == set).unwrap();
        for name in names.split_whitespace() {
            let rows = action::ROWS.iter().flat_map(|rows| rows.iter());
            let known = rows.filter(|row| row.scope.contains(*scope) && row.names.contains(&name));
            assert_eq!(known.count(), 1, "{name} in {set}");
            listed += 1;
        }
    }
    assert!(listed > 100, "the inventory is cut short");
}

#[test]
fn every_example_loads() {
    let rows = action::ROWS.iter().flat_map(|rows| rows.iter());
    for row in rows.filter(|row| !row.example.is_empty()) {
        let text = format!("global\nexpose-experimental-directives\nlisten l\n{}\n", row.example);
        let source = Source {
            name: Arc::from("example.cfg"),
            text: text.as_bytes().to_vec(),
        };
        let mut diagnostics = Diagnostics::default();
        let inputs = Inputs {
            sources: &[source],
            environment: Environment::default(),
            registry: &RULES,
            host: &NoNames,
            read_file: &|path| std::fs::read(path),
        };
        load(inputs, &mut diagnostics);
        let mut messages = diagnostics.messages().iter();
        let alert = messages.find(|message| message.severity == Severity::Alert);
        assert_eq!(alert.map(|message| &message.text), None, "{text}");
    }
}
