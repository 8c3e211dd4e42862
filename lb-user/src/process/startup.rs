//! Startup on one page.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use super::args::{self, Args, Command, Usage};
use super::configuration;
use super::daemon::{self, Ready, Side};
use super::inherit::Inherited;
use super::listeners::{self, Binding, Listeners};
use super::master::{self, Master, Relaunch};
use super::messages::Messages;
use super::notify::Notifier;
use super::service::Service;
use super::{handover, limits, signals, subcommand, version, workers};
use crate::plan::Plan;

/// How often binding is tried while the processes to be replaced let go of their ports, and the pause in between.
const BIND_ATTEMPTS: u32 = 100;
const BIND_PAUSE: Duration = Duration::from_millis(10);

/// The program, from its name and arguments to its exit code.
pub fn main(command: impl Iterator<Item = OsString>) -> ExitCode {
    let Ok(command) = command.map(OsString::into_string).collect::<Result<Vec<String>, _>>() else {
        eprintln!("lb: arguments must be UTF-8");
        return ExitCode::FAILURE;
    };
    let arguments = command.get(1..).unwrap_or_default();
    if let Some(result) = subcommand::run(arguments) {
        return result;
    }
    match args::parse(arguments) {
        Ok(Command::Run(args)) => start(command, *args).unwrap_or_else(|code| code),
        Ok(Command::Version) => {
            print!("{}", version::Short);
            ExitCode::SUCCESS
        }
        Ok(Command::VersionDetails) => {
            print!("{}", version::Details);
            ExitCode::SUCCESS
        }
        Err(args::Mistake::Usage) => {
            print!("{}{Usage}", version::Short);
            ExitCode::FAILURE
        }
        Err(args::Mistake::Message(text)) => {
            eprintln!("lb: {text}\n{Usage}");
            ExitCode::FAILURE
        }
    }
}

/// From the command line to the end of the service. `Err`: the exit code of a start that ended before it.
fn start(command: Vec<String>, mut args: Args) -> Result<ExitCode, ExitCode> {
    let mut messages = Messages::new(args.verbosity, args.diagnostics);
    let relaunch = Relaunch {
        directory: attempt(std::env::current_dir(), "tell the current directory", &mut messages)?,
        command,
    };
    attempt(signals::hold(), "hold back signals", &mut messages)?;
    enter_directory(&args, &mut messages)?;

    let (carried, mut inherited) = master::inherit().unzip();
    if carried.is_some() {
        args.forget_predecessors();
    }
    let prepared = prepare(&args, inherited.get_or_insert_default(), &mut messages);
    let notifier = Notifier::of(args.master);
    let Some(carried) = carried else {
        let mut service = prepared?;
        drop(inherited);
        let plan = &service.configuration.plan;
        let is_master = args.master.is_some() || plan.global.master_worker;
        let ready = detach(&args, plan.global.daemon, &mut messages)?;
        if let Some(path) = args.pidfile.as_ref().or(plan.global.pidfile.as_ref()) {
            daemon::write_pidfile(path).map_err(|text| fail(&mut messages, &text))?;
        }
        if is_master {
            return Master::new(relaunch, notifier, ready, messages).run(&args, service);
        }
        service.ready = ready;
        return service.run(messages);
    };
    let master = Master::again(carried, relaunch, notifier, messages);
    match prepared {
        Ok(service) => {
            // What the new configuration does not listen on any more is closed.
            drop(inherited);
            master.run(&args, service)
        }
        Err(_) => master.keep(inherited.unwrap_or_default()),
    }
}

/// Reads the configuration, sets the limits and binds the addresses.
fn prepare(args: &Args, inherited: &mut Inherited, messages: &mut Messages) -> Result<Service, ExitCode> {
    let configuration = configuration::load(args, messages).ok_or(ExitCode::FAILURE)?;
    if args.check {
        return Err(configuration.report(messages));
    }
    let plan = &configuration.plan;
    if plan.global.quiet && args.verbosity != args::Verbosity::Verbose {
        messages.hush();
    }
    if args.memory.is_some_and(|megabytes| !limits::limit_memory(megabytes)) {
        messages.warning("[lb.main()] Cannot limit the memory.");
    }
    let workers = workers::count(plan);
    let sizes = limits::apply(plan, workers, args.max_connections, messages).ok_or(ExitCode::FAILURE)?;
    let binding = Binding {
        workers,
        reuse_port: !args.no_reuse_port && !plan.global.no_reuse_port,
    };
    if let Some(path) = &args.listeners_from {
        take_over(path, inherited, messages);
    }
    let listeners = bind(args, plan, binding, inherited, messages)?;
    Ok(Service {
        sizes,
        bound: listeners.bound,
        lookup: listeners.lookup,
        ready: None,
        old: args.old.clone(),
        has_master: false,
        configuration,
    })
}

fn fail(messages: &mut Messages, text: &str) -> ExitCode {
    messages.alert(text);
    ExitCode::FAILURE
}

fn attempt<T, E: std::fmt::Display>(result: Result<T, E>, what: &str, messages: &mut Messages) -> Result<T, ExitCode> {
    result.map_err(|error| fail(messages, &format!("[lb.main()] Cannot {what}: {error}.")))
}

fn enter_directory(args: &Args, messages: &mut Messages) -> Result<(), ExitCode> {
    let Some(directory) = &args.directory else {
        return Ok(());
    };
    std::env::set_current_dir(directory).map_err(|error| {
        let reason = crate::config::source::reason(&error);
        fail(
            messages,
            &format!("Could not change to directory {directory} : {reason}"),
        )
    })
}

/// Fetches the listening sockets of a running process (`-x`). Without them, the addresses are bound as usual.
fn take_over(path: &str, inherited: &mut Inherited, messages: &mut Messages) {
    match handover::receive(path) {
        Ok(sockets) => inherited.extend(Inherited::new(sockets)),
        Err(error) => {
            let reason = crate::config::source::reason(&error);
            messages.warning(format!(
                "Failed to get the sockets from the old process at {path} : {reason}"
            ));
        }
    }
}

/// Binds all addresses. Where processes are to be replaced, they are asked to make room, and asked to listen again if
/// that was in vain.
fn bind(
    args: &Args,
    plan: &Plan,
    binding: Binding,
    inherited: &mut Inherited,
    messages: &mut Messages,
) -> Result<Listeners, ExitCode> {
    let mut old = args.old.clone().filter(|old| !old.pids.is_empty());
    let mut result = listeners::bind_all(plan, binding, inherited);
    for attempt in 0..BIND_ATTEMPTS {
        let (Err(_), Some(old)) = (&result, &mut old) else {
            break;
        };
        if attempt == 0 {
            old.pause();
        }
        std::thread::sleep(BIND_PAUSE);
        result = listeners::bind_all(plan, binding, inherited);
    }
    let failures = match result {
        Ok(listeners) if !listeners.bound.is_empty() => return Ok(listeners),
        Ok(_) => vec!["[lb.main()] No enabled listener found (check for 'bind' directives) ! Exiting.".to_owned()],
        Err(mut failures) => {
            failures.push("[lb.main()] Some protocols failed to start their listeners! Exiting.".to_owned());
            failures
        }
    };
    if let Some(old) = &mut old {
        old.resume();
    }
    for failure in failures {
        messages.alert(failure);
    }
    Err(ExitCode::FAILURE)
}

/// Goes to the background where that is wanted. The process that was started ends here.
fn detach(args: &Args, configured: bool, messages: &mut Messages) -> Result<Option<Ready>, ExitCode> {
    if !args.daemonizes(configured) {
        return Ok(None);
    }
    match attempt(daemon::detach(), "go to the background", messages)? {
        Side::Child(ready) => Ok(Some(ready)),
        Side::Parent(true) => Err(ExitCode::SUCCESS),
        Side::Parent(false) => Err(ExitCode::FAILURE),
    }
}
