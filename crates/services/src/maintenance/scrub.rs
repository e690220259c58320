//! Reading stored bytes again, a little at a time, to find what the disk has damaged before a client does.

use super::Maintenance;
use crate::{Error, Result};
use blobs::{ObjectKey, StorageError};
use futures_util::StreamExt;
use metadata::{Damage, PassRow, StoredBlob};
use oci::Hasher;
use std::time::Duration;
use tokio::time::Instant;

/// The pass's name in its row.
const PASS: &str = "scrub";
/// Blobs fetched at once.
const PAGE: i64 = 100;

/// How long one turn reads, more or less.
const TURN_SECS: u64 = 45;

/// What one step of the scrub came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubStep {
    /// Blobs whose bytes were read.
    pub checked: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs found damaged, or known to be and still so.
    pub damaged: u64,
    /// Blobs that had been in quarantine and are whole.
    pub released: u64,
    /// Blobs that could not be read at present. Nothing is known of them.
    pub unreadable: u64,
    /// Whether everything has been read once since the round began; the next step begins another.
    pub is_round_over: bool,
}

enum Verdict {
    Whole,
    Damaged(Damage),
    Unreadable,
}

/// Keeps to a rate by waiting.
struct Pace {
    begun: Instant,
    bytes: u64,
    bytes_per_sec: u64,
}

impl Pace {
    fn new(bytes_per_sec: u64) -> Self {
        Self {
            begun: Instant::now(),
            bytes: 0,
            bytes_per_sec: bytes_per_sec.max(1),
        }
    }

    async fn spend(&mut self, bytes: u64) {
        self.bytes += bytes;
        let nanos = u128::from(self.bytes) * 1_000_000_000 / u128::from(self.bytes_per_sec);
        let due = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        tokio::time::sleep_until(self.begun + due).await;
    }
}

impl Maintenance {
    /// Goes on reading stored blobs where the step before stopped, also before a restart: until `most_bytes` are read, but
    /// one blob at least, at `bytes_per_sec`. What is damaged goes into quarantine.
    pub async fn scrub(&self, bytes_per_sec: u64, most_bytes: u64) -> Result<ScrubStep> {
        let mut pass = self.pass(PASS).await?;
        let (storage, digest) = pass.position.split_once(' ').unwrap_or(("", ""));
        let after = (storage.to_owned(), digest.to_owned());
        let page = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_blobs((&after.0, &after.1), PAGE)?))
            .await?;
        let mut step = ScrubStep::default();
        let mut pace = Pace::new(bytes_per_sec);
        for blob in &page {
            self.check(blob, &mut pace, &mut step).await?;
            pass.position = format!("{} {}", blob.storage, blob.digest);
            if step.bytes >= most_bytes {
                break;
            }
        }
        step.is_round_over = page.is_empty();
        pass.checked += step.checked;
        pass.checked_bytes += step.bytes;
        pass.problems += step.damaged + step.unreadable;
        self.note_pass(pass, step.is_round_over).await?;
        self.tally
            .add_scrubbed(step.checked, step.bytes, step.damaged);
        Ok(step)
    }

    /// One turn of the scrub as the deployment wants it: as much as its rate reads in three quarters of a minute, or
    /// nothing while it is switched off or the next round is not due.
    pub async fn scrub_in_turn(&self) -> Result<ScrubStep> {
        let settings = &self.core.settings;
        let bytes_per_sec = settings.scrub_bytes_per_sec;
        let pass = self.pass(PASS).await?;
        let is_between_rounds = pass.position.is_empty()
            && pass
                .finished_at_ms
                .is_some_and(|at_ms| self.core.now_ms() < at_ms + settings.scrub_every_ms);
        if bytes_per_sec == 0 || is_between_rounds {
            return Ok(ScrubStep::default());
        }
        let mut all = ScrubStep::default();
        let most_bytes = bytes_per_sec * TURN_SECS;
        while all.bytes < most_bytes && !all.is_round_over {
            let step = self.scrub(bytes_per_sec, most_bytes - all.bytes).await?;
            all = ScrubStep {
                checked: all.checked + step.checked,
                bytes: all.bytes + step.bytes,
                damaged: all.damaged + step.damaged,
                released: all.released + step.released,
                unreadable: all.unreadable + step.unreadable,
                is_round_over: step.is_round_over,
            };
        }
        Ok(all)
    }

    /// When the scrub last completed a round, and how far the present one is.
    pub async fn scrub_progress(&self) -> Result<PassRow> {
        self.pass(PASS).await
    }

    async fn check(&self, blob: &StoredBlob, pace: &mut Pace, step: &mut ScrubStep) -> Result<()> {
        step.checked += 1;
        match self.read_again(blob, pace, &mut step.bytes).await {
            Verdict::Whole if blob.damage.is_none() => {}
            Verdict::Whole => {
                step.released += u64::from(self.note(blob, None).await?);
            }
            Verdict::Damaged(damage) => {
                let is_news = self.note(blob, Some(damage)).await?;
                if is_news {
                    tracing::error!(
                        digest = %blob.digest, location = blob.location, damage = damage.as_str(),
                        "a stored blob is damaged; it is not served until it is pushed again"
                    );
                }
                step.damaged += u64::from(is_news || blob.damage.is_some());
            }
            Verdict::Unreadable => {
                tracing::warn!(digest = %blob.digest, location = blob.location, "a stored blob could not be read");
                step.unreadable += 1;
            }
        }
        Ok(())
    }

    async fn read_again(
        &self,
        blob: &StoredBlob,
        pace: &mut Pace,
        read_bytes: &mut u64,
    ) -> Verdict {
        let Ok(key) = ObjectKey::parse(&blob.location) else {
            return Verdict::Damaged(Damage::Missing);
        };
        let blobs = &self.core.blobs;
        let opened = match blobs.verify_length(&key, blob.size_bytes).await {
            Ok(()) => match blobs.read(&key, blob.size_bytes).await {
                Ok(found) => found.body(0..blob.size_bytes).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let mut bytes = match opened {
            Ok(body) => body.into_stream(),
            Err(StorageError::Missing { .. }) => return Verdict::Damaged(Damage::Missing),
            Err(StorageError::Damaged { .. }) => return Verdict::Damaged(Damage::Length),
            Err(_) => return Verdict::Unreadable,
        };
        let mut hasher = Hasher::new(blob.digest.algorithm());
        while let Some(chunk) = bytes.next().await {
            let Ok(chunk) = chunk else {
                return Verdict::Unreadable;
            };
            hasher.update(&chunk);
            *read_bytes += chunk.len() as u64;
            pace.spend(chunk.len() as u64).await;
        }
        if hasher.finish() == blob.digest {
            Verdict::Whole
        } else {
            Verdict::Damaged(Damage::Content)
        }
    }

    /// Puts a blob into quarantine, or takes it out. Says whether that changed anything: its row may be gone, or name
    /// another object.
    async fn note(&self, blob: &StoredBlob, damage: Option<Damage>) -> Result<bool> {
        let (now_ms, blob) = (self.core.now_ms(), blob.clone());
        self.core
            .metadata
            .write(move |tx| {
                let (storage, digest) = (blob.storage.as_str(), &blob.digest);
                Ok(match damage {
                    Some(damage) => {
                        tx.quarantine_blob((storage, digest), &blob.location, damage, now_ms)?
                    }
                    None => tx.release_blob(storage, digest, &blob.location)?,
                })
            })
            .await
    }

    /// How far a pass is; one that never began begins now.
    pub(super) async fn pass(&self, name: &'static str) -> Result<PassRow> {
        let now_ms = self.core.now_ms();
        let found = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.find_pass(name)?))
            .await?;
        Ok(found.unwrap_or_else(|| PassRow {
            name: name.to_owned(),
            position: String::new(),
            started_at_ms: now_ms,
            finished_at_ms: None,
            checked: 0,
            checked_bytes: 0,
            problems: 0,
        }))
    }

    /// Notes how far a pass is; when its round is over, the next one begins at the beginning.
    pub(super) async fn note_pass(&self, mut pass: PassRow, is_round_over: bool) -> Result<()> {
        if is_round_over {
            let now_ms = self.core.now_ms();
            tracing::info!(
                pass = pass.name,
                checked = pass.checked,
                bytes = pass.checked_bytes,
                problems = pass.problems,
                "went through everything once"
            );
            pass = PassRow {
                name: pass.name,
                position: String::new(),
                started_at_ms: now_ms,
                finished_at_ms: Some(now_ms),
                checked: 0,
                checked_bytes: 0,
                problems: 0,
            };
        }
        self.core
            .metadata
            .write_relaxed(move |tx| Ok(tx.put_pass(&pass)?))
            .await
    }
}
