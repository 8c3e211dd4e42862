//! Actions that change ACLs and maps that came from files.

use std::sync::Arc;

use super::{HTTP_BOTH, arguments, format, works};
use crate::language::{Error, Words};
use crate::rules::pattern::{Change, PatternSet};
use crate::rules::{Action, ActionRow, Context, Effect, Facts, LogFormat};

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["add-acl"],
        "(<file-name>) <key fmt>",
        HTTP_BOTH,
        "Add a pattern to an ACL that came from a file, unless it is there already.",
        "mode http\nhttp-request add-acl(/dev/null) %[src]",
        |name, words, context| edit(name, words, context, false, |key, _| Change::Add(key)),
    ),
    works(
        &["del-acl"],
        "(<file-name>) <key fmt>",
        HTTP_BOTH,
        "Remove a pattern from an ACL that came from a file.",
        "mode http\nhttp-request del-acl(/dev/null) %[src]",
        |name, words, context| edit(name, words, context, false, |key, _| Change::Remove(key)),
    ),
    works(
        &["set-map"],
        "(<file-name>) <key fmt> <value fmt>",
        HTTP_BOTH,
        "Set the value of a key in a map that came from a file.",
        "mode http\nhttp-request set-map(/dev/null) %[src] %[method]",
        |name, words, context| edit(name, words, context, true, Change::Set),
    ),
    works(
        &["del-map"],
        "(<file-name>) <key fmt>",
        HTTP_BOTH,
        "Remove a key from a map that came from a file.",
        "mode http\nhttp-request del-map(/dev/null) %[src]",
        |name, words, context| edit(name, words, context, true, |key, _| Change::Remove(key)),
    ),
];

struct Edit {
    set: Arc<PatternSet>,
    key: LogFormat,
    /// `None` where none is written.
    value: Option<LogFormat>,
    change: fn(String, String) -> Change,
}

impl Action for Edit {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let text = |format: &LogFormat| crate::language::raw::text(format.string(facts));
        Effect::EditPatterns {
            set: &self.set,
            change: (self.change)(text(&self.key), self.value.as_ref().map(text).unwrap_or_default()),
        }
    }
}

fn edit(
    name: &str,
    words: &mut Words<'_>,
    context: &mut Context<'_>,
    is_map: bool,
    change: fn(String, String) -> Change,
) -> Result<Arc<dyn Action>, Error> {
    let (action, file) = name.split_once('(').unwrap_or((name, ""));
    let file = file
        .strip_suffix(')')
        .ok_or_else(|| Error::new(format!("{action} expects a file name between parentheses")))?;
    let (key, value) = match action {
        "set-map" => {
            let [key, value] = arguments(words, "expects exactly 2 arguments")?;
            (key, Some(value))
        }
        _ => {
            let [key] = arguments(words, "expects exactly 1 arguments")?;
            (key, None)
        }
    };
    Ok(Arc::new(Edit {
        set: context.patterns(file, is_map)?,
        key: format(key, context)?,
        value: value.map(|value| format(value, context)).transpose()?,
        change,
    }))
}
