//! Rules: an action with its condition.

use std::sync::Arc;

use super::condition::Condition;
use super::context::{Context, Registry};
use super::effect::Effect;
use super::expression::Expression;
use super::facts::Facts;
use super::place;
use crate::language::{Does, Error, Location, Row, Scope, Words, suggest};
use crate::stick::TableId;

/// A compiled action.
pub trait Action: Send + Sync {
    /// Says what should happen given these facts.
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a;

    /// What it lets a set of counters follow, if that is what it does (`track-sc0`).
    fn tracks(&self) -> Option<Tracks<'_>> {
        None
    }
}

/// What a `track-sc` action follows.
pub struct Tracks<'p> {
    pub set: usize,
    pub key: &'p Expression,
    pub table: Option<TableId>,
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

/// An action's row.
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

impl Rule {
    /// Reads one rule of `set`: the action, its arguments and, if there is one, its condition.
    pub fn parse(set: Scope, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Rule, Error> {
        context.place = set | context.capabilities();
        let family = place::describe_rule(set);
        let word = words.next().unwrap_or_default();
        let row = find(context.registry, set, word).ok_or_else(|| unknown(family, set, word, context))?;
        Rule::read(row, word, words, context).map_err(|mistake| match mistake {
            Mistake::Refused => Error::new(format!("'{family} {word}' is not implemented in this version.")),
            Mistake::Action(error) => misread(family, set, word, &error, context),
            Mistake::Condition(error) => bad_condition(family, set, word, &error, context),
            Mistake::Stray(found) => not_a_condition(family, set, word, &found, context),
        })
    }

    /// Reads the rule of a keyword that is the name of an action of `set`, too (`redirect`).
    pub fn parse_keyword(set: Scope, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Rule, Error> {
        context.place = set | context.capabilities();
        let word = words.next().unwrap_or_default();
        let row = find(context.registry, set, word).ok_or_else(|| Error::not_implemented(word))?;
        Rule::read(row, word, words, context).map_err(|mistake| {
            let mistake = match mistake {
                Mistake::Refused => return Error::not_implemented(word),
                Mistake::Action(error) => error,
                Mistake::Condition(error) => Error::new(format!("error in condition: {error}")),
                Mistake::Stray(found) => Error::new(format!("unexpected argument '{found}'")),
            };
            let section = section(context);
            Error::new(format!(
                "error detected in {section} while parsing {word} rule : {mistake}."
            ))
        })
    }

    fn read(
        row: &'static ActionRow,
        word: &str,
        words: &mut Words<'_>,
        context: &mut Context<'_>,
    ) -> Result<Rule, Mistake> {
        let Does::Works(parse) = &row.does else {
            return Err(Mistake::Refused);
        };
        let action = parse(word, words, context).map_err(Mistake::Action)?;
        let condition = match words.peek() {
            None => None,
            Some("if" | "unless") => Some(Condition::parse(words, context).map_err(Mistake::Condition)?),
            Some(found) => return Err(Mistake::Stray(found.to_owned())),
        };
        Ok(Rule {
            row,
            action,
            condition,
            location: context.location.clone(),
        })
    }
}

/// What is wrong with a rule, to be worded for its family.
enum Mistake {
    /// The action is known by name only.
    Refused,
    Action(Error),
    Condition(Error),
    /// A word where only a condition may follow.
    Stray(String),
}

/// Takes the next argument of an action; there is none where its condition begins.
pub fn argument<'w>(words: &mut Words<'w>) -> Option<&'w str> {
    words.next_if(|word| word != "if" && word != "unless")
}

/// The row of the action that `word` names in a rule set. Some names carry an argument in parentheses.
fn find(registry: &Registry, set: Scope, word: &str) -> Option<&'static ActionRow> {
    let bare = word.split('(').next().unwrap_or_default();
    rows(registry, set).find(|row| {
        row.names
            .iter()
            .any(|name| *name == word || (takes_list(row) && *name == bare))
    })
}

fn rows(registry: &Registry, set: Scope) -> impl Iterator<Item = &'static ActionRow> {
    let rows = registry.actions.iter().flat_map(|rows| rows.iter());
    rows.filter(move |row| row.scope.meets(set))
}

fn takes_list(row: &ActionRow) -> bool {
    row.args.starts_with('(')
}

fn is_tcp(set: Scope) -> bool {
    set.meets(Scope::TCP_RULES)
}

/// The section's kind and name, as messages put them.
fn section(context: &Context<'_>) -> String {
    let kind = match context.capabilities() {
        Scope::FRONTEND => "frontend",
        Scope::BACKEND => "backend",
        Scope::LISTEN => "proxy",
        _ => "defaults",
    };
    format!("{kind} '{}'", context.proxy_name)
}

fn unknown(family: &str, set: Scope, word: &str, context: &Context<'_>) -> Error {
    let names =
        || rows(context.registry, set).flat_map(|row| row.names.iter().map(move |name| (*name, takes_list(row))));
    let known = names().map(|(name, list)| match list {
        true => format!("'{name}(*)'"),
        false => format!("'{name}'"),
    });
    let mut known: Vec<String> = known.collect();
    known.sort();
    let known = known.join(", ");
    let meant = suggest::nearest(word, names().map(|(name, _)| name));
    let meant = meant
        .map(|name| format!(" Did you mean '{name}' maybe ?"))
        .unwrap_or_default();
    Error::new(if is_tcp(set) {
        format!(
            "'{family}' expects {known} in {} (got '{word}').{meant}",
            section(context)
        )
    } else {
        let missing = if word.is_empty() { " (missing argument)" } else { "" };
        format!("'{family}' expects {known}, but got '{word}'{missing}.{meant}")
    })
}

fn misread(family: &str, set: Scope, word: &str, error: &Error, context: &Context<'_>) -> Error {
    if is_tcp(set) {
        return error.clone();
    }
    let section = section(context);
    Error::new(format!(
        "error detected in {section} while parsing '{family} {word}' rule : {error}."
    ))
}

fn bad_condition(family: &str, set: Scope, word: &str, error: &Error, context: &Context<'_>) -> Error {
    if is_tcp(set) {
        let section = section(context);
        return Error::new(format!(
            "'{family} {word}' : error detected in {section} while parsing 'if' condition : {error}"
        ));
    }
    Error::new(format!(
        "error detected while parsing an '{family} {word}' condition : {error}."
    ))
}

fn not_a_condition(family: &str, set: Scope, word: &str, found: &str, context: &Context<'_>) -> Error {
    Error::new(if is_tcp(set) {
        let section = section(context);
        format!("'{family} {word}' only accepts 'if' or 'unless', in {section} (got '{found}')")
    } else {
        format!("'{family} {word}' expects either 'if' or 'unless' followed by a condition but found '{found}'.")
    })
}
