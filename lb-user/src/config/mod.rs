//! From text to `Plan`: lex, condition, section, declare, read, link.

pub mod condition;
mod declare;
pub mod environment;
pub mod explain;
pub mod lex;
mod link;
mod read;
pub mod reference;
pub mod section;
pub mod source;

use std::path::PathBuf;
use std::sync::Arc;

use self::environment::Environment;
use self::section::Sections;
use self::source::Source;
use crate::language::{Diagnostics, Host, Severity};
use crate::plan::Plan;
use crate::rules::Registry;

/// What a configuration is read with.
pub struct Inputs<'a> {
    pub sources: &'a [Source],
    pub environment: Environment,
    /// The rows that rules are compiled from.
    pub registry: &'a Registry,
    pub host: &'a dyn Host,
    /// Reads a file that the configuration names.
    pub read_file: &'a dyn Fn(PathBuf) -> std::io::Result<Vec<u8>>,
}

/// What came of it.
pub struct Loaded {
    /// `None` where the diagnostics hold an alert.
    pub plan: Option<Plan>,
    /// The variables as the global sections left them.
    pub environment: Environment,
    /// The files that hold a mistake.
    pub faulty: Vec<Arc<str>>,
}

/// Reads a whole configuration. Every mistake of every line goes to `diagnostics`, in the order of the files; what can
/// only be judged across sections is looked at when all lines are good.
pub fn load(inputs: Inputs<'_>, diagnostics: &mut Diagnostics) -> Loaded {
    let Sections {
        sections,
        environment,
        faulty,
    } = section::split(inputs.sources, inputs.environment, diagnostics);
    let names = declare::declare(&sections);
    let mut world = read::World {
        registry: inputs.registry,
        host: inputs.host,
        read_file: inputs.read_file,
        environment: &environment,
        names,
        diagnostics,
        faulty,
    };
    let drafts = read::read(&sections, &mut world);
    let broken = |diagnostics: &Diagnostics| diagnostics.has(Severity::Alert);
    let plan = (!broken(world.diagnostics)).then(|| link::link(drafts, &mut world));
    let plan = plan.filter(|_| !broken(world.diagnostics));
    let faulty = world.faulty;
    Loaded {
        plan,
        environment,
        faulty,
    }
}
