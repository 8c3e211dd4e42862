//! Fields of objects in each format: CSV, typed lines, JSON (management manual 9.1, 9.2).

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::json;

use super::fields::FIELDS;
use super::subject::Subject;

/// The title line of CSV. The column `-` ends the fields whose places never change.
pub fn csv_header() -> String {
    let names: String = FIELDS.iter().map(|field| format!("{},", field.name)).collect();
    format!("# {names}-,\n")
}

/// One object as a CSV line.
pub fn csv(subject: &Subject<'_>, out: &mut String) {
    for field in FIELDS {
        let value = (field.get)(subject).text();
        let _ = write!(out, "{},", quoted(&value));
    }
    out.push_str("-,\n");
}

/// One object, a line for each field that says something: `<obj>.<px_id>.<id>.<fpos>.<fname>.<process_num>:<tags>:<type>:<value>`.
pub fn typed(subject: &Subject<'_>, with_doc: bool, out: &mut String) {
    let (letter, ..) = subject.kind();
    for (position, field) in FIELDS.iter().enumerate() {
        let value = (field.get)(subject);
        if value.is_none() {
            continue;
        }
        let _ = write!(
            out,
            "{letter}.{}.{}.{position}.{}.1:{}:{}:{}",
            subject.live.puid,
            subject.number(),
            field.name,
            field.tags.0,
            field.kind.name(),
            value.text()
        );
        let _ = match with_doc {
            true => writeln!(out, ":\"{}\"", field.doc),
            false => writeln!(out),
        };
    }
}

/// One object as a list of its fields.
pub fn json(subject: &Subject<'_>) -> serde_json::Value {
    let (_, kind, _) = subject.kind();
    FIELDS
        .iter()
        .enumerate()
        .filter_map(|(position, field)| {
            let value = (field.get)(subject);
            (!value.is_none()).then(|| {
                json!({
                    "objType": kind,
                    "proxyId": subject.live.puid,
                    "id": subject.number(),
                    "field": { "pos": position, "name": field.name },
                    "processNum": 1,
                    "tags": field.tags.json(),
                    "value": value.json(field.kind),
                })
            })
        })
        .collect()
}

/// The text, in quotes where it could not stand in CSV as it is.
fn quoted(text: &str) -> Cow<'_, str> {
    match text.contains(['"', ',', '\n', '\r']) {
        true => Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_only_what_is_ambiguous() {
        for (text, expected) in [("a b", "a b"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("", "")] {
            assert_eq!(quoted(text), expected);
        }
    }
}
