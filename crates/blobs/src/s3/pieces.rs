//! The short rests of an upload: put aside as objects of their own, read once, removed.

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions, PutPayload};

use super::Failure;
use super::finish::SEAL;
use super::parts::{Piece, piece_name};
use super::upload::OpenUpload;
use crate::store::StorageError;

impl OpenUpload {
    /// Puts what was gathered aside as a piece.
    ///
    /// The digest's state covers every byte that arrived, of which the last few may not be gathered yet. With place and
    /// length it still names the content.
    pub(super) async fn spill(&mut self) -> Result<(), StorageError> {
        let len = self.gathered.len();
        if len > 0 {
            let offset = self.offset - len;
            let name = piece_name(offset, len, &self.hashing.whole().await?.export());
            let chunks = self.gathered.chunks();
            self.put_piece(&name, chunks).await?;
            self.composition.pieces.push(Piece(name, len));
        }
        drop(self.gathered.take());
        Ok(())
    }

    async fn put_piece(&mut self, name: &str, chunks: Vec<Bytes>) -> Result<(), StorageError> {
        let path = Path::from(self.s3.names.piece(&self.key, name));
        let payload = PutPayload::from_iter(chunks);
        let put = self
            .s3
            .client
            .put_opts(&path, payload, PutOptions::default());
        self.s3.call(put).await.map_err(Failure::unexpected)?;
        self.made.push(name.to_owned());
        Ok(())
    }

    /// Pieces and what was gathered, in memory.
    pub(super) async fn assemble(&mut self) -> Result<Vec<Bytes>, Failure> {
        let pieces = self.read_pieces().await?;
        Ok(pieces.into_iter().chain(self.gathered.chunks()).collect())
    }

    /// The only bytes of an upload that are ever read again.
    async fn read_pieces(&mut self) -> Result<Vec<Bytes>, Failure> {
        if self.composition.pieces.is_empty() {
            return Ok(Vec::new());
        }
        let total = self.composition.piece_bytes() + self.gathered.len();
        if self.gathered.room() < self.composition.piece_bytes() {
            self.make_room(total).await.map_err(Failure::Storage)?;
        }
        let s3 = &self.s3;
        let reads = self.composition.pieces.iter().map(|Piece(name, len)| {
            let path = Path::from(s3.names.piece(&self.key, name));
            async move {
                let read = async {
                    s3.client
                        .get_opts(&path, <_>::default())
                        .await?
                        .bytes()
                        .await
                };
                let bytes = s3.call(read).await?;
                s3.timings.count_reread(bytes.len() as u64);
                (bytes.len() as u64 == *len)
                    .then_some(bytes)
                    .ok_or(Failure::Missing)
            }
        });
        try_join_all(reads).await
    }

    /// Makes one of all pieces.
    pub(super) async fn merge_pieces(&mut self) -> Result<(), StorageError> {
        let chunks = self
            .assemble()
            .await
            .map_err(|failure| failure.of_upload(&self.key))?;
        let len = self.composition.piece_bytes();
        let name = piece_name(
            self.offset - len,
            len,
            &self.hashing.whole().await?.export(),
        );
        self.put_piece(&name, chunks).await?;
        self.composition.pieces = vec![Piece(name, len)];
        drop(self.gathered.take());
        Ok(())
    }

    /// Pieces that no row names. One that stays is removed with its upload.
    pub(super) async fn delete_pieces(&self, names: &[String]) {
        let deletions = names.iter().map(|name| async move {
            let path = Path::from(self.s3.names.piece(&self.key, name));
            if let Err(failure) = self.s3.delete_object(&path).await {
                tracing::debug!(?failure, %path, "a piece of an upload was not removed");
            }
        });
        join_all(deletions).await;
    }

    /// Removes what remains of an upload that has become an object.
    pub(super) async fn delete_all_pieces(&mut self) {
        let mut names = std::mem::take(&mut self.made);
        names.append(&mut self.in_row);
        names.append(&mut self.composition.stale);
        if self.composition.multipart.is_some() && !names.iter().any(|name| name == SEAL) {
            names.push(SEAL.to_owned());
        }
        self.delete_pieces(&names).await;
    }
}
