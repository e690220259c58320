//! Invitations: of an account to users of others, and of others to the reader.

use super::parts::Parts;
use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// The invitations of an account that are open.
#[derive(Clone, Debug, Template)]
#[template(path = "people/invitations.html")]
pub struct Invitations {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The ways to what else there is about people.
    pub parts: Parts,
    /// The invitations, the newest first.
    pub invitations: Vec<InvitationLine>,
    /// Whether the reader may take them back.
    pub may_revoke: bool,
    /// To invite somebody, for those who may.
    pub form: Option<InvitationForm>,
}

/// An invitation that is open.
#[derive(Clone, Debug)]
pub struct InvitationLine {
    /// How it is named in addresses.
    pub id: String,
    /// Who is invited, or the account that invites.
    pub name: String,
    /// The role that it brings.
    pub role: String,
    /// The namespace that the role is for; `None` for the whole account.
    pub namespace: Option<String>,
    /// Who invited.
    pub by: String,
    /// When it ends.
    pub ends: Moment,
}

/// Somebody to be invited.
#[derive(Clone, Debug, Default)]
pub struct InvitationForm {
    /// The user's name.
    pub name: String,
    /// Which role.
    pub role: String,
    /// The roles that there are.
    pub roles: Vec<String>,
    /// For which namespace; nothing for the whole account.
    pub namespace: String,
    /// For how many days.
    pub days: String,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl Invitations {
    pub(crate) fn revoke(&self, id: &str) -> String {
        Link::Under(&self.account, &["invitations", id, "revoke"]).to_string()
    }
}

/// The invitations that the reader may accept.
#[derive(Clone, Debug, Template)]
#[template(path = "people/own_invitations.html")]
pub struct OwnInvitations {
    /// What is around it.
    pub frame: Frame,
    /// The invitations, the newest first.
    pub invitations: Vec<InvitationLine>,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl InvitationLine {
    /// Where it is answered.
    pub(crate) fn answer(&self, word: &str) -> String {
        let id = crate::encoded(&self.id);
        format!("{}/{id}/{word}", Link::Invitations)
    }
}
