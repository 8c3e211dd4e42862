//! Sets of patterns: the list that a file or a line gives, and what is compiled from it.
//!
//! Everyone who names a file shares its list; each matching method has a [`Matcher`] of its own. A change replaces what
//! is compiled at once; whoever is matching meanwhile keeps what it began with and takes no lock.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::{Compile, Index, Method, Network, parse_number};
use crate::language::{Error, raw};
use crate::rules::value::{Kind, Value};

/// One entry: a pattern's text and, in a map, the text of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub text: Box<str>,
    pub value: Option<Box<str>>,
    /// The line of the file it came from; 0 where there is none.
    pub line: u32,
}

impl Entry {
    /// Adds an entry. Its number follows those of the others, as if it were one line more of the file.
    pub fn push(entries: &mut Vec<Entry>, text: &str, value: Option<&str>) {
        let last = entries.iter().map(|entry| entry.line).max().unwrap_or(0);
        entries.push(Entry {
            text: text.into(),
            value: value.map(Into::into),
            line: last.saturating_add(1),
        });
    }
}

/// What rules do to a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A pattern is to be there.
    Add(String),
    /// A pattern, or a key with its value, is to be gone.
    Remove(String),
    /// A key is to have this value.
    Set(String, String),
}

impl Change {
    fn key(&self) -> &str {
        match self {
            Change::Add(key) | Change::Remove(key) | Change::Set(key, _) => key,
        }
    }
}

/// Where a set came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, by the name it was written with: the key of `show acl` and `show map`.
    File(Box<str>),
    /// A line of the configuration, as `show acl` describes it.
    Line(Box<str>),
}

/// The patterns of one `-f` file, map file or ACL line.
#[derive(Debug)]
pub struct PatternSet {
    /// The number that the runtime API calls it by.
    pub id: u32,
    pub origin: Origin,
    /// Has each line a value beside its pattern?
    pub is_map: bool,
    entries: ArcSwap<Vec<Entry>>,
    matchers: Mutex<Vec<Weak<Matcher>>>,
}

impl PatternSet {
    /// A set of these patterns.
    pub fn new(id: u32, origin: Origin, is_map: bool, entries: Vec<Entry>) -> Arc<PatternSet> {
        Arc::new(PatternSet {
            id,
            origin,
            is_map,
            entries: ArcSwap::from_pointee(entries),
            matchers: Mutex::default(),
        })
    }

    /// Reads a pattern file: one pattern a line or, for a map, a key and its value. Comments, empty lines and leading
    /// space are passed over.
    pub fn read(text: &str, is_map: bool) -> Vec<Entry> {
        let blank = [' ', '\t'];
        let mut entries = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let pattern = line.trim_start_matches(blank);
            if pattern.is_empty() || line.starts_with('#') {
                continue;
            }
            let (pattern, value) = if is_map {
                let (key, value) = pattern.split_once(blank).unwrap_or((pattern, ""));
                (key, Some(value.trim_matches(blank).into()))
            } else {
                (pattern, None)
            };
            entries.push(Entry {
                text: pattern.into(),
                value,
                line: at as u32 + 1,
            });
        }
        entries
    }

    /// The entries as they are now.
    pub fn entries(&self) -> Arc<Vec<Entry>> {
        self.entries.load_full()
    }

    /// The matcher for a method, compiled at its first use. `output` is what a map's values are read as.
    pub fn matcher(self: &Arc<Self>, compile: &Compile<'_>, output: Kind) -> Result<Arc<Matcher>, Error> {
        let mut matchers = self.matchers.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &Arc<Matcher>| {
            known.method == compile.method && known.ignore_case == compile.ignore_case && known.output == output
        };
        if let Some(known) = matchers.iter().filter_map(Weak::upgrade).find(same) {
            return Ok(known);
        }
        let compiled = Compiled::new(&self.entries.load(), compile, output).map_err(|mistake| self.place(mistake))?;
        let matcher = Arc::new(Matcher {
            set: Arc::clone(self),
            method: compile.method,
            ignore_case: compile.ignore_case,
            output,
            compiled: ArcSwap::from_pointee(compiled),
        });
        matchers.push(Arc::downgrade(&matcher));
        Ok(matcher)
    }

    /// Changes the entries for every matcher, or not at all if one of them cannot be compiled. Host names are not
    /// looked up here.
    pub fn edit(&self, change: impl FnOnce(&mut Vec<Entry>)) -> Result<(), Error> {
        let mut matchers = self.matchers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::clone(&self.entries.load());
        change(&mut entries);
        let mut changed = Vec::new();
        for matcher in matchers.iter().filter_map(Weak::upgrade) {
            let compile = Compile {
                method: matcher.method,
                ignore_case: matcher.ignore_case,
                resolve: None,
            };
            let compiled = Compiled::new(&entries, &compile, matcher.output).map_err(|mistake| mistake.error)?;
            changed.push((matcher, compiled));
        }
        for (matcher, compiled) in changed {
            matcher.compiled.store(Arc::new(compiled));
        }
        // Last, so that whoever sees the new entries finds them compiled.
        self.entries.store(Arc::new(entries));
        matchers.retain(|matcher| matcher.strong_count() > 0);
        Ok(())
    }

    /// Makes a change, unless all is as it wants already. A pattern that cannot be compiled changes nothing.
    pub fn change(&self, change: Change) {
        let held = self.entries.load();
        let held = held.iter().find(|entry| *entry.text == *change.key());
        // What fails to compile leaves everything as it is, which is all that a rule can do about it.
        let _ = match (&change, held) {
            (Change::Add(key), None) => self.edit(|entries| Entry::push(entries, key, None)),
            (Change::Remove(key), Some(_)) => self.edit(|entries| entries.retain(|entry| *entry.text != **key)),
            (Change::Set(key, value), None) => self.edit(|entries| Entry::push(entries, key, Some(value))),
            (Change::Set(key, value), Some(held)) if held.value.as_deref() != Some(value) => self.edit(|entries| {
                let named = entries.iter_mut().filter(|entry| *entry.text == **key);
                named.for_each(|entry| entry.value = Some(value.as_str().into()));
            }),
            _ => Ok(()),
        };
    }

    fn place(&self, mistake: Mistake) -> Error {
        match &self.origin {
            Origin::File(file) => Error::new(format!("{} at line {} of file '{file}'", mistake.error, mistake.line)),
            Origin::Line(_) => mistake.error,
        }
    }
}

/// A set's patterns compiled for one method.
#[derive(Debug)]
pub struct Matcher {
    pub set: Arc<PatternSet>,
    pub method: Method,
    pub ignore_case: bool,
    output: Kind,
    compiled: ArcSwap<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    index: Index,
    /// The values of a map, by entry.
    values: Vec<Value<'static>>,
}

/// What cannot be compiled, and where it stands.
struct Mistake {
    error: Error,
    line: u32,
}

impl Compiled {
    fn new(entries: &[Entry], compile: &Compile<'_>, output: Kind) -> Result<Compiled, Mistake> {
        let mut patterns = Vec::with_capacity(entries.len());
        let mut values = Vec::new();
        for entry in entries {
            let mistake = |error| Mistake {
                error,
                line: entry.line,
            };
            patterns.push(compile.pattern(&entry.text).map_err(mistake)?);
            if let Some(text) = &entry.value {
                let unread = || mistake(Error::new(format!("unable to parse '{text}'")));
                values.push(map_value(text, output).ok_or_else(unread)?);
            }
        }
        Ok(Compiled {
            index: Index::new(compile.method, compile.ignore_case, patterns),
            values,
        })
    }
}

/// A map's value, of the type that its converter gives.
fn map_value(text: &str, output: Kind) -> Option<Value<'static>> {
    match output {
        Kind::Int => parse_number(text).map(Value::Int),
        Kind::Address => Value::str(text.as_bytes()).cast(Kind::Address).map(Value::into_owned),
        _ => Some(Value::string(raw::bytes(text).into_owned())),
    }
}

impl Matcher {
    /// Does any pattern match?
    pub fn matches(&self, value: Value<'_>) -> bool {
        self.compiled.load().index.matches(value)
    }

    /// The value that a map gives for a key.
    pub fn lookup(&self, key: Value<'_>) -> Option<Value<'static>> {
        let compiled = self.compiled.load();
        let entry = compiled.index.find(key)?;
        compiled.values.get(entry).cloned()
    }

    /// The value that a map of regular expressions gives, with the key's groups filled in (`map_regm`).
    pub fn expand(&self, key: Value<'_>) -> Option<Value<'static>> {
        let compiled = self.compiled.load();
        let key = key.into_text();
        let entry = compiled.index.find(Value::str(&key))?;
        let template = compiled.values.get(entry)?.borrowed().into_text();
        let mut out = Vec::new();
        compiled.index.regex(entry)?.expand(&key, &template, &mut out);
        Some(Value::string(out))
    }

    /// The networks of an `ip` matcher, in the order of its entries.
    pub fn networks(&self) -> Vec<Network> {
        self.compiled.load().index.networks().to_vec()
    }

    /// The ranges of an `int` matcher, in the order of its entries, both ends included.
    pub fn ranges(&self) -> Vec<(i64, i64)> {
        self.compiled.load().index.ranges().to_vec()
    }

    /// Has it no pattern at all?
    pub fn is_empty(&self) -> bool {
        self.set.entries.load().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(method: Method) -> Compile<'static> {
        Compile {
            method,
            ignore_case: false,
            resolve: None,
        }
    }

    #[test]
    fn files_are_read_as_the_manual_says() {
        let text = "a x\nb\n\n#c d\n  e   f g  \n #h i\n";
        let shown = |is_map| {
            let entries = PatternSet::read(text, is_map);
            let entry = |entry: &Entry| format!("{}:{}={:?}", entry.line, entry.text, entry.value.as_deref());
            entries.iter().map(entry).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(true),
            [
                "1:a=Some(\"x\")",
                "2:b=Some(\"\")",
                "5:e=Some(\"f g\")",
                "6:#h=Some(\"i\")"
            ]
        );
        assert_eq!(
            shown(false),
            ["1:a x=None", "2:b=None", "5:e   f g  =None", "6:#h i=None"]
        );
    }

    #[test]
    fn a_set_is_shared_by_methods_and_changed_for_all_of_them() {
        let entries = PatternSet::read("10.0.0.1 7\n10.0.0.2 8\n", true);
        let set = PatternSet::new(1, Origin::File("f".into()), true, entries);
        let text = set.matcher(&compile(Method::Str), Kind::Int).unwrap();
        let network = set.matcher(&compile(Method::Ip), Kind::Str).unwrap();
        assert!(Arc::ptr_eq(
            &text,
            &set.matcher(&compile(Method::Str), Kind::Int).unwrap()
        ));
        assert_eq!(text.lookup(Value::str(b"10.0.0.2")), Some(Value::Int(8)));
        assert_eq!(network.lookup(Value::str(b"10.0.0.2")), Some(Value::str(b"8")));

        set.edit(|entries| entries.retain(|entry| &*entry.text != "10.0.0.2"))
            .unwrap();
        assert_eq!(text.lookup(Value::str(b"10.0.0.2")), None);
        assert_eq!(network.lookup(Value::str(b"10.0.0.1")), Some(Value::str(b"7")));

        let bad = set.edit(|entries| entries.iter_mut().for_each(|entry| entry.text = "x".into()));
        assert_eq!(bad.unwrap_err().to_string(), "'x' is not a valid IPv4 or IPv6 address");
        assert!(
            text.matches(Value::str(b"10.0.0.1")),
            "a change that fails changes nothing"
        );
    }

    #[test]
    fn rules_change_sets() {
        let set = PatternSet::new(
            1,
            Origin::File("f".into()),
            true,
            PatternSet::read("a 1\na 2\nb 3", true),
        );
        let matcher = set.matcher(&compile(Method::Str), Kind::Int).unwrap();
        let found = |key: &str| {
            matcher
                .lookup(Value::str(key.as_bytes()))
                .and_then(|value| value.as_int())
        };
        let change = |change: Change| set.change(change);
        change(Change::Set("c".into(), "4".into()));
        assert_eq!((found("c"), set.entries().len()), (Some(4), 4));
        change(Change::Set("a".into(), "5".into()));
        assert_eq!((found("a"), set.entries().len()), (Some(5), 4));
        change(Change::Set("a".into(), "no number".into()));
        assert_eq!(found("a"), Some(5));
        change(Change::Remove("a".into()));
        change(Change::Remove("z".into()));
        assert_eq!((found("a"), set.entries().len()), (None, 2));
        let acl = PatternSet::new(2, Origin::File("g".into()), false, Vec::new());
        acl.change(Change::Add("x".into()));
        acl.change(Change::Add("x".into()));
        assert_eq!(acl.entries().len(), 1);
    }

    #[test]
    fn a_mistake_in_a_file_is_placed() {
        let set = PatternSet::new(
            1,
            Origin::File("f".into()),
            true,
            PatternSet::read("1 x\n# \nz y", true),
        );
        let mistake = |method, output| set.matcher(&compile(method), output).unwrap_err().to_string();
        assert_eq!(
            mistake(Method::Int, Kind::Str),
            "'z' is not a number at line 3 of file 'f'"
        );
        assert_eq!(
            mistake(Method::Str, Kind::Int),
            "unable to parse 'x' at line 1 of file 'f'"
        );
    }

    #[test]
    fn maps_of_regexes_fill_in_groups() {
        let entries = PatternSet::read("^/([a-z]+)/x$ to-\\1", true);
        let set = PatternSet::new(1, Origin::File("f".into()), true, entries);
        let matcher = set.matcher(&compile(Method::Reg), Kind::Str).unwrap();
        assert_eq!(matcher.expand(Value::str(b"/abc/x")), Some(Value::str(b"to-abc")));
        assert_eq!(matcher.expand(Value::str(b"/abc/y")), None);
    }
}
