//! Operators see infrastructure, not content: to look at what is in an account they ask its administrators.

use crate::id::{AccountId, ContentRequestId, NamespaceId, UserId};

/// The longest time for which an operator may look, in hours: a week.
pub const MAX_HOURS: i64 = 168;
/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 1000;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRequestState {
    /// Nobody has decided yet.
    Asked,
    /// The operator may look, until it ends.
    Granted,
    /// An administrator said no.
    Declined,
    /// An administrator ended it.
    Revoked,
    /// The operator does not want it any more.
    Withdrawn,
}

impl ContentRequestState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Asked,
        Self::Granted,
        Self::Declined,
        Self::Revoked,
        Self::Withdrawn,
    ];

    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Granted => "granted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// An operator's request to see what is in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRequest {
    /// Its identifier.
    pub id: ContentRequestId,
    /// The account.
    pub account_id: AccountId,
    /// Who asked.
    pub operator_id: UserId,
    /// The name of the only namespace that it is about; `None` for all.
    pub namespace_name: Option<String>,
    /// Which one that was when it was granted.
    pub namespace_id: Option<NamespaceId>,
    /// Why.
    pub reason: String,
    /// For how long, from when it is granted.
    pub hours: i64,
    /// Where it stands.
    pub state: ContentRequestState,
    /// When it was asked.
    pub asked_at_ms: i64,
    /// Who decided last: an administrator's name, or the operator's own when it was withdrawn.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at_ms: Option<i64>,
    /// When the operator may look no longer; `None` until it is granted.
    pub expires_at_ms: Option<i64>,
}
