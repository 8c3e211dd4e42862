//! Rules: an action with its condition.

use std::sync::Arc;

use super::condition::Condition;
use super::context::Context;
use super::effect::Effect;
use super::facts::Facts;
use crate::language::{Error, Location, Row, Words};

/// A compiled action.
pub trait Action: Send + Sync {
    /// Says what should happen given these facts.
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a;
}

/// Any function of the facts is an action.
impl<F> Action for F
where
    F: for<'a> Fn(&Facts<'a>) -> Effect<'static, 'static> + Send + Sync,
{
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        self(facts)
    }
}

/// Reads an action's arguments, up to its condition. `name` is the spelling used.
pub type ParseAction =
    fn(name: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error>;

pub type ActionRow = Row<ParseAction>;

/// One line of a rule set.
#[derive(Clone)]
pub struct Rule {
    pub row: &'static ActionRow,
    pub action: Arc<dyn Action>,
    pub condition: Option<Condition>,
    pub location: Location,
}

/// Rules in the order they are judged.
pub type RuleSet = Vec<Rule>;
