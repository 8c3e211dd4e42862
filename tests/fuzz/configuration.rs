//! Configurations.
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, lex, load};
use lb_user::keywords::RULES;
use lb_user::language::{Diagnostics, Host};
use proptest::prelude::*;

use super::harm::harmed;
use super::settings;

const FILES: &[&[u8]] = &[
    include_bytes!("../../examples/demo.cfg"),
    include_bytes!("../data/bench.cfg"),
    b"global\n    setenv A \"b c\"\n.if defined(A) && !streq(\"$A\",x)\n    maxconn 10\n.elif version_atleast(2.4)\n.else\n.endif\n",
    b"defaults d\n    mode http\n    timeout client 5s\n    log-format \"%ci:%cp [%tr] %[src,lower] %{+Q}r\"\nlisten l from d\n    bind :80-81\n    acl a path_beg /x\\ y 'z'\n    use_backend l if a || !a { always_true }\n    server s 127.0.0.1:90 weight 5 check backup\n",
];

const LINES: &[&[u8]] = &[
    b"    server s \"${HOST}:80\" weight 5 # comment",
    b"acl a path 'x \"y' \"z \\\" ${A[*]}\" \\x41\\r\\n\\#",
];

const WORDS: &[&[u8]] = &[
    b"\n",
    b" ",
    b"\t",
    b"\"",
    b"'",
    b"\\",
    b"\\x",
    b"#",
    b"$",
    b"${",
    b"}",
    b"{",
    b"!",
    b"||",
    b"%[",
    b"]",
    b"(",
    b")",
    b",",
    b"\0",
    b"\xff",
    b"frontend ",
    b"backend ",
    b"listen ",
    b"defaults ",
    b"global\n",
    b" from ",
    b" if ",
    b" unless ",
    b".if ",
    b".else\n",
    b".endif\n",
    b"-1",
    b"99999999999999999999",
    b"1000d",
    b"10.0.0.0/33",
    b"::",
    b":0-99999",
    b"fd@",
    b"unix@",
];

/// A machine that knows nobody.
struct Nobody;

impl Host for Nobody {
    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }

    fn user(&self, _: &str) -> Option<u32> {
        None
    }

    fn group(&self, _: &str) -> Option<u32> {
        None
    }

    fn hostname(&self) -> String {
        "nobody".to_owned()
    }
}

proptest! {
    #![proptest_config(settings(500))]

    #[test]
    fn files(text in harmed(FILES, WORDS)) {
        let sources = [Source { name: Arc::from("fuzz.cfg"), text }];
        let mut diagnostics = Diagnostics::default();
        let inputs = Inputs {
            sources: &sources,
            environment: Environment::default(),
            registry: &RULES,
            host: &Nobody,
            read_file: &|_| Err(io::ErrorKind::NotFound.into()),
        };
        let loaded = load(inputs, &mut diagnostics);
        prop_assert!(loaded.plan.is_some() || !diagnostics.messages().is_empty());
    }

    #[test]
    fn lines(line in harmed(LINES, WORDS)) {
        if let Err(mistake) = lex::split(&line, &|_| Some("value".to_owned())) {
            prop_assert!(!mistake.explain(&line).is_empty());
        }
    }
}
