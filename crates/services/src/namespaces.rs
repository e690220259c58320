//! Namespaces, as the people of an account see and manage them.

mod creating;
mod emptying;
mod settings;

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::require_good_for;
use crate::removal::Keep;
use crate::retention::numbers_of;
use crate::trash::KeptNamespace;
use crate::{Error, Result};
pub use creating::{CreatedNamespace, NewNamespace};
pub use emptying::MAX_NAMESPACES;
use metadata::{
    CveAllowlist, Error as MetadataError, ListQuery, Listable, Listed, NamespaceDetails,
    NamespaceRow, Numbered, Tx,
};
use model::{AccountId, Action, Coverage, Event, NamespaceId, Role};
pub use settings::NamespaceChange;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of one list.
const PAGE: i64 = 1000;

/// A namespace as a caller sees it.
#[derive(Clone, Debug)]
pub struct NamespaceView {
    /// The namespace, its settings and what is in it.
    pub details: NamespaceDetails,
    /// Harbor's number for it.
    pub number: i64,
    /// The caller's roles in it, the strongest first.
    pub roles: Vec<Role>,
    /// Vulnerabilities that it accepts; `None` when nobody has ever said.
    pub allowlist: Option<CveAllowlist>,
    /// Harbor's number for its retention policy.
    pub retention: Option<i64>,
}

/// Namespaces.
pub struct Namespaces {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Namespaces {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The namespaces that the caller may see. `is_public` picks those that are open to everyone, or those that are not.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<NamespaceView>, Refused> {
        let Listed { items, total } = self.list_details(by, query).await?;
        let items = self.views(by, items).await?;
        Ok(Listed { items, total })
    }

    async fn list_details(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<NamespaceDetails>, Refused> {
        let who = by.authenticated();
        require_good_for(who, Action::NamespaceRead)?;
        let visible = self
            .authorizer
            .visible_repositories(&by.context, by.id(), Action::NamespaceRead)
            .await?
            .namespaces;
        let mut parts = self.authorizer.parts(&who.caller, by.id()).await?;
        parts.retain(|part| !visible.contains(&part.namespace));
        let shows_public = !who.caller.is_anonymous() || self.core.settings.allows_anonymous_pull;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let mut ids = visible.ids();
            ids.extend(parts.iter().map(|part| part.namespace.clone()));
            let listable = match visible {
                Visible::All => Listable::All,
                Visible::Some(_) if shows_public => Listable::PublicAnd(&ids),
                Visible::Some(_) => Listable::Only(&ids),
            };
            let mut listed = reader.list_namespace_details(&account, listable, &query)?;
            let in_parts = reader.count_parts(&parts)?;
            for details in &mut listed.items {
                if let Some(repositories) = in_parts.get(&details.namespace.id) {
                    details.repositories = *repositories;
                }
            }
            Ok::<_, Error>(listed)
        });
        Ok(listed.await?)
    }

    /// A namespace.
    pub async fn get(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<NamespaceView, Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::NamespaceRead)
            .await?;
        let found = self.find_details(&namespace.id).await?;
        let mut details = found.ok_or_else(|| gone(&namespace))?;
        if let Some(parts) = self.authorizer.parts_known(by, &namespace).await? {
            let counted = self.core.metadata.list(move |reader| {
                Ok::<_, Error>(reader.count_parts(&parts)?.into_values().sum())
            });
            details.repositories = counted.await?;
        }
        let mut views = self.views(by, vec![details]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Changes a namespace's settings.
    pub async fn update(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        change: NamespaceChange,
        action: Action,
    ) -> Result<(), Refused> {
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let owner = by.authenticated().caller.display_name().to_owned();
        let context = by.clone();
        let changed = self.core.change(by, move |core, tx, account| {
            tx.take_namespace_settings(&namespace.id)?;
            let found = tx.find_namespace_details(&namespace.id)?;
            let details = found.ok_or_else(|| gone(&namespace))?;
            let is_public = change.is_public()?.unwrap_or(details.namespace.is_public);
            if is_public != details.namespace.is_public {
                tx.set_namespace_public(&namespace.id, is_public)?;
            }
            let now_ms = core.now_ms();
            change.put(tx, &namespace.id, details.settings, (&owner, now_ms))?;
            if let Some(list) = change.allowlist() {
                let of = Some((&namespace.id, namespace.name.as_str()));
                let event = list.put(core, tx, account, of)?;
                core.record_by(tx, &event, &context)?;
            }
            let event = Event::NamespaceUpdated {
                namespace: namespace.name.clone(),
                is_public,
            };
            Ok(((), Some(event)))
        });
        Ok(changed.await?)
    }

    /// Why a namespace cannot be deleted; `None` when it can.
    pub async fn why_not_deletable(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<Option<Error>, Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::NamespaceDelete)
            .await?;
        let id = namespace.id.clone();
        let has_repository = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.has_repository(&id)?))
            .await?;
        Ok(has_repository.then(|| Error::NamespaceInUse(namespace.name.clone())))
    }

    /// Deletes a namespace that holds no repository.
    ///
    /// # Errors
    /// [`Error::NamespaceInUse`].
    pub async fn delete(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<(), Refused> {
        let namespace = self
            .authorizer
            .namespace(by, named, Action::NamespaceDelete)
            .await?;
        crate::webhooks::forget_ended_of(&self.core, &namespace.id).await?;
        let who = by.clone();
        let deleted = self.core.change(by, move |core, tx, account| {
            let name = namespace.name.clone();
            trash_namespace(core, tx, (account, &namespace.id), &who)?;
            tx.delete_namespace(&namespace.id)
                .map_err(|error| match error {
                    MetadataError::ReferenceViolated => Error::NamespaceInUse(name.clone()),
                    error => error.into(),
                })?;
            Ok(((), Some(Event::NamespaceDeleted { namespace: name })))
        });
        Ok(deleted.await?)
    }

    /// The account's namespaces by name, after `after`: all of them.
    pub async fn list_all(
        &self,
        by: &AccountContext,
        after: String,
    ) -> Result<Vec<NamespaceRow>, Refused> {
        self.authorizer.require(by, Action::NamespaceList).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_namespaces(&account, &after, PAGE)?));
        Ok(listed.await?)
    }

    async fn find_details(&self, id: &NamespaceId) -> Result<Option<NamespaceDetails>> {
        self.core
            .metadata
            .read(|reader| Ok(reader.find_namespace_details(id)?))
            .await
    }

    async fn allowlists(&self, of: &[NamespaceDetails]) -> Result<HashMap<String, CveAllowlist>> {
        let ids: Vec<NamespaceId> = of.iter().map(|one| one.namespace.id.clone()).collect();
        let found = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.find_cve_allowlists(&ids)?));
        found.await
    }

    async fn views(
        &self,
        by: &AccountContext,
        details: Vec<NamespaceDetails>,
    ) -> Result<Vec<NamespaceView>> {
        let ids: Vec<&str> = details
            .iter()
            .map(|details| details.namespace.id.as_str())
            .collect();
        let numbers = self
            .core
            .numbers(by.id(), Numbered::Namespace, &ids)
            .await?;
        let policies = numbers_of(&self.core, by.id(), &ids).await?;
        let mut allowlists = self.allowlists(&details).await?;
        let rights = self
            .authorizer
            .find_rights(&by.authenticated().caller)
            .await?;
        let roles = |id: &NamespaceId| -> Vec<Role> {
            let rights = rights.iter().flat_map(|rights| &rights.rights);
            let here = rights.filter(|right| {
                right.account == *by.id()
                    && match &right.coverage {
                        Coverage::Everything | Coverage::Namespaces => true,
                        Coverage::Namespace(one) => one == id,
                        Coverage::Account | Coverage::Repositories(..) => false,
                    }
            });
            let mut roles: Vec<Role> = here.filter_map(|right| right.role).collect();
            roles.sort_unstable();
            roles.dedup();
            roles
        };
        details
            .into_iter()
            .map(|details| {
                Ok(NamespaceView {
                    number: numbers.of(details.namespace.id.as_str())?,
                    roles: roles(&details.namespace.id),
                    allowlist: allowlists.remove(details.namespace.id.as_str()),
                    retention: policies.get(details.namespace.id.as_str()).copied(),
                    details,
                })
            })
            .collect()
    }
}

/// Puts a namespace into the trash that is about to be deleted, unless nothing goes there.
fn trash_namespace(
    core: &Core,
    tx: &mut Tx<'_>,
    (account, id): (&AccountId, &NamespaceId),
    by: &AccountContext,
) -> Result<()> {
    let caller = &by.authenticated().caller;
    let keep = Keep::of(core, tx, account)?;
    let Some(how) = keep.trashing(core, account, (caller, None)) else {
        return Ok(());
    };
    let Some(details) = tx.find_namespace_details(id)? else {
        return Ok(());
    };
    let limits = tx.find_namespace_limits(std::slice::from_ref(id))?;
    let kept = KeptNamespace {
        is_public: details.namespace.is_public,
        settings: details.settings,
        limit_bytes: limits.values().next().map(|limit| limit.limit_bytes),
    };
    let text = serde_json::to_string(&kept).map_err(|_| Error::Internal)?;
    Ok(tx.trash_namespace(&how, id, &text)?)
}

fn gone(namespace: &NamespaceRow) -> Error {
    Error::NotFound(format!("the namespace {}", namespace.name))
}
