//! What holds for every input of the runtime API: it answers whole lines, and a prompt follows where there is one.

use std::sync::Arc;
use std::time::Duration;

use lb_user::backend::live;
use lb_user::config::environment::Environment;
use lb_user::config::source::Source;
use lb_user::config::{Inputs, load};
use lb_user::control::{Now, Session, State, World};
use lb_user::kernel::{Help, Listeners};
use lb_user::keywords::RULES;
use lb_user::language::{Diagnostics, NoNames};
use lb_user::observe::Loggers;
use lb_user::plan::global::CliLevel;
use lb_user::stream::Engine;

const CONFIG: &str = "
    ring r
        size 4096
    defaults
        mode http
        timeout connect 1s
        timeout client 1s
        timeout server 1s
    frontend web
        bind 127.0.0.1:8080
        stick-table type ip size 10 expire 30s store gpc0,conn_rate(10s),server_key,bytes_in_cnt
        default_backend be
    backend be
        stick-table type string len 5 size 10 store gpc0
        server s1 127.0.0.1:8081 weight 10 check
        server s2 127.0.0.1:8082 backup
        server s3 127.0.0.1:8083 track be/s1
";

thread_local! {
    static WORLD: World = world();
}

fn world() -> World {
    let source = Source {
        name: Arc::from("fuzz.cfg"),
        text: CONFIG.into(),
    };
    let inputs = Inputs {
        sources: &[source],
        environment: Environment::default(),
        registry: &RULES,
        host: &NoNames,
        read_file: &|path| std::fs::read(path),
    };
    let mut diagnostics = Diagnostics::default();
    let loaded = load(inputs, &mut diagnostics);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{:?}", diagnostics.messages()));
    let plan = Box::leak(Box::new(plan));
    let process = Arc::new(live::process(plan, 1, 1_000));
    let loggers = Loggers::open(plan, &process, "lb").expect("nothing to open");
    let help = Help::start(plan, process.clone(), Listeners::default()).unwrap_or_else(|error| panic!("{error}"));
    World {
        engine: Engine::new(plan, process, loggers),
        hard_max_connections: 1_000,
        descriptors: 2_000,
        environment: loaded.environment,
        kernel: help.keeper.help(),
        listen: Box::new(|_, _| ()),
        versions: Default::default(),
        variables: Default::default(),
        hand_over: Box::new(drop),
    }
}

/// The first byte chooses the level, the second where the rest is cut in two.
pub fn line(input: &[u8]) {
    let [level, cut, bytes @ ..] = input else { return };
    let level = match level % 3 {
        0 => CliLevel::User,
        1 => CliLevel::Operator,
        _ => CliLevel::Admin,
    };
    let state = State {
        level,
        socket_level: level,
        interactive: true,
        severity_output: None,
        experimental: false,
        expert: false,
        exposes_listeners: true,
        timeout: Duration::from_secs(10),
    };
    let mut session = Session::new(state, 1_024);
    let (before, after) = bytes.split_at(usize::from(*cut) % (bytes.len() + 1));
    WORLD.with(|world| {
        for part in [before, after, b"\n"] {
            let mut out = Vec::new();
            session.receive(part, world, Now::default(), &mut out);
            let is_waiting = !session.is_over() && session.following().is_none();
            if is_waiting && !out.is_empty() {
                // A line that switches the prompt off has none after it.
                let ended = out.ends_with(b"\n> ") || out.ends_with(b"+ ") || out.ends_with(b"\n");
                assert!(ended, "{:?}", String::from_utf8_lossy(&out));
            }
        }
    });
}
