//! Sample expressions: a fetch, then converters, with casts between them.

use super::args::{ArgKind, ArgSpec, Args};
use super::context::Context;
use super::facts::{Exchange, Facts, Session};
use super::place;
use super::value::{Kind, Value};
use crate::language::{Error, Row, Scope};
use crate::state::Process;

mod parse;

pub(super) use parse::{fetch_row, name_of};

/// What a fetch answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched<'a> {
    Value(Value<'a>),
    /// This much so far; it may be another value once more bytes have come.
    SoFar(Value<'a>),
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

impl<'a> From<Value<'a>> for Fetched<'a> {
    fn from(value: Value<'a>) -> Fetched<'a> {
        Fetched::Value(value)
    }
}

/// Where a fetch with several answers (each value of a header) stands. ACLs ask again while `more` is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    /// All answers are wanted, one after the other. Otherwise the fetch chooses one.
    pub all: bool,
    /// Where the fetch left off, as it likes: a header field and an offset in its value.
    pub field: usize,
    pub offset: usize,
    pub more: bool,
}

/// How a fetch is carried out.
#[derive(Clone, Copy)]
pub enum FetchFn {
    /// One answer.
    One(for<'a> fn(&'a Args, &Facts<'a>) -> Fetched<'a>),
    /// One answer, of a family: the spelling says of what.
    Family(for<'a> fn(&'static str, &'a Args, &Facts<'a>) -> Fetched<'a>),
    /// One answer at a time, the cursor saying which.
    Each(for<'a> fn(&'a Args, &Facts<'a>, &mut Cursor) -> Fetched<'a>),
}

/// How a converter is carried out.
#[derive(Clone, Copy)]
pub enum ConvertFn {
    /// A value becomes another one or, with `None`, there is none.
    Each(for<'a> fn(&'a Args, Value<'a>, &Facts<'a>) -> Option<Value<'a>>),
    /// The converter knows itself whether its input is whole: it may answer `Wait`, and what it answers as `Value`
    /// will not change when more bytes come.
    Whole(for<'a> fn(&'a Args, Value<'a>, &Facts<'a>) -> Fetched<'a>),
}

/// Further checks of resolved arguments, and what can be prepared from them.
pub type Check = fn(&mut Args, &mut Context<'_>) -> Result<(), Error>;

/// What a fetch row leads to.
pub struct Fetch {
    pub args: &'static [ArgSpec],
    pub check: Option<Check>,
    pub out: Kind,
    pub run: FetchFn,
}

/// What a converter row leads to.
pub struct Convert {
    pub args: &'static [ArgSpec],
    pub check: Option<Check>,
    pub input: Kind,
    /// `Any` where what goes in comes out.
    pub out: Kind,
    pub run: ConvertFn,
}

/// A fetch's row.
pub type FetchRow = Row<Fetch>;
/// A converter's row.
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

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
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
        self.converters
            .iter()
            .map(|step| step.convert.out)
            .rfind(|out| *out != Kind::Any)
            .unwrap_or(self.fetch.out)
    }

    /// Is this the bare fetch `name`, without converters?
    pub fn is_bare(&self, name: &str) -> bool {
        self.name == name && self.converters.is_empty()
    }

    /// Names what the fetch needs if none of it exists in `place`.
    pub fn lacks(&self, place: Scope) -> Option<String> {
        let needs = self.needs();
        (!needs.meets(place::sources(place))).then(|| place::needed(needs))
    }

    /// The expression's value: the first one where the fetch has several.
    pub fn evaluate<'a>(&'a self, facts: &Facts<'a>) -> Fetched<'a> {
        self.next(facts, &mut Cursor::default())
    }

    /// The value, or `None` where there is none now.
    pub fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<Value<'a>> {
        match self.evaluate(facts) {
            Fetched::Value(value) | Fetched::SoFar(value) => Some(value),
            Fetched::Missing | Fetched::Wait => None,
        }
    }

    /// The value as bytes of a string.
    pub fn text<'a>(&'a self, facts: &Facts<'a>) -> Option<std::borrow::Cow<'a, [u8]>> {
        Some(self.value(facts)?.into_text())
    }

    /// The value outside of any session: only what the process itself knows is there to be fetched. `now` is in
    /// microseconds since the epoch, `ticks` in those of the monotonic clock.
    pub fn value_alone(&self, process: &Process, now: u64, ticks: u64) -> Option<Value<'static>> {
        let (mut session, mut exchange) = (Session::internal(), Exchange::default());
        let facts = Facts::bare(process, &session, &exchange, now, ticks);
        let value = self.value(&facts).map(Value::into_owned);
        exchange.apply_writes(&mut session, process);
        value
    }

    /// The answer at `cursor`, converted.
    pub fn next<'a>(&'a self, facts: &Facts<'a>, cursor: &mut Cursor) -> Fetched<'a> {
        cursor.more = false;
        let fetched = match self.fetch.run {
            FetchFn::One(run) => run(&self.args, facts),
            FetchFn::Family(run) => run(self.name, &self.args, facts),
            FetchFn::Each(run) => run(&self.args, facts, cursor),
        };
        self.converters
            .iter()
            .fold(fetched, |fetched, step| step.convert(fetched, facts))
    }
}

impl Step {
    fn convert<'a>(&'a self, fetched: Fetched<'a>, facts: &Facts<'a>) -> Fetched<'a> {
        let (value, settled) = match fetched {
            Fetched::Value(value) => (value, true),
            Fetched::SoFar(value) => (value, false),
            Fetched::Missing | Fetched::Wait => return fetched,
        };
        let none = if settled { Fetched::Missing } else { Fetched::Wait };
        let Some(input) = value.cast(self.convert.input) else {
            return none;
        };
        match self.convert.run {
            ConvertFn::Each(run) => match run(&self.args, input, facts) {
                Some(value) if settled => Fetched::Value(value),
                Some(value) => Fetched::SoFar(value),
                None => none,
            },
            ConvertFn::Whole(run) => match run(&self.args, input, facts) {
                // No more bytes will come.
                Fetched::Wait => none,
                answer => answer,
            },
        }
    }
}

impl Fetch {
    /// A fetch of one answer, without arguments.
    pub const fn one(out: Kind, run: for<'a> fn(&'a Args, &Facts<'a>) -> Fetched<'a>) -> Fetch {
        Fetch {
            args: &[],
            check: None,
            out,
            run: FetchFn::One(run),
        }
    }

    /// A family of fetches: `sc_x(<ctr>[,<table>])`, `sc0_x([<table>])` and its like, `src_x([<table>])`.
    pub const fn family(out: Kind, run: for<'a> fn(&'static str, &'a Args, &Facts<'a>) -> Fetched<'a>) -> Fetch {
        Fetch {
            args: &[],
            check: None,
            out,
            run: FetchFn::Family(run),
        }
    }

    /// The arguments that come with this spelling.
    fn args_of(&self, name: &str) -> &'static [ArgSpec] {
        const SOURCE: &[ArgSpec] = &[ArgSpec::optional(ArgKind::Table, "table")];
        const SET: &[ArgSpec] = &[
            ArgSpec::required(ArgKind::Int, "ctr"),
            ArgSpec::optional(ArgKind::OtherTable, "table"),
        ];
        match self.run {
            FetchFn::Family(_) if name.starts_with("src_") => SOURCE,
            FetchFn::Family(_) if name.starts_with("sc_") => SET,
            FetchFn::Family(_) => &SET[1..],
            _ => self.args,
        }
    }

    /// A fetch of several answers, without arguments.
    pub const fn each(out: Kind, run: for<'a> fn(&'a Args, &Facts<'a>, &mut Cursor) -> Fetched<'a>) -> Fetch {
        Fetch {
            args: &[],
            check: None,
            out,
            run: FetchFn::Each(run),
        }
    }

    /// The same fetch with arguments.
    pub const fn with(self, args: &'static [ArgSpec]) -> Fetch {
        Fetch { args, ..self }
    }

    /// The same fetch with a check of its arguments.
    pub const fn checked(self, check: Check) -> Fetch {
        Fetch {
            check: Some(check),
            ..self
        }
    }
}

impl Convert {
    /// A converter without arguments.
    pub const fn new(
        input: Kind,
        out: Kind,
        run: for<'a> fn(&'a Args, Value<'a>, &Facts<'a>) -> Option<Value<'a>>,
    ) -> Convert {
        Convert {
            args: &[],
            check: None,
            input,
            out,
            run: ConvertFn::Each(run),
        }
    }

    /// A converter that knows whether its input is whole.
    pub const fn whole(
        input: Kind,
        out: Kind,
        run: for<'a> fn(&'a Args, Value<'a>, &Facts<'a>) -> Fetched<'a>,
    ) -> Convert {
        Convert {
            args: &[],
            check: None,
            input,
            out,
            run: ConvertFn::Whole(run),
        }
    }

    /// The same converter with arguments.
    pub const fn with(self, args: &'static [ArgSpec]) -> Convert {
        Convert { args, ..self }
    }

    /// The same converter with a check of its arguments.
    pub const fn checked(self, check: Check) -> Convert {
        Convert {
            check: Some(check),
            ..self
        }
    }
}
