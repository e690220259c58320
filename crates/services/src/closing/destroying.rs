//! Destroying what an account has, a bounded step at a time. Each step writes into the receipt what it took away, in the
//! same transaction, so that it can be broken off anywhere and gone on with by whoever comes next.

use super::receipt::Kept;
use crate::audit::Initiator;
use crate::core::Core;
use crate::growth::Freed;
use crate::maintenance::Maintenance;
use crate::protection::Protection;
use crate::removal::{Keep, ROWS_AT_ONCE, Removal, remove_one, untag_some};
use crate::repositories::deleting::empty;
use crate::trash::destroy_some as destroy_trash;
use crate::{Error, Result};
use metadata::Tx;
use model::caller::Origin;
use model::{Account, AccountId, Caller, Event, RepositoryId};
use oci::RepositoryName;

/// Manifests that one step takes away; namespaces and people; rows of other kinds.
const MANIFESTS: i64 = 200;
const NAMED: i64 = 50;
const ROWS: i64 = 1000;

impl Maintenance {
    /// Takes a step in the destruction of an account whose time has come. Says whether there was one to take: call again
    /// while there is.
    pub async fn destroy_some(&self) -> Result<bool> {
        let core = self.core().clone();
        let now_ms = core.now_ms();
        let due = core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_account_to_destroy(now_ms)?));
        let Some(account) = due.await? else {
            return Ok(false);
        };
        let own = core.clone();
        core.metadata
            .write(move |tx| step(&own, tx, &account))
            .await?;
        Ok(true)
    }
}

/// One step. Somebody may have restored the account since, or taken the last step.
fn step(core: &Core, tx: &mut Tx<'_>, id: &AccountId) -> Result<()> {
    let now_ms = core.now_ms();
    let terms = tx.take_account_terms(id, now_ms)?;
    let is_due = terms.destroy_at_ms.is_some_and(|at_ms| at_ms <= now_ms);
    let Some(account) = tx.find_account(id)? else {
        return Err(Error::Internal);
    };
    if !is_due || terms.destroyed_at_ms.is_some() {
        return Ok(());
    }
    let mut kept = Kept::of(&terms, now_ms)?;
    let is_done = !destroy(core, tx, id, &mut kept)?;
    if is_done {
        finish(core, tx, &account, &mut kept)?;
    }
    let destroyed_at_ms = is_done.then_some(now_ms);
    tx.put_receipt(id, &kept.to_text()?, destroyed_at_ms)?;
    Ok(())
}

/// Takes something away. Says whether there was anything.
fn destroy(core: &Core, tx: &mut Tx<'_>, id: &AccountId, kept: &mut Kept) -> Result<bool> {
    let repositories = tx.list_account_repositories(id, 1)?;
    if let Some((repository, name)) = repositories.first() {
        destroy_some_of(core, tx, (id, repository, name), kept)?;
        return Ok(true);
    }
    let trashed = destroy_trash(core, tx, id)?;
    kept.add("trash", trashed);
    if trashed > 0 {
        return Ok(true);
    }
    let told = tx.forget_account_deliveries(id, ROWS)?;
    kept.add("webhooks", told);
    if told > 0 {
        return Ok(true);
    }
    let namespaces = tx.list_namespaces(id, "", NAMED)?;
    for namespace in &namespaces {
        tx.delete_namespace(&namespace.id)?;
    }
    kept.add("namespaces", namespaces.len());
    if !namespaces.is_empty() {
        return Ok(true);
    }
    let users = tx.list_home_users(id, NAMED)?;
    for user in &users {
        tx.delete_user(user)?;
    }
    kept.add("users", users.len());
    if !users.is_empty() {
        return Ok(true);
    }
    let gone = tx.delete_account_rows(id, ROWS)?;
    if let Some((what, count)) = gone {
        kept.add(what, count);
    }
    Ok(gone.is_some())
}

/// Takes some of a repository away, and itself when nothing is left in it. Blobs go by the collector, if nobody else needs
/// them.
fn destroy_some_of(
    core: &Core,
    tx: &mut Tx<'_>,
    (account, repository, name): (&AccountId, &RepositoryId, &RepositoryName),
    kept: &mut Kept,
) -> Result<()> {
    tx.take_repository(repository)?;
    let removal = Removal {
        account,
        repository: (repository, name),
        by: (&Caller::local_operator(), &Origin::default()),
        trash: Keep::never(),
        // An account that ends takes its rules and locks along.
        protection: &Protection::none(),
        is_whole: true,
        // The account's log would only grow by what nobody can look up any more.
        is_told: false,
    };
    let digests = tx.list_manifest_digests(repository, MANIFESTS)?;
    let mut freed = Freed::of(tx, repository)?;
    let mut manifests = 0;
    let mut is_last = i64::try_from(digests.len()).is_ok_and(|count| count < MANIFESTS);
    let mut rows = 0;
    for digest in &digests {
        let tags = untag_some(core, tx, &removal, digest)?;
        let Some(tags) = tags.filter(|tags| rows == 0 || rows + tags < ROWS_AT_ONCE) else {
            is_last = false;
            break;
        };
        rows += 1 + tags;
        manifests += usize::from(remove_one(core, tx, &removal, digest, &mut freed)?);
    }
    kept.add("manifests", manifests);
    tx.touch_repository(name);
    if is_last && empty(core, tx, repository)? {
        tx.delete_repository(repository, name)?;
        kept.add("repositories", 1);
    }
    kept.bytes = kept.bytes.saturating_add(freed.settle(tx, account)?);
    Ok(())
}

/// Nothing is left: says so in both logs, and notes where the account's chain of events stood.
fn finish(core: &Core, tx: &mut Tx<'_>, account: &Account, kept: &mut Kept) -> Result<()> {
    let chain = tx.find_event_chain(Some(&account.id))?.unwrap_or_default();
    kept.audit = Some((chain.sealed_number, chain.sealed_hash));
    let event = Event::AccountDestroyed {
        account: account.name.clone(),
        manifests: kept.count("manifests"),
        bytes: kept.bytes,
    };
    core.record_by_itself(tx, &event, &account.id)?;
    core.write_event(tx, &event, None, &Initiator::registry())
}
