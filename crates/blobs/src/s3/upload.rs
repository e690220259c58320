//! One upload in the hands of one request: bytes become parts and pieces.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::PutPayload;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use oci::Hasher;
use tokio::task::{JoinError, JoinSet};

use super::finish::SEAL;
use super::gather::{Gathered, Hashing};
use super::parts::{Composition, Part, part_bytes};
use super::{Failure, S3};
use crate::key::ObjectKey;
use crate::locks::KeyGuard;
use crate::store::{AppendError, StorageError, UploadProgress};

/// Parts of one upload on their way at a time.
const PARTS_AT_ONCE: usize = 2;
/// A client that sends nothing for so long keeps no memory that it does not use.
const PATIENCE: Duration = Duration::from_millis(100);
/// More pieces than this are made one, so that a row stays short.
const MOST_PIECES: usize = 32;

pub(super) struct OpenUpload {
    pub(super) s3: Arc<S3>,
    pub(super) key: ObjectKey,
    pub(super) path: Path,
    /// Bytes received and hashed.
    pub(super) offset: u64,
    pub(super) composition: Composition,
    pub(super) hashing: Hashing,
    pub(super) gathered: Gathered,
    /// Parts on their way: number from 0, and what the store calls them.
    flights: JoinSet<(usize, Result<PartId, Failure>)>,
    /// This request began the multipart upload, so no row names it.
    is_new_multipart: bool,
    /// Pieces that the row names, and those that this request made.
    pub(super) in_row: Vec<String>,
    pub(super) made: Vec<String>,
    /// Last field: the key is free once everything else is dropped.
    _guard: KeyGuard,
}

/// How a body ended.
pub(super) enum Ended<E> {
    Whole,
    BrokenOff(E),
    TooLarge,
}

impl OpenUpload {
    /// Asks the store nothing.
    pub(super) async fn resume(
        s3: &Arc<S3>,
        progress: &UploadProgress,
    ) -> Result<Self, StorageError> {
        let key = progress.key.clone();
        let hasher = Hasher::import(&progress.hash)
            .ok()
            .filter(|hasher| hasher.length() == progress.offset)
            .ok_or_else(|| StorageError::InvalidProgress { key: key.clone() })?;
        let composition = Composition::read(progress)?;
        Ok(Self {
            _guard: s3.locks.lock(&key).await,
            path: s3.blob_path(&key),
            s3: Arc::clone(s3),
            key,
            offset: progress.offset,
            in_row: composition
                .pieces
                .iter()
                .map(|piece| piece.0.clone())
                .collect(),
            composition,
            hashing: Hashing::new(hasher),
            gathered: Gathered::default(),
            flights: JoinSet::new(),
            is_new_multipart: false,
            made: Vec::new(),
        })
    }

    /// Receives a body to its end.
    pub(super) async fn receive<S, E>(
        &mut self,
        body: S,
        limit_bytes: u64,
    ) -> Result<Ended<E>, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut body = pin!(body);
        let mut room_bytes = limit_bytes.saturating_sub(self.offset);
        loop {
            match self.next(body.as_mut()).await? {
                None => {
                    self.give_back_surplus();
                    return Ok(Ended::Whole);
                }
                Some(Err(error)) => {
                    self.give_back_surplus();
                    return Ok(Ended::BrokenOff(error));
                }
                Some(Ok(arrived)) => match room_bytes.checked_sub(arrived.len() as u64) {
                    None => return Ok(Ended::TooLarge),
                    Some(room) => {
                        room_bytes = room;
                        self.take(arrived).await?;
                    }
                },
            }
        }
    }

    /// Waits for the client. While it pauses, memory that others need is given up.
    async fn next<S: Stream>(
        &mut self,
        mut body: Pin<&mut S>,
    ) -> Result<Option<S::Item>, StorageError> {
        let memory = self.s3.memory.clone();
        let patience = tokio::time::sleep(PATIENCE);
        let mut patience = pin!(patience);
        let mut is_pausing = false;
        loop {
            let is_holding = self.gathered.reservation.is_some();
            tokio::select! {
                biased;
                next = body.next() => return Ok(next),
                Some(landed) = self.flights.join_next() => self.land(landed)?,
                () = &mut patience, if is_holding && !is_pausing => {
                    is_pausing = true;
                    self.give_back_surplus();
                }
                () = memory.shortage(), if is_holding && is_pausing => self.spill().await?,
            }
        }
    }

    fn give_back_surplus(&mut self) {
        let held = self.gathered.len();
        if let Some(reservation) = &mut self.gathered.reservation {
            reservation.shrink(held);
        }
    }

    /// Takes bytes that have arrived; parts that are full go on their way.
    async fn take(&mut self, mut arrived: Bytes) -> Result<(), StorageError> {
        self.hashing.push(arrived.clone()).await?;
        while !arrived.is_empty() {
            let part = self.next_part_bytes();
            let missing = part.saturating_sub(self.composition.piece_bytes() + self.gathered.len());
            let taken = missing.min(arrived.len() as u64);
            if self.gathered.room() < taken {
                self.make_room(part).await?;
            }
            let taken = usize::try_from(taken).unwrap_or(arrived.len());
            self.gathered.push(arrived.split_to(taken));
            self.offset += taken as u64;
            if taken as u64 == missing {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    fn next_part_bytes(&self) -> u64 {
        part_bytes(self.composition.part_bytes(), self.s3.longest_part)
    }

    /// Reserves memory for a whole part. Nobody waits in line for it while holding any.
    pub(super) async fn make_room(&mut self, part: u64) -> Result<(), StorageError> {
        if let Some(reservation) = &mut self.gathered.reservation {
            if self.s3.memory.grow(reservation, part) {
                return Ok(());
            }
            self.spill().await?;
        }
        self.gathered.reservation = Some(self.s3.memory.reserve(part).await);
        Ok(())
    }

    /// Sends pieces and what was gathered as the next part.
    pub(super) async fn send_part(&mut self) -> Result<(), StorageError> {
        while self.flights.len() >= PARTS_AT_ONCE {
            self.next_landing().await?;
        }
        let chunks = self.assemble().await;
        let payload =
            PutPayload::from_iter(chunks.map_err(|failure| failure.of_upload(&self.key))?);
        let id = self.multipart().await?;
        let (_, reservation) = self.gathered.take();
        self.composition.pieces.clear();
        let number = self.composition.parts.len();
        self.composition
            .parts
            .push(Part(payload.content_length() as u64, String::new()));
        let (s3, path) = (Arc::clone(&self.s3), self.path.clone());
        self.flights.spawn(async move {
            let sent = s3
                .call(s3.client.put_part(&path, &id, number, payload))
                .await;
            drop(reservation);
            (number, sent)
        });
        Ok(())
    }

    async fn multipart(&mut self) -> Result<String, StorageError> {
        if let Some(id) = &self.composition.multipart {
            return Ok(id.clone());
        }
        let begun = self
            .s3
            .call(self.s3.client.create_multipart(&self.path))
            .await;
        let id = begun.map_err(Failure::unexpected)?;
        self.is_new_multipart = true;
        self.composition.multipart = Some(id.clone());
        Ok(id)
    }

    async fn next_landing(&mut self) -> Result<(), StorageError> {
        match self.flights.join_next().await {
            Some(landed) => self.land(landed),
            None => Ok(()),
        }
    }

    fn land(
        &mut self,
        landed: Result<(usize, Result<PartId, Failure>), JoinError>,
    ) -> Result<(), StorageError> {
        let ended = |_| std::io::Error::other("the server is shutting down");
        let (number, sent) = landed.map_err(ended)?;
        let part = sent.map_err(|failure| failure.of_upload(&self.key))?;
        self.composition.parts[number].1 = part.content_id;
        Ok(())
    }

    /// Waits until every part that is on its way has arrived.
    pub(super) async fn landed(&mut self) -> Result<(), StorageError> {
        while !self.flights.is_empty() {
            self.next_landing().await?;
        }
        Ok(())
    }

    /// Makes everything durable, and says what that is.
    async fn settle(&mut self) -> Result<UploadProgress, StorageError> {
        self.spill().await?;
        self.landed().await?;
        if self.composition.pieces.len() > MOST_PIECES {
            self.merge_pieces().await?;
        }
        let kept: Vec<&String> = self
            .composition
            .pieces
            .iter()
            .map(|piece| &piece.0)
            .collect();
        let is_needless = |name: &&String| !kept.contains(name);
        let stale: Vec<String> = self.in_row.iter().filter(is_needless).cloned().collect();
        let made = self.made.iter().filter(is_needless);
        let gone: Vec<String> = std::mem::take(&mut self.composition.stale)
            .into_iter()
            .chain(made.cloned())
            .filter(|name| !stale.contains(name))
            .collect();
        self.delete_pieces(&gone).await;
        self.composition.stale = stale;
        Ok(UploadProgress {
            key: self.key.clone(),
            offset: self.offset,
            hash: self.hashing.whole().await?.export(),
            parts: self.composition.write(),
        })
    }

    /// Gives up what this request did, as far as no row names it. Nobody waits for that but the next request.
    pub(super) fn abandon(mut self) {
        let multipart = self
            .composition
            .multipart
            .take()
            .filter(|_| self.is_new_multipart);
        // A seal stays: what it allowed may be under way in the store.
        self.made
            .retain(|name| name != SEAL && !self.in_row.contains(name));
        if multipart.is_none() && self.made.is_empty() {
            return;
        }
        drop(self.gathered.take());
        tokio::spawn(async move {
            self.flights.shutdown().await;
            self.delete_pieces(&self.made).await;
            if let Some(id) = multipart {
                self.s3.abort(&self.path, &id).await;
            }
        });
    }
}

/// See [`BlobStore::append`](crate::BlobStore::append).
pub(crate) async fn append<S, E>(
    s3: &Arc<S3>,
    before: UploadProgress,
    body: S,
    limit_bytes: u64,
) -> Result<UploadProgress, AppendError<E>>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let mut upload = OpenUpload::resume(s3, &before).await?;
    let settled = match upload.receive(body, limit_bytes).await {
        Ok(Ended::TooLarge) => {
            upload.abandon();
            return Err(AppendError::TooLarge { limit_bytes });
        }
        Ok(ended) => upload.settle().await.map(|progress| (ended, progress)),
        Err(error) => Err(error),
    };
    match settled {
        Ok((Ended::BrokenOff(error), progress)) => {
            Err(AppendError::SourceFailed { error, progress })
        }
        Ok((_, progress)) => Ok(progress),
        Err(error) => {
            upload.abandon();
            Err(stopped(error, before))
        }
    }
}

/// Settles an upload whose body broke off.
pub(super) async fn broken_off<E>(
    mut upload: OpenUpload,
    error: E,
    before: UploadProgress,
) -> AppendError<E> {
    match upload.settle().await {
        Ok(progress) => AppendError::SourceFailed { error, progress },
        Err(error) => {
            upload.abandon();
            stopped(error, before)
        }
    }
}

/// What the store's failure means to who appends: what the row says still holds.
pub(super) fn stopped<E>(error: StorageError, before: UploadProgress) -> AppendError<E> {
    match error {
        StorageError::Full => AppendError::StorageFull { progress: before },
        error => AppendError::Storage(error),
    }
}

impl<E> From<StorageError> for AppendError<E> {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}
