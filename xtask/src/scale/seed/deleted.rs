//! Images that were deleted a month ago, and whose time is over.

use std::ops::Range;

use anyhow::Context as _;

use super::Value::{Int, Text};
use super::rows::{Kind, SHARED, account_of, days_ago_ms, id, now_ms, repository_id, write_blob};
use super::{Begun, Files, REPOSITORY_BLOB_REVIEWS, REPOSITORY_BLOBS, Sink, TRASH, TRASH_BLOBS};
use crate::scale::shape::{Repository, Size, deleted_image};

/// Repositories that images were deleted from, however many there are.
const DELETED_FROM: u64 = 100;

/// What deleting an image a month ago has left: it lies in the trash until now, and its repository still knows the layer
/// that nothing else needs.
pub(super) fn write_deleted(
    begun: &Begun,
    size: Size,
    numbers: Range<u64>,
    sink: &mut dyn Sink,
    files: &Files,
) -> anyhow::Result<()> {
    let (deleted_at_ms, due_at_ms) = (days_ago_ms(40)?, now_ms()? - 1000);
    let spread = size.repositories().min(DELETED_FROM);
    for number in numbers {
        let repository = Repository::Ordinary(number % spread);
        let account = account_of(begun, repository.team());
        let manifest = deleted_image(repository, number);
        let own = manifest.blobs.last().context("an image has layers")?;
        write_blob(
            sink,
            files,
            own,
            &id(Kind::DeletedBlob, number),
            deleted_at_ms,
        )?;
        let (key, trash) = (repository_id(repository), id(Kind::Trash, number));
        let at = Int(deleted_at_ms);
        let values = [
            Text(&key),
            Text(&own.digest),
            Text(&account),
            Text(SHARED),
            at,
        ];
        sink.row(&REPOSITORY_BLOBS, &values)?;
        let tags = serde_json::to_string(&manifest.tags)?;
        sink.row(
            &TRASH,
            &[
                Text(&trash),
                Text(&account),
                Text(&key),
                Text(&manifest.digest),
                Text(manifest.media_type),
                Text(&manifest.content),
                Text(&tags),
                Text("admin"),
                Int(deleted_at_ms),
                Int(due_at_ms),
            ],
        )?;
        for blob in &manifest.blobs {
            let values = [Text(&trash), Text(&blob.digest), Text(SHARED)];
            sink.row(&TRASH_BLOBS, &values)?;
        }
        // Looks at the leases of its other blobs, which stay, were taken long ago.
        let values = [Text(&key), Text(&own.digest), Text(SHARED), Int(due_at_ms)];
        sink.row(&REPOSITORY_BLOB_REVIEWS, &values)?;
    }
    Ok(())
}
