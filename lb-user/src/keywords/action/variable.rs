//! Actions on variables (manual 2.8).

use std::sync::Arc;

use super::{HTTP, expression, works};
use crate::language::{Error, Scope};
use crate::rules::expression::Fetched;
use crate::rules::{Action, ActionRow, Context, Effect, Expression, Facts, Variable};

const EVERYWHERE: Scope = Scope::TCP_RULES.or(HTTP);

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["set-var"],
        "(<var-name>) <expr>",
        EVERYWHERE,
        "Set a variable to the value of an expression.",
        "mode http\nhttp-request set-var(txn.from) src",
        |name, words, context| {
            let variable = variable(name, context)?;
            let expression = expression(words, context, Some(name))?;
            Ok(Arc::new(Set { variable, expression }))
        },
    ),
    works(
        &["unset-var"],
        "(<var-name>)",
        EVERYWHERE,
        "Forget a variable.",
        "mode http\nhttp-request unset-var(txn.from)",
        |name, _, context| {
            let variable = variable(name, context)?;
            Ok(Arc::new(Unset { variable }))
        },
    ),
];

/// The variable that an action's name carries: `set-var(txn.x)`.
fn variable(name: &str, context: &mut Context<'_>) -> Result<Variable, Error> {
    let expects = "Expects 'set-var(<var-name>)' or 'unset-var(<var-name>)'";
    let (_, inside) = name
        .split_once('(')
        .ok_or_else(|| Error::new(format!("invalid or incomplete action '{name}'. {expects}")))?;
    let inside = inside
        .strip_suffix(')')
        .ok_or_else(|| Error::new(format!("incomplete argument after action '{name}'. {expects}")))?;
    context.names.variable(inside)
}

struct Set {
    variable: Variable,
    expression: Expression,
}

impl Action for Set {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        match self.expression.evaluate(facts) {
            Fetched::Value(value) | Fetched::SoFar(value) => Effect::SetVariable {
                variable: &self.variable,
                value: value.into_owned(),
            },
            Fetched::Missing | Fetched::Wait => Effect::Continue,
        }
    }
}

struct Unset {
    variable: Variable,
}

impl Action for Unset {
    fn run<'p, 'a>(&'p self, _: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::UnsetVariable(&self.variable)
    }
}
