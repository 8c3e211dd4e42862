//! The argument list of a fetch or converter: `(a,"b,c",'d')` (manual 2.2 and 7.3).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{Arg, ArgKind, ArgSpec, Args};
use crate::language::{Error, raw, units};
use crate::rules::context::Context;
use crate::rules::pattern::{Compile, mask6, parse_mask4, parse_number};
use crate::rules::place;
use crate::rules::regex::Regex;

/// Whose arguments are read, for messages.
#[derive(Clone, Copy)]
pub(in crate::rules) enum Owner<'a> {
    Fetch(&'a str),
    /// A fetch that an ACL names.
    FetchInAcl(&'a str),
    /// A keyword that only ACLs know.
    Acl(&'a str),
    /// A converter of a fetch.
    Converter(&'a str, &'a Owner<'a>),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Fetch(name) => write!(f, "sample fetch keyword '{name}'"),
            Owner::FetchInAcl(name) | Owner::Acl(name) => write!(f, "ACL keyword '{name}'"),
            Owner::Converter(name, of) => write!(f, "conversion keyword '{name}' for {of}"),
        }
    }
}

impl Owner<'_> {
    fn is_acl(&self) -> bool {
        match self {
            Owner::Fetch(_) => false,
            Owner::FetchInAcl(_) | Owner::Acl(_) => true,
            Owner::Converter(_, of) => of.is_acl(),
        }
    }

    /// A mistake in the list, worded for its owner.
    fn mistake(&self, position: usize, error: Error) -> Error {
        match self {
            Owner::Fetch(name) | Owner::FetchInAcl(name) => error.within(format_args!("fetch method '{name}'")),
            Owner::Acl(name) => error.within(format_args!("ACL keyword '{name}'")),
            Owner::Converter(name, _) => error.within(format_args!("invalid arg {position} in converter '{name}'")),
        }
    }
}

/// Reads the list that opens `text`, if one does, and resolves it. Gives what follows it.
pub(in crate::rules) fn parse_list<'t>(
    specs: &[ArgSpec],
    owner: Owner<'_>,
    text: &'t str,
    context: &mut Context<'_>,
) -> Result<(Args, &'t str), Error> {
    let (words, rest) = match text.strip_prefix('(') {
        Some(list) => split(specs, list).map_err(|(position, error)| owner.mistake(position, error))?,
        None => (Vec::new(), text),
    };
    let required = specs.iter().filter(|spec| !spec.optional).count();
    let mut args = Args::default();
    for (at, spec) in specs.iter().enumerate() {
        let position = at + 1;
        let word = words.get(at).map(String::as_str).unwrap_or_default();
        // A string that is not given is an empty one, but only as the first argument.
        if at > 0 && at >= words.len() && at < required {
            let got = words.len().max(1);
            let kind = type_name(spec.kind);
            let error = Error::new(format!(
                "missing arguments (got {got}/{required}), type '{kind}' expected"
            ));
            return Err(owner.mistake(position, error));
        }
        let arg = if is_late(spec.kind) {
            late(spec, word, position, owner, context)
        } else if word.is_empty() && spec.optional {
            Arg::None
        } else {
            immediate(spec.kind, word, position, context).map_err(|error| match spec.kind {
                ArgKind::Variable | ArgKind::Operand | ArgKind::Map(..) => refused(owner, error),
                _ => owner.mistake(position, error),
            })?
        };
        args.push(arg);
    }
    compile_regexes(specs, &words, &mut args, owner, context);
    Ok((args, rest))
}

/// A mistake that is found in well-formed arguments.
pub(in crate::rules) fn refused(owner: Owner<'_>, error: Error) -> Error {
    match owner {
        Owner::Fetch(name) | Owner::FetchInAcl(name) => {
            error.within(format_args!("invalid args in fetch method '{name}'"))
        }
        Owner::Acl(name) => error.within(format_args!("invalid args in ACL keyword '{name}'")),
        Owner::Converter(name, _) => error.within(format_args!("invalid args in converter '{name}'")),
    }
}

/// Cuts the words of a list whose parenthesis is open, at most as many as there are `specs`.
fn split<'t>(specs: &[ArgSpec], list: &'t str) -> Result<(Vec<String>, &'t str), (usize, Error)> {
    let mut words = Vec::new();
    let mut rest = list;
    while words.len() < specs.len() {
        let (word, after) = cut(rest).ok_or_else(|| (words.len() + 1, Error::new("expected ')'")))?;
        words.push(word);
        rest = after;
        match rest.strip_prefix(',') {
            Some(more) if words.len() < specs.len() => rest = more,
            _ => break,
        }
    }
    let missing = words.len() < specs.iter().filter(|spec| !spec.optional).count();
    match rest.strip_prefix(')') {
        Some(after) => Ok((words, after)),
        // What is missing weighs more than how the list ends.
        None if missing && rest.is_empty() => Ok((words, rest)),
        None if rest.is_empty() => Err((words.len().max(1), Error::new("expected ')'"))),
        None => Err((words.len().max(1), Error::new(format!("expected ')' before '{rest}'")))),
    }
}

/// Cuts one word at an unquoted comma or parenthesis; `None` where a quote stays open.
fn cut(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == ',' || c == ')' => return Some((word, text.get(at..)?)),
            None => word.push(c),
        }
    }
    quote.is_none().then_some((word, ""))
}

/// What messages call the type of an argument.
fn type_name(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::Int => "integer",
        ArgKind::Str | ArgKind::Variable | ArgKind::Operand | ArgKind::Map(..) => "string",
        ArgKind::Time => "delay",
        ArgKind::Size => "size",
        ArgKind::Ipv4 => "IPv4 address",
        ArgKind::Ipv6 => "IPv6 address",
        ArgKind::Mask4 => "IPv4 mask",
        ArgKind::Mask6 => "IPv6 mask",
        ArgKind::Frontend => "frontend",
        ArgKind::Backend => "backend",
        ArgKind::Server => "server",
        ArgKind::Table | ArgKind::OtherTable => "table",
        ArgKind::Userlist => "user list",
        ArgKind::Regex { .. } => "regex",
    }
}

/// Is the argument resolved only when all sections are known? Its mistakes do not stop the reading of the line.
fn is_late(kind: ArgKind) -> bool {
    use ArgKind::{Backend, Frontend, OtherTable, Server, Table, Userlist};
    matches!(kind, Frontend | Backend | Server | Table | OtherTable | Userlist)
}

fn immediate(kind: ArgKind, word: &str, position: usize, context: &mut Context<'_>) -> Result<Arg, Error> {
    let unread = || {
        let name = type_name(kind);
        Error::new(format!(
            "failed to parse '{word}' as type '{name}' at position {position}"
        ))
    };
    let is_text = matches!(type_name(kind), "string" | "regex");
    if word.is_empty() && !is_text {
        let name = type_name(kind);
        return Err(Error::new(format!(
            "expected type '{name}' at position {position}, but got nothing"
        )));
    }
    let arg = match kind {
        ArgKind::Int => parse_number(word).map(Arg::Int),
        ArgKind::Time => units::time(word, Duration::from_millis(1)).ok().map(Arg::Time),
        ArgKind::Size => units::size(word).ok().map(Arg::Size),
        ArgKind::Ipv4 => word.parse().ok().map(|ip: std::net::Ipv4Addr| Arg::Ip(ip.into())),
        ArgKind::Ipv6 => word.parse().ok().map(|ip: std::net::Ipv6Addr| Arg::Ip(ip.into())),
        ArgKind::Mask4 => parse_mask4(word).map(Arg::Mask4),
        ArgKind::Mask6 => read_mask6(word).map(Arg::Mask6),
        ArgKind::Variable => return context.names.variable(word).map(Arg::Variable),
        ArgKind::Operand => return operand(word, context),
        ArgKind::Map(method, output) => {
            let set = context.patterns(word, true)?;
            let host = context.host;
            let resolve = |name: &str| host.resolve(name);
            let compile = Compile {
                method,
                ignore_case: false,
                resolve: Some(&resolve),
            };
            return set.matcher(&compile, output).map(Arg::Patterns);
        }
        _ => Some(match raw::bytes(word) {
            Cow::Borrowed(_) => Arg::Str(word.into()),
            Cow::Owned(bytes) => Arg::Bytes(bytes.into()),
        }),
    };
    arg.ok_or_else(unread)
}

fn read_mask6(word: &str) -> Option<u128> {
    if word.contains(':') {
        return word.parse::<std::net::Ipv6Addr>().ok().map(u128::from);
    }
    word.parse().ok().filter(|bits| *bits <= 128).map(mask6)
}

fn operand(word: &str, context: &mut Context<'_>) -> Result<Arg, Error> {
    if let Some(number) = parse_number(word) {
        return Ok(Arg::Int(number));
    }
    if word.is_empty() {
        return Ok(Arg::Int(0));
    }
    let named = context.names.variable(word).map(Arg::Variable);
    named.map_err(|_| Error::new("expects an integer or a variable name"))
}

/// Resolves the name of something that a section declares; reports what cannot be found.
fn late(spec: &ArgSpec, word: &str, position: usize, owner: Owner<'_>, context: &mut Context<'_>) -> Arg {
    let user = format!("in arg {position} of {owner}{}", inside(owner, context));
    let found = match spec.kind {
        ArgKind::Frontend => proxy(word, "frontend", &context.names.frontends, &user, context),
        ArgKind::Backend => proxy(word, "backend", &context.names.backends, &user, context),
        ArgKind::Server => server(word, &user, context),
        ArgKind::OtherTable if word.is_empty() => return Arg::None,
        ArgKind::Table | ArgKind::OtherTable => {
            let name = if word.is_empty() { context.proxy_name } else { word };
            let table = context.names.tables.get(name).copied().map(Arg::Table);
            table.ok_or_else(|| format!("unable to find table '{name}' referenced {user}"))
        }
        _ if word.is_empty() => Err(format!("missing userlist name {user}")),
        _ => {
            let list = context.names.userlists.get(word).copied().map(Arg::Userlist);
            list.ok_or_else(|| format!("unable to find userlist '{word}' referenced {user}"))
        }
    };
    found.unwrap_or_else(|text| {
        context.late(&text);
        Arg::None
    })
}

/// Where the owner stands, as late messages put it.
fn inside(owner: Owner<'_>, context: &Context<'_>) -> String {
    let proxy = context.proxy_name;
    if owner.is_acl() {
        format!(" in proxy '{proxy}'")
    } else {
        format!(" in {} in proxy '{proxy}'", place::expression(context.place))
    }
}

fn proxy(
    word: &str,
    what: &str,
    known: &std::collections::HashMap<String, crate::state::ProxyId>,
    user: &str,
    context: &Context<'_>,
) -> Result<Arg, String> {
    if !word.is_empty() {
        let found = known.get(word).copied().map(Arg::Proxy);
        return found.ok_or_else(|| format!("unable to find {what} '{word}' referenced {user}"));
    }
    let name = context.proxy_name;
    match context.proxy.filter(|own| known.get(name) == Some(own)) {
        Some(own) => Ok(Arg::Proxy(own)),
        // `defaults` and `global` have no proxy of their own: the current one is meant when the rule runs.
        None if context.proxy.is_none() => Ok(Arg::None),
        None => Err(format!("proxy '{name}', referenced {user}, has not {what} capability")),
    }
}

fn server(word: &str, user: &str, context: &Context<'_>) -> Result<Arg, String> {
    if word.is_empty() {
        return Err(format!("missing server name {user}"));
    }
    let (backend, name) = word.split_once('/').unwrap_or((context.proxy_name, word));
    let proxy = context.names.backends.get(backend).copied();
    if proxy.is_none() && word.contains('/') {
        return Err(format!("unable to find proxy '{backend}' referenced {user}"));
    }
    let server = proxy.and_then(|proxy| context.names.servers.get(&(proxy, name.to_owned())));
    let missing = || format!("unable to find server '{name}' in proxy '{backend}', referenced {user}");
    server.copied().map(Arg::Server).ok_or_else(missing)
}

/// Compiles regular expressions last: their flags may follow them.
fn compile_regexes(specs: &[ArgSpec], words: &[String], args: &mut Args, owner: Owner<'_>, context: &mut Context<'_>) {
    for (at, spec) in specs.iter().enumerate() {
        let (ArgKind::Regex { flags }, Some(word)) = (spec.kind, words.get(at)) else {
            continue;
        };
        let ignore_case = words.get(flags).is_some_and(|flags| flags.contains('i'));
        match Regex::new(word, ignore_case) {
            Ok(regex) => args.set(at, Arg::Regex(regex)),
            Err(error) => {
                let user = format!("{owner}{}", inside(owner, context));
                context.late(&format!(
                    "error in regex '{word}' in arg {} of {user} : {error}",
                    at + 1
                ));
            }
        }
    }
}
