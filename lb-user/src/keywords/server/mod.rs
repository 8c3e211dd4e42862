//! `server`, `server-template` and `default-server` lines (manual 5.2).

mod check;
mod routing;
mod tls;
pub mod transport;

use super::{Reading, place};
use crate::language::row::{self, Does};
use crate::language::{Error, Row, Scope, Word, Words, suggest};
use crate::plan::Server;
use crate::plan::server::{InitialAddress, ServerAddress};

/// Reads an option's arguments. The first argument is the spelling used.
pub type ParseServer = fn(&str, &mut Words<'_>, &mut Server, &mut Reading<'_>) -> Result<(), Error>;
/// An option of `server`.
pub type ServerRow = Row<ParseServer>;

/// All options of `server` and `default-server`.
pub const REGISTRY: &[&[ServerRow]] = &[check::ROWS, routing::ROWS, transport::ROWS, tls::ROWS];

/// `server` options that `default-server` takes too.
const BOTH: Scope = Scope::BACKEND.or(Scope::DEFAULTS);
/// Those it does not.
const ONE: Scope = Scope::BACKEND;

/// Most servers that one `server-template` makes.
const MAX_TEMPLATE: u32 = 100_000;

/// The names that a `server` or `server-template` line declares, in order; what is malformed declares none.
pub fn declared(words: &[Word]) -> Vec<String> {
    match words {
        [keyword, name, ..] if keyword == "server" => vec![name.clone()],
        [keyword, prefix, numbers, ..] if keyword == "server-template" => match range(numbers) {
            Some((low, high)) => (low..=high).map(|number| format!("{prefix}{number}")).collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Reads what follows `server`, starting from the backend's `default-server`.
pub fn parse(words: &mut Words<'_>, start: &Server, backend: &str, reading: &mut Reading<'_>) -> Result<Server, Error> {
    let (Some(name), Some(address)) = (words.next(), words.next()) else {
        return Err(Error::new("'server' expects <name> and <addr>[:<port>] as arguments."));
    };
    check_name(name)?;
    one(name, address, words, start, backend, reading)
}

/// Reads what follows `server-template`: one server for each number of its range.
pub fn parse_template(
    words: &mut Words<'_>,
    start: &Server,
    backend: &str,
    reading: &mut Reading<'_>,
) -> Result<Vec<Server>, Error> {
    let (Some(prefix), Some(numbers), Some(address)) = (words.next(), words.next(), words.next()) else {
        return Err(Error::new(
            "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.",
        ));
    };
    check_name(prefix)?;
    let (low, high) =
        range(numbers).ok_or_else(|| Error::new(format!("Wrong server-template number or range arg '{numbers}'.")))?;
    let template = one(&format!("{prefix}{low}"), address, words, start, backend, reading)?;
    Ok((low..=high)
        .map(|number| Server {
            name: format!("{prefix}{number}"),
            id: template.id.map(|id| id.saturating_add(number - low)),
            ..template.clone()
        })
        .collect())
}

/// Reads what follows `default-server` into the server that later lines start from.
pub fn parse_default(words: &mut Words<'_>, server: &mut Server, reading: &mut Reading<'_>) -> Result<(), Error> {
    while let Some(word) = words.next() {
        let row = known(word).map_err(|error| {
            let hint = "Hint: no address was expected for this server.";
            Error::new(format!("{} {hint}", error.to_string().trim_end_matches('.')))
        })?;
        if !row.scope.meets(Scope::DEFAULTS) {
            return Err(Error::new(format!(
                "'{word}' option is not accepted in default-server sections"
            )));
        }
        carry_out(row, word, words, server, reading)?;
    }
    Ok(())
}

fn one(
    name: &str,
    address: &str,
    words: &mut Words<'_>,
    start: &Server,
    backend: &str,
    reading: &mut Reading<'_>,
) -> Result<Server, Error> {
    let place = place::server(address, reading)?;
    let mut server = Server {
        name: name.to_owned(),
        location: reading.location.clone(),
        ..start.clone()
    };
    let context = format!("'server {backend}/{name}'");
    while let Some(word) = words.next() {
        known(word)
            .and_then(|row| carry_out(row, word, words, &mut server, reading))
            .map_err(|error| error.within(&context))?;
    }
    if server.track.is_some() && server.check.enabled {
        return Err(Error::new("unable to enable checks and tracking at the same time!").within(&context));
    }
    let mut methods = server.initial_address.clone();
    if !reading.host.must_resolve() {
        methods.push(InitialAddress::None);
    }
    server.address = settle(place, &methods, address)?;
    Ok(server)
}

/// Applies `init-addr` to a name that did not resolve.
fn settle(place: ServerAddress, methods: &[InitialAddress], text: &str) -> Result<ServerAddress, Error> {
    let ServerAddress::Name { port, .. } = place else {
        return Ok(place);
    };
    let known = methods.iter().find_map(|method| match method {
        InitialAddress::None => Some(place.clone()),
        InitialAddress::Ip(ip) => Some(ServerAddress::Inet((*ip, port).into())),
        InitialAddress::Last | InitialAddress::Libc => None,
    });
    known.ok_or_else(|| Error::new(format!("could not resolve address '{}'.", host_of(text))))
}

fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn known(word: &str) -> Result<&'static ServerRow, Error> {
    row::find(REGISTRY, word).ok_or_else(|| {
        let hint = suggest::hint(word, row::names(REGISTRY));
        Error::new(format!("unknown keyword '{word}'{hint}"))
    })
}

fn carry_out(
    row: &'static ServerRow,
    word: &str,
    words: &mut Words<'_>,
    server: &mut Server,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    match &row.does {
        Does::Works(parse) => parse(word, words, server, reading),
        Does::Refused => Err(Error::not_implemented(word)),
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let bad = name
        .chars()
        .find(|letter| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.' | ':'));
    match bad {
        None => Ok(()),
        Some(bad) => Err(Error::new(format!(
            "character '{bad}' is not permitted in server name '{name}'."
        ))),
    }
}

/// `3` or `5-9`; numbers start at one.
fn range(text: &str) -> Option<(u32, u32)> {
    let (low, high) = match text.split_once('-') {
        Some((low, high)) => (low.parse().ok()?, high.parse().ok()?),
        None => (1, text.parse().ok()?),
    };
    (low <= high && high >= 1 && high - low < MAX_TEMPLATE).then_some((low, high))
}

/// A row of an option.
const fn option(
    names: &'static [&'static str],
    args: &'static str,
    scope: Scope,
    doc: &'static str,
    example: &'static str,
    does: Does<ParseServer>,
) -> ServerRow {
    Row {
        names,
        args,
        scope,
        doc,
        example,
        does,
    }
}

/// A row that is known by name only.
const fn refused(names: &'static [&'static str], args: &'static str, doc: &'static str) -> ServerRow {
    Row::refused(names, args, BOTH, doc, "")
}

/// The next word as a number.
fn integer<T: std::str::FromStr>(name: &str, words: &mut Words<'_>) -> Result<T, Error> {
    words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| Error::new(format!("'{name}' expects an integer argument.")))
}

/// The next word, or `'name' expects <value> as argument.`
fn value(name: &str, words: &mut Words<'_>, what: &str) -> Result<String, Error> {
    words
        .next()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| Error::new(format!("'{name}' expects {what} as argument.")))
}

/// The next word as a time in milliseconds.
fn delay(name: &str, words: &mut Words<'_>, server: &str) -> Result<std::time::Duration, Error> {
    let word = value(name, words, "<value>")?;
    super::number::duration(&word, std::time::Duration::from_millis(1)).map_err(|mistake| match mistake {
        super::number::BadTime::Character(bad) => Error::new(format!(
            "unexpected character '{bad}' in '{name}' argument of server {server}."
        )),
        super::number::BadTime::Overflow => Error::new(format!(
            "timer overflow in argument <{word}> to <{name}> of server {server}, maximum value is 2147483647 ms (~24.8 days)."
        )),
        super::number::BadTime::Underflow => Error::new(format!(
            "timer underflow in argument <{word}> to <{name}> of server {server}, minimum non-null value is 1 ms."
        )),
    })
}
