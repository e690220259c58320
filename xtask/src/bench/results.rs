//! Every round of every row, kept as JSON: a later run of some rows replaces these and leaves the others.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::peers::Kind;
use super::rows::{Goal, Measurement, Row, Unit};

/// By row id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub rows: BTreeMap<String, RowResult>,
}

/// One row of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RowResult {
    pub date: String,
    pub unit: Unit,
    /// The title at the time, which says the counts that were used.
    pub title: String,
    pub rounds: BTreeMap<Kind, Vec<Measurement>>,
}

/// What came of a goal.
pub(crate) struct Verdict {
    pub text: String,
    pub reached: bool,
    /// Reached value divided by the goal, above 1 when better; for the chart.
    pub margin: f64,
}

impl Results {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} isn't ours to read; remove it", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, serde_json::to_vec_pretty(self)?)?)
    }

    pub(crate) fn merge(&mut self, newer: Self) {
        self.rows.extend(newer.rows);
    }

    pub(crate) fn add(&mut self, row: &Row, kind: Kind, measured: Measurement) {
        let result = self
            .rows
            .entry(row.id.clone())
            .or_insert_with(|| RowResult {
                date: super::machine::today(),
                unit: row.unit,
                title: row.title.clone(),
                rounds: BTreeMap::new(),
            });
        result.rounds.entry(kind).or_default().push(measured);
    }

    /// A line for each row and peer that had a wrong answer.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, row) in &self.rows {
            for (kind, rounds) in &row.rounds {
                if let Some(failure) = rounds.iter().flat_map(|round| &round.failures).next() {
                    lines.push(format!("{id}, {}: {failure}", kind.name()));
                }
            }
        }
        lines
    }

    /// What came of each of the row's goals.
    pub(crate) fn verdicts(&self, row: &Row) -> Vec<Verdict> {
        let Some(result) = self.rows.get(&row.id) else {
            return Vec::new();
        };
        row.goals
            .iter()
            .map(|goal| self.judge(result, *goal))
            .collect()
    }

    fn judge(&self, result: &RowResult, goal: Goal) -> Verdict {
        let cpu = |measured: &Measurement| match result.unit {
            Unit::MebibytesPerSecond => measured.cpu_per_gib(),
            _ => measured.cpu_per_request(),
        };
        let ours =
            |figure: &dyn Fn(&Measurement) -> Option<f64>| result.median(Kind::Roadstead, figure);
        match goal {
            Goal::Rate(peer, least) => {
                let ratio = result.ratio(peer, &|measured| Some(measured.value));
                at_least(ratio, least, &format!("× {}", peer.name()))
            }
            Goal::Cpu(peer, most) => at_most(
                result.ratio(peer, &cpu),
                most,
                &format!("× CPU of {}", peer.name()),
            ),
            Goal::CpuMicroseconds(most) => {
                at_most(ours(&Measurement::cpu_per_request), most, "µs CPU")
            }
            Goal::AtMost(most) => at_most(
                ours(&|measured| Some(measured.value)),
                most,
                result.unit.name(),
            ),
            Goal::CpuBetween(one, other, most) => at_most(
                result.ratio_between(one, other, &cpu),
                most,
                &format!("× CPU of {}, by {}", other.name(), one.name()),
            ),
            Goal::Queries(most) => at_most(ours(&|measured| measured.queries), most, "queries"),
            Goal::StoreCalls(most) => {
                at_most(ours(&|measured| measured.store_calls), most, "store calls")
            }
            Goal::AtMostTimesRow(other, most) => {
                let value = |measured: &Measurement| Some(measured.value);
                let other_value = self
                    .rows
                    .get(other)
                    .and_then(|row| row.median(Kind::Roadstead, &value));
                let ratio = ours(&value)
                    .zip(other_value)
                    .map(|(ours, other)| ours / other);
                at_most(ratio, most, &format!("× {other}"))
            }
        }
    }
}

impl RowResult {
    /// The median over the rounds without wrong answers.
    pub(crate) fn median(
        &self,
        kind: Kind,
        figure: &dyn Fn(&Measurement) -> Option<f64>,
    ) -> Option<f64> {
        let rounds = self.rounds.get(&kind)?;
        median(
            rounds
                .iter()
                .filter(|round| round.failures.is_empty())
                .filter_map(figure)
                .collect(),
        )
    }

    /// The median of the rounds' own ratios of ours to the peer's.
    pub(crate) fn ratio(
        &self,
        peer: Kind,
        figure: &dyn Fn(&Measurement) -> Option<f64>,
    ) -> Option<f64> {
        self.ratio_between(Kind::Roadstead, peer, figure)
    }

    /// The same for any two.
    fn ratio_between(
        &self,
        one: Kind,
        other: Kind,
        figure: &dyn Fn(&Measurement) -> Option<f64>,
    ) -> Option<f64> {
        let (ours, theirs) = (self.rounds.get(&one)?, self.rounds.get(&other)?);
        let ratios = ours
            .iter()
            .zip(theirs)
            .filter(|(ours, theirs)| ours.failures.is_empty() && theirs.failures.is_empty());
        median(
            ratios
                .filter_map(|(ours, theirs)| Some(figure(ours)? / figure(theirs)?))
                .filter(|ratio| ratio.is_finite())
                .collect(),
        )
    }

    pub(crate) fn failed(&self, kind: Kind) -> bool {
        self.rounds
            .get(&kind)
            .is_some_and(|rounds| rounds.iter().any(|round| !round.failures.is_empty()))
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        return Some(f64::midpoint(
            *values.get(middle.checked_sub(1)?)?,
            *values.get(middle)?,
        ));
    }
    values.get(middle).copied()
}

fn at_least(value: Option<f64>, least: f64, what: &str) -> Verdict {
    verdict(
        value,
        &format!("{what} (≥ {least})"),
        value.map(|value| value / least),
    )
}

fn at_most(value: Option<f64>, most: f64, what: &str) -> Verdict {
    verdict(
        value,
        &format!("{what} (≤ {most})"),
        value.map(|value| most / value),
    )
}

fn verdict(value: Option<f64>, what: &str, margin: Option<f64>) -> Verdict {
    let (Some(value), Some(margin)) = (value, margin) else {
        return Verdict {
            text: format!("no figure {what}"),
            reached: false,
            margin: 0.0,
        };
    };
    let text = format!("{} {what}", super::report::figure(value));
    Verdict {
        text,
        reached: margin >= 1.0,
        margin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(ours: &[f64], theirs: &[f64]) -> RowResult {
        let rounds = |values: &[f64]| values.iter().copied().map(Measurement::value).collect();
        RowResult {
            date: String::new(),
            unit: Unit::RequestsPerSecond,
            title: String::new(),
            rounds: BTreeMap::from([
                (Kind::Roadstead, rounds(ours)),
                (Kind::Nginx, rounds(theirs)),
            ]),
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_then_their_median() {
        // The machine slowed down in the second round, for both alike.
        let row = result(&[100.0, 10.0, 90.0], &[50.0, 5.0, 60.0]);
        let verdict = Results::default().judge(&row, Goal::Rate(Kind::Nginx, 1.9));
        assert!(verdict.reached, "{}", verdict.text);
        assert!(
            !Results::default()
                .judge(&row, Goal::Rate(Kind::Nginx, 2.1))
                .reached
        );
    }

    #[test]
    fn a_round_with_wrong_answers_counts_for_nothing() {
        let mut row = result(&[1000.0, 10.0], &[10.0, 10.0]);
        row.rounds
            .entry(Kind::Roadstead)
            .and_modify(|rounds| rounds[0].failures.push("500".to_owned()));
        assert_eq!(
            row.median(Kind::Roadstead, &|measured| Some(measured.value)),
            Some(10.0)
        );
        assert!(row.failed(Kind::Roadstead));
    }
}
