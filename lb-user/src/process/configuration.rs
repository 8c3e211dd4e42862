//! The configuration as the command line names it, read and judged.

use std::process::ExitCode;

use super::args::Args;
use super::host::{self, System};
use super::messages::Messages;
use crate::config::environment::Environment;
use crate::config::source::{self, Source};
use crate::config::{self, Inputs};
use crate::keywords;
use crate::language::{Diagnostics, Error, Severity};
use crate::plan::Plan;

/// A configuration that may be started.
pub struct Configuration {
    pub plan: Plan,
    /// The variables that `setenv` and its kin leave, for programs that the service starts.
    pub environment: Environment,
    pub warned: bool,
}

/// Reads and judges it. Without a result, everything that is wrong was said.
pub fn load(args: &Args, messages: &mut Messages) -> Option<Configuration> {
    let mut diagnostics = Diagnostics::default();
    let sources = match read(&args.files) {
        Ok(sources) => sources,
        Err(error) => {
            messages.alert(error.to_string());
            return None;
        }
    };
    let inputs = Inputs {
        sources: &sources,
        environment: environment(args, &sources),
        registry: &keywords::RULES,
        host: &System {
            ignore_resolution: args.ignore_resolution,
        },
        read_file: &|path| std::fs::read(path),
    };
    let loaded = config::load(inputs, &mut diagnostics);
    messages.all(&diagnostics);
    for name in &loaded.faulty {
        messages.alert(format!("Error(s) found in configuration file : {name}"));
    }
    let Some(mut plan) = loaded.plan else {
        messages.alert("Fatal errors found in configuration.");
        return None;
    };
    overrule(&mut plan, args);
    let mut warned = diagnostics.has(Severity::Warning);
    if !args.master_cli.is_empty() && args.master.is_none() && !plan.global.master_worker {
        messages.warning("a master CLI socket was defined, but master-worker mode (-W) is not enabled.");
        warned = true;
    }
    if warned && (args.zero_warning || plan.global.zero_warning) {
        messages.alert("Some warnings were found and 'zero-warning' is set. Aborting.");
        return None;
    }
    Some(Configuration {
        plan,
        environment: loaded.environment,
        warned,
    })
}

/// The variables of the process, with those that tell a configuration about it (manual 2.3).
fn environment(args: &Args, sources: &[Source]) -> Environment {
    let variables = std::env::vars_os();
    let mut environment: Environment = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
    environment.set("HAPROXY_CFGFILES", &names.join(";"));
    let peer = args.local_peer.clone().unwrap_or_else(host::name);
    environment.set("HAPROXY_LOCALPEER", &peer);
    if args.master.is_some() {
        environment.set("HAPROXY_MWORKER", "1");
    }
    environment
}

/// The command line has precedence over the configuration.
fn overrule(plan: &mut Plan, args: &Args) {
    if let Some(name) = &args.local_peer {
        plan.global.local_peer = Some(name.clone());
    }
    if let Some(limit) = args.default_max_connections {
        for proxy in plan.proxies.iter_mut().filter(|proxy| proxy.is_frontend) {
            proxy.max_connections.get_or_insert(limit);
        }
    }
}

/// The files' text, directories opened.
pub fn read(paths: &[String]) -> Result<Vec<Source>, Error> {
    source::expand(paths)?.iter().map(|name| source::read(name)).collect()
}

impl Configuration {
    /// What `-c` says of a configuration without mistakes, and the exit code for it.
    pub fn report(&self, messages: &Messages) -> ExitCode {
        let listens = self
            .plan
            .proxies
            .iter()
            .any(|proxy| !proxy.binds.is_empty() && !proxy.disabled);
        let verdict = match (self.warned, listens) {
            (true, false) => {
                "Warnings were found.\nConfiguration file has no error but will not start (no listener) => exit(2)."
            }
            (false, false) => "Configuration file has no error but will not start (no listener) => exit(2).",
            (true, true) => "Warnings were found.\nConfiguration file is valid",
            (false, true) => "Configuration file is valid",
        };
        if !messages.is_quiet() {
            println!("{verdict}");
        }
        ExitCode::from(if listens { 0 } else { 2 })
    }
}
