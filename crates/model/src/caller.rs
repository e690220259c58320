//! Whoever makes a request.

use crate::id::{AccessTokenId, AccountId, RobotId, TrustRuleId, UserId};
use crate::network::Exposure;
use oci::ScopeActions;
use std::net::IpAddr;
use std::sync::Arc;

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Nobody in particular.
    Anonymous,
    /// A person.
    User {
        /// Its identifier.
        id: UserId,
        /// Its name at the time of authentication, for logs and events.
        name: String,
    },
    /// A robot account.
    Robot {
        /// Its identifier.
        id: RobotId,
        /// Its full name, with prefix and namespace.
        name: String,
    },
    /// Something that runs elsewhere, such as a job of a CI system, for which its issuer vouches.
    Workload {
        /// The trust rule by which it is believed.
        rule: TrustRuleId,
        /// [`workload_name`].
        name: String,
    },
    /// An operator at the machine's own command line.
    LocalOperator,
}

/// How the caller proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// Not at all.
    None,
    /// The user's password.
    Password,
    /// A personal access token.
    AccessToken {
        /// Which one.
        id: AccessTokenId,
        /// What it may do of all that its user may.
        actions: ScopeActions,
    },
    /// A robot account's secret.
    RobotSecret,
    /// The cookie of a login by form.
    Session,
    /// What an identity source outside said of a person.
    IdentitySource,
    /// What an issuer said of a workload.
    Workload,
    /// Access to the machine itself.
    Local,
}

/// The name of a workload in logs and events: no user and no robot account can have one like it.
pub fn workload_name(rule: &str, subject: &str) -> String {
    format!("workload:{rule}:{subject}")
}

/// The caller of one request, before anything was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub kind: CallerKind,
    /// Proven how.
    pub credential: CredentialKind,
    /// The account that is meant where a request names none: the one a user belongs to first, unless it said another when it
    /// logged in; that of a robot account. `None` for anonymous.
    pub home_account: Option<AccountId>,
}

impl Caller {
    /// The caller without credentials.
    pub fn anonymous() -> Self {
        Self {
            kind: CallerKind::Anonymous,
            credential: CredentialKind::None,
            home_account: None,
        }
    }

    /// The operator at the command line.
    pub fn local_operator() -> Self {
        Self {
            kind: CallerKind::LocalOperator,
            credential: CredentialKind::Local,
            home_account: None,
        }
    }

    /// The same caller, when it said which account it means.
    #[must_use]
    pub fn come_for(self, account: Option<AccountId>) -> Self {
        Self {
            home_account: account.or(self.home_account),
            ..self
        }
    }

    /// Whether nobody in particular is asking.
    pub fn is_anonymous(&self) -> bool {
        self.kind == CallerKind::Anonymous
    }

    /// The user, when it is one.
    pub fn user_id(&self) -> Option<&UserId> {
        match &self.kind {
            CallerKind::User { id, .. } => Some(id),
            CallerKind::Anonymous
            | CallerKind::Robot { .. }
            | CallerKind::Workload { .. }
            | CallerKind::LocalOperator => None,
        }
    }

    /// The robot account, when it is one.
    pub fn robot_id(&self) -> Option<&RobotId> {
        match &self.kind {
            CallerKind::Robot { id, .. } => Some(id),
            CallerKind::Anonymous
            | CallerKind::User { .. }
            | CallerKind::Workload { .. }
            | CallerKind::LocalOperator => None,
        }
    }

    /// Whether it is no person: a robot account or a workload, which is of one account.
    pub fn is_machine(&self) -> bool {
        matches!(
            self.kind,
            CallerKind::Robot { .. } | CallerKind::Workload { .. }
        )
    }

    /// The name that logs and events show.
    pub fn display_name(&self) -> &str {
        match &self.kind {
            CallerKind::Anonymous => "anonymous",
            CallerKind::User { name, .. }
            | CallerKind::Robot { name, .. }
            | CallerKind::Workload { name, .. } => name,
            CallerKind::LocalOperator => "local operator",
        }
    }

    /// The word for the credential in events.
    pub fn credential_word(&self) -> &'static str {
        match self.credential {
            CredentialKind::None => "none",
            CredentialKind::Password => "password",
            CredentialKind::AccessToken { .. } => "access_token",
            CredentialKind::RobotSecret => "robot_secret",
            CredentialKind::Session => "session",
            CredentialKind::IdentitySource => "identity_source",
            CredentialKind::Workload => "workload",
            CredentialKind::Local => "local",
        }
    }
}

/// Where a request came from, as far as it can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, behind configured proxies; `None` for local commands.
    pub address: Option<IpAddr>,
    /// The client's program as it calls itself, at most 255 bytes and without control characters.
    pub agent: Option<Arc<str>>,
    /// Through which kind of listener it came.
    pub exposure: Exposure,
}
