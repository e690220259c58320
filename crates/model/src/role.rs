//! The catalogue of actions, and the roles that are sets of them.

use crate::id::NamespaceId;
use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One thing that may be allowed. The names are the resource and verb of Harbor's permission tables where
        /// those have a word for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $variant,)* }

        impl Action {
            /// Every action there is.
            pub const ALL: &[Action] = &[$(Action::$variant,)*];

            /// Its name, as grants, tokens and audit records write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $name,)* }
            }
        }
    };
}

actions! {
    /// Read manifests, blobs, tags and referrers of a repository.
    RepositoryPull = "repository:pull",
    /// Write manifests, tags and blobs to a repository, and make the repository.
    RepositoryPush = "repository:push",
    /// Delete tags, manifests and blobs of a repository.
    ArtifactDelete = "artifact:delete",
    /// See that a namespace exists, and its settings.
    NamespaceRead = "namespace:read",
    /// Change a namespace's settings.
    NamespaceUpdate = "namespace:update",
    /// Delete a namespace.
    NamespaceDelete = "namespace:delete",
    /// See who has a role in a namespace.
    MemberList = "member:list",
    /// Give and take roles in a namespace.
    MemberUpdate = "member:update",
    /// Create a namespace in the account.
    NamespaceCreate = "namespace:create",
    /// List the repositories of the account that the caller may pull.
    CatalogList = "catalog:list",
    /// Create, disable and reset the account's users.
    UserManage = "user:manage",
}

/// What a grant covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything in the account.
    Account,
    /// One namespace and all its repositories.
    Namespace(NamespaceId),
}

/// A named set of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Account-wide: everything.
    Administrator,
    /// Harbor's `projectAdmin` (1).
    ProjectAdmin,
    /// Harbor's `maintainer` (4).
    Maintainer,
    /// Harbor's `developer` (2).
    Developer,
    /// Harbor's `guest` (3).
    Guest,
    /// Harbor's `limitedGuest` (5).
    LimitedGuest,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: &[Role] = &[
        Role::Administrator,
        Role::ProjectAdmin,
        Role::Maintainer,
        Role::Developer,
        Role::Guest,
        Role::LimitedGuest,
    ];

    /// The word in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::ProjectAdmin => "project-admin",
            Self::Maintainer => "maintainer",
            Self::Developer => "developer",
            Self::Guest => "guest",
            Self::LimitedGuest => "limited-guest",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// Whether the role holds the action.
    pub fn allows(self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Administrator => true,
            Self::ProjectAdmin => !matches!(action, A::NamespaceCreate | A::UserManage),
            Self::Maintainer => matches!(
                action,
                A::RepositoryPull
                    | A::RepositoryPush
                    | A::ArtifactDelete
                    | A::NamespaceRead
                    | A::MemberList
                    | A::CatalogList
            ),
            Self::Developer => matches!(
                action,
                A::RepositoryPull
                    | A::RepositoryPush
                    | A::NamespaceRead
                    | A::MemberList
                    | A::CatalogList
            ),
            Self::Guest => matches!(
                action,
                A::RepositoryPull | A::NamespaceRead | A::MemberList | A::CatalogList
            ),
            Self::LimitedGuest => {
                matches!(
                    action,
                    A::RepositoryPull | A::NamespaceRead | A::CatalogList
                )
            }
        }
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

    /// Harbor's table of project permissions, for the actions that exist here.
    #[test]
    fn the_namespace_roles_follow_harbors_table() {
        let holders = |action| -> Vec<&str> {
            Role::ALL
                .iter()
                .filter(|role| role.allows(action))
                .map(|role| role.as_str())
                .collect()
        };
        let all = [
            "administrator",
            "project-admin",
            "maintainer",
            "developer",
            "guest",
            "limited-guest",
        ];
        assert_eq!(holders(Action::RepositoryPull), all);
        assert_eq!(holders(Action::NamespaceRead), all);
        assert_eq!(holders(Action::RepositoryPush), all[..4]);
        assert_eq!(holders(Action::ArtifactDelete), all[..3]);
        assert_eq!(holders(Action::MemberList), all[..5]);
        assert_eq!(holders(Action::MemberUpdate), all[..2]);
        assert_eq!(holders(Action::NamespaceUpdate), all[..2]);
        assert_eq!(holders(Action::NamespaceDelete), all[..2]);
        assert_eq!(holders(Action::NamespaceCreate), all[..1]);
        assert_eq!(holders(Action::UserManage), all[..1]);
    }
}
