//! What each namespace of an account uses.

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{ListQuery, Listable, Listed, NamespaceDetails, Numbered};
use model::{Action, NamespaceId};
use std::sync::Arc;

/// What a namespace uses.
#[derive(Clone, Debug)]
pub struct NamespaceUsage {
    /// Harbor's number for the namespace.
    pub number: i64,
    /// The namespace.
    pub details: NamespaceDetails,
    /// Bytes of the distinct digests that its manifests reference.
    pub used_bytes: u64,
}

/// What namespaces use, and may use.
pub struct Quotas {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Quotas {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// What the account's namespaces use. Fields are those of namespaces: `name`, `owner`, `public`, `creation_time`,
    /// `update_time`.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<NamespaceUsage>, Refused> {
        self.authorizer.require(by, Action::QuotaList).await?;
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            let listed = reader.list_namespace_details(&account, Listable::All, &query)?;
            let used = reader.sum_namespace_usage(&ids(&listed.items))?;
            Ok::<_, Error>((listed, used))
        });
        let (Listed { items, total }, used) = listed.await?;
        let ids: Vec<&str> = items.iter().map(|one| one.namespace.id.as_str()).collect();
        let numbers = self
            .core
            .numbers(by.id(), Numbered::Namespace, &ids)
            .await?;
        let items: Result<Vec<_>> = items
            .into_iter()
            .map(|details| {
                let id = details.namespace.id.as_str();
                Ok(NamespaceUsage {
                    number: numbers.of(id)?,
                    used_bytes: used.get(id).copied().unwrap_or(0),
                    details,
                })
            })
            .collect();
        Ok(Listed {
            items: items?,
            total,
        })
    }

    /// What a namespace uses.
    pub async fn get(&self, by: &AccountContext, number: i64) -> Result<NamespaceUsage, Refused> {
        self.authorizer.require(by, Action::QuotaRead).await?;
        let named = NamespaceRef::Number(number);
        let found = self.authorizer.namespace(by, named, Action::QuotaRead);
        let id = found.await?.id.clone();
        let read = self.core.metadata.list(move |reader| {
            let details = reader.find_namespace_details(&id)?;
            let used = reader.sum_namespace_usage(std::slice::from_ref(&id))?;
            Ok::<_, Error>(details.map(|details| (details, used)))
        });
        let unknown = || Error::NotFound(format!("the quota {number}"));
        let (details, used) = read.await?.ok_or_else(unknown)?;
        Ok(NamespaceUsage {
            number,
            used_bytes: used.into_values().sum(),
            details,
        })
    }
}

fn ids(details: &[NamespaceDetails]) -> Vec<NamespaceId> {
    details.iter().map(|one| one.namespace.id.clone()).collect()
}
