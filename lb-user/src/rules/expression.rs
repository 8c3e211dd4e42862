//! Sample expressions: a fetch, then converters, with casts between them.

use super::args::{ArgSpec, Args};
use super::facts::Facts;
use super::value::{Kind, Value};
use crate::language::{Error, Row, Scope};

/// What a fetch answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched<'a> {
    Value(Value<'a>),
    /// There is no such thing here.
    Missing,
    /// There may be, once more bytes have come.
    Wait,
}

impl<'a> From<Option<Value<'a>>> for Fetched<'a> {
    fn from(value: Option<Value<'a>>) -> Fetched<'a> {
        value.map_or(Fetched::Missing, Fetched::Value)
    }
}

/// Where a fetch with several answers (each value of a header) stands. ACLs ask again while `more` is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    pub index: usize,
    pub more: bool,
}

/// How a fetch is carried out.
#[derive(Clone, Copy)]
pub enum FetchFn {
    /// One answer.
    One(for<'a> fn(&'a Args, &Facts<'a>) -> Fetched<'a>),
    /// One answer at a time, `Cursor::index` saying which.
    Each(for<'a> fn(&'a Args, &Facts<'a>, &mut Cursor) -> Fetched<'a>),
}

/// What a fetch row leads to.
pub struct Fetch {
    pub args: &'static [ArgSpec],
    /// Further checks of the resolved arguments, and what can be prepared from them.
    pub check: Option<fn(&mut Args) -> Result<(), Error>>,
    pub out: Kind,
    pub run: FetchFn,
}

/// What a converter row leads to.
pub struct Convert {
    pub args: &'static [ArgSpec],
    pub check: Option<fn(&mut Args) -> Result<(), Error>>,
    pub input: Kind,
    pub out: Kind,
    pub run: for<'a> fn(&'a Args, Value<'a>, &Facts<'a>) -> Option<Value<'a>>,
}

pub type FetchRow = Row<Fetch>;
pub type ConvertRow = Row<Convert>;

/// A compiled expression.
#[derive(Clone)]
pub struct Expression {
    pub row: &'static FetchRow,
    pub fetch: &'static Fetch,
    /// The name under which the fetch was written; families such as `sc0_`/`sc1_` read it.
    pub name: &'static str,
    pub args: Args,
    pub converters: Vec<Step>,
    /// The text it was compiled from.
    pub text: Box<str>,
}

/// One converter of an expression.
#[derive(Clone)]
pub struct Step {
    pub row: &'static ConvertRow,
    pub convert: &'static Convert,
    pub args: Args,
}

impl Expression {
    /// What must exist for this expression to answer.
    pub fn needs(&self) -> Scope {
        self.row.scope
    }

    /// The type that comes out of the last step.
    pub fn out(&self) -> Kind {
        self.converters.last().map_or(self.fetch.out, |step| step.convert.out)
    }

    /// Is this the bare fetch `name`, without converters?
    pub fn is_bare(&self, name: &str) -> bool {
        self.name == name && self.converters.is_empty()
    }

    /// The expression's value: the first one where the fetch has several.
    pub fn evaluate<'a>(&'a self, facts: &Facts<'a>) -> Fetched<'a> {
        self.next(facts, &mut Cursor::default())
    }

    /// The value, or `None` where there is none now.
    pub fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<Value<'a>> {
        match self.evaluate(facts) {
            Fetched::Value(value) => Some(value),
            Fetched::Missing | Fetched::Wait => None,
        }
    }

    /// The value as bytes of a string.
    pub fn text<'a>(&'a self, facts: &Facts<'a>) -> Option<std::borrow::Cow<'a, [u8]>> {
        self.value(facts)?.into_text()
    }

    /// The answer at `cursor`, converted.
    pub fn next<'a>(&'a self, facts: &Facts<'a>, cursor: &mut Cursor) -> Fetched<'a> {
        cursor.more = false;
        let fetched = match self.fetch.run {
            FetchFn::One(run) => run(&self.args, facts),
            FetchFn::Each(run) => run(&self.args, facts, cursor),
        };
        let Fetched::Value(mut value) = fetched else {
            return fetched;
        };
        for step in &self.converters {
            let Some(input) = value.cast(step.convert.input) else {
                return Fetched::Missing;
            };
            let Some(output) = (step.convert.run)(&step.args, input, facts) else {
                return Fetched::Missing;
            };
            value = output;
        }
        Fetched::Value(value)
    }
}
