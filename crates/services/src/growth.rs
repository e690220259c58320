//! What a push makes an account and a namespace use more, and what a deletion makes them use less. Limits are held against
//! running totals, last of all in a transaction: pushes of one account wait for each other from there to the commit.

use crate::access::Access;
use crate::core::Core;
use crate::usage::reached;
use crate::{Error, Result};
use metadata::{Added, Reader, RemovedBlobs, Tx};
use model::{AccountId, Event, NamespaceId, RepositoryId};
use oci::{Digest, RepositoryName};

/// What a push adds.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    bytes: u64,
    /// Every digest that the manifest references, with its size.
    referenced: Vec<(Digest, u64)>,
    /// The namespace, if it has a limit of its own, and what that adds to it.
    namespace: Option<(NamespaceId, u64)>,
}

impl Growth {
    /// The manifest needs a blob (storage, digest, size).
    pub(crate) fn reference(
        &mut self,
        tx: &mut Tx<'_>,
        account: &AccountId,
        (repository, manifest): (&RepositoryId, &str),
        (storage, digest, size_bytes): (&str, &Digest, u64),
    ) -> Result<()> {
        tx.create_manifest_blob(manifest, repository, storage, digest)?;
        if tx.add_reference(account, digest, size_bytes)? {
            self.bytes = self.bytes.saturating_add(size_bytes);
        }
        self.referenced.push((digest.clone(), size_bytes));
        Ok(())
    }

    /// Whether the account had referenced everything before.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Everything was referenced; this is the namespace, if it has a limit.
    pub(crate) fn in_limited(
        &mut self,
        tx: &mut Tx<'_>,
        namespace: Option<NamespaceId>,
    ) -> Result<()> {
        let Some(namespace) = namespace else {
            return Ok(());
        };
        let mut bytes = 0_u64;
        for (digest, size_bytes) in &self.referenced {
            if tx.add_namespace_reference(&namespace, digest, *size_bytes)? {
                bytes = bytes.saturating_add(*size_bytes);
            }
        }
        self.namespace = Some((namespace, bytes));
        Ok(())
    }

    /// Adds it up, unless something would be over its limit.
    pub(crate) fn settle<A>(&self, core: &Core, tx: &mut Tx<'_>, access: &Access<A>) -> Result<()> {
        self.settle_in(core, tx, (&access.account, &access.repository))
    }

    /// The same for whoever has no access to a repository.
    pub(crate) fn settle_in(
        &self,
        core: &Core,
        tx: &mut Tx<'_>,
        (account, repository): (&AccountId, &RepositoryName),
    ) -> Result<()> {
        if let Some((namespace, bytes)) = &self.namespace
            && !tx.add_namespace_usage(namespace, *bytes)?
        {
            let limits = tx.find_namespace_limits(std::slice::from_ref(namespace))?;
            let limit = limits.values().next().map_or(0, |limit| limit.limit_bytes);
            let namespace = repository.namespace().to_owned();
            return Err(Error::NamespaceFull { namespace, limit });
        }
        match tx.add_usage(account, self.bytes)? {
            Added::TooMuch => Err(storage_is_full(tx, account)?),
            Added::Total {
                used_bytes,
                limit_bytes: Some(limit),
            } => self.warn(core, tx, account, (used_bytes, limit)),
            Added::Nothing | Added::Total { .. } => Ok(()),
        }
    }

    /// Says so, once, when a share is reached that administrators are to know of.
    fn warn(
        &self,
        core: &Core,
        tx: &mut Tx<'_>,
        id: &AccountId,
        (used_bytes, limit_bytes): (u64, u64),
    ) -> Result<()> {
        let share = |used| reached(core.settings.storage_warnings, used, Some(limit_bytes));
        let now = share(used_bytes);
        let Some(percent) = now.filter(|_| now > share(used_bytes.saturating_sub(self.bytes)))
        else {
            return Ok(());
        };
        let Some(account) = tx.find_account(id)? else {
            return Ok(());
        };
        let event = Event::StorageWarning {
            account: account.name,
            percent,
            used_bytes,
            limit_bytes,
        };
        core.record_by_itself(tx, &event, id)
    }
}

/// Which limit an account has reached that can store no more.
pub(crate) fn storage_is_full(reader: &Reader<'_>, account: &AccountId) -> Result<Error> {
    let (_, limit) = reader.get_usage(account)?;
    let plan = reader.find_plan_of_account(account)?;
    let of_plan = plan.and_then(|plan| plan.limits.storage_bytes);
    Ok(Error::QuotaExceeded {
        limit: limit.unwrap_or_default(),
        is_own: limit != of_plan,
    })
}

/// What a deletion frees.
#[derive(Debug)]
pub(crate) struct Freed {
    bytes: u64,
    namespace: Option<(NamespaceId, u64)>,
}

impl Freed {
    /// Nothing yet, of a repository.
    pub(crate) fn of(tx: &mut Tx<'_>, repository: &RepositoryId) -> Result<Self> {
        tx.keep_repository(repository)?;
        let namespace = tx.find_limited_namespace(repository)?;
        Ok(Self {
            bytes: 0,
            namespace: namespace.map(|namespace| (namespace, 0)),
        })
    }

    /// A manifest needs a blob no more.
    pub(crate) fn drop_reference(
        &mut self,
        tx: &mut Tx<'_>,
        account: &AccountId,
        digest: &Digest,
    ) -> Result<()> {
        let freed = tx.drop_reference(account, digest)?;
        self.bytes = self.bytes.saturating_add(freed);
        if let Some((namespace, bytes)) = &mut self.namespace {
            *bytes = bytes.saturating_add(tx.drop_namespace_reference(namespace, digest)?);
        }
        Ok(())
    }

    /// Many manifests need blobs no more.
    pub(crate) fn drop_references(
        &mut self,
        tx: &mut Tx<'_>,
        account: &AccountId,
        blobs: &RemovedBlobs,
    ) -> Result<()> {
        let freed = tx.drop_references(account, blobs)?;
        self.bytes = self.bytes.saturating_add(freed);
        if let Some((namespace, bytes)) = &mut self.namespace {
            *bytes = bytes.saturating_add(tx.drop_namespace_references(namespace, blobs)?);
        }
        Ok(())
    }

    /// Takes it from the running totals. Answers with the bytes that the account uses less.
    pub(crate) fn settle(&self, tx: &mut Tx<'_>, account: &AccountId) -> Result<u64> {
        if let Some((namespace, bytes)) = &self.namespace {
            tx.free_namespace_usage(namespace, *bytes)?;
        }
        tx.free_usage(account, self.bytes)?;
        Ok(self.bytes)
    }
}
