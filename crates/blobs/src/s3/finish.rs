//! How an upload becomes an object. Nothing is readable before its digest was verified, with one exception that lasts
//! until the answer: a large object whose digest uses another algorithm than the upload was hashed with can only be read
//! again once it is complete. No row names it before that has ended well.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, PutMode, PutPayload};
use oci::{Digest, Hasher};

use super::upload::{Ended, OpenUpload, broken_off, stopped};
use super::{Failure, S3};
use crate::store::{
    AppendError, CompleteError, Completed, Expected, IsStored, PutError, StorageError,
    UploadProgress,
};
use crate::transfer::blocking;

/// The piece that says which content an upload is becoming.
pub(super) const SEAL: &str = "seal";
/// Tries to make one where others come and go.
const SEAL_TRIES: u32 = 3;

/// How an object that is there already is told from one that is not ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// By its length: this request brought no bytes, so who made it had the same ones.
    Length,
    Content,
}

impl OpenUpload {
    /// Verifies and makes the object. `has_brought` says whether this request added bytes.
    async fn finish(
        &mut self,
        expected: Expected,
        has_brought: bool,
    ) -> Result<Completed, CompleteError> {
        let Expected { digest, is_stored } = expected;
        let hasher = self.hashing.whole().await?;
        let is_hashed = hasher.algorithm() == digest.algorithm();
        if is_hashed {
            verify(hasher.clone().finish(), &digest)?;
        }
        self.landed().await?;
        let proof = if has_brought || !is_hashed {
            Proof::Content
        } else {
            Proof::Length
        };
        if self.composition.multipart.is_none() {
            return self
                .finish_small((digest, is_hashed), is_stored, proof)
                .await;
        }
        // Asked only once the digest is known to be right; here that would be after completing.
        if let Some(is_stored) = is_stored.filter(|_| is_hashed)
            && blocking(is_stored).await?
        {
            return Ok(self.dropped(digest).await);
        }
        self.complete_parts((&digest, is_hashed), proof).await
    }

    async fn finish_small(
        &mut self,
        (digest, is_hashed): (Digest, bool),
        is_stored: Option<IsStored>,
        proof: Proof,
    ) -> Result<Completed, CompleteError> {
        let chunks = match self.assemble().await {
            Ok(chunks) => chunks,
            // Completed before, perhaps, and its pieces removed.
            Err(Failure::Missing) => {
                return self
                    .existing_of(self.gathered.len() == 0, &digest, proof)
                    .await;
            }
            Err(failure) => return Err(failure.of_upload(&self.key).into()),
        };
        if !is_hashed {
            verify(digest_of(&chunks, &digest).await?, &digest)?;
        }
        if let Some(is_stored) = is_stored
            && blocking(is_stored).await?
        {
            return Ok(self.dropped(digest).await);
        }
        self.put(chunks, &digest).await
    }

    /// An object shorter than a part: one call.
    async fn put(
        &mut self,
        chunks: Vec<Bytes>,
        digest: &Digest,
    ) -> Result<Completed, CompleteError> {
        let payload = PutPayload::from_iter(chunks);
        let put = self
            .s3
            .client
            .put_opts(&self.path, payload, PutMode::Create.into());
        match self.s3.call(put).await {
            Ok(_) => Ok(self.kept(digest).await),
            // An earlier request made it and died before its commit; or this one did, and the answer was lost.
            Err(Failure::Exists) => self.existing(digest, Proof::Content).await,
            Err(failure) => Err(failure.unexpected().into()),
        }
    }

    async fn complete_parts(
        &mut self,
        (digest, is_hashed): (&Digest, bool),
        proof: Proof,
    ) -> Result<Completed, CompleteError> {
        let has_gathered = self.gathered.len() > 0;
        if has_gathered || self.composition.piece_bytes() > 0 {
            let sent = match self.send_part().await {
                Ok(()) => self.landed().await,
                Err(error) => Err(error),
            };
            match sent {
                // Completed before, perhaps.
                Err(StorageError::UploadLost { .. }) => {
                    return self.existing_of(!has_gathered, digest, proof).await;
                }
                sent => sent?,
            }
        }
        let Some(id) = self.composition.multipart.clone() else {
            return Err(self.lost());
        };
        self.seal(digest).await?;
        let ids = self.composition.parts.iter().map(|part| PartId {
            content_id: part.1.clone(),
        });
        let complete = self
            .s3
            .client
            .complete_multipart(&self.path, &id, ids.collect());
        let outcome = match self.s3.call(complete).await {
            Ok(_) if is_hashed => return Ok(self.kept(digest).await),
            Ok(_) => self.verify_completed(digest).await,
            Err(Failure::Missing) => self.existing(digest, proof).await,
            Err(Failure::Exists) => {
                let existing = self.existing(digest, Proof::Content).await;
                self.s3.abort(&self.path, &id).await;
                existing
            }
            // It may be under way in the store, so the seal stays.
            Err(Failure::Storage(error)) => return Err(error.into()),
            Err(failure) => Err(failure.of_upload(&self.key).into()),
        };
        if outcome.is_err() {
            self.unseal().await;
        }
        outcome
    }

    /// Decides which content this key will stand for, before the object is made of parts.
    ///
    /// Stores are known that create small objects atomically, but let two of several simultaneous completions replace
    /// each other. Whoever makes the seal first has decided; who wants another content is refused. The seal goes once
    /// the object is there, which then is in the way of everybody else.
    async fn seal(&mut self, digest: &Digest) -> Result<(), CompleteError> {
        let path = Path::from(self.s3.names.piece(&self.key, SEAL));
        for _ in 0..SEAL_TRIES {
            let payload = PutPayload::from(digest.as_str().to_owned());
            let put = self
                .s3
                .client
                .put_opts(&path, payload, PutMode::Create.into());
            match self.s3.call(put).await {
                Ok(_) => {
                    self.made.push(SEAL.to_owned());
                    return Ok(());
                }
                Err(Failure::Exists) => {}
                Err(failure) => return Err(failure.unexpected().into()),
            }
            let get = async {
                let found = self.s3.client.get_opts(&path, GetOptions::default());
                found.await?.bytes().await
            };
            match self.s3.call(get).await {
                Ok(found) if found == digest.as_str().as_bytes() => return Ok(()),
                Ok(_) => return Err(self.lost()),
                // Removed meanwhile.
                Err(Failure::Missing) => {}
                Err(failure) => return Err(failure.unexpected().into()),
            }
        }
        Err(self.lost())
    }

    /// Takes back a seal of this request, which came to nothing.
    async fn unseal(&mut self) {
        let (seals, made) = std::mem::take(&mut self.made)
            .into_iter()
            .partition(|name| name == SEAL);
        self.made = made;
        let seals: Vec<String> = seals;
        self.delete_pieces(&seals).await;
    }

    /// Reads an object that was just completed once more, for its digest by another algorithm.
    async fn verify_completed(&mut self, digest: &Digest) -> Result<Completed, CompleteError> {
        let actual = self
            .s3
            .digest_of(&self.key, self.offset, digest.algorithm())
            .await?;
        if actual == *digest {
            return Ok(self.kept(digest).await);
        }
        let deleted = self.s3.delete_object(&self.path).await;
        deleted.map_err(Failure::unexpected)?;
        Err(CompleteError::DigestMismatch { actual })
    }

    /// An object of this name is there, or the upload is lost.
    async fn existing(
        &mut self,
        digest: &Digest,
        proof: Proof,
    ) -> Result<Completed, CompleteError> {
        let found_bytes = match self.s3.length_of(&self.path).await {
            Ok(found_bytes) => found_bytes,
            Err(failure) => return Err(failure.of_upload(&self.key).into()),
        };
        if found_bytes != self.offset {
            return Err(self.lost());
        }
        if proof == Proof::Content {
            let algorithm = digest.algorithm();
            let actual = self.s3.digest_of(&self.key, found_bytes, algorithm).await?;
            if actual != *digest {
                return Err(self.lost());
            }
        }
        Ok(self.kept(digest).await)
    }

    /// Where bytes of the upload are gone: it may have been completed before, unless this request brought more.
    async fn existing_of(
        &mut self,
        is_possible: bool,
        digest: &Digest,
        proof: Proof,
    ) -> Result<Completed, CompleteError> {
        if is_possible {
            self.existing(digest, proof).await
        } else {
            Err(self.lost())
        }
    }

    fn lost(&self) -> CompleteError {
        let key = self.key.clone();
        StorageError::UploadLost { key }.into()
    }

    async fn kept(&mut self, digest: &Digest) -> Completed {
        self.delete_all_pieces().await;
        Completed {
            key: self.key.clone(),
            size_bytes: self.offset,
            digest: digest.clone(),
            is_kept: true,
        }
    }

    /// The same content is stored already. An object of this name is not touched: if there is one, an earlier request
    /// has made it and died, and whoever compares rows and objects finds it.
    async fn dropped(&mut self, digest: Digest) -> Completed {
        if let Some(id) = self.composition.multipart.take() {
            self.s3.abort(&self.path, &id).await;
        }
        self.delete_all_pieces().await;
        Completed {
            key: self.key.clone(),
            size_bytes: self.offset,
            digest,
            is_kept: false,
        }
    }
}

/// See [`BlobStore::append_and_complete`](crate::BlobStore::append_and_complete).
pub(crate) async fn append_and_complete<S, E>(
    s3: &Arc<S3>,
    before: UploadProgress,
    body: S,
    limit_bytes: u64,
    expected: Expected,
) -> Result<Completed, PutError<E>>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let resumed = OpenUpload::resume(s3, &before).await;
    let mut upload = resumed.map_err(|error| PutError::Append(error.into()))?;
    let failed = match upload.receive(body, limit_bytes).await {
        Ok(Ended::Whole) => match upload.finish(expected, true).await {
            Ok(completed) => return Ok(completed),
            Err(CompleteError::Storage(
                error @ (StorageError::UploadLost { .. } | StorageError::Full),
            )) => PutError::Append(stopped(error, before)),
            Err(error) => PutError::Complete(error),
        },
        Ok(Ended::TooLarge) => PutError::Append(AppendError::TooLarge { limit_bytes }),
        Ok(Ended::BrokenOff(error)) => {
            return Err(PutError::Append(broken_off(upload, error, before).await));
        }
        Err(error) => PutError::Append(stopped(error, before)),
    };
    upload.abandon();
    Err(failed)
}

/// See [`BlobStore::complete`](crate::BlobStore::complete).
pub(crate) async fn complete(
    s3: &Arc<S3>,
    progress: &UploadProgress,
    expected: Expected,
) -> Result<Completed, CompleteError> {
    let mut upload = OpenUpload::resume(s3, progress).await?;
    let finished = upload.finish(expected, false).await;
    if finished.is_err() {
        upload.abandon();
    }
    finished
}

async fn digest_of(chunks: &[Bytes], like: &Digest) -> std::io::Result<Digest> {
    let (chunks, mut hasher) = (chunks.to_vec(), Hasher::new(like.algorithm()));
    blocking(move || {
        for chunk in &chunks {
            hasher.update(chunk);
        }
        hasher.finish()
    })
    .await
}

pub(crate) fn verify(actual: Digest, expected: &Digest) -> Result<(), CompleteError> {
    if actual == *expected {
        Ok(())
    } else {
        Err(CompleteError::DigestMismatch { actual })
    }
}
