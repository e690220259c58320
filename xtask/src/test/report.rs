//! Counts and times of a test run, and its closing lines.

use std::ops::AddAssign;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

/// How many tests ended how.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Reads the line `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn from_summary(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut tally = Self::default();
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => tally.passed = number.parse().ok()?,
                Some((number, "failed")) => tally.failed = number.parse().ok()?,
                Some((number, "ignored")) => tally.skipped = number.parse().ok()?,
                _ => {}
            }
        }
        Some(tally)
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// What has been run so far.
pub(crate) struct Report {
    started: Instant,
    last: Instant,
    rows: Vec<(&'static str, Duration, String)>,
    total: Tally,
}

impl Report {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            last: started,
            rows: Vec::new(),
            total: Tally::default(),
        }
    }

    /// Notes a step that is no test. When it failed, the run ends here, with its time table.
    pub(crate) fn step<T>(
        &mut self,
        name: &'static str,
        result: anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.row(
            name,
            if result.is_ok() { "done" } else { "failed" }.to_owned(),
        );
        if result.is_err() {
            self.total.failed += 1;
            self.print();
        }
        result
    }

    pub(crate) fn stage(&mut self, name: &'static str, tally: Tally) {
        self.row(
            name,
            format!("{} passed, {} failed", tally.passed, tally.failed),
        );
        self.total += tally;
    }

    fn row(&mut self, name: &'static str, outcome: String) {
        let now = Instant::now();
        self.rows.push((name, now - self.last, outcome));
        self.last = now;
    }

    fn print(&self) {
        println!("\nstage            time  outcome");
        for (name, time, outcome) in &self.rows {
            println!("{name:<12} {:>6} s  {outcome}", time.as_secs());
        }
        println!("{:<12} {:>6} s", "total", self.started.elapsed().as_secs());
        let Tally {
            passed,
            failed,
            skipped,
        } = self.total;
        if skipped > 0 {
            println!("{passed} passed, {failed} failed, {skipped} skipped");
        } else {
            println!("{passed} passed, {failed} failed");
        }
    }

    /// Prints the time table and judges the run.
    pub(crate) fn finish(mut self, time_limit: Duration) -> anyhow::Result<()> {
        let is_late = self.started.elapsed() > time_limit;
        if is_late {
            self.total.failed += 1;
        }
        self.print();
        if is_late {
            bail!(
                "the run took more than {} minutes",
                time_limit.as_secs() / 60
            );
        }
        if self.total.failed > 0 {
            bail!("tests failed");
        }
        if self.total.passed == 0 {
            bail!("no test was run");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_summary_line_is_counted() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out";
        let tally = Tally {
            passed: 3,
            failed: 2,
            skipped: 1,
        };
        assert_eq!(Tally::from_summary(line), Some(tally));
        assert_eq!(Tally::from_summary("test oci::push ... ok"), None);
    }
}
