//! A world made from a configuration, and sessions in it, for tests.

use std::sync::Arc;

use super::session::{Now, Session, State};
use super::world::World;
use crate::backend::live;
use crate::config::environment::Environment;
use crate::config::source::Source;
use crate::config::{self, Inputs};
use crate::kernel::{Help, Listeners};
use crate::keywords;
use crate::language::{Diagnostics, NoNames};
use crate::observe::Loggers;
use crate::plan::Plan;
use crate::plan::global::CliLevel;
use crate::stream::Engine;

/// A world that runs `text`.
pub fn world(text: &str) -> World {
    let mut diagnostics = Diagnostics::default();
    let source = Source {
        name: Arc::from("test.cfg"),
        text: format!("{text}\n").into_bytes(),
    };
    let mut environment = Environment::default();
    environment.set("HOME", "/root");
    let inputs = Inputs {
        sources: &[source],
        environment,
        registry: &keywords::RULES,
        host: &NoNames,
        read_file: &|path| std::fs::read(path),
    };
    let loaded = config::load(inputs, &mut diagnostics);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", diagnostics.messages()));
    let plan: &'static Plan = Box::leak(Box::new(plan));
    let process = Arc::new(live::process(plan, 2, 1_000));
    let help = Help::start(plan, process.clone(), Listeners::default()).expect("no rule needs the kernel");
    let loggers = Loggers::open(plan, &process, "lb").expect("loggers");
    World {
        engine: Engine::new(plan, process, loggers),
        hard_max_connections: 1_000,
        descriptors: 2_030,
        environment: loaded.environment,
        kernel: help.keeper.help(),
        listen: Box::new(|_, _| ()),
        versions: Default::default(),
        variables: plan.variables.clone().into(),
        hand_over: Box::new(drop),
    }
}

/// A session of that level.
pub fn session(level: CliLevel) -> Session {
    let state = State {
        level,
        socket_level: level,
        interactive: false,
        severity_output: None,
        experimental: false,
        expert: false,
        exposes_listeners: false,
        timeout: std::time::Duration::from_secs(10),
    };
    Session::new(state, 16_384)
}

/// What a session of level admin answers to one line.
pub fn ask(world: &World, line: &str) -> String {
    ask_at(world, CliLevel::Admin, line)
}

/// What a session of that level answers to one line.
pub fn ask_at(world: &World, level: CliLevel, line: &str) -> String {
    let mut session = session(level);
    let mut out = Vec::new();
    let now = Now {
        ticks: crate::runtime::clock::ticks(),
        date: crate::runtime::clock::date(),
    };
    session.receive(format!("{line}\n").as_bytes(), world, now, &mut out);
    assert!(session.is_over());
    String::from_utf8(out).expect("text")
}
