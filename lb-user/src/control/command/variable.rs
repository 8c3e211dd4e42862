//! Commands about process-wide variables.

use std::collections::HashMap;
use std::fmt::Write;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::keywords::RULES;
use crate::keywords::variable::process_wide;
use crate::language::{Diagnostics, Does, Error, Location, NoNames, Scope, Words};
use crate::rules::{Context, Expression, Names, Variable};
use crate::state::process::ProcessValue;

/// Commands about variables.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["get var"],
        args: "<name>",
        scope: Scope::CLI_OPERATOR,
        doc: "retrieve contents of a process-wide variable",
        example: "get var proc.version",
        does: Does::Works(get_var),
    },
    CommandRow {
        names: &["set var"],
        args: "<name> <expression>",
        scope: Scope::CLI_OPERATOR,
        doc: "set a process-wide variable from an expression (EXPERIMENTAL)",
        example: "set var proc.version str(green)",
        does: Does::Works(set_var),
    },
];

fn set_var(request: &mut Request<'_>) -> Answer {
    if !request.session.experimental {
        return Answer::error("This command is restricted to experimental mode only.");
    }
    let Some(name) = request.word(0) else {
        return Answer::error("Missing process-wide variable identifier.");
    };
    let world = request.world;
    let mut names = Names {
        variables: world.variables.borrow().clone(),
        ..world.plan().names()
    };
    let (variable, expression) = match compile(name, request.words, &mut names) {
        Ok(set) => set,
        Err(error) => return Answer::error(error),
    };
    *world.variables.borrow_mut() = names.variables;
    let value = expression.value_alone(world.process(), request.date, request.ticks);
    world.process().set_variable(variable.slot, value.map(Into::into));
    Answer::Done
}

/// Compiles `<name> <expression>`. Files are not read any more: only maps that the configuration names are known.
fn compile(name: &str, words: &[String], names: &mut Names) -> Result<(Variable, Expression), Error> {
    let location = Location::default();
    let mut words = Words::new(words, &location);
    words.next(); // the name
    if words.is_empty() {
        return Err(Error::new("Missing expression."));
    }
    let mut diagnostics = Diagnostics::default();
    let mut context = Context {
        registry: &RULES,
        names,
        acls: &HashMap::new(),
        diagnostics: &mut diagnostics,
        location: &location,
        proxy: None,
        proxy_name: "",
        place: Scope::INTERNAL,
        host: &NoNames,
        variable: &|_| None,
        read_file: &|_| Err("no file is read at run time".to_owned()),
        request_captures: 0,
        new_capture: None,
        promises: Vec::new(),
    };
    let set = process_wide("set var", name, &mut words, &mut context, "here")?;
    words.end("set var")?;
    match diagnostics.messages().first() {
        Some(message) => Err(Error::new(message.text.clone())),
        None => Ok(set),
    }
}

fn get_var(request: &mut Request<'_>) -> Answer {
    let Some(name) = request.word(0) else {
        return Answer::error("Missing process-wide variable identifier.");
    };
    let variables = request.world.variables.borrow();
    let variable = variables.get(name).filter(|_| name.starts_with("proc."));
    let values = request.world.process().variables.read().ok();
    let value = variable
        .zip(values)
        .and_then(|(variable, values)| values.get(variable.slot as usize).cloned()?);
    match value {
        // This one answer has no empty line after it: the text does not end its own.
        Some(value) => Answer::Text(format!("{name}: {}", shown(&value))),
        None => Answer::error("Variable not found."),
    }
}

/// Type and text of a variable.
fn shown(value: &ProcessValue) -> String {
    match value {
        ProcessValue::Bool(set) => format!("type=bool value=<{}>", u8::from(*set)),
        ProcessValue::Int(number) => format!("type=sint value=<{number}>"),
        ProcessValue::Address(ip) => {
            let kind = if ip.is_ipv4() { "ipv4" } else { "ipv6" };
            format!("type={kind} value=<{ip}>")
        }
        ProcessValue::Str(text) => format!("type=str value=<{}>", String::from_utf8_lossy(text)),
        ProcessValue::Bin(bytes) => {
            let mut text = String::new();
            for byte in bytes {
                let _ = write!(text, "{byte:02X}");
            }
            format!("type=bin value=<{text}>")
        }
    }
}
