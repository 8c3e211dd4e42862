//! Commands about the session itself.

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::control::help;
use crate::language::{Does, Scope, units};
use crate::plan::bind::{BindAddress, SeverityOutput};
use crate::plan::global::CliLevel;

/// Commands about the session.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["help"],
        args: "[<command>]",
        scope: Scope::CLI_USER,
        doc: "list matching or all commands",
        example: "help show",
        does: Does::Works(|request| Answer::Text(help::help(request.words))),
    },
    CommandRow {
        names: &["prompt"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "toggle interactive mode with prompt",
        example: "prompt",
        does: Does::Works(|request| {
            request.session.interactive = !request.session.interactive;
            Answer::Done
        }),
    },
    CommandRow {
        names: &["quit"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "disconnect",
        example: "quit",
        does: Does::Works(|_| Answer::Quit),
    },
    CommandRow {
        names: &["operator"],
        args: "",
        scope: Scope::CLI_OPERATOR,
        doc: "lower the level of the current CLI session to operator",
        example: "operator",
        does: Does::Works(|request| lower(request, CliLevel::Operator)),
    },
    CommandRow {
        names: &["user"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "lower the level of the current CLI session to user",
        example: "user",
        does: Does::Works(|request| lower(request, CliLevel::User)),
    },
    CommandRow {
        names: &["experimental-mode"],
        args: "[on|off]",
        scope: Scope::CLI_ADMIN.or(Scope::CLI_UNLISTED),
        doc: "report or switch the use of experimental commands in this session",
        example: "experimental-mode on",
        does: Does::Works(|request| switch("experimental-mode", request.word(0), &mut request.session.experimental)),
    },
    CommandRow {
        names: &["expert-mode"],
        args: "[on|off]",
        scope: Scope::CLI_ADMIN.or(Scope::CLI_UNLISTED),
        doc: "report or switch the use of expert commands in this session",
        example: "expert-mode off",
        does: Does::Works(|request| switch("expert-mode", request.word(0), &mut request.session.expert)),
    },
    CommandRow {
        names: &["show cli level"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "display the level of the current CLI session",
        example: "show cli level",
        does: Does::Works(|request| Answer::Text(format!("{}\n", level_name(request.session.level)))),
    },
    CommandRow {
        names: &["show cli sockets"],
        args: "",
        scope: Scope::CLI_USER,
        doc: "dump list of cli sockets",
        example: "show cli sockets",
        does: Does::Works(show_sockets),
    },
    CommandRow {
        names: &["_getsocks"],
        args: "",
        scope: Scope::CLI_ADMIN.or(Scope::CLI_UNLISTED),
        doc: "hand over the listening sockets, on sockets with 'expose-fd listeners'",
        example: "_getsocks",
        does: Does::Works(|request| match request.session.exposes_listeners {
            true => Answer::HandOver,
            false => Answer::error("Permission denied"),
        }),
    },
    CommandRow {
        names: &["set severity-output"],
        args: "[none|number|string]",
        scope: Scope::CLI_USER,
        doc: "set presence of severity level in feedback information",
        example: "set severity-output number",
        does: Does::Works(set_severity_output),
    },
    CommandRow {
        names: &["set timeout"],
        args: "[cli] <delay>",
        scope: Scope::CLI_USER,
        doc: "change a timeout setting",
        example: "set timeout cli 60",
        does: Does::Works(set_timeout),
    },
];

/// The level's name in the language.
fn level_name(level: CliLevel) -> &'static str {
    match level {
        CliLevel::User => "user",
        CliLevel::Operator => "operator",
        CliLevel::Admin => "admin",
    }
}

fn lower(request: &mut Request<'_>, level: CliLevel) -> Answer {
    let session = &mut request.session;
    session.level = session.level.min(level);
    session.experimental = false;
    session.expert = false;
    Answer::Done
}

fn switch(name: &str, word: Option<&str>, mode: &mut bool) -> Answer {
    match word {
        None => return Answer::Text(format!("{name} is {}\n", if *mode { "ON" } else { "OFF" })),
        Some("on") => *mode = true,
        Some("off") => *mode = false,
        Some(_) => {}
    }
    Answer::Done
}

fn show_sockets(request: &mut Request<'_>) -> Answer {
    let mut text = "# socket lvl processes\n".to_owned();
    for socket in &request.world.plan().global.cli {
        let address = match &socket.bind.address {
            BindAddress::Unix(path) => format!("unix@{path}"),
            BindAddress::Abstract(name) => format!("abns@{name}"),
            BindAddress::Inet(address) if address.is_ipv4() => format!("ipv4@{address}"),
            BindAddress::Inet(address) => format!("ipv6@{address}"),
            BindAddress::Descriptor(fd) => format!("fd@{fd}"),
        };
        text += &format!("{address} {} all\n", level_name(socket.level));
    }
    Answer::Text(text)
}

fn set_severity_output(request: &mut Request<'_>) -> Answer {
    request.session.severity_output = match request.word(0) {
        Some("none") => None,
        Some("number") => Some(SeverityOutput::Number),
        Some("string") => Some(SeverityOutput::Text),
        _ => return Answer::error("one of 'none', 'number', 'string' is a required argument"),
    };
    Answer::Done
}

fn set_timeout(request: &mut Request<'_>) -> Answer {
    if request.word(0) != Some("cli") {
        return Answer::error("'set timeout' only supports 'cli'.");
    }
    let Some(word) = request.word(1) else {
        return Answer::error("Expects an integer value.");
    };
    match units::time(word, std::time::Duration::from_secs(1)) {
        Ok(timeout) if !timeout.is_zero() => request.session.timeout = timeout,
        _ => return Answer::error("Invalid timeout value."),
    }
    Answer::Done
}
