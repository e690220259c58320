//! What was uploaded and never used: blobs that no manifest of the account references, and uploads that nobody went on with.

use super::AccountCollections;
use super::work::{Going, add, note};
use crate::core::Core;
use crate::{Error, Result};
use metadata::{CollectionFigures, Tx, UnreferencedBlob};
use model::{AccountId, JobLogLevel};
use oci::Digest;

/// Digests that are looked at together, and uploads that are ended together.
const AT_ONCE: i64 = 100;
/// Uploads that a dry run counts.
const UPLOADS: i64 = 10_000;
/// Repositories that forget a blob in one transaction.
const LEASES: i64 = 100;

impl AccountCollections {
    /// Takes the blobs that no manifest of the account references and that have been known for long enough.
    pub(super) async fn take_unreferenced(&self, going: &mut Going<'_>) -> Result<()> {
        let grace_ms = self.core.settings.grace_period_ms;
        let mut after = String::new();
        loop {
            self.require_active(&going.account).await?;
            let now_ms = self.core.now_ms();
            let (account, from) = (going.account.clone(), after);
            let listed = self.core.metadata.list(move |reader| {
                let times = (now_ms, now_ms - grace_ms);
                Ok::<_, Error>(reader.list_unreferenced_blobs(&account, &from, times, AT_ONCE)?)
            });
            let listed = listed.await?;
            let Some(last) = listed.last() else {
                return Ok(());
            };
            after = last.digest.to_string();
            for blob in listed.into_iter().filter(|blob| blob.is_run_out) {
                self.take_blob(going, blob).await?;
            }
        }
    }

    async fn take_blob(&self, going: &mut Going<'_>, blob: UnreferencedBlob) -> Result<()> {
        let UnreferencedBlob {
            digest, size_bytes, ..
        } = blob;
        let taken = CollectionFigures {
            blobs: 1,
            freed_bytes: size_bytes,
            ..CollectionFigures::default()
        };
        let line = |word: &str| {
            format!("{word} blob {digest}, {size_bytes} bytes: no manifest of the account needs it")
        };
        if going.collection.is_dry_run {
            add(&mut going.found, &taken);
            (going.tell)(JobLogLevel::Info, &line("would remove"));
            return Ok(());
        }
        loop {
            let (account, job, digest) = (going.account.clone(), going.job.clone(), digest.clone());
            let step = self.step(move |core, tx| {
                let ended = end_leases(core, tx, &account, &digest)?;
                if ended == Ended::All {
                    note(tx, &job, &taken, None)?;
                }
                Ok(ended)
            });
            match step.await? {
                Ended::Some => {}
                Ended::None => return Ok(()),
                Ended::All => {
                    (going.tell)(JobLogLevel::Info, &line("removed"));
                    return Ok(());
                }
            }
        }
    }

    /// Ends the account's uploads that nobody went on with.
    pub(super) async fn take_uploads(&self, going: &mut Going<'_>) -> Result<()> {
        let is_dry_run = going.collection.is_dry_run;
        let word = if is_dry_run { "would end" } else { "ended" };
        loop {
            let page = if is_dry_run {
                self.expired_uploads(&going.account).await?
            } else {
                self.end_uploads(going).await?
            };
            for (id, bytes) in &page {
                let line = format!("{word} upload {id}, {bytes} bytes: nobody went on with it");
                (going.tell)(JobLogLevel::Info, &line);
            }
            if is_dry_run {
                add(&mut going.found, &figures_of(&page));
            }
            if is_dry_run || page.is_empty() {
                return Ok(());
            }
        }
    }

    fn others_are_dead(&self) -> bool {
        !self.core.metadata.is_shared()
    }

    async fn expired_uploads(&self, account: &AccountId) -> Result<Vec<(String, u64)>> {
        let (account, owner) = (account.clone(), self.owner.clone());
        let (others_are_dead, now_ms) = (self.others_are_dead(), self.core.now_ms());
        let listed = self.core.metadata.list(move |reader| {
            let leases = (&*owner, others_are_dead);
            Ok::<_, Error>(reader.list_expired_uploads_of(&account, leases, now_ms, UPLOADS)?)
        });
        listed.await
    }

    async fn end_uploads(&self, going: &Going<'_>) -> Result<Vec<(String, u64)>> {
        let (account, job, owner) = (going.account.clone(), going.job.clone(), self.owner.clone());
        let others_are_dead = self.others_are_dead();
        let step = self.step(move |core, tx| {
            let now_ms = core.now_ms();
            let leases = (&*owner, others_are_dead);
            let taken = tx.take_expired_uploads_of(&account, leases, now_ms, AT_ONCE)?;
            for (id, _) in &taken {
                tx.delete_upload(id, now_ms)?;
            }
            note(tx, &job, &figures_of(&taken), None)?;
            Ok(taken)
        });
        step.await
    }
}

fn figures_of(uploads: &[(String, u64)]) -> CollectionFigures {
    CollectionFigures {
        uploads: uploads.len() as u64,
        freed_bytes: uploads.iter().map(|(_, bytes)| bytes).sum(),
        ..CollectionFigures::default()
    }
}

/// How many of the account's repositories have forgotten a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// All of them.
    All,
    /// Some; there are more.
    Some,
    /// One of them needs it again.
    None,
}

/// Ends the account's leases on a blob, as the collector does it with each by itself.
fn end_leases(core: &Core, tx: &mut Tx<'_>, account: &AccountId, digest: &Digest) -> Result<Ended> {
    let now_ms = core.now_ms();
    let renewed_by_ms = now_ms - core.settings.grace_period_ms;
    let mut leases = tx.list_account_leases(account, digest, LEASES)?;
    // In one order, as the collector takes them.
    leases.sort_unstable();
    if leases.is_empty() {
        // The collector was here first.
        return Ok(Ended::None);
    }
    for (repository, storage) in &leases {
        if !tx.take_lease_review(repository, digest, now_ms)? {
            return Ok(Ended::None);
        }
        if !tx.end_lease(repository, digest, renewed_by_ms)? {
            // Whoever needs it since is looked at by the collector.
            tx.enqueue_lease_review(repository, (storage, digest), now_ms)?;
            return Ok(Ended::None);
        }
        tx.enqueue_review(storage, digest, now_ms)?;
    }
    let is_all = tx.list_account_leases(account, digest, 1)?.is_empty();
    Ok(if is_all { Ended::All } else { Ended::Some })
}
