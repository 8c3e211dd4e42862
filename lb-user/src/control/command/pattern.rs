//! Commands about the pattern files of ACLs and maps. A version can be prepared aside and takes over at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Answer, Request};
use crate::control::CommandRow;
use crate::language::{Does, Scope};
use crate::rules::pattern::{Entry, PatternSet};

/// A row of level user, as all of these are.
macro_rules! row {
    ($name:literal, $args:literal, $doc:literal, $example:literal, $run:expr) => {
        CommandRow {
            names: &[$name],
            args: $args,
            scope: Scope::CLI_USER,
            doc: $doc,
            example: $example,
            does: Does::Works($run),
        }
    };
}

/// Commands about ACLs and maps.
#[rustfmt::skip]
pub const ROWS: &[CommandRow] = &[
    row!("show acl", "[@<ver>] <acl>]", "report available acls or dump an acl's contents", "show acl",
        |request| show(request, Sort::Acl)),
    row!("show map", "[@ver] [map]", "report available maps or dump a map's contents", "show map",
        |request| show(request, Sort::Map)),
    row!("add acl", "[@<ver>] <acl> <pattern>", "add an acl entry", "add acl #1 10.0.0.1",
        |request| either(add_acl(request))),
    row!("add map", "[@<ver>] <map> <key> <val>", "add a map entry (payload supported instead of key/val)",
        "add map #1 key value", |request| either(add_map(request))),
    row!("set map", "<map> [<key>|#<ref>] <value>", "modify a map entry", "set map #1 key value",
        |request| either(set_map(request))),
    row!("del acl", "<acl> [<key>|#<ref>]", "delete acl entries matching <key>", "del acl #1 10.0.0.1",
        |request| either(delete(request, Sort::Acl))),
    row!("del map", "<map> [<key>|#<ref>]", "delete map entries matching <key>", "del map #1 key",
        |request| either(delete(request, Sort::Map))),
    row!("clear acl", "[@<ver>] <acl>", "clear the contents of this acl", "clear acl #1",
        |request| either(clear(request, Sort::Acl))),
    row!("clear map", "[@<ver>] <map>", "clear the contents of this map", "clear map #1",
        |request| either(clear(request, Sort::Map))),
    row!("prepare acl", "<acl>", "prepare a new version for atomic ACL replacement", "prepare acl #1",
        |request| either(prepare(request, Sort::Acl))),
    row!("prepare map", "<acl>", "prepare a new version for atomic map replacement", "prepare map #1",
        |request| either(prepare(request, Sort::Map))),
    row!("commit acl", "@<ver> <acl>", "commit the ACL at this version", "commit acl @1 #1",
        |request| either(commit(request, Sort::Acl))),
    row!("commit map", "@<ver> <map>", "commit the map at this version", "commit map @1 #1",
        |request| either(commit(request, Sort::Map))),
];

/// What a command is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Acl,
    Map,
}

impl Sort {
    /// Its name in messages about identifiers.
    fn title(self) -> &'static str {
        match self {
            Sort::Acl => "ACL",
            Sort::Map => "map",
        }
    }

    fn is_map(self) -> bool {
        self == Sort::Map
    }
}

/// The versions of one set. The current one is in the set itself.
#[derive(Debug, Default)]
pub struct Versions {
    current: u32,
    next: u32,
    prepared: BTreeMap<u32, Vec<Entry>>,
}

type Done = Result<Answer, Answer>;

/// The answer, whether the command was carried out or refused.
fn either(done: Done) -> Answer {
    done.unwrap_or_else(|refusal| refusal)
}

/// The set that `name` means, by file or by `#<id>`, of either sort.
fn find(request: &Request<'_>, name: &str) -> Option<Arc<PatternSet>> {
    let patterns = &request.world.plan().patterns;
    match name.strip_prefix('#').map(str::parse::<u32>) {
        Some(Ok(id)) => patterns.values().find(|set| set.id == id).cloned(),
        _ => patterns.get(name).cloned(),
    }
}

/// The set that `name` means, of the sort the command is about.
fn set(request: &Request<'_>, name: Option<&str>, sort: Sort) -> Result<Arc<PatternSet>, Answer> {
    let title = sort.title();
    let name = name.ok_or_else(|| Answer::error(format!("Missing {title} identifier.")))?;
    let found = find(request, name).filter(|set| set.is_map == sort.is_map());
    found.ok_or_else(|| Answer::error(format!("Unknown {title} identifier. Please use #<id> or <file>.")))
}

/// The version in `@<version>`, if the first word is one, and the words after it.
fn version<'a>(request: &Request<'a>) -> (Option<u32>, &'a [String]) {
    match request.words {
        [first, rest @ ..] if first.starts_with('@') => (first[1..].parse().ok(), rest),
        words => (None, words),
    }
}

fn word(words: &[String], index: usize) -> Option<&str> {
    words.get(index).map(String::as_str)
}

/// Changes the entries of a version, `None` for the current one.
fn edit(
    request: &Request<'_>,
    set: &PatternSet,
    version: Option<u32>,
    change: impl FnOnce(&mut Vec<Entry>),
) -> Result<(), Answer> {
    let mut versions = request.world.versions.borrow_mut();
    let versions = versions.entry(set.id).or_default();
    match version.filter(|version| *version != versions.current) {
        None => {
            set.edit(change).map_err(|error| Answer::error(format!("{error}.")))?;
            request.world.kernel.lists_changed();
            Ok(())
        }
        Some(version) => match versions.prepared.get_mut(&version) {
            Some(entries) => {
                change(entries);
                Ok(())
            }
            None => Err(Answer::error(
                "Version number in the future, please use 'prepare acl' before.",
            )),
        },
    }
}

/// What commands call an entry by, beside its pattern.
fn reference(set: &PatternSet, entry: &Entry) -> u64 {
    u64::from(set.id) << 32 | u64::from(entry.line)
}

/// Does the word mean this entry, by its pattern or by `#<ref>`?
fn means(set: &PatternSet, entry: &Entry, word: &str) -> bool {
    let number = word
        .strip_prefix("#0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match number {
        Some(number) => reference(set, entry) == number,
        None => *entry.text == *word,
    }
}

fn show(request: &mut Request<'_>, sort: Sort) -> Answer {
    let (version, words) = version(request);
    if words.is_empty() {
        return list(request, sort);
    }
    let set = match set(request, word(words, 0), sort) {
        Ok(set) => set,
        Err(answer) => return answer,
    };
    let versions = request.world.versions.borrow();
    let versions = versions.get(&set.id);
    let prepared = version.filter(|version| *version != versions.map_or(0, |versions| versions.current));
    let entries = match prepared {
        None => Vec::clone(&set.entries()),
        Some(version) => versions
            .and_then(|versions| versions.prepared.get(&version).cloned())
            .unwrap_or_default(),
    };
    let line = |entry: &Entry| {
        let value = entry
            .value
            .as_deref()
            .map_or(String::new(), |value| format!(" {value}"));
        format!("{:#x} {}{value}\n", reference(&set, entry), entry.text)
    };
    Answer::Text(entries.iter().map(line).collect())
}

/// All files of that sort, by number.
fn list(request: &Request<'_>, sort: Sort) -> Answer {
    let patterns = &request.world.plan().patterns;
    let mut sets: Vec<_> = patterns.iter().filter(|(_, set)| set.is_map == sort.is_map()).collect();
    sets.sort_by_key(|(_, set)| set.id);
    let used_by = if sort.is_map() { "map" } else { "acl" };
    let versions = request.world.versions.borrow();
    let mut text = "# id (file) description\n".to_owned();
    for (file, set) in sets {
        let (current, next) = versions
            .get(&set.id)
            .map_or((0, 0), |versions| (versions.current, versions.next));
        text += &format!(
            "{} ({file}) pattern loaded from file '{file}' used by {used_by}. \
             curr_ver={current} next_ver={next} entry_cnt={}\n",
            set.id,
            set.entries().len()
        );
    }
    Answer::Text(text)
}

fn add_acl(request: &mut Request<'_>) -> Done {
    let (version, words) = version(request);
    let [name, pattern, ..] = words else {
        return Err(Answer::error(
            "'add acl' expects two parameters: ACL identifier and pattern.",
        ));
    };
    if find(request, name).is_some_and(|set| set.is_map) {
        let text =
            "This ACL is shared with a map containing samples. You must use the command 'add map' to add values.";
        return Err(Answer::error(text));
    }
    let set = set(request, Some(name), Sort::Acl)?;
    edit(request, &set, version, |entries| Entry::push(entries, pattern, None))?;
    Ok(Answer::Done)
}

fn add_map(request: &mut Request<'_>) -> Done {
    const USAGE: &str = "'add map' expects three parameters (map identifier, key and value) \
        or one parameter (map identifier) and a payload";
    let (version, words) = version(request);
    let pairs: Vec<(&str, &str)> = match (words, request.payload) {
        ([_, key, value, ..], None) => vec![(key, value)],
        ([_], Some(payload)) => payload.lines().map(pair).collect(),
        _ => return Err(Answer::error(USAGE)),
    };
    let set = set(request, word(words, 0), Sort::Map)?;
    edit(request, &set, version, |entries| {
        for (key, value) in pairs {
            Entry::push(entries, key, Some(value));
        }
    })?;
    Ok(Answer::Done)
}

/// Key and value of a payload's line.
fn pair(line: &str) -> (&str, &str) {
    let (key, value) = line.trim().split_once([' ', '\t']).unwrap_or((line.trim(), ""));
    (key, value.trim_start())
}

fn set_map(request: &mut Request<'_>) -> Done {
    let [name, key, value, ..] = request.words else {
        return Err(Answer::error(
            "'set map' expects three parameters: map identifier, key and value.",
        ));
    };
    let set = set(request, Some(name), Sort::Map)?;
    if !set.entries().iter().any(|entry| means(&set, entry, key)) {
        return Err(Answer::error("entry not found."));
    }
    edit(request, &set, None, |entries| {
        for entry in entries.iter_mut().filter(|entry| means(&set, entry, key)) {
            entry.value = Some(value.as_str().into());
        }
    })?;
    Ok(Answer::Done)
}

fn delete(request: &mut Request<'_>, sort: Sort) -> Done {
    let [name, key, ..] = request.words else {
        let title = sort.title();
        return Err(Answer::error(format!(
            "This command expects two parameters: {title} identifier and key."
        )));
    };
    let set = set(request, Some(name), sort)?;
    if !set.entries().iter().any(|entry| means(&set, entry, key)) {
        return Err(Answer::error("Key not found."));
    }
    edit(request, &set, None, |entries| {
        entries.retain(|entry| !means(&set, entry, key))
    })?;
    Ok(Answer::Done)
}

fn clear(request: &mut Request<'_>, sort: Sort) -> Done {
    let (version, words) = version(request);
    let set = set(request, word(words, 0), sort)?;
    edit(request, &set, version, Vec::clear)?;
    Ok(Answer::Done)
}

fn prepare(request: &mut Request<'_>, sort: Sort) -> Done {
    let set = set(request, Some(request.word(0).unwrap_or_default()), sort)?;
    let mut versions = request.world.versions.borrow_mut();
    let versions = versions.entry(set.id).or_default();
    versions.next += 1;
    versions.prepared.insert(versions.next, Vec::new());
    Ok(Answer::info(format!("New version created: {}", versions.next)))
}

fn commit(request: &mut Request<'_>, sort: Sort) -> Done {
    let (Some(version), words) = version(request) else {
        return Err(Answer::error("Missing version number."));
    };
    let set = set(request, word(words, 0), sort)?;
    let entries = {
        let mut versions = request.world.versions.borrow_mut();
        let versions = versions.entry(set.id).or_default();
        if version <= versions.current || version > versions.next {
            return Err(Answer::error("Version number out of range."));
        }
        versions.prepared.get(&version).cloned().unwrap_or_default()
    };
    edit(request, &set, None, |current| *current = entries)?;
    let mut versions = request.world.versions.borrow_mut();
    let versions = versions.entry(set.id).or_default();
    versions.current = version;
    versions.prepared = versions.prepared.split_off(&(version.saturating_add(1)));
    Ok(Answer::Done)
}

#[cfg(test)]
mod tests {
    use crate::control::testing::{ask, world};

    #[test]
    fn lists_change_at_once_or_by_version() {
        let folder = std::env::temp_dir().join(format!("lb-pattern-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let (list, map) = (folder.join("list"), folder.join("map"));
        std::fs::write(&list, "10.0.0.1\n10.1.0.0/16\n").expect("list");
        std::fs::write(&map, "# c\na.com red\nb.com  blue sky \n").expect("map");
        let (list, map) = (list.display(), map.display());
        let world = world(&format!(
            "frontend web
                mode http
                timeout client 1s
                bind 127.0.0.1:8080
                http-request deny if {{ src -f {list} }} {{ hdr(host),map({map}) -m found }}"
        ));
        let entries = |line: &str| -> Vec<String> {
            let answer = ask(&world, line);
            let lines = answer.lines().filter_map(|line| line.split_once(' '));
            lines.map(|(_, entry)| entry.to_owned()).collect()
        };
        let tell = |line: &str, answer: &str| assert_eq!(ask(&world, line), format!("{answer}\n"), "{line}");

        assert_eq!(entries(&format!("show acl {list}")), ["10.0.0.1", "10.1.0.0/16"]);
        tell(&format!("add acl {list} 10.2.0.0/16"), "");
        tell(
            &format!("add acl {list} zzz"),
            "'zzz' is not a valid IPv4 or IPv6 address.\n",
        );
        tell(&format!("del acl {list} 10.0.0.1"), "");
        tell(&format!("del acl {list} 10.0.0.1"), "Key not found.\n");
        assert_eq!(entries(&format!("show acl {list}")), ["10.1.0.0/16", "10.2.0.0/16"]);

        tell(&format!("prepare acl {list}"), "New version created: 1\n");
        tell(&format!("add acl @1 {list} 10.4.0.1"), "");
        tell(
            &format!("add acl @9 {list} 10.4.0.1"),
            "Version number in the future, please use 'prepare acl' before.\n",
        );
        assert_eq!(entries(&format!("show acl @1 {list}")), ["10.4.0.1"]);
        assert_eq!(entries(&format!("show acl {list}")).len(), 2);
        tell(&format!("commit acl @1 {list}"), "");
        tell(&format!("commit acl @1 {list}"), "Version number out of range.\n");
        assert_eq!(entries(&format!("show acl {list}")), ["10.4.0.1"]);
        let sets = ask(&world, "show acl");
        assert!(sets.contains("curr_ver=1 next_ver=1 entry_cnt=1\n"), "{sets}");

        tell(&format!("add map {map} c.com green"), "");
        tell(&format!("add map {map} <<\nd.com x y z\ne.com w\n"), "");
        tell(&format!("set map {map} a.com pink"), "");
        tell(&format!("set map {map} nobody pink"), "entry not found.\n");
        let shown = ["a.com pink", "b.com blue sky", "c.com green", "d.com x y z", "e.com w"];
        assert_eq!(entries(&format!("show map {map}")), shown);
        let first = ask(&world, &format!("show map {map}"));
        let (reference, _) = first.split_once(' ').expect("a reference");
        tell(&format!("del map {map} #{reference}"), "");
        assert_eq!(entries(&format!("show map {map}")), shown[1..]);
        tell(&format!("clear map {map}"), "");
        assert_eq!(entries(&format!("show map {map}")), [""; 0]);
        tell(
            "show map nobody",
            "Unknown map identifier. Please use #<id> or <file>.\n",
        );
        tell(
            &format!("show acl {map}"),
            "Unknown ACL identifier. Please use #<id> or <file>.\n",
        );
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
