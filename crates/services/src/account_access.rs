//! Access to what an account's people manage: which account a request is about, and what its caller may do there.

use crate::access::{Authenticated, CallerContext, Refused, Rights};
use crate::access_facts::About;
use crate::authorizer::{Authorizer, Place, Visible};
use crate::credential_scope::{is_good_for, require_good_for};
use crate::policy::Subject;
use crate::repositories::RepositoryRef;
use crate::{DEFAULT_ACCOUNT, Error, Result};
use metadata::{NamespaceRow, Numbered};
use model::{
    Account, AccountId, Action, Actions, Address, Caller, CallerKind, NetworkTraffic, Right,
};
use std::sync::Arc;

/// A caller that has come to one account. It may know nothing of what is in it: each service asks what the caller may do.
#[derive(Clone, Debug)]
pub struct AccountContext {
    pub(crate) context: CallerContext,
    pub(crate) account: Account,
}

impl AccountContext {
    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Who is calling.
    pub fn authenticated(&self) -> &Authenticated {
        &self.context.authenticated
    }

    pub(crate) fn id(&self) -> &AccountId {
        &self.account.id
    }

    /// Whether it is the operator at the machine's command line.
    pub(crate) fn is_local_operator(&self) -> bool {
        self.context.authenticated.caller.kind == CallerKind::LocalOperator
    }
}

#[cfg(test)]
impl AccountContext {
    /// The same account, come to by a person.
    pub(crate) fn of_a_person(&self) -> Self {
        let caller = Caller {
            kind: CallerKind::User {
                id: model::UserId::new("person"),
                name: "person".to_owned(),
            },
            credential: model::CredentialKind::Password,
            home_account: Some(self.account.id.clone()),
        };
        Self {
            context: CallerContext {
                authenticated: Arc::new(Authenticated::new(caller, Rights::Granted)),
                ..self.context.clone()
            },
            account: self.account.clone(),
        }
    }
}

/// How a request names a namespace of its account.
#[derive(Clone, Copy, Debug)]
pub enum NamespaceRef<'a> {
    /// By its name.
    Name(&'a str),
    /// By Harbor's number for it.
    Number(i64),
}

impl Authorizer {
    /// Finds out which account a request is about: by its address, else by its caller. A user of several accounts may name
    /// another than its own.
    ///
    /// # Errors
    /// [`Refused::Hidden`] for an account that the caller has nothing to do with, or that does not exist; what the account's
    /// network rules say of the request.
    pub async fn enter(
        &self,
        context: CallerContext,
        wanted: Option<&str>,
    ) -> Result<AccountContext, Refused> {
        let caller = &context.authenticated.caller;
        let account = match (&context.address, wanted) {
            (Address::Account(id), _) => self.find_account(id).await?,
            (Address::Shared, Some(name)) => {
                let found = self.find_account_named(name).await?;
                self.if_known(caller, found).await?
            }
            (Address::Shared, None) => match &caller.home_account {
                Some(id) => self.find_account(id).await?,
                None => self.find_account_by_name(DEFAULT_ACCOUNT).await?,
            },
        };
        let account = account.ok_or(Refused::Hidden)?;
        // A robot or a workload is of one account, wherever it knocks.
        if caller.is_machine() && caller.home_account.as_ref() != Some(&account.id) {
            return Err(Refused::Hidden);
        }
        self.come_to(context, account).await
    }

    /// The account of a name that stands in a path. At an account's own address there is no other.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] for nobody; [`Refused::Hidden`] for an account that the caller has nothing to do with, or
    /// that does not exist.
    pub async fn enter_named(
        &self,
        context: CallerContext,
        name: &str,
    ) -> Result<AccountContext, Refused> {
        let caller = &context.authenticated.caller;
        if caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let found = self.find_account_by_name(name).await?;
        let found = found.filter(|account| match &context.address {
            Address::Account(id) => *id == account.id,
            Address::Shared => true,
        });
        let account = self.if_known(caller, found).await?.ok_or(Refused::Hidden)?;
        self.come_to(context, account).await
    }

    /// The one way to an account: what its network rules keep out goes no further.
    async fn come_to(
        &self,
        context: CallerContext,
        account: Account,
    ) -> Result<AccountContext, Refused> {
        self.learn_of(&context.authenticated.caller, &account.id)
            .await?;
        self.admit(&context, &account.id, NetworkTraffic::Management, None)
            .await?;
        let context = CallerContext {
            address: Address::Account(account.id.clone()),
            ..context
        };
        Ok(AccountContext { context, account })
    }

    /// What the next questions are about.
    async fn learn_of(&self, caller: &Caller, account: &AccountId) -> Result<()> {
        let subject = Subject::of(caller);
        self.learn(subject.as_ref(), About::account(account))
            .await
            .map(drop)
    }

    /// An account that was named exists only for those who have something to do with it.
    pub(crate) async fn if_known(
        &self,
        caller: &Caller,
        account: Option<Account>,
    ) -> Result<Option<Account>> {
        // One that does not exist is asked about like one that is not the caller's.
        let nowhere = AccountId::new("none");
        let id = account.as_ref().map_or(&nowhere, |account| &account.id);
        self.learn_of(caller, id).await?;
        let is_known = self.belongs_to(caller, id).await?;
        Ok(account.filter(|_| is_known))
    }

    /// Whether the caller may do an action to the account itself.
    pub async fn require(&self, by: &AccountContext, action: Action) -> Result<(), Refused> {
        if self.allows(by, action).await? {
            return Ok(());
        }
        Err(if by.context.authenticated.caller.is_anonymous() {
            Refused::Unauthenticated
        } else {
            Refused::Forbidden
        })
    }

    /// The same as a question.
    pub async fn allows(&self, by: &AccountContext, action: Action) -> Result<bool> {
        let who = &by.context.authenticated;
        if matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, action) {
            return Ok(false);
        }
        if by.is_local_operator() {
            return Ok(true);
        }
        let rights = self.find_rights(&who.caller).await?;
        Ok(rights.is_some_and(|rights| {
            let mut rights = rights.rights.iter();
            rights.any(|right| right.allows_in_account(by.id(), action))
        }))
    }

    /// Whether the caller may do an action to a namespace that there is, or why not.
    pub async fn require_in(
        &self,
        by: &AccountContext,
        namespace: &NamespaceRow,
        action: Action,
    ) -> Result<(), Refused> {
        self.require_place(by, Place::of(namespace), action).await
    }

    async fn require_place(
        &self,
        by: &AccountContext,
        place: Place<'_>,
        action: Action,
    ) -> Result<(), Refused> {
        let who = &by.context.authenticated;
        require_good_for(who, action)?;
        self.require_at(&by.context, action, place).await.map(drop)
    }

    /// The namespace that a request names, when its caller may do an action to it.
    ///
    /// # Errors
    /// [`Error::NotFound`] only for whoever might do the action to any namespace of the account; for all others a namespace
    /// that does not exist is [`Refused::Hidden`], like one that they may not see.
    pub async fn namespace(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        action: Action,
    ) -> Result<Arc<NamespaceRow>, Refused> {
        self.namespace_at(by, (named, None), action).await
    }

    /// The namespace of the repository that a request names, when its caller may do an action to that one, which need not
    /// exist.
    ///
    /// # Errors
    /// As [`Authorizer::namespace`]; they say nothing of whether the repository exists.
    pub(crate) async fn namespace_for(
        &self,
        by: &AccountContext,
        repository: RepositoryRef<'_>,
        action: Action,
    ) -> Result<Arc<NamespaceRow>, Refused> {
        let named = NamespaceRef::Name(repository.namespace);
        self.namespace_at(by, (named, Some(repository.name)), action)
            .await
    }

    async fn namespace_at(
        &self,
        by: &AccountContext,
        (named, path): (NamespaceRef<'_>, Option<&str>),
        action: Action,
    ) -> Result<Arc<NamespaceRow>, Refused> {
        let was_remembered = match named {
            NamespaceRef::Name(name) => {
                let known = self.policy.remembered_namespace(&by.context.address, name);
                known.is_some()
            }
            NamespaceRef::Number(_) => false,
        };
        let found = match named {
            NamespaceRef::Name(name) => self.find_namespace(by, name).await?,
            NamespaceRef::Number(number) => self.find_numbered_namespace(by, number).await?,
        };
        if let Some(namespace) = found {
            let place = Place {
                namespace: &namespace,
                path,
            };
            let required = self.require_place(by, place, action).await;
            if was_remembered && matches!(required, Err(Refused::Hidden | Refused::Unauthenticated))
            {
                let (address, name) = (&by.context.address, &namespace.name);
                self.policy.ask_in_vain(address, name).await?;
            }
            return required.map(|()| namespace);
        }
        let who = &by.context.authenticated;
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        require_good_for(who, action)?;
        let visible = self.visible_namespaces(who, by.id(), action).await?;
        Err(match visible {
            Visible::All => Error::NotFound(match named {
                NamespaceRef::Name(name) => format!("the namespace {name}"),
                NamespaceRef::Number(number) => format!("the namespace {number}"),
            })
            .into(),
            Visible::Some(_) => Refused::Hidden,
        })
    }

    async fn find_namespace(
        &self,
        by: &AccountContext,
        name: &str,
    ) -> Result<Option<Arc<NamespaceRow>>> {
        self.policy.find_namespace(&by.context.address, name).await
    }

    async fn find_numbered_namespace(
        &self,
        by: &AccountContext,
        number: i64,
    ) -> Result<Option<Arc<NamespaceRow>>> {
        let found = self.core.metadata.read(|reader| {
            let id = reader.find_numbered(by.id(), Numbered::Namespace, number)?;
            let Some(id) = id.map(model::NamespaceId::new) else {
                return Ok(None);
            };
            Ok::<_, Error>(reader.find_namespace_by_id(&id)?)
        });
        let found = found.await?;
        // A number is given for ever, in one account.
        Ok(found
            .filter(|namespace| namespace.account_id == *by.id())
            .map(Arc::new))
    }

    /// Whether the caller holds all of a right itself, so that it may pass it on.
    pub(crate) async fn may_pass_on(&self, by: &AccountContext, right: &Right) -> Result<bool> {
        if by.is_local_operator() {
            return Ok(true);
        }
        let rights = self.find_rights(&by.context.authenticated.caller).await?;
        let held = rights.iter().flat_map(|rights| &rights.rights);
        Ok(holds(held, right))
    }

    async fn find_account(&self, id: &AccountId) -> Result<Option<Account>> {
        Ok(self
            .core
            .metadata
            .read(|reader| reader.find_account(id))
            .await?)
    }

    /// An account by its name, or by its id, as clients of other registries name theirs.
    async fn find_account_named(&self, named: &str) -> Result<Option<Account>> {
        match self.find_account_by_name(named).await? {
            Some(account) => Ok(Some(account)),
            None => self.find_account(&AccountId::new(named)).await,
        }
    }

    async fn find_account_by_name(&self, name: &str) -> Result<Option<Account>> {
        Ok(self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(name))
            .await?)
    }
}

/// Whether what somebody holds has all of a right in it, so that it may pass it on.
pub(crate) fn holds<'a>(held: impl Iterator<Item = &'a Right>, right: &Right) -> bool {
    // What an operator may see for a while is nobody's to give.
    let held = held.filter(|held| held.account == right.account && held.request.is_none());
    let all: Actions = held
        .filter(|held| held.coverage.covers(&right.coverage))
        .flat_map(|held| held.actions.iter())
        .collect();
    right.actions.iter().all(|action| all.contains(action))
}
