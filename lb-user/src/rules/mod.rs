//! Compiled programs of the rule language: expressions, ACLs, actions, log formats.
//!
//! Rules never touch the stream. A sample fetch is a function of borrowed [`Facts`]; an action turns facts into an
//! [`Effect`]; whoever owns the stream performs it.

pub mod acl;
pub mod action;
pub mod args;
pub mod condition;
pub mod context;
pub mod effect;
pub mod expression;
pub mod facts;
pub mod key;
pub mod log_format;
pub mod pattern;
pub mod place;
pub mod regex;
pub mod reply;
pub mod value;
pub mod variable;

pub use acl::Acl;
pub use action::{Action, ActionRow, Rule, RuleSet};
pub use args::{Arg, ArgKind, ArgSpec, Args};
pub use condition::{Condition, Verdict};
pub use context::{Context, Names, Registry};
pub use effect::Effect;
pub use expression::{Convert, ConvertFn, ConvertRow, Cursor, Expression, Fetch, FetchFn, FetchRow, Fetched};
pub use facts::{Body, Exchange, Facts, Session, Side};
pub use log_format::LogFormat;
pub use value::{Kind, Value};
pub use variable::{Variable, VariableScope, Variables};
