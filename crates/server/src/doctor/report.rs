//! What was found, for people and for programs.

use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    /// The registry works; something may go wrong later.
    Warning,
    /// The registry does not start, or does not do what it should.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    outcome: Outcome,
    detail: String,
    /// What to do next; none where all is well.
    remedy: Option<String>,
}

/// Everything that was found, in order.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// All is well.
    pub(super) fn good(&mut self, check: &'static str, detail: impl Into<String>) {
        self.add(check, Outcome::Ok, detail.into(), None);
    }

    /// It works, but.
    pub(super) fn doubtful(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Outcome::Warning, detail.into(), Some(remedy.into()));
    }

    /// It does not work.
    pub(super) fn failed(
        &mut self,
        check: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(check, Outcome::Failed, detail.into(), Some(remedy.into()));
    }

    /// It does not work: a sentence of which what stands after the last semicolon is the remedy.
    pub(super) fn failed_as_said(&mut self, check: &'static str, sentence: &str) {
        let (detail, remedy) = sentence
            .rsplit_once("; ")
            .unwrap_or((sentence, "see what it says, and the log of that side"));
        self.failed(check, detail, remedy);
    }

    fn add(
        &mut self,
        check: &'static str,
        outcome: Outcome,
        detail: String,
        remedy: Option<String>,
    ) {
        self.findings.push(Finding {
            check,
            outcome,
            detail: one_line(detail),
            remedy: remedy.map(one_line),
        });
    }

    /// How many checks failed.
    pub(super) fn failures(&self) -> usize {
        self.count(Outcome::Failed)
    }

    fn count(&self, outcome: Outcome) -> usize {
        let found = self.findings.iter();
        found.filter(|finding| finding.outcome == outcome).count()
    }

    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let text = if as_json { self.json() } else { self.text() };
        crate::print(text.as_bytes())
    }

    fn json(&self) -> String {
        let counts = json!({
            "checks": self.findings,
            "ok": self.count(Outcome::Ok),
            "warnings": self.count(Outcome::Warning),
            "failed": self.failures(),
        });
        format!("{counts:#}\n")
    }

    fn text(&self) -> String {
        let width = self.findings.iter().map(|finding| finding.check.len());
        let width = width.max().unwrap_or_default();
        let mut text = String::new();
        for finding in &self.findings {
            let Finding {
                check,
                outcome,
                detail,
                remedy,
            } = finding;
            _ = writeln!(text, "{:<7}  {check:<width$}  {detail}", outcome.word());
            if let Some(remedy) = remedy {
                _ = writeln!(text, "{:<9}{:<width$}  -> {remedy}", "", "");
            }
        }
        _ = writeln!(
            text,
            "{} ok, {} to look at, {} failed",
            self.count(Outcome::Ok),
            self.count(Outcome::Warning),
            self.failures()
        );
        text
    }
}

fn one_line(text: String) -> String {
    if !text.contains('\n') {
        return text;
    }
    text.split('\n')
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_and_what_to_do_another() {
        let mut report = Report::default();
        report.good("settings", "can be used");
        report.doubtful("clock", "is off", "set it");
        report.failed_as_said("store", "it is gone;\nreally; bring it\nback");
        assert_eq!(report.failures(), 1);
        assert_eq!(
            report.text(),
            "ok       settings  can be used\n\
             warning  clock     is off\n         \
             \u{20}         -> set it\n\
             failed   store     it is gone; really\n         \
             \u{20}         -> bring it back\n\
             1 ok, 1 to look at, 1 failed\n"
        );
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["failed"], 1);
        assert_eq!(json["checks"][0]["remedy"], serde_json::Value::Null);
        assert_eq!(json["checks"][1]["outcome"], "warning");
    }
}
