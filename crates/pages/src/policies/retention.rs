//! Retention: which artifacts stay and which go, seen before it is done.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// A namespace's rules, and what they would do.
#[derive(Clone, Debug, Template)]
#[template(path = "policies/retention.html")]
pub struct Retention {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace's name.
    pub namespace: String,
    /// Why the rules cannot be followed at present.
    pub note: Option<String>,
    /// The rules as they are, or as they were typed.
    pub rules: Vec<RuleForm>,
    /// When they run by themselves: a word of [`SCHEDULES`], or what cron says.
    pub schedule: String,
    /// Whether the reader may change them.
    pub may_change: bool,
    /// Why they were not saved, or not tried.
    pub failed: Option<String>,
    /// What they would do.
    pub preview: Option<Preview>,
    /// Whether there are rules that could be run.
    pub is_saved: bool,
    /// The last runs, the newest first.
    pub runs: Vec<RunLine>,
}

/// When a policy runs by itself: what the form sends, and the times of cron.
pub const SCHEDULES: [(&str, &str); 4] = [
    ("none", ""),
    ("hourly", "0 0 * * * *"),
    ("daily", "0 0 0 * * *"),
    ("weekly", "0 0 0 * * 0"),
];

/// A rule in the form.
#[derive(Clone, Debug, Default)]
pub struct RuleForm {
    /// `retain`, `keep` or `remove`.
    pub action: String,
    /// Which artifacts it picks: a word of model's templates.
    pub template: String,
    /// How many, or how many days.
    pub count: String,
    /// Which repositories it is about; empty for all.
    pub repositories: Pattern,
    /// Which tags it is about; empty for all.
    pub tags: Pattern,
    /// Whether it says nothing at present.
    pub is_off: bool,
    /// The rule as it is stored, when the form cannot show all of it: it stays as it is.
    pub sealed: Option<String>,
}

/// A pattern in the form.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    /// The text.
    pub text: String,
    /// Whether what matches is left out.
    pub excludes: bool,
    /// Whether what has no tag matches, too.
    pub untagged: bool,
}

/// What rules would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Artifacts that would stay.
    pub kept: u64,
    /// Those that would go.
    pub removed: u64,
    /// Whether that is all there is.
    pub is_whole: bool,
    /// Some of them, those that would go first.
    pub artifacts: Vec<Decision>,
}

/// What would become of an artifact.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The whole name of its repository.
    pub repository: String,
    /// Its digest.
    pub digest: String,
    /// Some of its tags.
    pub tags: Vec<String>,
    /// When it was pushed.
    pub pushed: Moment,
    /// Whether it stays.
    pub stays: bool,
    /// Why.
    pub why: String,
}

/// A run.
#[derive(Clone, Debug)]
pub struct RunLine {
    /// Its number.
    pub number: u64,
    /// When it was asked for.
    pub created: Moment,
    /// Whether nothing went.
    pub is_dry: bool,
    /// Whether it goes on.
    pub is_going: bool,
    /// How it is: `queued`, `running`, `done`, `stopped`, `failed`.
    pub state: &'static str,
    /// Artifacts that were looked at, and those that went.
    pub total: u64,
    /// Those that went, or would have.
    pub removed: u64,
    /// Why it did not do all.
    pub why: Option<String>,
}

impl Preview {
    /// How much of the whole stays, in tenths of a hundredth, for the drawing.
    pub(crate) fn share(&self) -> u64 {
        let all = self.kept + self.removed;
        (self.kept.saturating_mul(1000))
            .checked_div(all)
            .unwrap_or(1000)
    }
}

impl Retention {
    pub(crate) fn link(&self, part: &str) -> String {
        let all = ["namespaces", self.namespace.as_str(), "retention", part];
        let segments = if part.is_empty() { &all[..3] } else { &all[..] };
        Link::Under(&self.account, segments).to_string()
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates hand over references"
    )]
    pub(crate) fn stop_link(&self, run: &u64) -> String {
        format!("{}/{run}/stop", self.link("runs"))
    }

    pub(crate) fn is_going(&self) -> bool {
        self.runs.iter().any(|run| run.is_going)
    }

    /// The words for what becomes of what a rule picks.
    pub(crate) fn actions(&self) -> [(&'static str, &'static str); 3] {
        let t = self.frame.t().policies;
        [
            ("retain", t.action_retain),
            ("keep", t.action_keep),
            ("remove", t.action_remove),
        ]
    }

    /// The words for what a rule picks.
    pub(crate) fn templates(&self) -> [(&'static str, &'static str); 7] {
        let t = self.frame.t().policies;
        [
            ("latestPushedK", t.latest_pushed),
            ("latestPulledN", t.latest_pulled),
            ("latestActiveK", t.latest_active),
            ("nDaysSinceLastPush", t.days_since_push),
            ("nDaysSinceLastPull", t.days_since_pull),
            ("always", t.all_of_them),
            ("nothing", t.none_of_them),
        ]
    }

    /// The words for when it runs.
    pub(crate) fn schedules(&self) -> [(&'static str, &'static str); 4] {
        let t = self.frame.t().policies;
        [
            ("none", t.by_hand),
            ("hourly", t.hourly),
            ("daily", t.daily),
            ("weekly", t.weekly),
        ]
    }

    /// Whether the schedule is one that the words do not name.
    pub(crate) fn has_own_schedule(&self) -> bool {
        SCHEDULES.iter().all(|(word, _)| *word != self.schedule)
    }
}
