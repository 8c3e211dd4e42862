//! Rules on stick tables, as the gate has them.
use lb_common::gate::Action;
use lb_common::stick::{CHECKS, Check, Field, TRACKS, Track};

use super::RuleReason;
use super::source::List;
use crate::kernel::{GateWatch, LARGEST_TABLE};
use crate::rules::acl::Test;
use crate::rules::pattern::Method;
use crate::rules::{Condition, Rule};
use crate::stick::{DataKind, DataType, KeyType, StickTable, TableId, layout};

/// What the rules above mean for those below: the tables of the sets of counters, and the rules that the gate can judge.
pub struct Watching<'a> {
    tables: &'a [StickTable],
    sets: [Option<TableId>; TRACKS],
    watch: GateWatch,
}

impl<'a> Watching<'a> {
    /// Nothing is followed yet.
    pub fn new(tables: &'a [StickTable]) -> Self {
        Self {
            tables,
            sets: [None; TRACKS],
            watch: GateWatch::default(),
        }
    }

    /// Takes a `track-sc` rule over, if it follows the source of every connection.
    pub fn track(&mut self, rule: &Rule) -> Result<Option<Track>, RuleReason> {
        let Some(tracks) = rule.action.tracks() else {
            return Ok(None);
        };
        let (Some(id), None, true) = (tracks.table, &rule.condition, tracks.key.is_bare("src")) else {
            return Err(RuleReason::Tracking);
        };
        let table = self.table(id)?;
        let set = self.sets.get_mut(tracks.set).ok_or(RuleReason::Tracking)?;
        if set.is_some() {
            // The set goes on to follow what it does.
            return Err(RuleReason::Tracking);
        }
        *set = Some(id);
        let track = Track {
            rule: 0,
            table: id.0,
            period: period(table, DataType::ConnRate).unwrap_or(0),
        };
        self.watch.tracks.push(track);
        Ok(Some(track))
    }

    /// The checks that a rule with this condition stands for: any of them suffices. `None` where it is none on tables.
    pub fn checks(
        &mut self,
        condition: &Condition,
        action: Action,
        lists: &mut Vec<List>,
    ) -> Result<Option<Vec<Check>>, RuleReason> {
        let terms = || condition.alternatives.iter().flatten();
        let tests = || terms().flat_map(|term| &term.acl.tests);
        if !tests().any(|test| Named::of(test).is_some()) {
            return Ok(None);
        }
        if condition.alternatives.iter().any(|terms| terms.len() != 1) {
            return Err(RuleReason::Conjunction);
        }
        let negate = terms().any(|term| term.negate) != condition.unless;
        let mut checks = Vec::new();
        for test in tests() {
            self.add(test, action, negate, lists, &mut checks)?;
        }
        // Outside of several ranges is not outside of any of them.
        match negate && (checks.len() > 1 || terms().count() > 1) {
            true => Err(RuleReason::Conjunction),
            false if self.watch.checks.len() + checks.len() > CHECKS => Err(RuleReason::Many),
            false => {
                self.watch.checks.extend(&checks);
                Ok(Some(checks))
            }
        }
    }

    fn add(
        &self,
        test: &Test,
        action: Action,
        negate: bool,
        lists: &mut Vec<List>,
        checks: &mut Vec<Check>,
    ) -> Result<(), RuleReason> {
        let other = || RuleReason::Test(test.expression.text.clone());
        let named = Named::of(test).ok_or_else(other)?;
        let id = match named.set {
            None => named.table.ok_or_else(other)?,
            Some(set) => {
                let followed = self.sets.get(set).copied().flatten().ok_or_else(other)?;
                named.table.unwrap_or(followed)
            }
        };
        let table = self.table(id)?;
        let period = period(table, named.kind).ok_or_else(other)?;
        let field = Field {
            word: layout::word(named.kind) as u32,
            connections: match named.kind {
                DataType::ConnCnt | DataType::ConnRate => Field::ALL,
                DataType::ConnCur => Field::OPEN,
                _ => 0,
            },
            period,
        };
        let tracked = self.watch.tracks.iter().filter(|track| track.table == id.0).count() as u32;
        for matcher in &test.patterns {
            lists.push(List::of(&matcher.set));
            for (low, high) in matcher.ranges() {
                checks.push(Check {
                    rule: 0,
                    action,
                    field,
                    // Nothing is below zero.
                    low: u64::try_from(low).unwrap_or(u64::from(high < 0)),
                    high: u64::try_from(high).unwrap_or(0),
                    table: id.0,
                    negate: negate.into(),
                    tracked,
                    unused: 0,
                    expire: table.expire.map_or(u64::MAX, |expire| expire.as_millis() as u64),
                });
            }
        }
        Ok(())
    }

    fn table(&self, id: TableId) -> Result<&'a StickTable, RuleReason> {
        let table = self.tables.get(id.index()).ok_or(RuleReason::Tracking)?;
        match (table.key, table.size) {
            (KeyType::Ip | KeyType::Ipv6, ..=LARGEST_TABLE) => Ok(table),
            _ => Err(RuleReason::Table {
                name: table.name.as_str().into(),
            }),
        }
    }
}

/// The period of a rate, 0 of a number; `None` where the table does not store it.
fn period(table: &StickTable, kind: DataType) -> Option<u64> {
    let (_, period) = table.store.iter().rev().find(|(stored, _)| *stored == kind)?;
    Some(period.map_or(0, |period| period.as_millis() as u64))
}

/// What a fetch such as `src_conn_rate(table)` or `sc0_get_gpc0` names.
struct Named {
    /// The set of counters; none stands for the source.
    set: Option<usize>,
    table: Option<TableId>,
    kind: DataType,
}

impl Named {
    fn of(test: &Test) -> Option<Named> {
        let expression = &test.expression;
        if !expression.converters.is_empty() || test.method != Method::Int {
            return None;
        }
        let (subject, what) = expression.name.split_once('_')?;
        let kind = DataType::parse(what.strip_prefix("get_").unwrap_or(what))?;
        if matches!(kind.kind(), DataKind::Text | DataKind::Long) {
            return None;
        }
        let args = &expression.args;
        let (set, table) = match subject {
            "src" => (None, args.table(0)),
            "sc" => (Some(usize::try_from(args.int(0)?).ok()?), args.table(1)),
            set => (Some(set.strip_prefix("sc")?.parse().ok()?), args.table(0)),
        };
        Some(Named { set, table, kind })
    }
}
