//! Managing an account: the right to, and its namespaces.

use crate::access::{Authenticated, CallerContext, Refused, Resource};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::{Error, Result};
use keys::{DeploymentKey, PasswordHasher, Random};
use metadata::{Error as MetadataError, NamespaceRow, Reader, UserRow};
use model::caller::Origin;
use model::{Account, AccountId, Action, Address, CallerKind, Event, NamespaceId};
use oci::NamespaceName;
use std::sync::Arc;

/// Rows of one list.
const PAGE: i64 = 1000;

/// The right to manage one account. Only [`Accounts::manage`] makes it.
pub struct Management {
    context: CallerContext,
    pub(crate) account: Account,
}

impl Management {
    /// Whether it is the operator at the machine's command line, who looks after the deployment too.
    pub(crate) fn is_local_operator(&self) -> bool {
        self.context.authenticated.caller.kind == CallerKind::LocalOperator
    }

    /// The same account, managed by a person.
    #[cfg(test)]
    pub(crate) fn of_a_person(&self) -> Self {
        let caller = model::Caller {
            kind: CallerKind::User {
                id: model::UserId::new("person"),
                name: "person".to_owned(),
            },
            credential: model::CredentialKind::Password,
            home_account: Some(self.account.id.clone()),
        };
        let authenticated = Authenticated {
            caller,
            ..Authenticated::local_operator()
        };
        Self {
            context: CallerContext {
                authenticated: Arc::new(authenticated),
                ..self.context.clone()
            },
            account: self.account.clone(),
        }
    }
}

/// Accounts and what is in them besides images.
pub struct Accounts {
    pub(crate) core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    pub(crate) key: Arc<DeploymentKey>,
    pub(crate) passwords: Arc<PasswordHasher>,
    pub(crate) random: Arc<dyn Random>,
}

impl Accounts {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        key: Arc<DeploymentKey>,
        passwords: Arc<PasswordHasher>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            passwords,
            random,
        }
    }

    /// Proves that the operator at the machine's command line may manage an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no account of that name.
    pub async fn manage_locally(&self, account: &str) -> Result<Management, Refused> {
        let context = CallerContext {
            authenticated: Arc::new(Authenticated::local_operator()),
            origin: Origin::default(),
            address: Address::Shared,
        };
        self.manage(&context, account, Action::UserManage).await
    }

    /// Proves that a caller may manage an account.
    pub async fn manage(
        &self,
        context: &CallerContext,
        account: &str,
        action: Action,
    ) -> Result<Management, Refused> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(account));
        let account = found.await.map_err(Error::from)?;
        let account = account.ok_or_else(|| Error::NotFound("the account".to_owned()))?;
        self.authorizer
            .authorize_in_account(context, action, Resource::Account(&account.id))
            .await?;
        Ok(Management {
            context: context.clone(),
            account,
        })
    }

    /// Creates a namespace. Says whether the deployment's shared address knows it by its name.
    pub async fn create_namespace(
        &self,
        by: &Management,
        name: &str,
        is_public: bool,
    ) -> Result<bool> {
        let name = NamespaceName::parse(name)
            .map_err(|error| Error::NamespaceInvalid(error.to_string()))?;
        let id = NamespaceId::new(self.core.ids.next_id());
        self.change(by, move |core, tx, account| {
            let name = name.as_str();
            let claimed = tx
                .create_namespace(&id, account, name, is_public, core.now_ms())
                .map_err(|error| existing(error, &format!("the namespace {name}")))?;
            let event = Event::NamespaceCreated {
                namespace: name.to_owned(),
                is_public,
            };
            Ok((claimed, Some(event)))
        })
        .await
    }

    /// The account's namespaces by name, after `after`.
    pub async fn list_namespaces(
        &self,
        by: &Management,
        after: String,
    ) -> Result<Vec<NamespaceRow>> {
        let account = by.account.id.clone();
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_namespaces(&account, &after, PAGE)?))
            .await
    }

    /// Opens a namespace to everyone, or closes it.
    pub async fn set_public(&self, by: &Management, name: &str, is_public: bool) -> Result<()> {
        let name = name.to_owned();
        self.change(by, move |_, tx, account| {
            let namespace = get_namespace(tx, account, &name)?;
            tx.set_namespace_public(&namespace.id, is_public)?;
            Ok((
                (),
                Some(Event::NamespaceUpdated {
                    namespace: name,
                    is_public,
                }),
            ))
        })
        .await
    }

    /// Deletes a namespace that no repository was ever made in.
    ///
    /// # Errors
    /// [`Error::NamespaceInUse`].
    pub async fn delete_namespace(&self, by: &Management, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(by, move |_, tx, account| {
            let namespace = get_namespace(tx, account, &name)?;
            tx.delete_namespace(&namespace.id)
                .map_err(|error| match error {
                    MetadataError::ReferenceViolated => Error::NamespaceInUse(name.clone()),
                    error => error.into(),
                })?;
            Ok(((), Some(Event::NamespaceDeleted { namespace: name })))
        })
        .await
    }

    /// One transaction of a manager, with the event that it makes true.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        by: &Management,
        work: impl FnOnce(&Core, &mut metadata::Tx<'_>, &AccountId) -> Result<(T, Option<Event>)>
        + Clone
        + Send
        + 'static,
    ) -> Result<T> {
        let (core, context, account) =
            (self.core.clone(), by.context.clone(), by.account.id.clone());
        self.core
            .metadata
            .write(move |tx| {
                let (answer, event) = work(&core, tx, &account)?;
                if let Some(event) = event {
                    let caller = &context.authenticated.caller;
                    core.record_for(tx, &event, &account, (caller, &context.origin))?;
                }
                Ok(answer)
            })
            .await
    }
}

pub(crate) fn get_namespace(
    reader: &Reader<'_>,
    account: &AccountId,
    name: &str,
) -> Result<NamespaceRow> {
    let found = reader.find_namespace(&Address::Account(account.clone()), name)?;
    found.ok_or_else(|| Error::NotFound(format!("the namespace {name}")))
}

/// The account's user of that name; others do not exist for whoever manages it.
pub(crate) fn get_user(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<UserRow> {
    let unknown = || Error::NotFound(format!("the user {name}"));
    let user = reader.find_user_by_name(name)?.ok_or_else(unknown)?;
    if reader.is_member(account, &user.id)? {
        Ok(user)
    } else {
        Err(unknown())
    }
}

pub(crate) fn existing(error: MetadataError, what: &str) -> Error {
    match error {
        MetadataError::AlreadyExists => Error::AlreadyExists(what.to_owned()),
        error => error.into(),
    }
}
