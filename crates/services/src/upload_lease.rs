//! The right to write to an upload: taken before the first byte, kept alive while bytes come, always given back.

use crate::access::{Access, Push};
use crate::core::Core;
use crate::{Error, Result};
use blobs::{ObjectKey, UploadProgress};
use metadata::{ClaimedUpload, Reader, RepositoryRow, Tx, UploadRow};
use oci::UploadId;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the right lasts without a sign of life.
const LEASE_MS: i64 = 60_000;
/// How often a sign of life is given.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Checks that an upload goes to the repository of `access` and was begun by its caller. Otherwise it does not exist
/// for this caller, whatever its id.
pub(crate) fn require_own(
    reader: &Reader<'_>,
    access: &Access<Push>,
    upload: &UploadRow,
) -> Result<RepositoryRow> {
    let repository = reader
        .find_repository(&access.key())?
        .ok_or(Error::UploadUnknown)?;
    let is_own = upload.account_id == access.account
        && upload.repository_id == repository.id
        && upload.caller == access.caller_key();
    if is_own {
        Ok(repository)
    } else {
        Err(Error::UploadUnknown)
    }
}

/// A held right to write. Dropping it gives the right back, whatever happened.
pub(crate) struct UploadLease {
    core: Arc<Core>,
    runtime: Handle,
    pub(crate) upload: UploadRow,
    pub(crate) fence: i64,
    heartbeat: tokio::task::JoinHandle<()>,
    is_over: bool,
}

impl UploadLease {
    /// Takes the right to write to the caller's own upload.
    pub(crate) async fn take(
        core: &Arc<Core>,
        owner: &Arc<str>,
        access: &Access<Push>,
        id: &UploadId,
    ) -> Result<Self> {
        let (core, owner, access, wanted) =
            (core.clone(), owner.clone(), access.clone(), id.clone());
        let runtime = Handle::current();
        // A task, so that the right is given back even if nobody waits for it any more.
        let taking = runtime.clone().spawn(async move {
            let claim_core = core.clone();
            let claimed = core
                .metadata
                .write_relaxed(move |tx| claim(&claim_core, tx, &owner, &access, &wanted))
                .await?;
            Ok(Self::hold(core, runtime, claimed))
        });
        taking.await.map_err(|_| Error::Unavailable)?
    }

    fn hold(core: Arc<Core>, runtime: Handle, claimed: ClaimedUpload) -> Self {
        let ClaimedUpload { upload, fence } = claimed;
        let heartbeat = runtime.spawn(keep_alive(core.clone(), upload.id.clone(), fence));
        Self {
            core,
            runtime,
            upload,
            fence,
            heartbeat,
            is_over: false,
        }
    }

    /// The key of the upload's object, which is its id.
    pub(crate) fn key(&self) -> Result<ObjectKey> {
        ObjectKey::parse(self.upload.id.as_str()).map_err(|_| Error::Internal)
    }

    /// What the blob store needs to go on.
    pub(crate) fn progress(&self) -> Result<UploadProgress> {
        let row = &self.upload;
        if row.offset_bytes == 0 && row.hash_state.is_empty() {
            return Ok(self.core.blobs.begin(self.key()?, row.algorithm));
        }
        Ok(UploadProgress {
            key: self.key()?,
            offset: row.offset_bytes,
            hash: from_hex(&row.hash_state).ok_or(Error::UploadUnknown)?,
            parts: from_hex(&row.parts).ok_or(Error::UploadUnknown)?,
        })
    }

    /// Notes what has arrived, which also gives the right back. The bytes are safe already; a power cut that takes the
    /// note leaves an upload that stands where it stood before.
    pub(crate) async fn record(&mut self, progress: &UploadProgress) -> Result<()> {
        let (id, fence, offset) = (self.upload.id.clone(), self.fence, progress.offset);
        let (hash, parts) = (to_hex(&progress.hash), to_hex(&progress.parts));
        let expires_at_ms = self.core.now_ms() + self.core.settings.upload_lifetime_ms;
        let recorded = self
            .core
            .metadata
            .write_relaxed(move |tx| {
                Ok::<_, Error>(tx.record_upload_progress(
                    (&id, fence),
                    offset,
                    &hash,
                    &parts,
                    expires_at_ms,
                )?)
            })
            .await?;
        self.is_over = recorded;
        if recorded {
            Ok(())
        } else {
            Err(Error::UploadBusy)
        }
    }

    /// Says that the transaction that ended the upload has given the right back.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    /// Gives the right back if it is still held. Once this is done the client may be answered: its next request finds
    /// the upload free. Dropping gives it back too, but only soon.
    pub(crate) async fn give_back(mut self) {
        if !self.is_over {
            release(&self.core, self.upload.id.clone(), self.fence).await;
            self.is_over = true;
        }
    }
}

impl Drop for UploadLease {
    fn drop(&mut self) {
        self.heartbeat.abort();
        if self.is_over {
            return;
        }
        // When the runtime is ending, so is the process, and the lease with it.
        let (core, id, fence) = (self.core.clone(), self.upload.id.clone(), self.fence);
        self.runtime
            .spawn(async move { release(&core, id, fence).await });
    }
}

fn claim(
    core: &Core,
    tx: &mut Tx<'_>,
    owner: &str,
    access: &Access<Push>,
    id: &UploadId,
) -> Result<ClaimedUpload> {
    let now_ms = core.now_ms();
    let upload = tx.find_upload(id, now_ms)?.ok_or(Error::UploadUnknown)?;
    let repository = require_own(tx, access, &upload)?;
    // What was begun before the account was stopped waits like all else.
    if !repository.account_state.allows_push() {
        return Err(Error::AccountSuspended);
    }
    // Where no other process writes, whoever else had the right is an earlier life of this one.
    let others_are_dead = !core.metadata.is_shared();
    tx.claim_upload(id, owner, others_are_dead, now_ms, now_ms + LEASE_MS)?
        .ok_or(Error::UploadBusy)
}

async fn release(core: &Core, id: UploadId, fence: i64) {
    let released = core
        .metadata
        .write_relaxed(move |tx| Ok::<_, Error>(tx.release_upload(&id, fence)?))
        .await;
    if let Err(error) = released {
        tracing::warn!(%error, "an upload's lease was not given back; it ends by itself");
    }
}

async fn keep_alive(core: Arc<Core>, id: UploadId, fence: i64) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let (until_ms, id) = (core.now_ms() + LEASE_MS, id.clone());
        let renewed = core
            .metadata
            .write_relaxed(move |tx| Ok::<_, Error>(tx.renew_upload_lease(&id, fence, until_ms)?))
            .await;
        // A failure may pass; only a right that is lost ends this.
        if matches!(renewed, Ok(false)) {
            return;
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hex, to_hex};

    #[test]
    fn bytes_survive_being_written_as_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
        assert_eq!(from_hex("é0"), None);
    }
}
