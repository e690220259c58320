//! The deployment's accounts: how they are, what they use, what they may.

use crate::charts::Chart;
use crate::frame::Frame;
use crate::texts::Texts;
use crate::values::{Bytes, Moment};
use askama::Template;

/// The deployment's accounts.
#[derive(Clone, Debug, Template)]
#[template(path = "operator/accounts.html")]
pub struct Accounts {
    /// What is around it.
    pub frame: Frame,
    /// What the names begin with.
    pub words: String,
    /// Those that were found, by their names.
    pub accounts: Vec<AccountLine>,
    /// Where the next ones are.
    pub next: Option<String>,
}

/// An account in the list.
#[derive(Clone, Debug)]
pub struct AccountLine {
    /// Its name.
    pub name: String,
    /// `active`, `suspended`, `closing` or `closed`.
    pub state: String,
    /// Its plan.
    pub plan: Option<String>,
    /// What it stores.
    pub used: Bytes,
    /// What it may store.
    pub limit: Option<Bytes>,
    /// When it was made.
    pub created: Moment,
}

/// An account, without what is in it.
#[derive(Clone, Debug, Template)]
#[template(path = "operator/account.html")]
pub struct Account {
    /// What is around it.
    pub frame: Frame,
    /// Its name.
    pub name: String,
    /// `active`, `suspended`, `closing` or `closed`.
    pub state: String,
    /// Why it may not do everything.
    pub reason: Option<String>,
    /// From when on its content is destroyed.
    pub ends: Option<Moment>,
    /// Its plan.
    pub plan: Option<String>,
    /// What it stores.
    pub used: Bytes,
    /// What it may store.
    pub limit: Option<Bytes>,
    /// Its namespaces.
    pub namespaces: u64,
    /// Its last days.
    pub charts: Vec<Chart>,
    /// The forms, for those who may change it.
    pub forms: Option<Forms>,
}

/// What an operator may change of an account.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    /// The plans that there are.
    pub plans: Vec<String>,
    /// Why it did not get the plan.
    pub plan_failed: Option<String>,
    /// The reason that was typed.
    pub reason: String,
    /// Why it was not suspended.
    pub state_failed: Option<String>,
}

/// A state in words.
pub(crate) fn state(t: &'static Texts, state: &str) -> &'static str {
    match state {
        "active" => t.operator.active,
        "suspended" => t.operator.suspended,
        "closing" => t.operator.closing,
        _ => t.operator.closed,
    }
}
