//! Drafts become the plan: names of other sections are resolved, and what only shows across lines is checked.

mod checks;
mod servers;
mod tls;

use super::read::{Drafts, World};
use crate::keywords::proxy::{Draft, ErrorLine, LogLine, Text};
use crate::language::{Location, Scope, Severity};
use crate::plan::check::CheckKind;
use crate::plan::log::Ring;
use crate::plan::rules::{BackendName, ServerName, Stick, UseBackend, UseServer};
use crate::plan::{Global, HttpErrors, Mode, Plan};
use crate::rules::context::Promise;
use crate::rules::facts::Side;
use crate::rules::log_format::{self, Style};
use crate::rules::{Context, LogFormat, key};
use crate::state::{ProxyId, ServerId};
use crate::stick::{DataType, StickTable, TableId};

/// Links all drafts. The plan is only good if no alert was raised.
pub fn link(mut drafts: Drafts, world: &mut World<'_>) -> Plan {
    let overview: Vec<Overview> = drafts.proxies.iter().map(Overview::of).collect();
    let mut tables = tables(&mut drafts.proxies);
    checks::rings(&drafts.global.global.logs, &drafts.rings, "global section", world);
    let mut proxies = Vec::with_capacity(drafts.proxies.len());
    for draft in drafts.proxies {
        let linker = Linker {
            overview: &overview,
            tables: &tables,
            global: &drafts.global.global,
            http_errors: &drafts.http_errors,
            rings: &drafts.rings,
            default_path: &drafts.global.default_path,
            draft,
            world,
        };
        proxies.push(linker.link());
    }
    remember_servers(&proxies, &mut tables);
    servers::link(&mut proxies, world);
    for proxy in &mut proxies {
        tls::link(proxy, world);
    }
    let mut global = drafts.global.global;
    prefix_unix_sockets(&mut global, &mut proxies, &drafts.global.unix_bind);
    Plan {
        global,
        proxies,
        tables,
        http_errors: drafts.http_errors,
        userlists: drafts.userlists,
        rings: drafts.rings,
        patterns: std::mem::take(&mut world.names.patterns),
        variables: std::mem::take(&mut world.names.variables),
        certificates: std::mem::take(&mut world.names.tls.certificates),
        initial_variables: drafts.global.initial_variables,
    }
}

/// A table that `stick` rules use keeps servers, whether its line says so or not.
fn remember_servers(proxies: &[crate::plan::Proxy], tables: &mut [StickTable]) {
    for rule in proxies.iter().flat_map(|proxy| &proxy.rules.stick) {
        let Some(table) = tables.get_mut(rule.table.index()) else {
            continue;
        };
        for kind in [DataType::ServerId, DataType::ServerKey] {
            if table.store.iter().all(|(stored, _)| *stored != kind) {
                table.store.push((kind, None));
            }
        }
    }
}

/// What other proxies need to know of one.
struct Overview {
    name: String,
    mode: Mode,
    location: Location,
    disabled: bool,
    mode_name: &'static str,
}

impl Overview {
    fn of(draft: &Draft) -> Overview {
        let proxy = &draft.proxy;
        Overview {
            name: proxy.name.clone(),
            mode: proxy.mode,
            location: proxy.location.clone(),
            disabled: proxy.disabled,
            mode_name: mode_name(proxy.mode),
        }
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Tcp => "tcp",
        Mode::Http => "http",
    }
}

/// The tables, in the order in which they were numbered.
fn tables(drafts: &mut [Draft]) -> Vec<StickTable> {
    let mut tables = Vec::new();
    for draft in drafts {
        if let Some(table) = draft.table.take() {
            draft.proxy.table = Some(TableId(tables.len() as u32));
            tables.push(table);
        }
    }
    tables
}

/// `unix-bind` stands before every unix socket's path, and fills what its options leave open.
fn prefix_unix_sockets(
    global: &mut crate::plan::Global,
    proxies: &mut [crate::plan::Proxy],
    unix_bind: &crate::keywords::global::UnixBind,
) {
    let binds = proxies.iter_mut().flat_map(|proxy| proxy.binds.iter_mut());
    let cli = global.cli.iter_mut().map(|socket| &mut socket.bind);
    for bind in binds.chain(cli) {
        if let crate::plan::BindAddress::Unix(path) = &mut bind.address {
            path.insert_str(0, &unix_bind.prefix);
            let (options, defaults) = (&mut bind.options, &unix_bind.options);
            options.mode = options.mode.or(defaults.mode);
            options.uid = options.uid.or(defaults.uid);
            options.gid = options.gid.or(defaults.gid);
        }
    }
}

/// The linking of one proxy.
struct Linker<'a, 'w> {
    tables: &'a [StickTable],
    overview: &'a [Overview],
    global: &'a Global,
    http_errors: &'a [HttpErrors],
    rings: &'a [Ring],
    default_path: &'a crate::language::paths::DefaultPath,
    draft: Draft,
    world: &'a mut World<'w>,
}

impl Linker<'_, '_> {
    fn link(mut self) -> crate::plan::Proxy {
        self.complete_conditions();
        if self.draft.proxy.disabled {
            self.draft.forget_links();
        }
        checks::members(&self.draft, self.world);
        if self.draft.proxy.is_frontend {
            self.default_backend();
            self.use_backend();
        }
        if let Some(capture) = &mut self.draft.proxy.cookie_capture {
            capture.length = capture.length.min(self.global.tune.cookie_length);
        }
        self.errors();
        self.promises();
        if self.draft.proxy.is_backend {
            self.use_server();
            self.stick();
        }
        self.formats();
        if let CheckKind::Http(check) = &mut self.draft.proxy.check {
            *check = self.draft.http_check.clone();
        }
        checks::timeouts(&self.draft, self.world);
        checks::ways(&mut self.draft, self.world);
        checks::http_only(&mut self.draft, self.world);
        checks::logs(&self.draft, self.global, self.world);
        checks::rings(
            &self.draft.proxy.logs.targets,
            self.rings,
            &self.draft.title(),
            self.world,
        );
        self.draft.proxy
    }

    /// An `acl` line below a rule may add tests to an ACL that the rule names.
    fn complete_conditions(&mut self) {
        let draft = &mut self.draft;
        let rules = &mut draft.proxy.rules;
        let acls = &rules.acls;
        let sets = [
            &mut rules.tcp_connection,
            &mut rules.tcp_session,
            &mut rules.tcp_content,
            &mut rules.tcp_response,
            &mut rules.http_request,
            &mut rules.redirect,
            &mut rules.http_response,
            &mut rules.http_after_response,
        ];
        let of_rules = sets.into_iter().flatten().filter_map(|rule| rule.condition.as_mut());
        let of_switching = draft.use_backend.iter_mut().filter_map(|line| line.condition.as_mut());
        let of_servers = draft.use_server.iter_mut().filter_map(|line| line.condition.as_mut());
        let of_stick = draft.stick.iter_mut().filter_map(|line| line.condition.as_mut());
        let lone = [
            &mut rules.monitor_fail,
            &mut rules.force_persist,
            &mut rules.ignore_persist,
        ];
        of_rules
            .chain(of_switching)
            .chain(of_servers)
            .chain(of_stick)
            .chain(lone.into_iter().flatten())
            .for_each(|condition| condition.complete(acls));
    }

    fn alert(&mut self, text: String) {
        self.world.diagnostics.push(Severity::Alert, text);
    }

    fn default_backend(&mut self) {
        let Some(name) = self.draft.default_backend.take() else {
            return;
        };
        let proxy = self.draft.proxy.name.clone();
        match self.world.names.backends.get(&name).copied() {
            None => self.alert(format!(
                "Proxy '{proxy}': unable to find required default_backend: '{name}'."
            )),
            Some(id) if id == self.draft.proxy.id => {
                self.alert(format!("Proxy '{proxy}': loop detected for default_backend: '{name}'."));
            }
            Some(id) => {
                self.check_mode(id, "as its default backend");
                self.draft.proxy.default_backend = Some(id);
                checks::overruled(&self.draft, self.world);
            }
        }
    }

    fn use_backend(&mut self) {
        let proxy = self.draft.proxy.name.clone();
        for line in std::mem::take(&mut self.draft.use_backend) {
            let backend = match line.format {
                Some(format) => BackendName::Dynamic(format),
                None => match self.world.names.backends.get(&line.name).copied() {
                    Some(id) if id == self.draft.proxy.id => {
                        let name = line.name;
                        self.alert(format!("Proxy '{proxy}': loop detected for use_backend: '{name}'."));
                        continue;
                    }
                    Some(id) => {
                        self.check_mode(id, "in a 'use_backend' rule");
                        BackendName::Fixed(id)
                    }
                    None => {
                        let name = line.name;
                        self.alert(format!(
                            "Proxy '{proxy}': unable to find required use_backend: '{name}'."
                        ));
                        continue;
                    }
                },
            };
            self.draft.proxy.rules.use_backend.push(UseBackend {
                backend,
                condition: line.condition,
            });
        }
    }

    /// A frontend's mode must be its backend's, except that TCP may become HTTP.
    fn check_mode(&mut self, backend: ProxyId, how: &str) {
        let Some(other) = self.overview.get(backend.index()) else {
            return;
        };
        let proxy = &self.draft.proxy;
        if proxy.mode == other.mode || proxy.mode == Mode::Tcp || other.disabled {
            return;
        }
        let text = format!(
            "{} {} ({}) tries to use incompatible {} backend '{}' ({}) {how} (see 'mode').",
            mode_name(proxy.mode),
            self.draft.title(),
            proxy.location,
            other.mode_name,
            other.name,
            other.location,
        );
        self.alert(text);
    }

    fn errors(&mut self) {
        for line in std::mem::take(&mut self.draft.errors) {
            let errors = &mut self.draft.proxy.errors;
            match line {
                ErrorLine::Message { status, reply } => drop(errors.insert(status, reply)),
                ErrorLine::Default(status) => drop(errors.remove(&status)),
                ErrorLine::Section {
                    name,
                    statuses,
                    location,
                } => self.error_section(&name, &statuses, &location),
            }
        }
    }

    fn error_section(&mut self, name: &str, statuses: &[u16], location: &Location) {
        let proxy = &self.draft.proxy.name;
        let Some(section) = self.http_errors.iter().find(|section| section.name == name) else {
            let text = format!("proxy '{proxy}': unknown http-errors section '{name}' (at {location}).");
            return self.alert(text);
        };
        for status in statuses.iter().filter(|status| !section.replies.contains_key(status)) {
            let text = format!(
                "proxy '{proxy}' : status '{status}' not declared in http-errors section '{name}' (at {location})."
            );
            self.world.diagnostics.push(Severity::Warning, text);
        }
        for (status, reply) in &section.replies {
            if statuses.is_empty() || statuses.contains(status) {
                self.draft.proxy.errors.insert(*status, reply.clone());
            }
        }
    }

    /// What rules named before it was declared.
    fn promises(&mut self) {
        let proxy = self.draft.proxy.name.clone();
        for promise in std::mem::take(&mut self.draft.promises) {
            match promise {
                Promise::Capture { side, slot, rule } => {
                    let slots = match side {
                        Side::Request => &self.draft.proxy.request_captures,
                        Side::Response => &self.draft.proxy.response_captures,
                    };
                    // A backend fills the slots of whichever frontend it works for.
                    if self.draft.proxy.is_frontend && slot >= slots.len() {
                        self.alert(format!(
                            "Proxy '{proxy}': unable to find capture id '{slot}' referenced by {rule} capture rule."
                        ));
                    }
                }
                Promise::Table { set, table, kind } => {
                    let id = self.world.names.tables.get(&table);
                    match id.and_then(|id| self.tables.get(id.index())) {
                        None => self.alert(format!(
                            "Proxy '{proxy}': unable to find table '{table}' referenced by track-sc{set}."
                        )),
                        Some(found) if !kind.casts_to(key::kind(found.key)) => self.alert(format!(
                            "Proxy '{proxy}': stick-table '{table}' uses a type incompatible with the 'track-sc{set}' rule."
                        )),
                        Some(_) => {}
                    }
                }
                Promise::RawBytes { at } if self.draft.is_http() => {
                    let text =
                        format!("Proxy '{proxy}': L6 sample fetches ignored on HTTP proxies (declared at {at}).");
                    self.world.diagnostics.push(Severity::Warning, text);
                }
                Promise::RawBytes { .. } => {}
                Promise::ErrorMessage { section, status } => {
                    let section = self.http_errors.get(section as usize);
                    let Some(section) = section.filter(|section| !section.replies.contains_key(&status)) else {
                        continue;
                    };
                    let text = format!(
                        "Proxy '{proxy}': status '{status}' referenced by an http reply not declared in http-errors section '{}'.",
                        section.name
                    );
                    self.world.diagnostics.push(Severity::Warning, text);
                }
            }
        }
    }

    fn use_server(&mut self) {
        let id = self.draft.proxy.id;
        for line in std::mem::take(&mut self.draft.use_server) {
            let server = match line.format {
                Some(format) => ServerName::Dynamic(format),
                None => match self.world.names.servers.get(&(id, line.name.clone())).copied() {
                    Some(server) => ServerName::Fixed(server),
                    None => {
                        let (title, name) = (self.draft.title(), line.name);
                        self.alert(format!(
                            "{title} : unable to find server '{name}' referenced in a 'use-server' rule."
                        ));
                        continue;
                    }
                },
            };
            self.draft.proxy.rules.use_server.push(UseServer {
                server,
                condition: line.condition,
            });
        }
    }

    fn stick(&mut self) {
        let own = self.draft.proxy.name.clone();
        for line in std::mem::take(&mut self.draft.stick) {
            let name = line.table.unwrap_or_else(|| own.clone());
            let Some(table) = self.world.names.tables.get(&name).copied() else {
                self.alert(format!("Proxy '{own}': unable to find stick-table '{name}'."));
                continue;
            };
            self.draft.proxy.rules.stick.push(Stick {
                table,
                key: line.key,
                matches: line.matches,
                stores: line.stores,
                on_response: line.on_response,
                condition: line.condition,
            });
        }
    }

    /// Compiles the formats that were only written down so far.
    fn formats(&mut self) {
        if !self.draft.proxy.is_frontend {
            return;
        }
        let location = self.draft.proxy.location.clone();
        let named = |text: &str| {
            Some(Text {
                text: text.to_owned(),
                location: location.clone(),
            })
        };
        let line = match &self.draft.log_format {
            LogLine::Connect => None,
            LogLine::Tcp => named(log_format::TCP),
            LogLine::Http | LogLine::Clf if !self.draft.is_http() => named(log_format::TCP),
            LogLine::Http => named(log_format::HTTP),
            LogLine::Clf => named(log_format::CLF),
            LogLine::Custom(text) => Some(text.clone()),
        };
        let structured = self.draft.log_format_sd.take();
        let unique_id = self.draft.unique_id_format.take();
        let http = self.draft.is_http();
        self.draft.proxy.logs.format = self.compile(line, "log-format", Style::log(http), Scope::LOG);
        self.draft.proxy.logs.structured_data = self.compile(structured, "log-format-sd", Style::log(http), Scope::LOG);
        self.draft.proxy.unique_id_format =
            self.compile(unique_id, "unique-id", Style::unique_id(http), Scope::UNIQUE_ID);
    }

    fn compile(&mut self, text: Option<Text>, what: &str, style: Style, place: Scope) -> Option<LogFormat> {
        let Text { text, location } = text?;
        let files = self.world.read_file;
        let policy = self.default_path;
        let proxy = &self.draft.proxy;
        let read_file =
            |name: &str| files(policy.resolve(&location.file, name)).map_err(|error| super::source::reason(&error));
        let environment = self.world.environment;
        let variable = |name: &str| environment.get(name).map(str::to_owned);
        let mut context = Context {
            registry: self.world.registry,
            names: &mut self.world.names,
            acls: &proxy.rules.acls,
            diagnostics: self.world.diagnostics,
            location: &location,
            proxy: Some(proxy.id),
            proxy_name: &proxy.name,
            place,
            host: self.world.host,
            variable: &variable,
            read_file: &read_file,
            request_captures: proxy.request_captures.len(),
            new_capture: None,
            promises: Vec::new(),
        };
        match LogFormat::parse(&text, style, &mut context) {
            Ok(format) => Some(format),
            Err(error) => {
                self.alert(format!("Parsing [{location}]: failed to parse {what} : {error}."));
                None
            }
        }
    }
}

/// The server that `[<backend>/]<server>` names, seen from `home`.
fn server_named(text: &str, home: ProxyId, world: &World<'_>) -> Result<ServerId, Missing> {
    let (backend, name) = match text.split_once('/') {
        Some((backend, name)) => (world.names.backends.get(backend).copied(), name),
        None => (Some(home), text),
    };
    let backend = backend.ok_or_else(|| Missing::Proxy(text.split('/').next().unwrap_or_default().to_owned()))?;
    let key = (backend, name.to_owned());
    world
        .names
        .servers
        .get(&key)
        .copied()
        .ok_or_else(|| Missing::Server(name.to_owned(), backend))
}

/// Which part of a server's name leads nowhere.
enum Missing {
    Proxy(String),
    Server(String, ProxyId),
}
