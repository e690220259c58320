//! Robot accounts: callers that are no persons, with permissions of their own instead of roles.

use crate::id::{AccountId, NamespaceId};
use crate::role::{Action, Actions, Coverage, Right};
use serde::{Deserialize, Serialize};

/// What every robot account's name begins with in the account `default`.
pub const ROBOT_PREFIX: &str = "robot$";

/// What the names of an account's robots begin with: `robot$` in the account `default`, `robot-<account>$` elsewhere.
pub fn robot_prefix(account_name: &str, is_default: bool) -> String {
    if is_default {
        ROBOT_PREFIX.to_owned()
    } else {
        format!("robot-{account_name}$")
    }
}

/// Whether a name can be a robot account's only: no user may have it.
pub fn is_robot_name(name: &str) -> bool {
    name.strip_prefix("robot")
        .is_some_and(|rest| rest.starts_with('$') || (rest.starts_with('-') && rest.contains('$')))
}

/// Where one permission of a robot account holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionScope {
    /// The account's own objects: Harbor's kind `system`.
    Account,
    /// Every namespace of the account, now and later.
    Namespaces,
    /// One namespace. By its id: whoever takes the name later has nothing to do with it.
    Namespace(String),
}

/// Some actions somewhere, as a robot account holds them and the database keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Where.
    pub scope: PermissionScope,
    /// The actions by their names.
    pub actions: Vec<String>,
}

impl Permission {
    /// The right that it comes to. Names of actions that this release does not know allow nothing.
    pub fn right(&self, account: &AccountId) -> Right {
        let coverage = match &self.scope {
            PermissionScope::Account => Coverage::Account,
            PermissionScope::Namespaces => Coverage::Namespaces,
            PermissionScope::Namespace(id) => Coverage::Namespace(NamespaceId::new(id.as_str())),
        };
        let mut actions: Actions = self
            .actions
            .iter()
            .filter_map(|name| Action::parse(name))
            .collect();
        // Harbor: who may push may pull. A push reads what is there already.
        if actions.contains(Action::RepositoryPush) {
            actions.insert(Action::RepositoryPull);
        }
        Right {
            account: account.clone(),
            coverage,
            actions,
            role: None,
            request: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robots_name_is_told_from_a_users() {
        for name in [
            "robot$ci",
            "robot$library+ci",
            "robot-acme$ci",
            "robot-a-b$x+y",
        ] {
            assert!(is_robot_name(name), "{name}");
        }
        for name in [
            "robot",
            "robots",
            "robot-ci",
            "robotic$",
            "admin",
            "my-robot$ci",
        ] {
            assert!(!is_robot_name(name), "{name}");
        }
    }

    #[test]
    fn a_permission_to_push_is_one_to_pull_and_an_unknown_action_is_none() {
        let permission = Permission {
            scope: PermissionScope::Namespace("n".to_owned()),
            actions: vec!["repository:push".to_owned(), "moon:reach".to_owned()],
        };
        let account = AccountId::new("a");
        let right = permission.right(&account);
        let held: Vec<_> = right.actions.iter().map(Action::as_str).collect();
        assert_eq!(held, ["repository:pull", "repository:push"]);
        let (namespace, other) = (NamespaceId::new("n"), NamespaceId::new("o"));
        assert!(right.allows_in_namespace(&account, &namespace, Action::RepositoryPull));
        assert!(!right.allows_in_namespace(&account, &other, Action::RepositoryPull));
    }
}
