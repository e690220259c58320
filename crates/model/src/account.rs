//! Accounts: who pays and owns.

use crate::id::AccountId;
use serde::{Deserialize, Serialize};

/// What an account may do at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Everything its plan allows.
    Active,
    /// Pull only.
    Suspended,
    /// Nothing any more; its bytes go after the grace period.
    Closing,
}

impl AccountState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closing => "closing",
        }
    }

    /// Reads the word in the database; `None` for a word of a newer version.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Closing]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// Whether content may be read.
    pub fn allows_pull(self) -> bool {
        matches!(self, Self::Active | Self::Suspended)
    }

    /// Whether content may be written or deleted.
    pub fn allows_push(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// An account, as its administrators know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// Its name, unique in the deployment; `default` is made at first start.
    pub name: String,
    /// What it may do at present.
    pub state: AccountState,
    /// Whether its administrators create a namespace by pushing to it.
    pub creates_namespaces_on_push: bool,
}

/// The door through which a request came: it decides which namespaces exist for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// The deployment's shared address: a namespace exists under its deployment-wide claim.
    Shared,
    /// An account's own address: exactly its namespaces exist.
    Account(AccountId),
}

impl Address {
    /// The account whose own address it is.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Shared => None,
            Self::Account(account) => Some(account),
        }
    }
}
