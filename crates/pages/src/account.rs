//! The accounts of whoever is signed in, and how one of them is.

use crate::charts::Chart;
use crate::frame::Frame;
use crate::links::Link;
use crate::values::{Bytes, Moment};
use askama::Template;

/// The accounts that somebody has something to do with.
#[derive(Clone, Debug, Template)]
#[template(path = "accounts.html")]
pub struct Accounts {
    /// What is around it.
    pub frame: Frame,
    /// The accounts, by their names.
    pub accounts: Vec<AccountLine>,
    /// Where the next ones are.
    pub next: Option<String>,
}

/// An account in a list.
#[derive(Clone, Debug)]
pub struct AccountLine {
    /// Its name.
    pub name: String,
    /// The name of its plan.
    pub plan: Option<String>,
    /// What it stores.
    pub used: Bytes,
    /// What it may store.
    pub limit: Option<Bytes>,
}

/// How an account is.
#[derive(Clone, Debug, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Namespaces that the reader may see.
    pub namespaces: u64,
    /// Repositories in them.
    pub repositories: u64,
    /// What people should look at, the nearest first.
    pub concerns: Vec<Concern>,
    /// What it uses, for those who may know.
    pub usage: Option<AccountUsage>,
    /// How to push a first image, as long as nothing was pushed.
    pub first_push: Option<FirstPush>,
    /// The repositories that changed last, the last first.
    pub recent: Vec<RecentRepository>,
}

/// What an account uses.
#[derive(Clone, Debug)]
pub struct AccountUsage {
    /// The name of its plan.
    pub plan: Option<String>,
    /// What it stores.
    pub used: Bytes,
    /// What it may store.
    pub limit: Option<Bytes>,
    /// In how many days that is reached, if things go on as in this month.
    pub full_in_days: Option<u64>,
    /// What was pulled in this month.
    pub pulled: Bytes,
    /// How often something was pulled in this month.
    pub pulls: u64,
    /// How often something was pushed.
    pub pushes: u64,
    /// What was done and stored in the last days.
    pub charts: Vec<Chart>,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// So many hundredths of the storage are used.
    Storage(u64),
    /// So many hundredths of what may be pulled in a month.
    Pulls(u64),
    /// A robot account that expires then.
    RobotExpires(String, Moment),
    /// One that has.
    RobotExpired(String, Moment),
    /// Jobs that failed lately.
    FailedJobs(u64),
    /// A sink whose receiver takes nothing.
    SinkFails(String),
}

/// What to type for a first push.
#[derive(Clone, Debug)]
pub struct FirstPush {
    /// The registry's name, with a port if it has one.
    pub registry: String,
    /// Who logs in.
    pub user: String,
    /// Where to push to.
    pub namespace: String,
}

impl FirstPush {
    /// The lines for a shell.
    pub(crate) fn lines(&self) -> String {
        let Self {
            registry,
            user,
            namespace,
        } = self;
        format!(
            "docker login {registry} --username {user}\n\
             docker pull alpine\n\
             docker tag alpine {registry}/{namespace}/alpine:first\n\
             docker push {registry}/{namespace}/alpine:first"
        )
    }
}

/// A repository that was pushed to or pulled from lately.
#[derive(Clone, Debug)]
pub struct RecentRepository {
    /// Its whole name.
    pub name: String,
    /// How many artifacts are in it.
    pub artifacts: u64,
    /// When it last changed.
    pub updated: Moment,
}

/// What a storage meter shows.
pub(crate) struct Meter {
    /// Hundredths that are used, at most a hundred.
    pub percent: u64,
    /// How near the end is: `calm`, `near` or `full`.
    pub state: &'static str,
}

impl Meter {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates hand over references"
    )]
    pub(crate) fn of(used: &Bytes, limit: &Bytes) -> Self {
        let percent = used.percent_of(*limit).min(100);
        let state = match percent {
            95.. => "full",
            80.. => "near",
            _ => "calm",
        };
        Self { percent, state }
    }
}

impl Overview {
    pub(crate) fn link_of(&self, repository: &str) -> String {
        Link::Artifacts(&self.account, repository).to_string()
    }
}
