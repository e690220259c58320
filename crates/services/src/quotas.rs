//! What each namespace of an account uses, and the limits of those that have one of their own.

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::{Error, Result};
use metadata::{ListQuery, Listable, Listed, NamespaceDetails, Numbered, Reader, Tx};
use model::{AccountId, Action, Event, NamespaceId};
use std::collections::HashMap;
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
    /// What they may be; `None` for as much as the account may.
    pub limit_bytes: Option<u64>,
    /// What the account as a whole may use; `None` for as much as there is.
    pub account_limit_bytes: Option<u64>,
}

/// What a namespace uses, and may use.
type UsedOf = HashMap<String, (u64, Option<u64>)>;

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
            let used = used_of(reader, &ids(&listed.items))?;
            let (_, account_limit_bytes) = reader.get_usage(&account)?;
            Ok::<_, Error>((listed, used, account_limit_bytes))
        });
        let (Listed { items, total }, used, account_limit_bytes) = listed.await?;
        let ids: Vec<&str> = items.iter().map(|one| one.namespace.id.as_str()).collect();
        let numbers = self
            .core
            .numbers(by.id(), Numbered::Namespace, &ids)
            .await?;
        let items: Result<Vec<_>> = items
            .into_iter()
            .map(|details| {
                let id = details.namespace.id.as_str();
                let (used_bytes, limit_bytes) = used.get(id).copied().unwrap_or_default();
                Ok(NamespaceUsage {
                    number: numbers.of(id)?,
                    used_bytes,
                    limit_bytes,
                    account_limit_bytes,
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
        let (id, account) = (found.await?.id.clone(), by.id().clone());
        let read = self.core.metadata.list(move |reader| {
            let details = reader.find_namespace_details(&id)?;
            let used = used_of(reader, std::slice::from_ref(&id))?;
            let (_, account_limit_bytes) = reader.get_usage(&account)?;
            Ok::<_, Error>(details.map(|details| (details, used, account_limit_bytes)))
        });
        let unknown = || Error::NotFound(format!("the quota {number}"));
        let (details, used, account_limit_bytes) = read.await?.ok_or_else(unknown)?;
        let (used_bytes, limit_bytes) = used.into_values().next().unwrap_or_default();
        Ok(NamespaceUsage {
            number,
            details,
            used_bytes,
            limit_bytes,
            account_limit_bytes,
        })
    }

    /// Gives a namespace a limit of its own, or none. One below what is used is fine: nothing more is taken in then. What is
    /// used is counted when a namespace gets its first limit, in one transaction for which pushes to it wait.
    pub async fn set_limit(
        &self,
        by: &AccountContext,
        number: i64,
        limit_bytes: Option<u64>,
    ) -> Result<(), Refused> {
        self.authorizer.require(by, Action::QuotaUpdate).await?;
        require_limit(limit_bytes)?;
        let named = NamespaceRef::Number(number);
        let found = self.authorizer.namespace(by, named, Action::QuotaUpdate);
        let namespace = found.await?;
        let set = self.core.change(by, move |core, tx, account| {
            put_limit(core, tx, account, &namespace.id, limit_bytes)?;
            let event = Event::NamespaceLimited {
                namespace: namespace.name.clone(),
                limit_bytes,
            };
            Ok(((), Some(event)))
        });
        Ok(set.await?)
    }
}

/// The largest limit: what the database can count.
const MAX_LIMIT: u64 = 1 << 62;

pub(crate) fn require_limit(limit_bytes: Option<u64>) -> Result<()> {
    if limit_bytes.is_some_and(|limit| limit > MAX_LIMIT) {
        return Err(Error::Invalid(format!(
            "a limit has at most {MAX_LIMIT} bytes; say that there is none instead"
        )));
    }
    Ok(())
}

/// Gives a namespace a limit, or takes it away.
pub(crate) fn put_limit(
    core: &Core,
    tx: &mut Tx<'_>,
    account: &AccountId,
    namespace: &NamespaceId,
    limit_bytes: Option<u64>,
) -> Result<()> {
    match limit_bytes {
        Some(limit) => tx.set_namespace_limit(account, namespace, limit, core.now_ms())?,
        None => {
            tx.delete_namespace_limit(namespace)?;
        }
    }
    Ok(())
}

/// Namespaces with a limit have a running total; of the others it is counted what they use.
pub(crate) fn used_of(reader: &Reader<'_>, namespaces: &[NamespaceId]) -> Result<UsedOf> {
    let limits = reader.find_namespace_limits(namespaces)?;
    let others: Vec<NamespaceId> = namespaces
        .iter()
        .filter(|id| !limits.contains_key(id.as_str()))
        .cloned()
        .collect();
    let counted = reader.sum_namespace_usage(&others)?;
    let counted = counted.into_iter().map(|(id, used)| (id, (used, None)));
    let limited = limits.into_iter();
    let limited = limited.map(|(id, one)| (id, (one.used_bytes, Some(one.limit_bytes))));
    Ok(counted.chain(limited).collect())
}

fn ids(details: &[NamespaceDetails]) -> Vec<NamespaceId> {
    details.iter().map(|one| one.namespace.id.clone()).collect()
}
