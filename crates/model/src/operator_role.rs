//! What operators of the deployment are for.

/// A role of operators. None of them shows what is in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorRole {
    /// Everything that operators may do, other operators included.
    Administrator,
    /// Helps accounts: sees them, and asks to see what is in them.
    Support,
    /// Sells: plans, and what was used.
    Billing,
    /// Looks on: the deployment's log, its operators and accounts.
    Auditor,
}

impl OperatorRole {
    /// Every role, the strongest first.
    pub const ALL: [Self; 4] = [
        Self::Administrator,
        Self::Support,
        Self::Billing,
        Self::Auditor,
    ];

    /// The word in the database, in answers and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Support => "support",
            Self::Billing => "billing",
            Self::Auditor => "auditor",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}
