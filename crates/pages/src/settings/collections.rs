//! Collections of garbage that an account asks for.

use crate::frame::Frame;
use crate::links::Link;
use crate::policies::retention::SCHEDULES;
use crate::values::{Bytes, Moment};
use askama::Template;

/// The collections of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "settings/collections.html")]
pub struct Collections {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The last ones, the newest first.
    pub runs: Vec<CollectionLine>,
    /// Whether the reader may ask for one.
    pub may_start: bool,
    /// Whether the reader may stop one.
    pub may_stop: bool,
    /// Why one was not begun, or not stopped.
    pub failed: Option<String>,
    /// When they run by themselves, for those who may see that.
    pub timing: Option<Timing>,
}

/// When collections run by themselves.
#[derive(Clone, Debug)]
pub struct Timing {
    /// A word of the schedules that there are, or what cron says.
    pub schedule: String,
    /// Whether what has no tag goes, too.
    pub takes_untagged: bool,
    /// The next time.
    pub next: Option<Moment>,
    /// Whether the reader may change it.
    pub may_change: bool,
    /// Why it was not changed.
    pub failed: Option<String>,
}

/// A collection.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen in the list")]
pub struct CollectionLine {
    /// Its number.
    pub number: u64,
    /// When it was asked for.
    pub created: Moment,
    /// Whether nothing goes.
    pub is_dry: bool,
    /// Whether what has no tag goes, too.
    pub takes_untagged: bool,
    /// Whether the schedule asked for it.
    pub is_scheduled: bool,
    /// Whether it goes on.
    pub is_going: bool,
    /// How it is: `queued`, `running`, `done`, `stopped`, `failed`.
    pub state: &'static str,
    /// Why it failed.
    pub why: Option<String>,
    /// What it took, if it began: manifests, blobs, uploads, and their size.
    pub taken: Option<(u64, u64, u64, Bytes)>,
}

impl Collections {
    fn place(&self) -> String {
        Link::In(&self.account, "settings/collections").to_string()
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates hand over references"
    )]
    fn stop_link(&self, number: &u64) -> String {
        format!("{}/{number}/stop", self.place())
    }

    fn is_going(&self) -> bool {
        self.runs.iter().any(|run| run.is_going)
    }
}

impl Timing {
    /// Whether it is a time that the words do not name.
    fn is_own(&self) -> bool {
        SCHEDULES.iter().all(|(word, _)| *word != self.schedule)
    }
}
