//! Sections become drafts: each line through the row of its keyword.

use std::path::PathBuf;
use std::sync::Arc;

use super::environment::Environment;
use super::section::{Line, Section, SectionKind};
use crate::keywords::global::GlobalDraft;
use crate::keywords::proxy::Draft;
use crate::keywords::section::{http_errors, ring, userlist};
use crate::keywords::{Reading, global, proxy};
use crate::language::paths::DefaultPath;
use crate::language::row::{self, Does, Phrase};
use crate::language::{Diagnostics, Error, Host, Location, Scope, Severity, Words};
use crate::plan::log::{LogTransportFormat, Ring};
use crate::plan::{HttpErrors, Userlist};
use crate::rules::{Names, Registry};
use crate::state::ProxyId;

/// Everything around the sections.
pub struct World<'a> {
    pub registry: &'a Registry,
    pub host: &'a dyn Host,
    pub read_file: &'a dyn Fn(PathBuf) -> std::io::Result<Vec<u8>>,
    pub environment: &'a Environment,
    pub names: Names,
    pub diagnostics: &'a mut Diagnostics,
    pub faulty: Vec<Arc<str>>,
}

impl World<'_> {
    /// A mistake in one line.
    pub fn alert(&mut self, location: &Location, error: &Error) {
        self.diagnostics.alert(location, error);
        self.blame(location);
    }

    /// Marks the file as one that holds a mistake.
    pub fn blame(&mut self, location: &Location) {
        if !self.faulty.contains(&location.file) {
            self.faulty.push(Arc::clone(&location.file));
        }
    }
}

/// All sections, read.
#[derive(Default)]
pub struct Drafts {
    pub global: GlobalDraft,
    /// Each named or anonymous `defaults` section, in order.
    defaults: Vec<(Option<String>, Draft)>,
    pub proxies: Vec<Draft>,
    pub userlists: Vec<Userlist>,
    pub http_errors: Vec<HttpErrors>,
    pub rings: Vec<Ring>,
}

/// Reads all sections. Mistakes go to the world's diagnostics.
pub fn read(sections: &[Section], world: &mut World<'_>) -> Drafts {
    let mut drafts = Drafts::default();
    for section in sections {
        match section.kind {
            SectionKind::Global => global_section(section, &mut drafts, world),
            SectionKind::Defaults => defaults_section(section, &mut drafts, world),
            kind if super::declare::is_proxy(kind) => proxy_section(section, &mut drafts, world),
            SectionKind::Userlist => userlist_section(section, &mut drafts, world),
            SectionKind::HttpErrors => http_errors_section(section, &mut drafts, world),
            SectionKind::Ring => ring_section(section, &mut drafts, world),
            kind => {
                let title = format!("{} section", kind.keyword());
                world.alert(&section.location, &Error::not_implemented(&title));
            }
        }
    }
    drafts
}

/// Hands a line to the row that its opening names, with everything around it.
fn carry_out<T: Copy>(
    line: &Line,
    phrase: &Phrase<T>,
    section: Scope,
    policy: &DefaultPath,
    world: &mut World<'_>,
    run: impl FnOnce(T, &mut Words<'_>, &mut Reading<'_>) -> Result<(), Error>,
) {
    let Does::Works(parse) = phrase.row.does else {
        let name = phrase.spelling.trim_end_matches('(');
        world.alert(&line.location, &Error::not_implemented(name));
        return;
    };
    let mut words = Words::new(&line.words, &line.location);
    words.nth(phrase.words.saturating_sub(1));
    let result = {
        let environment = world.environment;
        let files = world.read_file;
        let file = &line.location.file;
        let host = world.host;
        let mut reading = Reading {
            registry: world.registry,
            names: &mut world.names,
            diagnostics: world.diagnostics,
            location: &line.location,
            section,
            host: world.host,
            variable: &|name| environment.get(name).map(str::to_owned),
            read_file: &|name| files(policy.resolve(file, name)).map_err(|error| super::source::reason(&error)),
            list_directory: &|name| host.list_directory(&policy.resolve(file, name)),
        };
        run(parse, &mut words, &mut reading)
    };
    if let Err(error) = result {
        world.alert(&line.location, &error);
    }
}

fn global_section(section: &Section, drafts: &mut Drafts, world: &mut World<'_>) {
    if let Err(error) = section.header() {
        world.alert(&section.location, &error);
    }
    for line in &section.lines {
        let Some(phrase) = row::find_phrase(global::REGISTRY, &line.words) else {
            world.alert(&line.location, &global::unknown(&line.words));
            continue;
        };
        let policy = drafts.global.default_path.clone();
        let draft = &mut drafts.global;
        carry_out(line, &phrase, Scope::GLOBAL, &policy, world, |parse, words, reading| {
            parse(phrase.spelling, words, draft, reading)
        });
    }
}

fn defaults_section(section: &Section, drafts: &mut Drafts, world: &mut World<'_>) {
    let Some((name, mut draft)) = start(section, drafts, world, false) else {
        return;
    };
    draft.proxy.name = name.clone().unwrap_or_default();
    proxy_lines(section, Scope::DEFAULTS, &mut draft, drafts, world);
    drafts.defaults.push((name, draft));
}

/// Reads a header and gives the draft that the section starts from: the defaults it names, or the last ones.
fn start(section: &Section, drafts: &Drafts, world: &mut World<'_>, inherits: bool) -> Option<(Option<String>, Draft)> {
    let header = match section.header() {
        Ok(header) => header,
        Err(error) => {
            world.alert(&section.location, &error);
            return None;
        }
    };
    let draft = match header.from {
        Some(from) => {
            let parent = drafts.defaults.iter().find(|(name, _)| name.as_deref() == Some(from));
            if parent.is_none() {
                let (kind, name) = (section.kind.keyword(), header.name.unwrap_or_default());
                let kind = if kind == "listen" { "proxy" } else { kind };
                let text = format!("defaults section '{from}' not found for {kind} '{name}'.");
                world.alert(&section.location, &Error::new(text));
            }
            parent.map(|(_, draft)| draft.inherit())
        }
        None if inherits => drafts.defaults.last().map(|(_, draft)| draft.inherit()),
        None => None,
    };
    Some((header.name.map(str::to_owned), draft.unwrap_or_default()))
}

fn proxy_section(section: &Section, drafts: &mut Drafts, world: &mut World<'_>) {
    let id = ProxyId(drafts.proxies.len() as u32);
    let (name, mut draft) = start(section, drafts, world, true).unwrap_or_default();
    let (is_frontend, is_backend) = (
        section.kind != SectionKind::Backend,
        section.kind != SectionKind::Frontend,
    );
    draft.proxy.id = id;
    draft.proxy.name = name.unwrap_or_default();
    draft.proxy.location = section.location.clone();
    draft.proxy.is_frontend = is_frontend;
    draft.proxy.is_backend = is_backend;
    if let Some(error) = duplicate(&draft, &drafts.proxies) {
        let location = &section.location;
        let text = format!("Parsing [{location}]: {error}");
        world.diagnostics.push(Severity::Alert, text);
        world.blame(location);
    }
    let scope = match section.kind {
        SectionKind::Frontend => Scope::FRONTEND,
        SectionKind::Backend => Scope::BACKEND,
        _ => Scope::LISTEN,
    };
    proxy_lines(section, scope, &mut draft, drafts, world);
    if let Some((location, text)) = conflict(&draft, &drafts.proxies) {
        world.alert(&location, &Error::new(text));
    }
    drafts.proxies.push(draft);
}

/// A frontend and a backend of one name may not both have a table: tables are called by their section's name.
fn conflict(draft: &Draft, earlier: &[Draft]) -> Option<(Location, String)> {
    let here = draft.table_location.clone()?;
    let name = &draft.proxy.name;
    let other = earlier
        .iter()
        .find(|other| other.proxy.name == *name && other.table.is_some())?;
    let (title, there) = (other.title(), other.table_location.as_ref()?);
    let text = format!("stick-table name '{name}' conflicts with table declared in {title} at {there}.");
    Some((here, text))
}

/// Two sections may share a name only if one is a frontend and the other a backend.
fn duplicate(draft: &Draft, earlier: &[Draft]) -> Option<String> {
    let proxy = &draft.proxy;
    let other = earlier.iter().map(|draft| &draft.proxy).find(|other| {
        other.name == proxy.name && ((other.is_frontend && proxy.is_frontend) || (other.is_backend && proxy.is_backend))
    })?;
    Some(format!(
        "{} has the same name as {} '{}' declared at {}.",
        draft.title(),
        other.kind(),
        other.name,
        other.location
    ))
}

fn proxy_lines(section: &Section, scope: Scope, draft: &mut Draft, drafts: &Drafts, world: &mut World<'_>) {
    let policy = &drafts.global.default_path;
    for line in &section.lines {
        let Some(phrase) = row::find_phrase(proxy::REGISTRY, &line.words) else {
            world.alert(
                &line.location,
                &proxy::unknown(&line.words, section.kind.keyword(), draft),
            );
            continue;
        };
        match proxy::misplaced(phrase.row, phrase.spelling, scope, draft) {
            Some(proxy::Misplaced::Forbidden(error)) => {
                world.alert(&line.location, &error);
                continue;
            }
            Some(proxy::Misplaced::Ignored(text)) => world.diagnostics.warn(&line.location, text),
            None => proxy::warn_if_late(phrase.spelling, draft, world.diagnostics, &line.location),
        }
        carry_out(line, &phrase, scope, policy, world, |parse, words, reading| {
            parse(phrase.spelling, words, draft, reading)
        });
    }
}

fn userlist_section(section: &Section, drafts: &mut Drafts, world: &mut World<'_>) {
    let Some(name) = small_header(section, world) else {
        return;
    };
    if drafts.userlists.iter().any(|list| list.name == name) {
        let text = format!("ignoring duplicated userlist '{name}'.");
        world.diagnostics.warn(&section.location, text);
        return;
    }
    let mut draft = userlist::Draft::default();
    draft.list.name = name;
    let policy = &drafts.global.default_path;
    for line in &section.lines {
        match row::find_phrase(userlist::REGISTRY, &line.words) {
            Some(phrase) => {
                carry_out(line, &phrase, Scope::GLOBAL, policy, world, |parse, words, reading| {
                    parse(phrase.spelling, words, &mut draft, reading)
                });
            }
            None => unknown(section, line, world),
        }
    }
    match draft.finish() {
        Ok(list) => drafts.userlists.push(list),
        Err(error) => {
            world.diagnostics.push(Severity::Alert, error.to_string());
            world.blame(&section.location);
        }
    }
}

fn http_errors_section(section: &Section, drafts: &mut Drafts, world: &mut World<'_>) {
    let Some(name) = small_header(section, world) else {
        return;
    };
    if drafts.http_errors.iter().any(|other| other.name == name) {
        let text = format!("http-errors section '{name}' already exists.");
        world.alert(&section.location, &Error::new(text));
    }
    let mut errors = HttpErrors {
        name,
        ..HttpErrors::default()
    };
    let policy = &drafts.global.default_path;
    for line in &section.lines {
        match row::find_phrase(http_errors::REGISTRY, &line.words) {
            Some(phrase) => {
                carry_out(line, &phrase, Scope::GLOBAL, policy, world, |parse, words, reading| {
                    parse(phrase.spelling, words, &mut errors, reading)
                });
            }
            None => unknown(section, line, world),
        }
    }
    drafts.http_errors.push(errors);
}

fn ring_section(section: &Section, drafts: &mut Drafts, world: &mut World<'_>) {
    let Some(name) = small_header(section, world) else {
        return;
    };
    if drafts.rings.iter().any(|other| other.name == name) {
        let text = format!("sink named '{name}' already exists.");
        world.alert(&section.location, &Error::new(text));
    }
    let mut draft = Ring {
        name,
        description: None,
        size: 16_384,
        max_length: 1_024,
        format: LogTransportFormat::Raw,
        servers: Vec::new(),
        timeout_connect: None,
        timeout_server: None,
    };
    let policy = &drafts.global.default_path;
    for line in &section.lines {
        match row::find_phrase(ring::REGISTRY, &line.words) {
            Some(phrase) => {
                carry_out(line, &phrase, Scope::GLOBAL, policy, world, |parse, words, reading| {
                    parse(phrase.spelling, words, &mut draft, reading)
                });
            }
            None => unknown(section, line, world),
        }
    }
    drafts.rings.push(draft);
}

/// The name of a section, or nothing where its header is wrong.
fn small_header(section: &Section, world: &mut World<'_>) -> Option<String> {
    match section.header() {
        Ok(header) => Some(header.name.unwrap_or_default().to_owned()),
        Err(error) => {
            world.alert(&section.location, &error);
            None
        }
    }
}

fn unknown(section: &Section, line: &Line, world: &mut World<'_>) {
    let word = line.words.first().map_or("", String::as_str);
    let kind = section.kind.keyword();
    let text = format!("unknown keyword '{word}' in '{kind}' section");
    world.alert(&line.location, &Error::new(text));
}
