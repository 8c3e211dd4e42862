//! `show info`, `show stat`, `clear counters`: statistics.

use serde_json::json;
use std::fmt::Write;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::control::stats::info::{self, Moment};
use crate::control::stats::print;
use crate::control::stats::subject::{Subject, What};
use crate::language::{Does, Scope};
use crate::plan;
use crate::plan::global::CliLevel;
use crate::state::Proxy;
use crate::state::clear;

/// Commands about statistics.
pub const ROWS: &[CommandRow] = &[
    CommandRow {
        names: &["show info"],
        args: "[desc|json|typed|float]*",
        scope: Scope::CLI_USER,
        doc: "report information about the running process",
        example: "show info typed desc",
        does: Does::Works(show_info),
    },
    CommandRow {
        names: &["show stat"],
        args: "[desc|json|no-maint|typed|up]*",
        scope: Scope::CLI_USER,
        doc: "report counters for each proxy and server",
        example: "show stat -1 4 -1 up",
        does: Does::Works(show_stat),
    },
    CommandRow {
        names: &["clear counters"],
        args: "[all]",
        scope: Scope::CLI_OPERATOR,
        doc: "clear max statistics counters (or all counters)",
        example: "clear counters",
        does: Does::Works(clear_counters),
    },
];

/// What may stand among the words of `show info` and `show stat`, in any order.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    typed: bool,
    json: bool,
    desc: bool,
    float: bool,
    /// Only servers that are up.
    up: bool,
    no_maint: bool,
}

impl Wishes {
    fn read(words: &[String]) -> Wishes {
        let has = |wish: &str| words.iter().any(|word| word == wish);
        Wishes {
            typed: has("typed"),
            json: has("json"),
            desc: has("desc"),
            float: has("float"),
            up: has("up"),
            no_maint: has("no-maint"),
        }
    }
}

fn show_info(request: &mut Request<'_>) -> Answer {
    request.world.kernel.count();
    let wishes = Wishes::read(request.words);
    let moment = Moment {
        world: request.world,
        ticks: request.ticks,
        date: request.date,
        float: wishes.float,
    };
    let fields = info::FIELDS.iter().enumerate();
    let values = fields.map(|(position, field)| (position, field, (field.get)(&moment)));
    let values = values.filter(|(_, _, value)| !value.is_none());
    if wishes.json {
        let values = values.map(|(position, field, value)| {
            json!({
                "field": { "pos": position, "name": field.name },
                "processNum": 1,
                "tags": field.tags.json(),
                "value": value.json(field.kind),
            })
        });
        return Answer::Text(format!("{}\n", serde_json::Value::from_iter(values)));
    }
    let mut text = String::new();
    for (position, field, value) in values {
        let (name, value) = (field.name, value.text());
        let _ = match wishes.typed {
            true => write!(
                text,
                "{position}.{name}.1:{}:{}:{value}",
                field.tags.0,
                field.kind.name()
            ),
            false => write!(text, "{name}: {value}"),
        };
        let _ = match wishes.desc {
            true => writeln!(text, ":\"{}\"", field.doc),
            false => writeln!(text),
        };
    }
    Answer::Text(text)
}

/// Which objects `show stat` is about.
#[derive(Clone, Copy, Debug)]
struct Filter {
    proxy: Option<u32>,
    /// Bits: 1 frontends, 2 backends, 4 servers, 8 listeners.
    kinds: i64,
    number: Option<u32>,
}

impl Filter {
    const ALL: Filter = Filter {
        proxy: None,
        kinds: -1,
        number: None,
    };

    /// Reads `<iid>|<proxy> <type> <sid>`; without all three there is no filter.
    fn read(words: &[String], proxies: &[Proxy]) -> Result<Filter, Answer> {
        let [proxy, kinds, number, ..] = words else {
            return Ok(Filter::ALL);
        };
        let (Ok(kinds), Ok(number)) = (kinds.parse(), number.parse::<i64>()) else {
            return Ok(Filter::ALL);
        };
        let proxy = match proxy.parse::<i64>() {
            Ok(id) => u32::try_from(id).ok(),
            Err(_) => match proxies.iter().find(|live| live.name == *proxy) {
                Some(live) => Some(live.puid),
                None => return Err(Answer::error("No such proxy.")),
            },
        };
        Ok(Filter {
            proxy,
            kinds,
            number: u32::try_from(number).ok(),
        })
    }

    fn takes(&self, subject: &Subject<'_>) -> bool {
        let bit = match subject.what {
            What::Frontend(_) => 1,
            What::Backend(_) => 2,
            What::Server(..) => 4,
            What::Listener(..) => 8,
        };
        self.kinds & bit != 0
            && self.proxy.is_none_or(|id| id == subject.live.puid)
            && (bit < 4 || self.number.is_none_or(|number| number == subject.number()))
    }
}

fn show_stat(request: &mut Request<'_>) -> Answer {
    let world = request.world;
    let words = match request.words {
        [first, domain, rest @ ..] if first == "domain" => match domain.as_str() {
            "proxy" => rest,
            _ => return Answer::error("Invalid statistics domain."),
        },
        words => words,
    };
    let filter = match Filter::read(words, &world.process().proxies) {
        Ok(filter) => filter,
        Err(answer) => return answer,
    };
    let wishes = Wishes::read(words);
    world.kernel.count();
    let mut objects = Vec::new();
    let mut text = if wishes.typed || wishes.json {
        String::new()
    } else {
        print::csv_header()
    };
    for (live, plan) in world.process().proxies.iter().zip(&world.plan().proxies) {
        let legends = request.session.socket_level >= CliLevel::Operator;
        let frontend = Subject {
            legends,
            ..Subject::frontend(live, plan, request.ticks)
        };
        for subject in subjects(frontend, plan) {
            if !filter.takes(&subject) || !wanted(&subject, wishes) {
                continue;
            }
            match wishes {
                Wishes { json: true, .. } => objects.push(print::json(&subject)),
                Wishes { typed: true, .. } => print::typed(&subject, wishes.desc, &mut text),
                _ => print::csv(&subject, &mut text),
            }
        }
    }
    if wishes.json {
        text = format!("{}\n", serde_json::Value::Array(objects));
    }
    Answer::Text(text)
}

/// The objects of a proxy in the order they are shown, from its frontend's view.
fn subjects<'a>(frontend: Subject<'a>, plan: &'a plan::Proxy) -> Vec<Subject<'a>> {
    let live = frontend.live;
    let mut subjects = Vec::new();
    if live.is_frontend {
        subjects.push(frontend);
        if plan.options.socket_stats {
            let listeners = live.listeners.iter().enumerate();
            subjects.extend(listeners.map(|(index, live)| frontend.with(What::Listener(live, plan.binds.get(index)))));
        }
    }
    if live.is_backend {
        let servers = live.servers.iter().enumerate();
        subjects.extend(servers.map(|(index, live)| frontend.with(What::Server(live, plan.servers.get(index)))));
        subjects.push(frontend.with(What::Backend(&live.backend)));
    }
    subjects
}

/// Do `up` and `no-maint` let the object be shown?
fn wanted(subject: &Subject<'_>, wishes: Wishes) -> bool {
    let What::Server(..) = subject.what else { return true };
    let status = subject.status();
    let is_in_maintenance = status.starts_with("MAINT");
    let is_down = is_in_maintenance || status.starts_with("DOWN");
    !(wishes.up && is_down || wishes.no_maint && is_in_maintenance)
}

fn clear_counters(request: &mut Request<'_>) -> Answer {
    let process = request.world.process();
    // What the kernel counted so far belongs to the past, too.
    request.world.kernel.count();
    match request.word(0) {
        Some("all") if request.session.level < CliLevel::Admin => return Answer::error("Permission denied"),
        Some("all") => clear::all(process),
        _ => clear::maxima(process),
    }
    Answer::Done
}
