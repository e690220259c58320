//! Which object holds a digest's bytes.

use crate::core::{Core, SHARED_STORAGE};
use crate::{Error, Result};
use blobs::Completed;
use metadata::{PutBlob, Tx};

/// Says where a blob's bytes are, unless that is known. Answers whether the object is a copy that nobody needs.
pub(crate) fn locate(
    core: &Core,
    tx: &mut Tx<'_>,
    completed: &Completed,
    now_ms: i64,
) -> Result<bool> {
    let Completed {
        key,
        size_bytes,
        digest,
        is_kept,
    } = completed;
    if !is_kept {
        // The bytes that made this one needless may have been collected since, or found to be damaged; then the client
        // has to send them again.
        let Some(location) = tx.keep_blob_location(SHARED_STORAGE, digest)? else {
            return Err(Error::UploadUnknown);
        };
        // An earlier request may have made the object and died before it could say so.
        if location != key.as_str() {
            tx.condemn_object(key.as_str(), now_ms)?;
        }
        return Ok(false);
    }
    let blob = (SHARED_STORAGE, digest);
    // A repeated request finds its own object.
    match tx.put_blob(blob, *size_bytes, key.as_str(), now_ms)? {
        PutBlob::Stored => Ok(false),
        PutBlob::Known => {
            tx.condemn_object(key.as_str(), now_ms)?;
            Ok(true)
        }
        PutBlob::Replaced(damaged, size_bytes) => {
            tracing::info!(%digest, location = damaged, "a damaged blob was pushed again and is whole");
            let delete_at_ms = now_ms + core.settings.condemned_ms;
            tx.condemn_blob(&damaged, size_bytes, now_ms, delete_at_ms)?;
            Ok(false)
        }
    }
}
