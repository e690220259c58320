//! Who may do what in a place, as the registry itself decides it.

use super::members::SubjectKind;
use super::part_of;
use crate::frame::Frame;
use askama::Template;

/// What somebody may do in an account, or in one of its namespaces.
#[derive(Clone, Debug, Template)]
#[template(path = "people/rights.html")]
pub struct Rights {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace; `None` for the account.
    pub namespace: Option<String>,
    /// What is asked about.
    pub form: RightsForm,
    /// The answer, if something was asked.
    pub answer: Option<RightsAnswer>,
}

/// A question about somebody's rights.
#[derive(Clone, Debug, Default)]
pub struct RightsForm {
    /// Whom it is about.
    pub name: String,
    /// What that is.
    pub kind: SubjectKind,
    /// Whether it is about every namespace, not about the account itself.
    pub is_everywhere: bool,
    /// The repository's name in the namespace; nothing for the whole namespace.
    pub repository: String,
    /// Why it did not work.
    pub failed: Option<String>,
}

/// What somebody may do.
#[derive(Clone, Debug)]
pub struct RightsAnswer {
    /// Whether it may log in at present.
    pub is_active: bool,
    /// What it may do, and what gives it that.
    pub allowed: Vec<(&'static str, Vec<RightGiven>)>,
    /// What it may not do.
    pub denied: Vec<&'static str>,
}

/// What gives somebody an action.
#[derive(Clone, Debug)]
pub struct RightGiven {
    /// Through what.
    pub by: GivenBy,
    /// Where that holds.
    pub place: GivenIn,
}

/// Through what somebody may do something.
#[derive(Clone, Debug)]
pub enum GivenBy {
    /// Everyone may, in a public namespace.
    Public,
    /// A role that every account has.
    Role(&'static str),
    /// A role of the account's own, or a robot account's permission.
    Own,
    /// A request of an operator's.
    Request,
}

/// Where a right holds.
#[derive(Clone, Debug)]
pub enum GivenIn {
    /// Where that is says the kind itself.
    Here,
    /// In the account itself and in all of its namespaces.
    Everything,
    /// In the account itself.
    Account,
    /// In every namespace.
    Namespaces,
    /// In some repositories.
    Repositories(String),
}

impl RightGiven {
    pub(crate) fn text(&self, t: &'static crate::Texts) -> String {
        let by = match self.by {
            GivenBy::Public => t.people.by_public,
            GivenBy::Role(role) => role,
            GivenBy::Own => t.people.by_own,
            GivenBy::Request => t.people.by_request,
        };
        let place = match &self.place {
            GivenIn::Here => return by.to_owned(),
            GivenIn::Everything => t.people.whole_account,
            GivenIn::Account => t.people.account_itself,
            GivenIn::Namespaces => t.people.every_namespace_now,
            GivenIn::Repositories(pattern) => pattern,
        };
        format!("{by} ({place})")
    }
}

impl Rights {
    pub(crate) fn members(&self) -> String {
        part_of(&self.account, self.namespace.as_deref(), "members")
    }
}
