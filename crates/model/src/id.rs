//! Typed identifiers: UUIDv7 text made by an [`IdSource`](crate::IdSource), one type per kind of row.

use std::sync::Arc;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes an identifier read from our own database or made by our own source.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The identifier as text, as it stands in the database.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An account: a customer, owner of namespaces.
    AccountId
);
id!(
    /// A person.
    UserId
);
id!(
    /// A namespace.
    NamespaceId
);
id!(
    /// A repository.
    RepositoryId
);
id!(
    /// A personal access token.
    AccessTokenId
);
id!(
    /// A grant: subject × role × scope.
    GrantId
);
id!(
    /// A role of an account's own.
    RoleId
);
id!(
    /// An operator's request to see what is in an account.
    ContentRequestId
);
id!(
    /// An invitation to become a member of an account.
    InvitationId
);
id!(
    /// A job.
    JobId
);
id!(
    /// A schedule.
    ScheduleId
);
id!(
    /// A robot account.
    RobotId
);
id!(
    /// A rule by which workloads elsewhere are trusted.
    TrustRuleId
);
id!(
    /// An identity source: who vouches for people.
    IdentitySourceId
);
id!(
    /// A group of users.
    GroupId
);
id!(
    /// A plan.
    PlanId
);
id!(
    /// A label.
    LabelId
);
