//! Objects on their way out: one call of the store for each, continued where it breaks off.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore};
use oci::{Algorithm, Digest, Hasher};

use super::{Failure, S3};
use crate::body::{BlobBody, BlobStream};
use crate::key::ObjectKey;
use crate::store::StorageError;
use crate::timings::StoreOperation;

/// Tries to continue a body that brought nothing since the last one.
const MOST_CONTINUATIONS: u32 = 5;
/// The pause before the first of them; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A completed object that has not been asked for yet.
#[derive(Debug, Clone)]
pub struct BlobObject {
    s3: Arc<S3>,
    key: ObjectKey,
    len: u64,
}

impl BlobObject {
    pub(crate) fn new(s3: &Arc<S3>, key: &ObjectKey, len: u64) -> Self {
        Self {
            s3: Arc::clone(s3),
            key: key.clone(),
            len,
        }
    }

    /// Length in bytes, as the caller's row says.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Asks for a range: one call. The store says how long the object is, so a damaged one is refused here.
    pub(crate) async fn body(&self, range: Range<u64>) -> Result<BlobBody, StorageError> {
        let begun = Instant::now();
        let opened = self.open(range.clone(), None).await;
        let result = self.s3.timings.count(StoreOperation::Read, begun, opened)?;
        Ok(BlobBody::Stream(self.stream(result, range)))
    }

    async fn open(
        &self,
        range: Range<u64>,
        if_match: Option<String>,
    ) -> Result<Option<GetResult>, StorageError> {
        let is_inside = range.start <= range.end && range.end <= self.len;
        if !is_inside {
            let text = format!(
                "range {range:?} lies outside of an object of {} bytes",
                self.len
            );
            return Err(StorageError::Io(io::Error::new(
                io::ErrorKind::InvalidInput,
                text,
            )));
        }
        let path = self.s3.blob_path(&self.key);
        let is_whole = range == (0..self.len);
        if range.is_empty() && !is_whole {
            return Ok(None);
        }
        let options = GetOptions {
            range: (!is_whole).then_some(GetRange::Bounded(range)),
            if_match,
            ..GetOptions::default()
        };
        let found = match self.s3.call(self.s3.client.get_opts(&path, options)).await {
            Ok(found) => found,
            Err(Failure::OutOfRange) => {
                let length = self.s3.length_of(&path).await;
                let found_bytes = length.map_err(|failure| failure.of_object(&self.key))?;
                return Err(self.damaged(found_bytes));
            }
            Err(failure) => return Err(failure.of_object(&self.key)),
        };
        if found.meta.size == self.len {
            Ok(Some(found))
        } else {
            Err(self.damaged(found.meta.size))
        }
    }

    pub(crate) async fn verify_length(&self) -> Result<(), StorageError> {
        let length = self.s3.length_of(&self.s3.blob_path(&self.key)).await;
        let found_bytes = length.map_err(|failure| failure.of_object(&self.key))?;
        if found_bytes == self.len {
            Ok(())
        } else {
            Err(self.damaged(found_bytes))
        }
    }

    fn damaged(&self, found_bytes: u64) -> StorageError {
        StorageError::Damaged {
            key: self.key.clone(),
            expected_bytes: self.len,
            found_bytes,
        }
    }

    fn stream(&self, opened: Option<GetResult>, range: Range<u64>) -> BlobStream {
        let len = range.end - range.start;
        let reading = Reading {
            object: self.clone(),
            range,
            e_tag: opened.as_ref().and_then(|opened| opened.meta.e_tag.clone()),
            chunks: opened.map(chunks),
            continuations: 0,
        };
        let chunks = stream::try_unfold(reading, |mut reading| async move {
            let chunk = reading.next().await?;
            Ok(chunk.map(|chunk| (chunk, reading)))
        });
        BlobStream::new(chunks.boxed(), len)
    }

    /// A URL under which anyone can read the object for a while, if readers may be sent there.
    pub(crate) async fn signed_url(&self) -> Result<Option<String>, StorageError> {
        let Some(valid_for) = self.s3.redirect_for else {
            return Ok(None);
        };
        let path = self.s3.blob_path(&self.key);
        let url = self.s3.client.signed_url(Method::GET, &path, valid_for);
        let url = self.s3.call(url).await.map_err(Failure::unexpected)?;
        Ok(Some(url.to_string()))
    }
}

type Chunks = BoxStream<'static, object_store::Result<Bytes>>;

fn chunks(opened: GetResult) -> Chunks {
    opened.into_stream()
}

/// A range on its way to a reader.
struct Reading {
    object: BlobObject,
    /// What is still to come.
    range: Range<u64>,
    /// What the store called the content at first. It never changes; should it, that is no continuation.
    e_tag: Option<String>,
    chunks: Option<Chunks>,
    /// Since the last byte.
    continuations: u32,
}

impl Reading {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.range.is_empty() {
            let problem = match &mut self.chunks {
                None => "it was not opened again".to_owned(),
                Some(chunks) => match chunks.next().await {
                    Some(Ok(mut bytes)) => {
                        let left = self.range.end - self.range.start;
                        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                        if bytes.is_empty() {
                            continue;
                        }
                        self.range.start += bytes.len() as u64;
                        self.continuations = 0;
                        return Ok(Some(bytes));
                    }
                    Some(Err(error)) => error.to_string(),
                    None => "it ended early".to_owned(),
                },
            };
            self.continue_after(&problem).await?;
        }
        Ok(None)
    }

    /// Asks for the rest. The reader notices nothing but the pause.
    async fn continue_after(&mut self, problem: &str) -> io::Result<()> {
        let (key, at) = (&self.object.key, self.range.start);
        tracing::warn!(%key, at, problem, "an object broke off on its way from the store; going on");
        loop {
            if self.continuations == MOST_CONTINUATIONS {
                let text =
                    format!("object {key} broke off at byte {at} and could not be continued");
                return Err(io::Error::other(text));
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(self.continuations)).await;
            self.continuations += 1;
            let opened = self
                .object
                .open(self.range.clone(), self.e_tag.clone())
                .await;
            match opened {
                Ok(opened) => {
                    self.chunks = opened.map(chunks);
                    return Ok(());
                }
                Err(StorageError::Unavailable(_)) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl S3 {
    /// How long an object is.
    pub(super) async fn length_of(&self, path: &Path) -> Result<u64, Failure> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let found = self.call(self.client.get_opts(path, options)).await?;
        Ok(found.meta.size)
    }

    /// Reads an object once, for its digest.
    pub(super) async fn digest_of(
        self: &Arc<Self>,
        key: &ObjectKey,
        len: u64,
        algorithm: Algorithm,
    ) -> Result<Digest, StorageError> {
        let object = BlobObject::new(self, key, len);
        let opened = object.open(0..len, None).await?;
        let mut chunks = object.stream(opened, 0..len);
        let mut hasher = Hasher::new(algorithm);
        while let Some(chunk) = chunks.try_next().await.map_err(StorageError::Io)? {
            self.timings.count_reread(chunk.len() as u64);
            hasher.update(&chunk);
        }
        Ok(hasher.finish())
    }
}
