//! What holds for every configuration. Each property panics where it does not hold.
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use std::io;
use std::sync::Arc;

use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, lex, load};
use lb_user::keywords::RULES;
use lb_user::language::{Diagnostics, NoNames};

/// A file becomes a plan, or somebody is told why not.
pub fn file(text: &[u8]) {
    let sources = [Source {
        name: Arc::from("fuzz.cfg"),
        text: text.to_vec(),
    }];
    let mut diagnostics = Diagnostics::default();
    let inputs = Inputs {
        sources: &sources,
        environment: Environment::default(),
        registry: &RULES,
        host: &NoNames,
        read_file: &|_| Err(io::ErrorKind::NotFound.into()),
    };
    let loaded = load(inputs, &mut diagnostics);
    assert!(loaded.plan.is_some() || !diagnostics.messages().is_empty());
}

/// A line is split into words, or the mistake can be shown.
pub fn line(text: &[u8]) {
    if let Err(mistake) = lex::split(text, &|_| Some("value".to_owned())) {
        assert!(!mistake.explain(text).is_empty());
    }
}
