//! ACLs: what is tested, how, and against which patterns (manual 7.1 and 7.2).

use std::net::IpAddr;
use std::sync::Arc;

use super::args::Owner;
use super::condition::Verdict;
use super::context::Context;
use super::expression::{Cursor, Expression, Fetched, fetch_row, name_of};
use super::facts::Facts;
use super::pattern::{Compile, Entry, Matcher, Method, parse_number, parse_version};
use super::value::{Kind, Value};
use crate::language::row::find;
use crate::language::{Error, Severity, Word, Words};

/// One test: an expression, a matching method and patterns.
#[derive(Clone)]
pub struct Test {
    /// The fetch or ACL keyword as it was written.
    pub keyword: Box<str>,
    pub expression: Expression,
    pub method: Method,
    /// Patterns given on the line first, then those of each `-f` file.
    pub patterns: Vec<Arc<Matcher>>,
}

/// An ACL: all tests declared under one name; any of them suffices.
#[derive(Clone)]
pub struct Acl {
    /// Empty for an anonymous ACL.
    pub name: Box<str>,
    pub tests: Vec<Test>,
}

/// ACLs that need no declaration (manual 7.4).
pub const PREDEFINED: &[(&str, &[&str])] = &[
    ("FALSE", &["always_false"]),
    ("HTTP", &["req.proto_http"]),
    ("HTTP_1.0", &["req.ver", "1.0"]),
    ("HTTP_1.1", &["req.ver", "1.1"]),
    ("HTTP_2.0", &["req.ver", "2.0"]),
    ("HTTP_CONTENT", &["req.hdr_val(content-length)", "gt", "0"]),
    ("HTTP_URL_ABS", &["url_reg", "^[^/:]*://"]),
    ("HTTP_URL_SLASH", &["url_beg", "/"]),
    ("HTTP_URL_STAR", &["url", "*"]),
    ("LOCALHOST", &["src", "127.0.0.1/8"]),
    ("METH_CONNECT", &["method", "CONNECT"]),
    ("METH_DELETE", &["method", "DELETE"]),
    ("METH_GET", &["method", "GET", "HEAD"]),
    ("METH_HEAD", &["method", "HEAD"]),
    ("METH_OPTIONS", &["method", "OPTIONS"]),
    ("METH_POST", &["method", "POST"]),
    ("METH_PUT", &["method", "PUT"]),
    ("METH_TRACE", &["method", "TRACE"]),
    ("RDP_COOKIE", &["req.rdp_cookie_cnt", "gt", "0"]),
    ("REQ_CONTENT", &["req.len", "gt", "0"]),
    ("TRUE", &["always_true"]),
    ("WAIT_END", &["wait_end"]),
];

/// Fetches that have ACL keywords with a method as suffix: `hdr_beg`, `path_reg` …
const DERIVED: &[&str] = &["base", "cook", "hdr", "path", "scook", "shdr", "url", "urlp"];
const SUFFIXES: &[(&str, Method)] = &[
    ("_beg", Method::Beg),
    ("_dir", Method::Dir),
    ("_dom", Method::Dom),
    ("_end", Method::End),
    ("_len", Method::Len),
    ("_reg", Method::Reg),
    ("_sub", Method::Sub),
];
/// ACL keywords whose method does not follow from the type of their fetch, and the fetch.
const OTHERS: &[(&str, &str, Method)] = &[
    ("hdr", "req.hdr", Method::Str),
    ("method", "method", Method::Str),
    ("payload", "payload", Method::Bin),
    ("payload_lv", "payload_lv", Method::Bin),
    ("req.payload", "req.payload", Method::Bin),
    ("req.payload_lv", "req.payload_lv", Method::Bin),
    ("res.payload", "res.payload", Method::Bin),
    ("res.payload_lv", "res.payload_lv", Method::Bin),
    ("req.ssl_ver", "req.ssl_ver", Method::Version),
    ("req_ssl_ver", "req.ssl_ver", Method::Version),
    ("ssl_fc_sni_end", "ssl_fc_sni", Method::End),
    ("ssl_fc_sni_reg", "ssl_fc_sni", Method::Reg),
];

/// The fetch and the method behind a keyword that only ACLs know, or know better.
pub fn keyword(name: &str) -> Option<(&'static str, Method)> {
    if let Some((_, fetch, method)) = OTHERS.iter().find(|(known, ..)| *known == name) {
        return Some((fetch, *method));
    }
    let (base, method) = SUFFIXES
        .iter()
        .find_map(|(suffix, method)| Some((name.strip_suffix(suffix)?, *method)))?;
    let base = DERIVED.iter().find(|known| **known == base)?;
    // In an ACL, `hdr` means the request's headers.
    Some((if *base == "hdr" { "req.hdr" } else { base }, method))
}

impl Acl {
    /// Reads an `acl` line: the name and the test that it adds to it.
    pub fn declare(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<(String, Test), Error> {
        let name = words.next().unwrap_or_default();
        if name == "or" {
            return Err(Error::new(
                "acl name 'or' will never match. 'or' is used to express a logical disjunction within a condition.",
            ));
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || "_-.:".contains(*c);
        if let Some(found) = name.chars().find(|c| !allowed(c)) {
            return Err(Error::new(format!(
                "character '{found}' is not permitted in acl name '{name}'."
            )));
        }
        let test = Test::parse(words.take_rest(), context)
            .map_err(|error| Error::new(format!("error detected while parsing ACL '{name}' : {error}.")))?;
        Ok((name.to_owned(), test))
    }

    /// The ACL of this name that the language declares itself.
    pub fn predefined(name: &str, context: &mut Context<'_>) -> Option<Result<Acl, Error>> {
        let (_, words) = PREDEFINED.iter().find(|(known, _)| *known == name)?;
        let words: Vec<Word> = words.iter().map(|word| (*word).to_owned()).collect();
        Some(Test::parse(&words, context).map(|test| Acl {
            name: name.into(),
            tests: vec![test],
        }))
    }

    /// What the ACL says of these facts: any test suffices.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        let mut verdict = Verdict::No;
        for test in &self.tests {
            match test.evaluate(facts) {
                Verdict::Yes => return Verdict::Yes,
                Verdict::Wait => verdict = Verdict::Wait,
                Verdict::No => {}
            }
        }
        verdict
    }
}

impl Test {
    /// Reads `<criterion> [flags] [operator] [<value>] …`.
    pub fn parse(words: &[Word], context: &mut Context<'_>) -> Result<Test, Error> {
        let text = words.first().map(String::as_str).unwrap_or_default();
        let (expression, implied) = criterion(text, context)?;
        let name = name_of(text);
        let mut flags = Flags::default();
        let mut rest = words.get(1..).unwrap_or_default();
        rest = flags.read(rest)?;
        let method = flags.method.or(implied).or(Method::default_for(expression.out()));
        let method = method.ok_or_else(|| {
            Error::new(format!(
                "matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')"
            ))
        })?;
        if !can_match(expression.out(), method) {
            return Err(Error::new(format!(
                "matching method '{}' cannot be used with fetch keyword '{name}'",
                method.name()
            )));
        }
        let mut test = Test {
            keyword: name.into(),
            expression,
            method,
            patterns: Vec::new(),
        };
        test.read_patterns(rest, &flags, context)?;
        if words.len() == 1 && !method.takes_no_pattern() {
            context.diagnostics.push(Severity::Warning, never_matches(text));
        }
        Ok(test)
    }

    fn read_patterns(&mut self, texts: &[Word], flags: &Flags, context: &mut Context<'_>) -> Result<(), Error> {
        let host = context.host;
        let resolve = |name: &str| host.resolve(name);
        let resolve: Option<&dyn Fn(&str) -> Vec<IpAddr>> = if flags.no_names { None } else { Some(&resolve) };
        let compile = |ignore_case| Compile {
            method: self.method,
            ignore_case,
            resolve,
        };
        let entries = self.line_entries(texts)?;
        if !entries.is_empty() {
            let set = context.line_patterns(flags.id, entries);
            self.patterns.push(set.matcher(&compile(flags.ignore_case), Kind::Str)?);
        }
        for (file, ignore_case) in &flags.files {
            let set = context.patterns(file, flags.is_map)?;
            self.patterns.push(set.matcher(&compile(*ignore_case), Kind::Str)?);
        }
        Ok(())
    }

    /// The values of the line. Comparisons become ranges.
    fn line_entries(&self, texts: &[Word]) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        let mut operator = None;
        for text in texts {
            if matches!(self.method, Method::Int | Method::Len | Method::Version)
                && let Some(known) = Operator::parse(text)
            {
                operator = Some(known);
                continue;
            }
            let text = match operator {
                None => text.as_str().into(),
                Some(operator) => operator.range(text, self.method)?.into(),
            };
            entries.push(Entry {
                text,
                value: None,
                line: 0,
            });
        }
        Ok(entries)
    }

    /// What the test says of these facts: any of the fetch's values suffices.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict {
        let mut cursor = Cursor {
            all: true,
            ..Cursor::default()
        };
        let mut verdict = Verdict::No;
        loop {
            match self.expression.next(facts, &mut cursor) {
                Fetched::Value(value) if self.matches(&value) => return Verdict::Yes,
                Fetched::SoFar(value) if self.matches(&value) => return Verdict::Yes,
                Fetched::SoFar(_) | Fetched::Wait => verdict = Verdict::Wait,
                Fetched::Value(_) | Fetched::Missing => {}
            }
            if !cursor.more {
                return verdict;
            }
        }
    }

    fn matches(&self, value: &Value<'_>) -> bool {
        match self.method {
            Method::Found => true,
            Method::Bool => value.as_int().is_some_and(|n| n != 0),
            _ => self.patterns.iter().any(|patterns| patterns.matches(value.borrowed())),
        }
    }
}

/// The expression of an ACL and the method that its keyword implies.
fn criterion(text: &str, context: &mut Context<'_>) -> Result<(Expression, Option<Method>), Error> {
    let within = |error: Error| Error::new(format!("{error} in ACL expression '{text}'"));
    let name = name_of(text);
    if let Some((fetch, method)) = keyword(name) {
        let row = find(context.registry.fetches, fetch);
        let row = row.ok_or_else(|| Error::new(format!("ACL keyword '{name}' is not implemented in this version")))?;
        let expression = Expression::parse_acl(row, Owner::Acl(name), text, context)?;
        // What converters make of the sample is compared as its own type is.
        let implied = expression.converters.is_empty().then_some(method);
        return Ok((expression, implied));
    }
    let (row, name) = fetch_row(text, context).map_err(within)?;
    let expression = Expression::parse_acl(row, Owner::FetchInAcl(name), text, context).map_err(within)?;
    Ok((expression, None))
}

/// The matrix of manual 7.1.3, which is that of the casts but for addresses as numbers.
fn can_match(kind: Kind, method: Method) -> bool {
    match method {
        Method::Bool | Method::Int | Method::Version => kind.casts_to(Kind::Int),
        _ => kind.casts_to(method.input()),
    }
}

/// What stands between the criterion and the values.
#[derive(Default)]
struct Flags {
    method: Option<Method>,
    ignore_case: bool,
    no_names: bool,
    is_map: bool,
    id: Option<u32>,
    /// Files with whether case is ignored in them.
    files: Vec<(String, bool)>,
}

impl Flags {
    /// Reads the flags that open `words` and gives the rest.
    fn read<'w>(&mut self, words: &'w [Word]) -> Result<&'w [Word], Error> {
        let mut rest = words;
        while let Some((flag, after)) = rest.split_first().filter(|(flag, _)| flag.starts_with('-')) {
            let argument = after.first().map(String::as_str).unwrap_or_default();
            rest = after;
            match flag.as_str() {
                "--" => return Ok(rest),
                "-i" => self.ignore_case = true,
                "-n" => self.no_names = true,
                "-M" => self.is_map = true,
                "-u" => {
                    let id = argument.parse();
                    self.id = Some(id.map_err(|_| Error::new("the argument of -u must be an integer"))?);
                    rest = after.get(1..).unwrap_or_default();
                }
                "-f" => {
                    self.files.push((argument.to_owned(), self.ignore_case));
                    rest = after.get(1..).unwrap_or_default();
                }
                "-m" => {
                    self.method = Some(self.matching(argument)?);
                    rest = after.get(1..).unwrap_or_default();
                }
                _ => {
                    return Err(Error::new(format!(
                        "'{flag}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
                    )));
                }
            }
        }
        Ok(rest)
    }

    fn matching(&self, name: &str) -> Result<Method, Error> {
        if !self.files.is_empty() {
            return Err(Error::new(
                "'-m' must only be specified before patterns and files in parsing ACL expression",
            ));
        }
        Method::parse(name)
            .ok_or_else(|| Error::new(format!("unknown matching method '{name}' when parsing ACL expression")))
    }
}

/// Comparisons of integers (manual 7.1.2).
#[derive(Clone, Copy)]
enum Operator {
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Operator {
    fn parse(word: &str) -> Option<Operator> {
        Some(match word {
            "eq" => Operator::Eq,
            "ge" => Operator::Ge,
            "gt" => Operator::Gt,
            "le" => Operator::Le,
            "lt" => Operator::Lt,
            _ => return None,
        })
    }

    /// The values that compare so with `text`, as the text of a pattern. A range is taken as it is.
    fn range(self, text: &str, method: Method) -> Result<String, Error> {
        if text.contains(':') {
            return Ok(text.to_owned());
        }
        let (number, shown): (_, fn(i64) -> String) = match method {
            Method::Version => (parse_version(text), |n| format!("{}.{}", n >> 16, n & 0xffff)),
            _ => (parse_number(text), |n| n.to_string()),
        };
        let number =
            number.ok_or_else(|| Error::new(format!("'{text}' is neither a number nor a supported operator")))?;
        Ok(match self {
            Operator::Eq => shown(number),
            Operator::Ge => format!("{}:", shown(number)),
            Operator::Gt => format!("{}:", shown(number.saturating_add(1))),
            Operator::Le => format!(":{}", shown(number)),
            Operator::Lt => format!(":{}", shown(number.saturating_sub(1))),
        })
    }
}

fn never_matches(keyword: &str) -> String {
    format!(
        "parsing acl keyword '{keyword}' :\n  \
         no pattern to match against were provided, so this ACL will never match.\n  \
         If this is what you intended, please add '--' to get rid of this warning.\n  \
         If you intended to match only for existence, please use '-m found'.\n  \
         If you wanted to force an int to match as a bool, please use '-m bool'.\n"
    )
}
