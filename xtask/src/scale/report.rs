//! What was measured, and whether it is what it must be.

use std::fmt::Write as _;
use std::time::Duration;

use super::counts::Counts;

/// The large registry may read at most so many times what the small one reads, and take so many times as long.
const MOST_ROWS: f64 = 1.3;
const MOST_TIME: f64 = 2.0;
/// Processor times below this are a few ticks of the clock they are taken from.
const TICKS: Duration = Duration::from_millis(60);

/// One registry's numbers for one kind of work.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Times that it was done, over all rounds.
    pub(super) count: u64,
    /// Medians of the rounds.
    pub(super) times: Vec<Duration>,
    /// Processor time of registry and database, over all rounds.
    pub(super) cpu: Duration,
    /// Rows read, by round, and how often it was done in each.
    pub(super) rows: Vec<Counts>,
    pub(super) rows_of: u64,
}

impl Sample {
    fn time_ms(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied();
        middle.unwrap_or_default().as_secs_f64() * 1000.0
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn cpu_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.count.max(1) as f64
    }

    /// Of the round in the middle: something that runs once a minute may run in one of them.
    fn usual_rows(&self) -> Counts {
        let mut rounds: Vec<&Counts> = self.rows.iter().collect();
        rounds.sort_by_key(|rows| rows.total());
        let middle = rounds.get(rounds.len() / 2);
        middle.map_or_else(Counts::default, |&rows| rows.clone())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn rows_each(&self) -> f64 {
        self.usual_rows().total() as f64 / self.rows_of.max(1) as f64
    }
}

/// A kind of work on the small registry and on the large one.
pub(super) struct Row {
    pub(super) title: String,
    pub(super) small: Sample,
    pub(super) large: Sample,
}

impl Row {
    fn ratios(&self) -> Ratios {
        let of = |value: fn(&Sample) -> f64| value(&self.large) / value(&self.small).max(1e-9);
        let is_measurable = self.small.cpu >= TICKS;
        Ratios {
            rows: of(Sample::rows_each),
            time: of(Sample::time_ms),
            cpu: is_measurable.then(|| of(Sample::cpu_ms)),
        }
    }

    /// What is wrong, in words.
    pub(super) fn faults(&self) -> Vec<String> {
        let ratios = self.ratios();
        let limits = [
            ("rows", Some(ratios.rows), MOST_ROWS),
            ("time", Some(ratios.time), MOST_TIME),
            ("processor time", ratios.cpu, MOST_TIME),
        ];
        let over = limits.into_iter().filter_map(|(what, ratio, most)| {
            Some((what, ratio.filter(|ratio| *ratio > most)?, most))
        });
        over.map(|(what, ratio, most)| {
            let title = &self.title;
            let tables = if what == "rows" {
                self.tables()
            } else {
                String::new()
            };
            format!("{title}: {ratio:.2} times the {what}, {most} allowed{tables}")
        })
        .collect()
    }
}

impl Row {
    /// Where most of the difference is.
    fn tables(&self) -> String {
        let (small, large) = (self.small.usual_rows(), self.large.usual_rows());
        let tables = large.most_beyond(&small);
        let words = tables.into_iter().filter(|(table, ..)| !table.is_empty());
        words.fold(String::new(), |text, (table, small, large)| {
            format!("{text}; {table}: {small} → {large}")
        })
    }
}

struct Ratios {
    rows: f64,
    time: f64,
    cpu: Option<f64>,
}

/// A table in Markdown, which is readable on a terminal, too.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| | rows, small | large | × | ms, small | large | × | CPU ms, small | large | × |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    for row in rows {
        let (small, large, ratios) = (&row.small, &row.large, row.ratios());
        let cpu = ratios
            .cpu
            .map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {} | {} | {:.2} | {} | {} | {cpu} |",
            row.title,
            short(small.rows_each()),
            short(large.rows_each()),
            ratios.rows,
            short(small.time_ms()),
            short(large.time_ms()),
            ratios.time,
            short(small.cpu_ms()),
            short(large.cpu_ms()),
        );
    }
    text
}

/// Three digits that matter.
fn short(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rows: u64, ms: u64, cpu_ms: u64) -> Sample {
        Sample {
            count: 10,
            times: [3 * ms, ms, 0].map(Duration::from_millis).to_vec(),
            cpu: Duration::from_millis(cpu_ms),
            rows: vec![Counts::of_all(rows)],
            rows_of: 10,
        }
    }

    #[test]
    fn only_what_grows_too_much_is_a_fault() {
        let row = |small, large| Row {
            title: "read".to_owned(),
            small,
            large,
        };
        let small = sample(100, 10, 100);
        assert_eq!(row(small.clone(), sample(130, 20, 200)).faults(), [""; 0]);
        let faults = row(small.clone(), sample(140, 30, 300)).faults();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert_eq!(faults[0], "read: 1.40 times the rows, 1.3 allowed");
        let few_ticks = row(sample(100, 10, 20), sample(100, 10, 60));
        assert_eq!(few_ticks.faults(), [""; 0]);
        assert!(
            table(&[few_ticks])
                .contains("| read | 10.0 | 10.0 | 1.00 | 10.0 | 10.0 | 1.00 | 2.00 | 6.00 | – |")
        );
    }
}
