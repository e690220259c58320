//! Who may do what: the one function that answers.

use crate::access::{
    Access, Authenticated, CallerContext, Refused, RepositoryAction, Resource, Rights, TokenRights,
};
use crate::access_facts::About;
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::looks::Look;
use crate::network_gate::NetworkGate;
use crate::policy::{Policy, Subject, SubjectRights};
pub(crate) use crate::visibility::{Given, Place, Visible};
use crate::{Error, Result};
use metadata::NamespaceRow;
use model::{
    AccountId, Action, Actions, Address, Caller, CallerKind, ContentRequestId, NamespaceId,
    NetworkTraffic,
};
use oci::{RepositoryName, ScopeActions, ScopeResource};
use std::marker::PhantomData;
use std::sync::Arc;

/// What was decided in a caller's favour.
pub(crate) struct Granted {
    pub(crate) account: AccountId,
    pub(crate) may_create_namespace: bool,
    /// The request by which an operator sees it.
    pub(crate) request: Option<ContentRequestId>,
}

/// Answers every question of access.
pub struct Authorizer {
    pub(crate) core: Arc<Core>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) network: NetworkGate,
}

impl Authorizer {
    pub(crate) fn new(core: Arc<Core>, policy: Arc<Policy>, network: NetworkGate) -> Self {
        Self {
            core,
            policy,
            network,
        }
    }

    /// Proves that the caller may do `A` to a repository, or says why not.
    pub async fn authorize<A: RepositoryAction>(
        &self,
        context: &CallerContext,
        repository: &RepositoryName,
    ) -> Result<Access<A>, Refused> {
        let resource = Resource::Repository(repository);
        let granted = self.decide(context, A::ACTION, A::SCOPE, resource).await?;
        Ok(Access {
            caller: context.authenticated.caller.clone(),
            origin: context.origin.clone(),
            account: granted.account,
            repository: repository.clone(),
            may_create_namespace: granted.may_create_namespace,
            action: PhantomData,
        })
    }

    /// Whether the caller may do an action to an account or a namespace of it, or why not.
    pub async fn authorize_in_account(
        &self,
        context: &CallerContext,
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(), Refused> {
        self.decide(context, action, ScopeActions::NONE, resource)
            .await
            .map(drop)
    }

    /// Those of the wanted actions on a repository that the caller may do, and in which account.
    ///
    /// # Errors
    /// [`Refused::OutsideNetwork`] when that is why they are none.
    pub(crate) async fn allowed_scope(
        &self,
        context: &CallerContext,
        repository: &RepositoryName,
        wanted: ScopeActions,
    ) -> Result<(ScopeActions, Option<AccountId>, Option<ContentRequestId>), Refused> {
        let mut allowed = ScopeActions::NONE;
        let mut request = None;
        let mut account = None;
        let mut makes_namespace = false;
        let all = [
            (ScopeActions::PULL, Action::RepositoryPull),
            (ScopeActions::PUSH, Action::RepositoryPush),
            (ScopeActions::DELETE, Action::ArtifactDelete),
        ];
        for (scope, action) in all.into_iter().filter(|(scope, _)| wanted.contains(*scope)) {
            let resource = Resource::Repository(repository);
            match self.decide(context, action, scope, resource).await {
                Ok(granted) => {
                    allowed |= scope;
                    makes_namespace |= granted.may_create_namespace;
                    account = Some(granted.account);
                    request = request.or(granted.request);
                }
                Err(refused @ (Refused::Failed(_) | Refused::OutsideNetwork { .. })) => {
                    return Err(refused);
                }
                Err(_) => {}
            }
        }
        // Whoever may make a namespace by pushing may read what it pushed, unless its credential is for pushing alone.
        if makes_namespace && is_good_for(&context.authenticated.caller, Action::RepositoryPull) {
            allowed |= wanted & ScopeActions::PULL;
        }
        Ok((allowed, account, request))
    }

    /// The one place where access is decided.
    pub(crate) async fn decide(
        &self,
        context: &CallerContext,
        action: Action,
        scope: ScopeActions,
        resource: Resource<'_>,
    ) -> Result<Granted, Refused> {
        let who = &context.authenticated;
        if let Rights::Token(rights) = &who.rights {
            let mut granted = decide_by_token(rights, scope, resource, &context.address)?;
            let mut is_there = true;
            if let Resource::Repository(name) = resource {
                if action == Action::RepositoryPush {
                    is_there = self.is_there(who, &granted.account, name).await?;
                }
                self.admit_to_repository(context, &granted.account, name)
                    .await?;
            }
            self.note_look_by_token(context, (rights, action), resource)
                .await?;
            granted.may_create_namespace =
                !is_there && self.may_create(who, &granted.account).await?;
            return Ok(granted);
        }
        if !is_good_for(&who.caller, action) {
            return Err(Refused::Forbidden);
        }
        match resource {
            Resource::Repository(repository) => {
                self.decide_repository(context, action, repository).await
            }
            Resource::Account(account) => {
                let granted = self.decide_account(who, action, account, None).await?;
                let traffic = NetworkTraffic::Management;
                self.admit(context, account, traffic, None).await?;
                Ok(granted)
            }
            Resource::Namespace(account, namespace) => {
                let of = Some(namespace);
                let granted = self.decide_account(who, action, account, of).await?;
                let traffic = NetworkTraffic::Management;
                self.admit(context, account, traffic, of).await?;
                Ok(granted)
            }
        }
    }

    async fn decide_repository(
        &self,
        context: &CallerContext,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<Granted, Refused> {
        let caller = &context.authenticated.caller;
        let about = About {
            address: &context.address,
            namespace: Some(repository.namespace()),
            account: caller.home_account.as_ref(),
        };
        let known = self
            .policy
            .remembered_namespace(&context.address, repository.namespace());
        let was_remembered = known.is_some();
        let learned = self.learn(Subject::of(caller).as_ref(), about).await?;
        let Some(namespace) = learned.namespace else {
            let creates = learned.creates_namespaces;
            return self
                .decide_new_namespace(context, action, (repository, creates))
                .await;
        };
        let mut granted = Granted {
            account: namespace.account_id.clone(),
            may_create_namespace: false,
            request: None,
        };
        let place = Place::repository(&namespace, repository);
        let decided = self.require_at(context, action, place).await;
        if was_remembered && matches!(decided, Err(Refused::Hidden | Refused::Unauthenticated)) {
            self.policy
                .ask_in_vain(&context.address, &namespace.name)
                .await?;
        }
        if matches!(decided, Ok(_) | Err(Refused::Forbidden)) {
            let (account, id) = (&namespace.account_id, Some(&namespace.id));
            self.admit(context, account, NetworkTraffic::Registry, id)
                .await?;
        }
        granted.request = decided?;
        Ok(granted)
    }

    /// Whether a caller may do an action to a namespace that there is, or to a repository in it, or why not. Its credential is
    /// another question. What an operator sees by a request that was granted is written down first; which one, is the answer.
    pub(crate) async fn require_at(
        &self,
        context: &CallerContext,
        action: Action,
        place: Place<'_>,
    ) -> Result<Option<ContentRequestId>, Refused> {
        let (caller, namespace) = (&context.authenticated.caller, place.namespace);
        if self.is_open_to(caller, action, namespace) {
            return Ok(None);
        }
        match self.given(caller, action, place).await? {
            Given::Own => return Ok(None),
            Given::ByRequest(request) => {
                let repository = place.path.map(|path| format!("{}/{path}", namespace.name));
                let look = Look {
                    request: &request,
                    account: &namespace.account_id,
                    action,
                    namespace: Some(&namespace.name),
                    repository: repository.as_deref(),
                };
                self.note_look(context, look).await?;
                return Ok(Some(request));
            }
            Given::Nothing => {}
        }
        if caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let may = |action| self.given(caller, action, place);
        let may_see = namespace.is_public
            || may(Action::NamespaceRead).await? != Given::Nothing
            || may(Action::RepositoryPull).await? != Given::Nothing;
        Err(if may_see {
            Refused::Forbidden
        } else {
            Refused::Hidden
        })
    }

    /// Whether a namespace is public, and an action one that everyone may do there.
    pub(crate) fn is_open_to(
        &self,
        caller: &Caller,
        action: Action,
        namespace: &NamespaceRow,
    ) -> bool {
        let is_open = !caller.is_anonymous() || self.core.settings.allows_anonymous_pull;
        namespace.is_public && is_open && Actions::of_everyone().contains(action)
    }

    /// A namespace that does not exist: an administrator may make it by pushing, for all others it looks like one
    /// they may not see.
    async fn decide_new_namespace(
        &self,
        context: &CallerContext,
        action: Action,
        (repository, creates): (&RepositoryName, bool),
    ) -> Result<Granted, Refused> {
        let caller = &context.authenticated.caller;
        if caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let account = match &context.address {
            Address::Account(account) => Some(account),
            Address::Shared => caller.home_account.as_ref(),
        };
        let Some(account) = account.filter(|_| action == Action::RepositoryPush) else {
            return Err(Refused::Hidden);
        };
        let may_create = self.decide_creation_by_push(&context.authenticated, account);
        may_create.await.map_err(|refused| match refused {
            Refused::Failed(error) => Refused::Failed(error),
            _ => Refused::Hidden,
        })?;
        self.admit(context, account, NetworkTraffic::Registry, None)
            .await?;
        if !creates {
            return Err(Error::NamespaceUnknown(repository.namespace().to_owned()).into());
        }
        Ok(Granted {
            account: account.clone(),
            may_create_namespace: true,
            request: None,
        })
    }

    /// Whether a push may make a namespace that does not exist, by what is granted to its caller now. A token alone does not
    /// say so; it may be older than the namespace's end.
    async fn may_create(&self, who: &Authenticated, account: &AccountId) -> Result<bool> {
        match self.decide_creation_by_push(who, account).await {
            Ok(_) => Ok(true),
            Err(Refused::Failed(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Whether a caller may make a namespace by pushing to it. A person who makes one may push to it then; a robot account
    /// has in it what it has in every namespace.
    async fn decide_creation_by_push(
        &self,
        who: &Authenticated,
        account: &AccountId,
    ) -> Result<Granted, Refused> {
        let granted = self
            .decide_account(who, Action::NamespaceCreate, account, None)
            .await?;
        if who.caller.is_machine() {
            let action = Action::RepositoryPush;
            let pushes = self.visible_namespaces(who, account, action).await?;
            if !matches!(pushes, Visible::All) {
                return Err(Refused::Forbidden);
            }
        }
        Ok(granted)
    }

    async fn decide_account(
        &self,
        who: &Authenticated,
        action: Action,
        account: &AccountId,
        namespace: Option<&NamespaceId>,
    ) -> Result<Granted, Refused> {
        let granted = Granted {
            account: account.clone(),
            may_create_namespace: false,
            request: None,
        };
        if who.caller.kind == CallerKind::LocalOperator {
            return Ok(granted);
        }
        let rights = self
            .find_rights(&who.caller)
            .await?
            .ok_or(Refused::Unauthenticated)?;
        let mut rights = rights.rights.iter();
        let allowed = match namespace {
            None => rights.any(|right| right.allows_in_account(account, action)),
            Some(one) => rights.any(|right| {
                right.request.is_none() && right.allows_in_namespace(account, one, action)
            }),
        };
        if allowed {
            Ok(granted)
        } else {
            Err(Refused::Forbidden)
        }
    }

    /// Everything that a caller may do; `None` for anonymous, and for whoever may not log in any more.
    pub(crate) async fn find_rights(&self, caller: &Caller) -> Result<Option<Arc<SubjectRights>>> {
        match Subject::of(caller) {
            Some(subject) => self.policy.find_rights(&subject).await,
            None => Ok(None),
        }
    }
}

fn decide_by_token(
    rights: &TokenRights,
    scope: ScopeActions,
    resource: Resource<'_>,
    address: &Address,
) -> Result<Granted, Refused> {
    let (Some(account), Resource::Repository(repository)) = (&rights.account, resource) else {
        return Err(Refused::InsufficientScope);
    };
    if matches!(address, Address::Account(owner) if owner != account) {
        return Err(Refused::InsufficientScope);
    }
    let allows = |granted: &&oci::Scope| {
        matches!(&granted.resource, ScopeResource::Repository(name) if name == repository)
            && granted.actions.contains(scope)
            && !scope.is_empty()
    };
    if rights.scopes.iter().any(|granted| allows(&granted)) {
        Ok(Granted {
            account: account.clone(),
            may_create_namespace: false,
            request: None,
        })
    } else {
        Err(Refused::InsufficientScope)
    }
}
