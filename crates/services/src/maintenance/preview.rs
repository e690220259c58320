//! A dry run of the collector: what would go now, without anything going.

use super::Maintenance;
use crate::{Error, Result};
use metadata::{BlobReview, LeaseReview, Reader};
use model::RepositoryId;
use oci::Digest;
use serde::{Deserialize, Serialize};

/// Looks of one step.
const LOOKS: i64 = 1000;

/// How far a dry run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewPosition {
    is_at_blobs: bool,
    due_at_ms: i64,
    /// The last look's repository, or storage; empty before the first.
    place: String,
    digest: String,
}

/// What one step of a dry run found.
#[derive(Clone, Debug)]
pub struct PreviewStep {
    /// Looks that are due.
    pub reviewed: u64,
    /// Blobs that would go, with their sizes.
    pub blobs: Vec<(Digest, u64)>,
    /// Where to go on; `None` at the end.
    pub next: Option<PreviewPosition>,
}

impl Maintenance {
    /// Says what a collection would take away now. `after` is the `next` of the step before; `None` to begin.
    pub async fn preview_collection(&self, after: Option<PreviewPosition>) -> Result<PreviewStep> {
        let now_ms = self.core.now_ms();
        let renewed_by_ms = now_ms - self.core.settings.grace_period_ms;
        self.core
            .metadata
            .list(move |reader| match &after {
                Some(after) if after.is_at_blobs => {
                    preview_blobs(reader, after, now_ms, renewed_by_ms)
                }
                after => preview_leases(reader, after.as_ref(), now_ms, renewed_by_ms),
            })
            .await
    }
}

fn preview_leases(
    reader: &Reader<'_>,
    after: Option<&PreviewPosition>,
    now_ms: i64,
    renewed_by_ms: i64,
) -> Result<PreviewStep> {
    let due = match after {
        None => reader.list_due_lease_reviews(now_ms, LOOKS)?,
        Some(after) => {
            let after = LeaseReview {
                repository_id: RepositoryId::new(after.place.as_str()),
                digest: parse(&after.digest)?,
                storage: String::new(),
                due_at_ms: after.due_at_ms,
            };
            reader.list_due_lease_reviews_after(&after, now_ms, LOOKS)?
        }
    };
    let mut blobs = Vec::new();
    for look in &due {
        let blob = (look.storage.as_str(), &look.digest);
        let at = Some(&look.repository_id);
        let size = reader.find_collectable_blob(blob, at, now_ms, renewed_by_ms)?;
        blobs.extend(size.map(|size| (look.digest.clone(), size)));
    }
    let next = due.last().map_or_else(
        || PreviewPosition {
            is_at_blobs: true,
            due_at_ms: i64::MIN,
            place: String::new(),
            digest: String::new(),
        },
        |last| PreviewPosition {
            is_at_blobs: false,
            due_at_ms: last.due_at_ms,
            place: last.repository_id.as_str().to_owned(),
            digest: last.digest.as_str().to_owned(),
        },
    );
    Ok(PreviewStep {
        reviewed: due.len() as u64,
        blobs,
        next: Some(next),
    })
}

fn preview_blobs(
    reader: &Reader<'_>,
    after: &PreviewPosition,
    now_ms: i64,
    renewed_by_ms: i64,
) -> Result<PreviewStep> {
    let due = if after.digest.is_empty() {
        reader.list_due_blob_reviews(now_ms, LOOKS)?
    } else {
        let after = BlobReview {
            storage: after.place.clone(),
            digest: parse(&after.digest)?,
            due_at_ms: after.due_at_ms,
        };
        reader.list_due_blob_reviews_after(&after, now_ms, LOOKS)?
    };
    let mut blobs = Vec::new();
    for look in &due {
        let blob = (look.storage.as_str(), &look.digest);
        let size = reader.find_collectable_blob(blob, None, now_ms, renewed_by_ms)?;
        blobs.extend(size.map(|size| (look.digest.clone(), size)));
    }
    let next = due.last().map(|last| PreviewPosition {
        is_at_blobs: true,
        due_at_ms: last.due_at_ms,
        place: last.storage.clone(),
        digest: last.digest.as_str().to_owned(),
    });
    Ok(PreviewStep {
        reviewed: due.len() as u64,
        blobs,
        next,
    })
}

fn parse(digest: &str) -> Result<Digest> {
    Digest::parse(digest)
        .map_err(|_| Error::Invalid("the position of a dry run is unreadable".to_owned()))
}
