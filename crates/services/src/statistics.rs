//! How much there is, as far as the caller may know.

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::require_good_for;
use crate::{Error, Result};
use metadata::{Listable, NamespaceCounts, NamespaceRow};
use model::{Action, NamespaceId, Role};
use std::sync::Arc;

/// How much there is in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountStatistics {
    /// The namespaces that the caller may see.
    pub counts: NamespaceCounts,
    /// Bytes that the account uses; `None` for whoever does not manage it.
    pub used_bytes: Option<u64>,
}

/// What is in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceSummary {
    /// Repositories that have or had a manifest.
    pub repositories: i64,
    /// How many have each role; `None` for whoever does not manage them.
    pub members: Option<Vec<(Role, i64)>>,
    /// Bytes of the distinct digests that its manifests reference, and what they may be, where that is limited; `None` for
    /// whoever has no role in it.
    pub used_bytes: Option<(u64, Option<u64>)>,
}

/// Counts for people.
pub struct Statistics {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Statistics {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// How much there is in the account, for whoever is logged in.
    pub async fn of_account(&self, by: &AccountContext) -> Result<AccountStatistics, Refused> {
        let counts = self.counts(by).await?;
        let used_bytes = if self.authorizer.allows(by, Action::QuotaList).await? {
            let account = by.id().clone();
            let read = self
                .core
                .metadata
                .list(move |reader| Ok::<_, Error>(reader.get_usage(&account)?.0));
            Some(read.await?)
        } else {
            None
        };
        Ok(AccountStatistics { counts, used_bytes })
    }

    /// The namespaces and repositories of the account that the caller may see, for whoever is logged in.
    pub async fn counts(&self, by: &AccountContext) -> Result<NamespaceCounts, Refused> {
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        require_good_for(who, Action::NamespaceRead)?;
        let visible = self
            .authorizer
            .visible_namespaces(who, by.id(), Action::NamespaceRead)
            .await?;
        let mut parts = self.authorizer.parts(&who.caller, by.id()).await?;
        parts.retain(|part| !visible.contains(&part.namespace));
        let account = by.id().clone();
        let counted = self.core.metadata.list(move |reader| {
            let ids: Vec<NamespaceId> = match &visible {
                Visible::All => Vec::new(),
                Visible::Some(ids) => ids.iter().cloned().collect(),
            };
            let listable = match visible {
                Visible::All => Listable::All,
                Visible::Some(_) => Listable::PublicAnd(&ids),
            };
            let mut counts = reader.count_namespaces(&account, listable)?;
            for repositories in reader.count_parts(&parts)?.into_values() {
                counts.private.namespaces += 1;
                counts.private.repositories += repositories;
            }
            Ok::<_, Error>(counts)
        });
        Ok(counted.await?)
    }

    /// What is in a namespace.
    pub async fn of_namespace(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<NamespaceSummary, Refused> {
        let found = self.authorizer.namespace(by, named, Action::NamespaceRead);
        let namespace = found.await?;
        let sees_members = self.may(by, &namespace, Action::MemberUpdate).await?;
        let sees_usage = self.may(by, &namespace, Action::QuotaRead).await?;
        let parts = self.authorizer.parts_known(by, &namespace).await?;
        let id = namespace.id.clone();
        let read = self.core.metadata.list(move |reader| {
            let Some(details) = reader.find_namespace_details(&id)? else {
                return Ok(None);
            };
            let members = if sees_members {
                Some(reader.count_members(&id)?)
            } else {
                None
            };
            let used = if sees_usage {
                let used = crate::quotas::used_of(reader, std::slice::from_ref(&id))?;
                Some(used.into_values().next().unwrap_or_default())
            } else {
                None
            };
            let repositories = match &parts {
                None => details.repositories,
                Some(parts) => reader.count_parts(parts)?.into_values().sum(),
            };
            Ok::<_, Error>(Some(NamespaceSummary {
                repositories,
                members,
                used_bytes: used,
            }))
        });
        let unknown = || Error::NotFound(format!("the namespace {}", namespace.name));
        Ok(read.await?.ok_or_else(unknown)?)
    }

    async fn may(
        &self,
        by: &AccountContext,
        namespace: &NamespaceRow,
        action: Action,
    ) -> Result<bool> {
        self.authorizer.allows_in(by, namespace, action).await
    }
}
