//! The catalogue of actions, and the roles that are sets of them.

mod action;
mod custom;
mod pattern;
mod words;

use crate::id::{AccountId, ContentRequestId, NamespaceId};
pub use action::{Action, Actions};
pub use custom::{CustomRole, GrantedRole};
pub use pattern::{
    MAX_PATTERN_BYTES, PatternInvalid, RepositoryPattern, matches_pattern, regular_expression,
};
use serde::{Deserialize, Serialize};

/// What a role is given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole account.
    Account,
    /// One namespace and all its repositories.
    Namespace(NamespaceId),
    /// Some repositories of one namespace.
    Repositories(NamespaceId, RepositoryPattern),
}

/// What of an account a right covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// The account's own objects, and every namespace.
    Everything,
    /// The account's own objects.
    Account,
    /// Every namespace.
    Namespaces,
    /// One namespace.
    Namespace(NamespaceId),
    /// The repositories of one namespace whose names are like a pattern. Of the namespace itself, that it is there.
    Repositories(NamespaceId, RepositoryPattern),
}

/// Some actions on some part of an account. Rights add up; nothing denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The account it holds in.
    pub account: AccountId,
    /// What it covers there.
    pub coverage: Coverage,
    /// What may be done.
    pub actions: Actions,
    /// The role that it is, if it is one of those that every account has.
    pub role: Option<Role>,
    /// What an account's administrator allowed to an operator by, if that is what it is. Each use of it is an event.
    pub request: Option<ContentRequestId>,
}

impl Right {
    /// What a role that is given for a scope comes to.
    pub fn of_role(account: AccountId, role: Role, scope: &Scope) -> Self {
        let coverage = match scope {
            // Power over the account itself comes from a role that is made for it, on the account.
            Scope::Account if role.is_of_accounts() => Coverage::Everything,
            Scope::Account => Coverage::Namespaces,
            Scope::Namespace(_) | Scope::Repositories(..) => Coverage::of(scope),
        };
        let is_out_of_place = role == Role::Administrator && *scope != Scope::Account;
        let actions = if is_out_of_place {
            Actions::NONE
        } else {
            role.actions()
        };
        Self {
            account,
            coverage,
            actions,
            role: (!is_out_of_place).then_some(role),
            request: None,
        }
    }

    /// What a role of an account's own that is given for a scope comes to. On the account it covers all of it: its actions
    /// were chosen for that one by one.
    pub fn of_custom_role(account: AccountId, actions: Actions, scope: &Scope) -> Self {
        Self {
            account,
            coverage: Coverage::of(scope),
            actions,
            role: None,
            request: None,
        }
    }

    /// What an operator may do by a request that was granted: to look at what is in all namespaces, or in one.
    pub fn of_request(
        account: AccountId,
        request: ContentRequestId,
        namespace: Option<NamespaceId>,
    ) -> Self {
        Self {
            account,
            coverage: namespace.map_or(Coverage::Namespaces, Coverage::Namespace),
            actions: Role::Reader.actions(),
            role: None,
            request: Some(request),
        }
    }

    /// Whether it allows an action on an account itself.
    pub fn allows_in_account(&self, account: &AccountId, action: Action) -> bool {
        self.account == *account
            && matches!(self.coverage, Coverage::Everything | Coverage::Account)
            && self.actions.contains(action)
    }

    /// Whether it allows an action on a namespace of an account, and on all that is in it.
    pub fn allows_in_namespace(
        &self,
        account: &AccountId,
        namespace: &NamespaceId,
        action: Action,
    ) -> bool {
        let covers = match &self.coverage {
            Coverage::Everything | Coverage::Namespaces => true,
            Coverage::Account | Coverage::Repositories(..) => false,
            Coverage::Namespace(covered) => covered == namespace,
        };
        self.account == *account && covers && self.actions.contains(action)
    }

    /// Whether it allows an action on a repository of a namespace, by its name there.
    pub fn allows_in_repository(
        &self,
        account: &AccountId,
        (namespace, path): (&NamespaceId, &str),
        action: Action,
    ) -> bool {
        let is_like = match &self.coverage {
            Coverage::Repositories(covered, pattern) => {
                covered == namespace && pattern.matches(path)
            }
            _ => return self.allows_in_namespace(account, namespace, action),
        };
        self.account == *account && is_like && self.actions.contains(action)
    }

    /// The pattern by which it covers a part of a namespace, if it is such a one and allows an action there.
    pub fn part(
        &self,
        account: &AccountId,
        action: Action,
    ) -> Option<(&NamespaceId, &RepositoryPattern)> {
        match &self.coverage {
            Coverage::Repositories(namespace, pattern)
                if self.account == *account && self.actions.contains(action) =>
            {
                Some((namespace, pattern))
            }
            _ => None,
        }
    }

    /// Whether it covers a part of a namespace, whatever may be done there: its holder knows that the namespace is there.
    pub fn is_in_part_of(&self, account: &AccountId, namespace: &NamespaceId) -> bool {
        matches!(&self.coverage, Coverage::Repositories(covered, _)
            if covered == namespace && self.account == *account && self.actions != Actions::NONE)
    }
}

impl Coverage {
    /// All that a scope names.
    fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Account => Self::Everything,
            Scope::Namespace(namespace) => Self::Namespace(namespace.clone()),
            Scope::Repositories(namespace, pattern) => {
                Self::Repositories(namespace.clone(), pattern.clone())
            }
        }
    }

    /// Whether it covers all that another one does.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _)
            | (Self::Namespaces, Self::Namespace(_) | Self::Repositories(..)) => true,
            (Self::Namespace(one), Self::Repositories(of, _)) => one == of,
            (held, wanted) => held == wanted,
        }
    }
}

/// A named set of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Account-wide: everything.
    Administrator,
    /// IBM's `Manager`: everything in namespaces, and the account's settings, but not its people.
    Manager,
    /// Harbor's `projectAdmin` (1).
    ProjectAdmin,
    /// Harbor's `maintainer` (4).
    Maintainer,
    /// Harbor's `developer` (2).
    Developer,
    /// IBM's `Writer`: pushes, pulls and deletes images, and sees no settings.
    Writer,
    /// Harbor's `guest` (3).
    Guest,
    /// IBM's `Reader`.
    Reader,
    /// Harbor's `limitedGuest` (5).
    LimitedGuest,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: &[Role] = &[
        Role::Administrator,
        Role::Manager,
        Role::ProjectAdmin,
        Role::Maintainer,
        Role::Developer,
        Role::Writer,
        Role::Guest,
        Role::Reader,
        Role::LimitedGuest,
    ];

    /// The word in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Manager => "manager",
            Self::ProjectAdmin => "project-admin",
            Self::Maintainer => "maintainer",
            Self::Developer => "developer",
            Self::Writer => "writer",
            Self::Guest => "guest",
            Self::Reader => "reader",
            Self::LimitedGuest => "limited-guest",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// Whether it says something about an account itself when it is given there.
    pub fn is_of_accounts(self) -> bool {
        matches!(self, Self::Administrator | Self::Manager)
    }

    /// Its letter in the table of actions; the administrator holds them all.
    fn letter(self) -> Option<char> {
        match self {
            Self::Administrator => None,
            Self::Manager => Some('S'),
            Self::ProjectAdmin => Some('P'),
            Self::Maintainer => Some('M'),
            Self::Developer => Some('D'),
            Self::Writer => Some('W'),
            Self::Guest => Some('G'),
            Self::Reader => Some('R'),
            Self::LimitedGuest => Some('L'),
        }
    }

    /// What it holds.
    pub fn actions(self) -> Actions {
        match self.letter() {
            None => Action::ALL.iter().copied().collect(),
            Some(letter) => Action::held_by(letter),
        }
    }

    /// Whether the role holds the action.
    pub fn allows(self, action: Action) -> bool {
        self.actions().contains(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_read_back_from_its_word() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(*role));
        }
        assert_eq!(Role::parse("owner"), None);
    }

    /// Harbor's table of project permissions and IBM's of service roles, for what decides about images and people.
    #[test]
    fn the_roles_follow_the_tables_of_harbor_and_ibm() {
        let holders = |action: Action| -> String {
            let holders = Role::ALL.iter().filter(|role| role.allows(action));
            holders.filter_map(|role| role.letter()).collect()
        };
        for (action, expected) in [
            (Action::RepositoryPull, "SPMDWGRL"),
            (Action::RepositoryPush, "SPMDW"),
            (Action::ArtifactDelete, "SPMW"),
            (Action::RepositoryDelete, "SPM"),
            (Action::NamespaceRead, "SPMDWGRL"),
            (Action::NamespaceUpdate, "SP"),
            (Action::NamespaceDelete, "SP"),
            (Action::MemberList, "SPMDG"),
            (Action::MemberUpdate, "SP"),
            (Action::MetadataList, "S"),
            (Action::NamespaceCreate, "S"),
            (Action::QuotaUpdate, "S"),
            (Action::UserCreate, ""),
            (Action::ConfigurationUpdate, ""),
        ] {
            assert_eq!(holders(action), expected, "{}", action.as_str());
        }
        assert!(
            Action::ALL
                .iter()
                .all(|action| Role::Administrator.allows(*action))
        );
    }

    #[test]
    fn a_role_of_namespaces_says_nothing_about_the_account_itself() {
        let (account, other) = (AccountId::new("a"), AccountId::new("b"));
        let namespace = NamespaceId::new("n");
        let of = |role, scope: &Scope| Right::of_role(account.clone(), role, scope);
        // The same word stands for the account's robots and for a namespace's.
        let wide = of(Role::ProjectAdmin, &Scope::Account);
        assert!(wide.allows_in_namespace(&account, &namespace, Action::RobotCreate));
        assert!(!wide.allows_in_account(&account, Action::RobotCreate));
        assert!(!wide.allows_in_namespace(&other, &namespace, Action::RobotCreate));
        let administrator = of(Role::Administrator, &Scope::Account);
        assert!(administrator.allows_in_account(&account, Action::RobotCreate));
        let misplaced = of(Role::Administrator, &Scope::Namespace(namespace.clone()));
        assert!(!misplaced.allows_in_namespace(&account, &namespace, Action::RepositoryPull));
    }

    #[test]
    fn a_pattern_covers_the_repositories_that_are_like_it_and_nothing_of_the_namespace() {
        let (account, namespace) = (AccountId::new("a"), NamespaceId::new("n"));
        let pattern = RepositoryPattern::parse("web/*").expect("a pattern");
        let scope = Scope::Repositories(namespace.clone(), pattern.clone());
        let right = Right::of_role(account.clone(), Role::Developer, &scope);
        let may = |path, action| right.allows_in_repository(&account, (&namespace, path), action);
        assert!(may("web/app", Action::RepositoryPush));
        assert!(!may("web/app", Action::RepositoryDelete));
        assert!(!may("web", Action::RepositoryPull));
        assert!(!may("web/app/deep", Action::RepositoryPull));
        assert!(!right.allows_in_namespace(&account, &namespace, Action::RepositoryPull));
        assert!(!right.allows_in_account(&account, Action::RepositoryPull));
        assert!(right.is_in_part_of(&account, &namespace));
        assert!(!right.is_in_part_of(&account, &NamespaceId::new("o")));
        assert!(!right.is_in_part_of(&AccountId::new("b"), &namespace));
        assert_eq!(
            right.part(&account, Action::RepositoryPull),
            Some((&namespace, &pattern))
        );
        assert_eq!(right.part(&account, Action::RepositoryDelete), None);
        let misplaced = Right::of_role(account.clone(), Role::Administrator, &scope);
        assert!(!misplaced.is_in_part_of(&account, &namespace));
        let whole = Coverage::Namespace(namespace);
        assert!(whole.covers(&right.coverage) && !right.coverage.covers(&whole));
        assert!(right.coverage.covers(&right.coverage));
    }
}
