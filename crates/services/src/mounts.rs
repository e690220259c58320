//! Mounts: a blob that one repository has becomes known to another, without its bytes.

use crate::access::{Access, CallerContext, Pull, Push};
use crate::authorizer::Authorizer;
use crate::repositories::ensure_repository;
use crate::uploads::Uploads;
use crate::{Error, Result};
use metadata::Tx;
use oci::{Digest, RepositoryName};

/// Repositories looked at for an automatic mount.
const MOUNT_SOURCES: i64 = 100;

impl Uploads {
    /// Makes a blob of a repository that the caller may read known to another one. Says whether that was possible; when
    /// not, nothing tells why.
    pub async fn mount(
        &self,
        to: &Access<Push>,
        from: &Access<Pull>,
        digest: &Digest,
    ) -> Result<bool> {
        if to.account != from.account {
            return Ok(false);
        }
        let (core, to, from, digest) =
            (self.core.clone(), to.clone(), from.clone(), digest.clone());
        let source = self.core.metadata.read(|reader| {
            let Some(source) = reader.find_repository(&from.key())? else {
                return Ok(None);
            };
            Ok::<_, Error>(
                reader
                    .find_membership(&source.id, &digest)?
                    .map(|_| source.id),
            )
        });
        let Some(source) = source.await? else {
            return Ok(false);
        };
        self.core
            .metadata
            .write(move |tx: &mut Tx<'_>| {
                // Looked at again inside: it may have gone since. From here on it stays.
                let Some((storage, _)) = tx.keep_membership(&source, &digest)? else {
                    return Ok(false);
                };
                let target = ensure_repository(&core, tx, &to)?;
                let now_ms = core.now_ms();
                let due_at_ms = now_ms + core.settings.grace_period_ms;
                tx.enqueue_lease_review(&target, (&storage, &digest), due_at_ms)?;
                tx.put_repository_blob(&to.account, &target, &storage, &digest, now_ms)?;
                Ok(true)
            })
            .await
    }

    /// A repository that the caller may read and that has the blob: the source of an automatic mount.
    pub async fn find_mount_source(
        &self,
        authorizer: &Authorizer,
        context: &CallerContext,
        to: &Access<Push>,
        digest: &Digest,
    ) -> Result<Option<Access<Pull>>> {
        let candidates = self
            .core
            .metadata
            .read(|reader| reader.list_memberships(&to.account, digest, MOUNT_SOURCES))
            .await?;
        let names = candidates
            .iter()
            .filter_map(|row| RepositoryName::parse(&row.repository).ok());
        for name in names {
            if let Ok(access) = authorizer.authorize::<Pull>(context, &name).await {
                return Ok(Some(access));
            }
        }
        Ok(None)
    }
}
