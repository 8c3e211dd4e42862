//! ACLs and conditions: `if`/`unless` over named and anonymous ACLs (manual 7.2).

use std::sync::Arc;

use super::expression::Expression;
use super::pattern::{Method, PatternSet};

/// One test: an expression, a matching method and patterns.
#[derive(Clone)]
pub struct Test {
    pub expression: Expression,
    pub method: Method,
    pub ignore_case: bool,
    /// Patterns given on the line first, then one set for each `-f` file.
    pub patterns: Vec<Arc<PatternSet>>,
}

/// An ACL: all tests declared under one name; any of them suffices.
#[derive(Clone)]
pub struct Acl {
    /// Empty for an anonymous ACL.
    pub name: Box<str>,
    pub tests: Vec<Test>,
}

/// One term of a condition.
#[derive(Clone)]
pub struct Term {
    pub negate: bool,
    pub acl: Arc<Acl>,
}

/// A condition: alternatives of terms that must all hold.
#[derive(Clone)]
pub struct Condition {
    /// `unless` instead of `if`.
    pub unless: bool,
    pub alternatives: Vec<Vec<Term>>,
}

/// What a condition says of some facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    No,
    /// Undecided until more bytes have come.
    Wait,
}
