//! Environment variables, file names and process-wide variables.

use super::{GlobalDraft, GlobalRow, works};
use crate::keywords::Reading;
use crate::keywords::proxy::Draft;
use crate::keywords::variable::process_wide;
use crate::language::paths::DefaultPath;
use crate::language::{Error, Scope, Words};

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["setenv", "presetenv"],
        "<name> <value>",
        "Set an environment variable (or set it where it is not set yet), for the lines that follow.",
        "setenv LB_ZONE edge",
        carried_out_already,
    ),
    works(
        &["unsetenv", "resetenv"],
        "[<name> ...]",
        "Remove these environment variables (or all but these).",
        "unsetenv LB_ZONE",
        carried_out_already,
    ),
    works(
        &["default-path"],
        "{ current | config | parent | origin <path> }",
        "Where relative file names start from.",
        "default-path current",
        |_, words, draft, _| {
            draft.default_path = DefaultPath::parse(words)?;
            Ok(())
        },
    ),
    works(
        &["set-var"],
        "<var-name> <expr>",
        "A process-wide variable's first value.",
        "set-var proc.zone str(edge)",
        set_var,
    ),
];

/// The reader of sections changes the environment, since it stands in the words of later lines.
fn carried_out_already(_: &str, words: &mut Words<'_>, _: &mut GlobalDraft, _: &mut Reading<'_>) -> Result<(), Error> {
    words.take_rest();
    Ok(())
}

fn set_var(
    keyword: &str,
    words: &mut Words<'_>,
    draft: &mut GlobalDraft,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    let (Some(name), false) = (words.next(), words.is_empty()) else {
        return Err(Error::new(format!(
            "'{keyword}' requires a process-wide variable name ('proc.<name>') and a sample expression."
        )));
    };
    let nowhere = Draft::default();
    let mut context = reading.compiler(&nowhere, Scope::INTERNAL);
    let set = process_wide(keyword, name, words, &mut context, "in the global section")?;
    words.end(keyword)?;
    draft.initial_variables.push(set);
    Ok(())
}
