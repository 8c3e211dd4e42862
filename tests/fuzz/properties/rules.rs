//! What holds for every expression, every binary converter's input and every pattern file. Each property panics where
//! it does not hold.
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use std::collections::HashMap;

use lb_user::keywords::RULES;
use lb_user::language::{Diagnostics, Location, NoNames, Scope, raw};
use lb_user::rules::pattern::{Compile, Method, Origin, PatternSet};
use lb_user::rules::{Context, Expression, Kind, Names, Value};
use lb_user::state::Process;

/// An expression is compiled and can be evaluated, or somebody is told why not.
pub fn expression(input: &[u8]) {
    let text = raw::text(input.to_vec());
    if let Some(expression) = compiled(&text) {
        expression.value_alone(&Process::default(), 1_600_000_000_000_000, 1_000_000);
    }
}

fn compiled(text: &str) -> Option<Expression> {
    let mut diagnostics = Diagnostics::default();
    let location = Location::default();
    let mut context = Context {
        registry: &RULES,
        names: &mut Names::default(),
        acls: &HashMap::new(),
        diagnostics: &mut diagnostics,
        location: &location,
        proxy: None,
        proxy_name: "",
        place: Scope::INTERNAL,
        host: &NoNames,
        variable: &|_| None,
        read_file: &|_| Ok(b"a b\nc d\n".to_vec()),
        request_captures: 0,
        new_capture: None,
        promises: Vec::new(),
    };
    let (expression, rest) = Expression::parse_text(text, &mut context).ok()?;
    assert!(text.ends_with(rest));
    diagnostics.messages().is_empty().then_some(expression)
}

/// Converters of formats that come from the network. Those of the first few wait for what is missing.
const CONVERTERS: &[&str] = &[
    "mqtt_is_valid",
    "fix_is_valid",
    "mqtt_field_value(connect,client_identifier)",
    "mqtt_field_value(connect,user_property)",
    "fix_tag_value(35)",
    "protobuf(1.2)",
    "protobuf(1,int32)",
    "ungrpc(1,double)",
    "json_query('$.a[1].b')",
    "json_query('$','int')",
    "json(utf8ps)",
    "url_dec",
    "b64dec",
    "ub64dec",
    "language(fr;en)",
    "word(2,a,-1)",
    "field(-1,b)",
    "regsub('(a|b)*c?','<\\1>',g)",
    "wt6",
    "sha2,hex",
];
/// How many of them answer for good once they answer.
const SETTLED: usize = 2;

/// The first byte chooses a converter, the second where the rest is cut off.
pub fn converter(input: &[u8]) {
    let [choice, cut, bytes @ ..] = input else { return };
    let at = usize::from(*choice) % CONVERTERS.len();
    let value = |bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let expression = compiled(&format!("bin({hex}),{}", CONVERTERS[at]))?;
        expression.value_alone(&Process::default(), 0, 0)
    };
    if bytes.is_empty() {
        return;
    }
    let whole = value(bytes);
    let part = bytes.get(..1 + usize::from(*cut) % bytes.len()).unwrap_or(bytes);
    let early = value(part);
    if at < SETTLED && early.is_some() {
        assert_eq!(early, whole, "{} after {} bytes", CONVERTERS[at], part.len());
    }
}

/// A pattern file is read, and what was compiled from it finds its own keys.
pub fn patterns(input: &[u8]) {
    let text = raw::text(input.to_vec());
    for is_map in [false, true] {
        let entries = PatternSet::read(&text, is_map);
        let set = PatternSet::new(0, Origin::File("fuzz".into()), is_map, entries);
        for (name, method) in METHODS {
            let compile = Compile {
                method: *method,
                ignore_case: false,
                resolve: None,
            };
            let Ok(matcher) = set.matcher(&compile, Kind::Str) else {
                continue;
            };
            for entry in set.entries().iter() {
                let key = raw::bytes(&entry.text);
                let found = matcher.matches(Value::str(&key));
                assert!(
                    found || !matches!(method, Method::Str | Method::Beg),
                    "{name}: {}",
                    entry.text
                );
            }
        }
    }
}

const METHODS: &[(&str, Method)] = &[
    ("str", Method::Str),
    ("beg", Method::Beg),
    ("end", Method::End),
    ("sub", Method::Sub),
    ("dir", Method::Dir),
    ("dom", Method::Dom),
    ("len", Method::Len),
    ("int", Method::Int),
    ("ip", Method::Ip),
    ("bin", Method::Bin),
    ("reg", Method::Reg),
];
