//! The reference of the language, made from the rows (`lb keywords`).

use std::fmt::Write as _;

use crate::keywords::section::{http_errors, ring, userlist};
use crate::keywords::{RULES, bind, global, proxy, server};
use crate::language::row::Does;
use crate::language::{Row, Scope};

/// How the reference is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
}

/// One row, with where it belongs.
struct Entry {
    chapter: &'static str,
    names: &'static [&'static str],
    args: String,
    places: Vec<&'static str>,
    doc: &'static str,
    example: &'static str,
    works: bool,
}

/// The chapters, in the order of the manual.
const CHAPTERS: [&str; 11] = [
    "global",
    "proxy",
    "bind",
    "server",
    "userlist",
    "http-errors",
    "ring",
    "action",
    "fetch",
    "converter",
    "log variable",
];

/// What the places of each chapter are called.
const SECTIONS: &[(Scope, &str)] = &[
    (Scope::DEFAULTS, "defaults"),
    (Scope::FRONTEND, "frontend"),
    (Scope::BACKEND, "backend"),
];
const SERVER_LINES: &[(Scope, &str)] = &[(Scope::BACKEND, "server"), (Scope::DEFAULTS, "default-server")];
const RULE_SETS: &[(Scope, &str)] = &[
    (Scope::TCP_CONNECTION, "tcp-request connection"),
    (Scope::TCP_SESSION, "tcp-request session"),
    (Scope::TCP_CONTENT, "tcp-request content"),
    (Scope::TCP_RESPONSE, "tcp-response content"),
    (Scope::HTTP_REQUEST, "http-request"),
    (Scope::HTTP_RESPONSE, "http-response"),
    (Scope::HTTP_AFTER_RESPONSE, "http-after-response"),
];

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    add("global", global::REGISTRY, &[], &mut entries);
    add("proxy", proxy::REGISTRY, SECTIONS, &mut entries);
    add("bind", bind::REGISTRY, &[], &mut entries);
    add("server", server::REGISTRY, SERVER_LINES, &mut entries);
    add("userlist", userlist::REGISTRY, &[], &mut entries);
    add("http-errors", http_errors::REGISTRY, &[], &mut entries);
    add("ring", ring::REGISTRY, &[], &mut entries);
    add("action", RULES.actions, RULE_SETS, &mut entries);
    add("fetch", RULES.fetches, &[], &mut entries);
    add("converter", RULES.converters, &[], &mut entries);
    add("log variable", RULES.log_variables, &[], &mut entries);
    entries
}

fn add<T>(
    chapter: &'static str,
    registry: &'static [&'static [Row<T>]],
    places: &[(Scope, &'static str)],
    entries: &mut Vec<Entry>,
) {
    let first = entries.len();
    entries.extend(registry.iter().flat_map(|rows| rows.iter()).map(|row| {
        Entry {
            chapter,
            names: row.names,
            args: row.args.to_owned(),
            places: places
                .iter()
                .filter(|(scope, _)| row.scope.meets(*scope))
                .map(|(_, name)| *name)
                .collect(),
            doc: row.doc,
            example: row.example,
            works: matches!(row.does, Does::Works(_)),
        }
    }));
    let added = entries.get_mut(first..).unwrap_or_default();
    added.sort_by_key(|entry| entry.names.first().copied());
}

/// Writes the reference of the rows whose name or chapter contains `filter`.
pub fn render(form: Form, filter: &str) -> String {
    let wanted = |entry: &Entry| entry.chapter == filter || entry.names.iter().any(|name| name.contains(filter));
    let entries: Vec<Entry> = entries().into_iter().filter(wanted).collect();
    match form {
        Form::Text => text(&entries),
        Form::Json => json(&entries),
        Form::Markdown => markdown(&entries),
    }
}

/// One line a row: chapter, name and arguments, then what it means.
fn text(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let mark = if entry.works { "" } else { " (not implemented)" };
        let names = entry.names.join(", ");
        // Writing to a string cannot fail.
        let _ = write!(out, "{}: {names}", entry.chapter);
        if !entry.args.is_empty() {
            let _ = write!(out, " {}", entry.args);
        }
        let _ = writeln!(out, "{mark}\n    {}", entry.doc);
    }
    out
}

fn json(entries: &[Entry]) -> String {
    let rows: Vec<serde_json::Value> = entries
        .iter()
        .map(|entry| {
            serde_json::json!({
                "kind": entry.chapter,
                "names": entry.names,
                "arguments": entry.args,
                "places": entry.places,
                "description": entry.doc,
                "example": entry.example,
                "implemented": entry.works,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(rows))
}

fn markdown(entries: &[Entry]) -> String {
    let mut out = String::from(
        "# Reference of the language\n\nWritten by `lb keywords --markdown`. What is not implemented is refused by name.\n",
    );
    for chapter in CHAPTERS {
        let rows: Vec<&Entry> = entries.iter().filter(|entry| entry.chapter == chapter).collect();
        let (works, refused): (Vec<&Entry>, Vec<&Entry>) = rows.into_iter().partition(|entry| entry.works);
        if works.is_empty() && refused.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## {chapter}");
        for entry in works {
            let _ = write!(out, "\n### {}\n\n", entry.names.join(", "));
            let opening = entry.names.first().copied().unwrap_or_default();
            let _ = write!(
                out,
                "`{}`\n\n{}\n",
                format!("{opening} {}", entry.args).trim(),
                entry.doc
            );
            if !entry.places.is_empty() {
                let _ = write!(out, "\nIn: {}.\n", entry.places.join(", "));
            }
            if !entry.example.is_empty() {
                let _ = write!(out, "\n```\n{}\n```\n", entry.example);
            }
        }
        if !refused.is_empty() {
            let names: Vec<String> = refused
                .iter()
                .flat_map(|entry| entry.names.iter())
                .map(|name| format!("`{}`", name.trim_end_matches('(')))
                .collect();
            let _ = write!(out, "\n### Not implemented\n\n{}\n", names.join(", "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chapter_with_rows_is_written() {
        let markdown = render(Form::Markdown, "");
        for heading in [
            "## global",
            "## proxy",
            "## bind",
            "### timeout client",
            "### Not implemented",
        ] {
            assert!(markdown.contains(heading), "{heading}");
        }
    }

    #[test]
    fn a_filter_narrows() {
        let rows: serde_json::Value = serde_json::from_str(&render(Form::Json, "timeout client")).unwrap();
        let names: Vec<&str> = rows
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| row["names"][0].as_str())
            .collect();
        assert_eq!(names, ["timeout client", "timeout client-fin"]);
        assert!(render(Form::Text, "no such keyword").is_empty());
    }
}
