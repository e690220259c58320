//! What has arrived of a part, and the digest over it.

use std::io;

use bytes::{Bytes, BytesMut};
use oci::Hasher;
use tokio::task::JoinHandle;

use super::memory::{FREE_BYTES, Reservation};
use crate::transfer::blocking;

/// Pieces below this are copied together: a tiny piece costs more to carry than to copy.
const TINY: usize = 4 * 1024;
/// What is hashed at once, away from the async workers.
const HASHED_AT_ONCE: usize = 512 * 1024;
/// What is hashed on the spot, because handing it over would take longer.
const HASHED_HERE: usize = 32 * 1024;

/// Bytes in their order, and the memory they may take.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    chunks: Vec<Bytes>,
    tiny: BytesMut,
    len: u64,
    pub(super) reservation: Option<Reservation>,
}

impl Gathered {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many more bytes may be held.
    pub(super) fn room(&self) -> u64 {
        let allowed = self
            .reservation
            .as_ref()
            .map_or(FREE_BYTES, Reservation::bytes);
        allowed.saturating_sub(self.len)
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len() as u64;
        if bytes.len() < TINY {
            self.tiny.extend_from_slice(&bytes);
        } else {
            self.seal();
            self.chunks.push(bytes);
        }
    }

    fn seal(&mut self) {
        if !self.tiny.is_empty() {
            self.chunks.push(self.tiny.split().freeze());
        }
    }

    /// Everything, with the memory that it takes.
    pub(super) fn take(&mut self) -> (Vec<Bytes>, Option<Reservation>) {
        self.seal();
        let Self {
            chunks,
            reservation,
            ..
        } = std::mem::take(self);
        (chunks, reservation)
    }

    /// Everything, to be sent while it stays.
    pub(super) fn chunks(&mut self) -> Vec<Bytes> {
        self.seal();
        self.chunks.clone()
    }
}

/// The digest over everything so far, which follows the bytes at a short distance.
#[derive(Debug)]
pub(super) struct Hashing {
    /// `None` while a batch is being hashed.
    hasher: Option<Hasher>,
    running: Option<JoinHandle<Hasher>>,
    waiting: Vec<Bytes>,
    waiting_len: usize,
}

impl Hashing {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self {
            hasher: Some(hasher),
            running: None,
            waiting: Vec::new(),
            waiting_len: 0,
        }
    }

    pub(super) async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        self.waiting_len += bytes.len();
        self.waiting.push(bytes);
        if self.waiting_len < HASHED_AT_ONCE {
            return Ok(());
        }
        let mut hasher = self.idle().await?;
        let batch = std::mem::take(&mut self.waiting);
        self.waiting_len = 0;
        self.running = Some(tokio::task::spawn_blocking(move || {
            for bytes in &batch {
                hasher.update(bytes);
            }
            hasher
        }));
        Ok(())
    }

    /// The digest over every byte that was pushed.
    pub(super) async fn whole(&mut self) -> io::Result<&Hasher> {
        let mut hasher = self.idle().await?;
        let batch = std::mem::take(&mut self.waiting);
        let hash = move || {
            for bytes in &batch {
                hasher.update(bytes);
            }
            hasher
        };
        let hasher = if std::mem::take(&mut self.waiting_len) <= HASHED_HERE {
            hash()
        } else {
            blocking(hash).await?
        };
        Ok(self.hasher.insert(hasher))
    }

    async fn idle(&mut self) -> io::Result<Hasher> {
        let ended = || io::Error::other("the server is shutting down");
        if let Some(running) = self.running.take() {
            return running.await.map_err(|_| ended());
        }
        self.hasher.take().ok_or_else(ended)
    }
}
