//! What the bench prints and writes.
use std::fmt;

use serde_json::{Value, json};

use super::lane::Contestant;
use super::scenario::{Cost, Scenario};

/// The samples of every cost, for `lb` (side 0) and who runs beside it (side 1).
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    /// Index of the scenario among those that run.
    scenario: usize,
    name: &'static str,
    cost: Cost,
    against: Contestant,
    samples: [Vec<f64>; 2],
}

impl Report {
    pub fn new(scenarios: &[&Scenario]) -> Self {
        let rows = scenarios.iter().enumerate().flat_map(|(index, scenario)| {
            let row = move |&cost| Row {
                scenario: index,
                name: scenario.name,
                cost,
                against: scenario.against,
                samples: Default::default(),
            };
            scenario.costs.iter().map(row)
        });
        Self { rows: rows.collect() }
    }

    /// Adds one measurement of a scenario: its costs in order.
    pub fn add(&mut self, scenario: usize, side: usize, costs: &[f64]) {
        let rows = self.rows.iter_mut().filter(|row| row.scenario == scenario);
        rows.zip(costs).for_each(|(row, &cost)| row.samples[side].push(cost));
    }

    /// The conditions, and every row with its samples.
    pub fn json(&self, conditions: Value) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        format!("{:#}\n", json!({ "conditions": conditions, "rows": rows }))
    }
}

impl Row {
    /// The median over the rounds of what `lb` costs relative to the peer in the same round.
    fn ratio(&self) -> f64 {
        let [lb, peer] = &self.samples;
        let ratios: Vec<f64> = lb.iter().zip(peer).map(|(lb, peer)| lb / peer).collect();
        median(&ratios)
    }

    fn json(&self) -> Value {
        let side = |samples: &[f64]| json!({ "median": median(samples), "samples": samples });
        json!({
            "scenario": self.name, "cost": self.cost.0, "unit": self.cost.1,
            "lb": side(&self.samples[0]), "against": self.against.to_string(), "other": side(&self.samples[1]), "ratio": self.ratio(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<42}{:<8}{:>22}  {:<8}{:>22}{:>8}",
            "cost per", "in", "lb (spread)", "beside", "(spread)", "ratio"
        )?;
        for row in &self.rows {
            let [lb, peer] = row
                .samples
                .each_ref()
                .map(|samples| format!("{:.2} {}", median(samples), spread(samples)));
            writeln!(
                out,
                "{:<42}{:<8}{lb:>22}  {:<8}{peer:>22}{:>8.2}",
                row.cost.0,
                row.cost.1,
                row.against,
                row.ratio()
            )?;
        }
        Ok(())
    }
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// How far the samples lie apart, relative to their median.
fn spread(samples: &[f64]) -> String {
    let (low, high) = samples.iter().fold((f64::MAX, f64::MIN), |(low, high), &sample| {
        (low.min(sample), high.max(sample))
    });
    format!("(±{:.0}%)", (high - low) / 2.0 / median(samples) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_middles() {
        for (samples, expected) in [(&[3.0][..], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)] {
            assert_eq!(median(samples), expected);
        }
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn samples_land_in_their_scenario_and_side() {
        let scenarios: Vec<&Scenario> = super::super::scenario::SCENARIOS.iter().collect();
        let mut report = Report::new(&scenarios);
        let last = scenarios.iter().position(|scenario| scenario.costs.len() == 2);
        let last = last.expect("one with two costs");
        report.add(last, 0, &[100.0, 50.0]);
        report.add(last, 1, &[200.0, 200.0]);
        let ratios: Vec<f64> = report
            .rows
            .iter()
            .filter(|row| row.scenario == last)
            .map(Row::ratio)
            .collect();
        assert_eq!(ratios, [0.5, 0.25]);
        assert!(
            report
                .rows
                .iter()
                .filter(|row| row.scenario != last)
                .all(|row| row.ratio().is_nan())
        );
    }
}
