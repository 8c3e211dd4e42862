//! Process-wide variables, where they are set outside of any session.

use super::action::expression;
use crate::language::{Error, Words};
use crate::rules::{Context, Expression, Variable};

/// Reads the expression that is to be the value of the process-wide variable `name`. `keyword` and `place` are for the
/// message about a name of another scope.
pub fn process_wide(
    keyword: &str,
    name: &str,
    words: &mut Words<'_>,
    context: &mut Context<'_>,
    place: &str,
) -> Result<(Variable, Expression), Error> {
    if !name.starts_with("proc.") {
        return Err(Error::new(format!(
            "'{keyword}': cannot set variable '{name}', only scope 'proc' is permitted {place}."
        )));
    }
    let variable = context.names.variable(name)?;
    let expression = expression(words, context, Some(&format!("set-var({name})")))?;
    Ok((variable, expression))
}
