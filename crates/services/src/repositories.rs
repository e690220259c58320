//! Finding the repository of a request, making it when it is pushed to for the first time, and repositories as people see
//! and manage them.

pub(crate) mod deleting;

use crate::access::{Access, Push, Refused, Rights};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::account_settings::AccountSettings;
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::markdown;
use crate::retention::begin_with_default;
use crate::{Error, Result};
pub(crate) use deleting::delete_whole;
use metadata::{
    Error as MetadataError, ListQuery, Listable, Listed, NamespaceRow, Numbered, RepositoriesOf,
    RepositoryDetails, RepositoryKey, RepositoryRow, Tx,
};
use model::{Action, Address, Event, NamespaceId, RepositoryId};
use oci::{NamespaceName, RepositoryName};
use std::sync::Arc;

/// The longest description of a repository, in bytes.
pub const MAX_DESCRIPTION: usize = 64 * 1024;

/// The repository to write to, made with its namespace if it may be and is not there.
pub(crate) fn ensure_repository(
    core: &Core,
    tx: &mut Tx<'_>,
    access: &Access<Push>,
) -> Result<RepositoryId> {
    let key = access.key();
    if let Some(found) = tx.find_repository(&key)? {
        return require_writable(found);
    }
    let name = access.repository.namespace();
    let namespace = match tx.find_namespace(&Address::Account(access.account.clone()), name)? {
        Some(namespace) if namespace.account_state.allows_push() => namespace.id,
        Some(_) => return Err(Error::AccountSuspended),
        None if access.may_create_namespace => create_namespace(core, tx, access)?,
        None => return Err(Error::NamespaceUnknown(name.to_owned())),
    };
    let id = RepositoryId::new(core.ids.next_id());
    match tx.create_repository(&id, &key, &namespace, core.now_ms()) {
        Ok(true) => Ok(id),
        // Another push was quicker.
        Ok(false) => require_writable(tx.find_repository(&key)?.ok_or(Error::Unavailable)?),
        // The namespace has gone since.
        Err(MetadataError::ReferenceViolated) => Err(Error::NamespaceUnknown(name.to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn require_writable(repository: RepositoryRow) -> Result<RepositoryId> {
    if repository.account_state.allows_push() {
        Ok(repository.id)
    } else {
        Err(Error::AccountSuspended)
    }
}

fn create_namespace(core: &Core, tx: &mut Tx<'_>, access: &Access<Push>) -> Result<NamespaceId> {
    let name = NamespaceName::parse(access.repository.namespace())
        .map_err(|error| Error::NamespaceInvalid(error.to_string()))?;
    let account = tx.find_account(&access.account)?;
    if !account.is_some_and(|account| account.state.allows_push()) {
        return Err(Error::AccountSuspended);
    }
    crate::plans::require_room_for_namespace(tx, &access.account)?;
    let id = NamespaceId::new(core.ids.next_id());
    let claimed = tx.create_namespace(&id, &access.account, name.as_str(), false, core.now_ms());
    match claimed {
        Ok(true) => {}
        // Another account holds the name on the shared address: the caller learns no more than for any such name.
        Ok(false) => return Err(Error::NamespaceUnknown(name.as_str().to_owned())),
        // Another push was quicker.
        Err(MetadataError::AlreadyExists) => {
            let address = Address::Account(access.account.clone());
            let found = tx.find_namespace(&address, name.as_str())?;
            return Ok(found.ok_or(Error::Unavailable)?.id);
        }
        Err(error) => return Err(error.into()),
    }
    let settings = AccountSettings::of(&tx.find_account_settings(&access.account)?);
    if let Ok(limit) = u64::try_from(settings.storage_per_namespace) {
        crate::quotas::put_limit(core, tx, &access.account, &id, Some(limit))?;
    }
    let made = (&id, name.as_str());
    if let Some(event) = begin_with_default(core, tx, &access.account, made)? {
        core.record(tx, &event, access)?;
    }
    let event = Event::NamespaceCreated {
        namespace: name.as_str().to_owned(),
        is_public: false,
    };
    core.record(tx, &event, access)?;
    Ok(id)
}

/// The repository to delete from.
pub(crate) fn get_repository<A>(tx: &Tx<'_>, access: &Access<A>) -> Result<RepositoryId> {
    let found = tx.find_repository(&access.key())?;
    require_writable(found.ok_or(Error::NameUnknown)?)
}

/// How a request names a repository: the name within its namespace, which need not be one.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryRef<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The name within it.
    pub name: &'a str,
}

/// A repository that a caller may do something to.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) namespace: Arc<NamespaceRow>,
    pub(crate) id: RepositoryId,
    pub(crate) name: RepositoryName,
}

impl Authorizer {
    /// The repository that a request names, when its caller may do an action to its namespace.
    ///
    /// # Errors
    /// [`Error::NotFound`] only for whoever may.
    pub(crate) async fn repository(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        action: Action,
    ) -> Result<Place, Refused> {
        let (namespace, key) = self.repository_key(by, named, action).await?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_repository(&key));
        let found = found.await.map_err(Error::from)?;
        // One that only ever saw an upload is in no list, but it can be deleted.
        let found = found.filter(|row| row.is_listed || action == Action::RepositoryDelete);
        let unknown = || Error::NotFound(format!("the repository {}", key.name));
        Ok(Place {
            namespace,
            id: found.ok_or_else(unknown)?.id,
            name: key.name,
        })
    }

    /// The same without looking whether there is such a repository.
    async fn repository_key(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        action: Action,
    ) -> Result<(Arc<NamespaceRow>, RepositoryKey), Refused> {
        let namespace = self.namespace_for(by, named, action).await?;
        let whole = format!("{}/{}", namespace.name, named.name);
        let name = RepositoryName::parse(&whole)
            .map_err(|_| Error::NotFound(format!("the repository {whole}")))?;
        let key = RepositoryKey {
            account_id: by.id().clone(),
            name,
        };
        Ok((namespace, key))
    }
}

impl Authorizer {
    /// Whether the caller may do an action to a repository, which need not be there. It costs no query where its namespace
    /// is remembered.
    pub async fn allows_at(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        action: Action,
    ) -> Result<bool, Refused> {
        match self.namespace_for(by, named, action).await {
            Ok(_) => Ok(true),
            Err(Refused::Failed(Error::NotFound(_)) | Refused::Hidden | Refused::Forbidden) => {
                Ok(false)
            }
            Err(refused) => Err(refused),
        }
    }
}

/// A repository as people see it.
#[derive(Clone, Debug)]
pub struct RepositoryView {
    /// What is said of it, and how much is in it.
    pub details: RepositoryDetails,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for its namespace.
    pub namespace_number: i64,
}

/// Repositories, as the people of an account see and manage them.
pub struct Repositories {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Repositories {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The repositories of a namespace.
    pub async fn list(
        &self,
        by: &AccountContext,
        namespace: NamespaceRef<'_>,
        query: ListQuery,
    ) -> Result<Listed<RepositoryView>, Refused> {
        let action = Action::RepositoryList;
        let found = self.authorizer.namespace_or_parts(by, namespace, action);
        let (namespace, parts) = found.await?;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let of = match &parts {
                None => RepositoriesOf::Namespace(&namespace.id),
                Some(parts) => RepositoriesOf::Parts(Listable::Only(&[]), parts),
            };
            Ok::<_, Error>(reader.list_repository_details(&account, of, &query)?)
        });
        self.views(by, listed.await?).await
    }

    /// The repositories of all namespaces whose repositories the caller may list.
    pub async fn list_all(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<RepositoryView>, Refused> {
        let who = by.authenticated();
        if matches!(who.rights, Rights::Token(_))
            || !is_good_for(&who.caller, Action::RepositoryList)
        {
            return Err(Refused::Forbidden);
        }
        let visible = self
            .authorizer
            .visible_repositories(&by.context, by.id(), Action::RepositoryList)
            .await?;
        let shows_public = !who.caller.is_anonymous() || self.core.settings.allows_anonymous_pull;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let ids = visible.namespaces.ids();
            let listable = match visible.namespaces {
                Visible::All => Listable::All,
                Visible::Some(_) if shows_public => Listable::PublicAnd(&ids),
                Visible::Some(_) => Listable::Only(&ids),
            };
            let of = RepositoriesOf::Parts(listable, &visible.parts);
            Ok::<_, Error>(reader.list_repository_details(&account, of, &query)?)
        });
        self.views(by, listed.await?).await
    }

    /// A repository.
    pub async fn get(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
    ) -> Result<RepositoryView, Refused> {
        let action = Action::RepositoryRead;
        let (_, key) = self.authorizer.repository_key(by, named, action).await?;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_repository_details(&key));
        let found = found.await.map_err(Error::from)?;
        let found = found.ok_or_else(|| Error::NotFound(format!("the repository {}", key.name)))?;
        let listed = Listed {
            items: vec![found],
            total: 1,
        };
        let mut views = self.views(by, listed).await?.items;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// A repository, and what is said of it as HTML that any page may show.
    pub async fn get_rendered(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
    ) -> Result<(RepositoryView, String), Refused> {
        let view = self.get(by, named).await?;
        let source = view.details.description.clone();
        let rendered = tokio::task::spawn_blocking(move || markdown::render(&source)).await;
        let html = rendered.map_err(|error| {
            tracing::error!(%error, "a description could not be rendered");
            Error::Internal
        })?;
        Ok((view, html))
    }

    /// Writes what people are told about a repository, in Markdown; an empty text takes it away.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_DESCRIPTION`] bytes, and for control characters that are neither tab nor end
    /// of line.
    pub async fn describe(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        description: String,
    ) -> Result<(), Refused> {
        let action = Action::RepositoryUpdate;
        let place = self.authorizer.repository(by, named, action).await?;
        if description.len() > MAX_DESCRIPTION {
            let text =
                format!("the description is longer than {MAX_DESCRIPTION} bytes; shorten it");
            return Err(Error::Invalid(text).into());
        }
        let is_odd = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t');
        if let Some(odd) = description.chars().find(|char| is_odd(*char)) {
            let text = format!(
                "a description has no control character U+{:04X}",
                u32::from(odd)
            );
            return Err(Error::Invalid(text).into());
        }
        let changed = self.core.change(by, move |core, tx, _| {
            let written = tx.put_repository_description(&place.id, &description, core.now_ms());
            written.map_err(|error| match error {
                MetadataError::ReferenceViolated => {
                    Error::NotFound(format!("the repository {}", place.name))
                }
                error => error.into(),
            })?;
            let repository = place.name;
            Ok(((), Some(Event::RepositoryUpdated { repository })))
        });
        Ok(changed.await?)
    }

    async fn views(
        &self,
        by: &AccountContext,
        listed: Listed<RepositoryDetails>,
    ) -> Result<Listed<RepositoryView>, Refused> {
        let items = &listed.items;
        let ids: Vec<&str> = items.iter().map(|one| one.id.as_str()).collect();
        let mut namespaces: Vec<&str> = items.iter().map(|one| one.namespace_id.as_str()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let core = &self.core;
        let numbers = core.numbers(by.id(), Numbered::Repository, &ids).await?;
        let places = core
            .numbers(by.id(), Numbered::Namespace, &namespaces)
            .await?;
        let total = listed.total;
        let views = listed.items.into_iter().map(|details| {
            Ok(RepositoryView {
                number: numbers.of(details.id.as_str())?,
                namespace_number: places.of(details.namespace_id.as_str())?,
                details,
            })
        });
        let items = views.collect::<Result<_>>()?;
        Ok(Listed { items, total })
    }
}
