//! Access: what a caller wants to do to what, and the proof that it may.

use crate::Error;
use metadata::RepositoryKey;
use model::caller::Origin;
use model::{AccountId, Action, Address, Caller, ContentRequestId, NamespaceId, NetworkBarrier};
use oci::{RepositoryName, ScopeActions};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

/// What a bearer token allows: these scopes, in this account, and nothing more.
#[derive(Clone, Debug)]
pub struct TokenRights {
    /// The account in which the scopes hold; `None` for a token that allows nothing.
    pub account: Option<AccountId>,
    /// The scopes.
    pub scopes: Vec<oci::Scope>,
    /// The request by which an operator has one of them.
    pub request: Option<ContentRequestId>,
}

/// Where a caller's rights come from.
#[derive(Clone, Debug)]
pub enum Rights {
    /// From the token it showed.
    Token(TokenRights),
    /// From what is granted to it now.
    Granted,
}

/// A caller that is known, with its rights.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub caller: Caller,
    /// With which rights.
    pub rights: Rights,
    /// The caller's name for logs; `None` for anonymous.
    pub name: Option<Arc<str>>,
    /// The user's credential epoch in which a secret was proven; `None` when none was.
    pub(crate) proven_in: Option<i64>,
    /// When the credential that was shown ends; tokens got with it end no later.
    pub(crate) ends_at_ms: Option<i64>,
    /// How long tokens live that are got with it, where that is not as long as the deployment says.
    pub(crate) token_lifetime_ms: Option<i64>,
    /// From when on a session's use lets it live on.
    pub(crate) renews_at_ms: Option<i64>,
}

impl Authenticated {
    pub(crate) fn new(caller: Caller, rights: Rights) -> Self {
        let name = (!caller.is_anonymous()).then(|| Arc::from(caller.display_name()));
        Self {
            caller,
            rights,
            name,
            proven_in: None,
            ends_at_ms: None,
            token_lifetime_ms: None,
            renews_at_ms: None,
        }
    }

    /// Notes the credential epoch of the user in which the secret was right.
    pub(crate) fn proven_in(mut self, credential_epoch: i64) -> Self {
        self.proven_in = Some(credential_epoch);
        self
    }

    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self::new(Caller::anonymous(), Rights::Granted)
    }

    /// The operator at the machine's own command line.
    pub fn local_operator() -> Self {
        Self::new(Caller::local_operator(), Rights::Granted)
    }
}

/// One request's caller: who, from where, through which door.
#[derive(Clone, Debug)]
pub struct CallerContext {
    /// Who.
    pub authenticated: Arc<Authenticated>,
    /// From where.
    pub origin: Origin,
    /// Through which door.
    pub address: Address,
}

/// What an action is done to.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// A repository, which need not exist.
    Repository(&'a RepositoryName),
    /// An account.
    Account(&'a AccountId),
    /// A namespace of an account.
    Namespace(&'a AccountId, &'a NamespaceId),
}

/// Why the caller may not.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It has to say who it is.
    #[error("authentication is required; log in first")]
    Unauthenticated,
    /// Its token does not allow it; another one might.
    #[error(
        "your login does not allow this here; use one that does, or ask an administrator of the namespace for the role"
    )]
    InsufficientScope,
    /// It may see the resource but not do this to it.
    #[error(
        "you may not do this here; ask an administrator of the namespace for the role that may"
    )]
    Forbidden,
    /// It may not know whether the resource exists.
    #[error("the repository does not exist, or you may not see it")]
    Hidden,
    /// The account's network rules keep it out. Only who belongs to the account learns that.
    #[error("{}", keeps_out(*.barrier, *.address))]
    OutsideNetwork {
        /// Which rule.
        barrier: NetworkBarrier,
        /// From where it came.
        address: IpAddr,
    },
    /// The question could not be answered.
    #[error(transparent)]
    Failed(#[from] Error),
}

fn keeps_out(barrier: NetworkBarrier, address: IpAddr) -> String {
    let of = match barrier {
        NetworkBarrier::PrivateOnly => {
            return "this account is reached over the private network only, and this request came over the public one; \
                 use the registry's private address"
                .to_owned();
        }
        NetworkBarrier::Account => "account",
        NetworkBarrier::Namespace => "namespace",
    };
    format!(
        "this {of} does not allow this from {address}; come from a network that it allows, or ask an administrator of the \
         account to add yours"
    )
}

/// An action as a type, so that the proof of one right cannot stand for another.
pub trait RepositoryAction: Send + Sync + 'static {
    /// The action.
    const ACTION: Action;
    /// What a token must allow for it.
    const SCOPE: ScopeActions;
}

macro_rules! repository_actions {
    ($($(#[$doc:meta])* $name:ident = $action:ident, $scope:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl RepositoryAction for $name {
            const ACTION: Action = Action::$action;
            const SCOPE: ScopeActions = ScopeActions::$scope;
        }
    )*};
}

repository_actions! {
    /// Reading a repository.
    Pull = RepositoryPull, PULL;
    /// Writing to a repository.
    Push = RepositoryPush, PUSH;
    /// Deleting from a repository.
    Delete = ArtifactDelete, DELETE;
}

/// Proof that a caller may do an action to a repository. Only [`Authorizer::authorize`](crate::Authorizer::authorize) makes it.
#[derive(Debug)]
pub struct Access<A> {
    pub(crate) caller: Caller,
    pub(crate) origin: Origin,
    pub(crate) account: AccountId,
    pub(crate) repository: RepositoryName,
    /// Whether the namespace does not exist and the caller may make it by pushing.
    pub(crate) may_create_namespace: bool,
    pub(crate) action: PhantomData<A>,
}

impl<A> Clone for Access<A> {
    fn clone(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            origin: self.origin.clone(),
            account: self.account.clone(),
            repository: self.repository.clone(),
            may_create_namespace: self.may_create_namespace,
            action: PhantomData,
        }
    }
}

impl<A> Access<A> {
    /// The repository it is for.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    pub(crate) fn key(&self) -> RepositoryKey {
        RepositoryKey {
            account_id: self.account.clone(),
            name: self.repository.clone(),
        }
    }

    /// Who an upload belongs to.
    pub(crate) fn caller_key(&self) -> String {
        match (self.caller.user_id(), self.caller.robot_id()) {
            (Some(user), _) => user.as_str().to_owned(),
            (None, Some(robot)) => robot.as_str().to_owned(),
            (None, None) => self.caller.display_name().to_owned(),
        }
    }
}
