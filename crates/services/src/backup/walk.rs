//! Going through the blobs of a snapshot, a 256th at a time, as they are needed.

use super::BackupError;
use blobs::{BlobStream, ObjectKey};
use futures_util::StreamExt;
use metadata::{SnapshotBlob, SnapshotParser};
use oci::Digest;
use std::collections::VecDeque;

/// An object to be copied or read.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) key: ObjectKey,
    pub(super) digest: Digest,
    pub(super) size_bytes: u64,
}

impl Object {
    /// What a snapshot says, if it is what this program says.
    pub(super) fn of(blob: &SnapshotBlob) -> Option<Self> {
        Some(Self {
            key: ObjectKey::parse(&blob.location).ok()?,
            digest: Digest::parse(&blob.digest).ok()?,
            size_bytes: blob.size_bytes,
        })
    }
}

/// A snapshot that is being read for its blobs.
pub(super) struct Walk {
    pieces: BlobStream,
    parser: SnapshotParser,
    ready: VecDeque<SnapshotBlob>,
}

impl Walk {
    pub(super) fn new(pieces: BlobStream) -> Self {
        Self {
            pieces,
            parser: SnapshotParser::default(),
            ready: VecDeque::new(),
        }
    }

    /// The blobs whose keys end in this byte. To be asked for one byte after the other: those passed over are gone. Whatever
    /// has another kind of key comes along with the next.
    pub(super) async fn shard(&mut self, shard: u8) -> Result<Vec<SnapshotBlob>, BackupError> {
        let mut found = Vec::new();
        while let Some(next) = self.next().await? {
            if shard_of(&next.location).is_some_and(|of| of > shard) {
                self.ready.push_front(next);
                break;
            }
            found.push(next);
        }
        Ok(found)
    }

    async fn next(&mut self) -> Result<Option<SnapshotBlob>, BackupError> {
        loop {
            if let Some(blob) = self.ready.pop_front() {
                return Ok(Some(blob));
            }
            if self.parser.are_blobs_over() {
                return Ok(None);
            }
            let Some(piece) = self.pieces.next().await else {
                self.parser.finish()?;
                return Ok(None);
            };
            let piece = piece.map_err(|error| BackupError::Place(error.into()))?;
            self.parser.feed(&piece)?;
            self.ready = self.parser.blobs()?;
        }
    }
}

fn shard_of(location: &str) -> Option<u8> {
    u8::from_str_radix(location.get(34..36)?, 16).ok()
}
