//! The contract as tests: one function for each property, run against each implementation.

mod arriving;
pub(crate) mod bucket;
mod completing;
mod keeping;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use oci::{Algorithm, Digest};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::disk::{Disk, RealDisk};
use crate::fault::FaultyDisk;
use crate::{BlobStore, FilesystemOptions, ObjectKey, StorageError};

const NO_LIMIT: u64 = u64::MAX;

/// A store, and a second replica over the same bytes.
pub(crate) struct Fixture {
    pub(crate) store: BlobStore,
    pub(crate) replica: BlobStore,
    /// Every call takes milliseconds, so what a property tries very often is tried less often.
    is_remote: bool,
    _directory: Option<TempDir>,
}

pub(crate) fn options(root: &Path) -> FilesystemOptions {
    FilesystemOptions {
        root: root.to_owned(),
        reserve_bytes: 0,
    }
}

impl Fixture {
    fn over(directory: TempDir, disk: &Arc<dyn Disk>) -> Self {
        let open = || BlobStore::open_on(options(directory.path()), Arc::clone(disk)).unwrap();
        Self {
            store: open(),
            replica: open(),
            is_remote: false,
            _directory: Some(directory),
        }
    }

    fn bucket() -> Self {
        let options = bucket::options();
        Self {
            store: BlobStore::open_s3(&options).unwrap(),
            replica: BlobStore::open_s3(&options).unwrap(),
            is_remote: true,
            _directory: None,
        }
    }

    fn real() -> Self {
        Self::over(
            TempDir::new().unwrap(),
            &(Arc::new(RealDisk) as Arc<dyn Disk>),
        )
    }

    fn simulated() -> Self {
        let directory = TempDir::new().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(directory.path()));
        Self::over(directory, &disk)
    }
}

/// The n-th key.
pub(crate) fn key(number: u32) -> ObjectKey {
    ObjectKey::parse(&format!("01890a5d-ac96-774b-bcce-b302{number:08x}")).unwrap()
}

/// Bytes that differ from place to place.
pub(crate) fn content(len: usize) -> Bytes {
    (0..len)
        .map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap())
        .collect()
}

/// A body that arrives in pieces of a size.
pub(crate) fn body(
    content: &Bytes,
    piece: usize,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let content = content.clone();
    let starts = (0..content.len()).step_by(piece.max(1));
    stream::iter(starts.map(move |at| Ok(content.slice(at..content.len().min(at + piece)))))
}

pub(crate) async fn read_all(
    store: &BlobStore,
    key: &ObjectKey,
    len: usize,
) -> Result<Vec<u8>, StorageError> {
    let len = len as u64;
    let body = store.read(key, len).await?.body(0..len).await?;
    assert_eq!(body.len(), len);
    let bytes = body.into_stream().try_collect::<Vec<Bytes>>().await;
    Ok(bytes.map_err(StorageError::Io)?.concat())
}

async fn assert_holds(store: &BlobStore, key: &ObjectKey, content: &[u8]) {
    assert!(
        read_all(store, key, content.len()).await.unwrap() == content,
        "content differs"
    );
}

macro_rules! contract {
    ($($topic:ident: $($property:ident),* $(,)?;)*) => {
        contract!(on_a_real_disk, real, $($($topic $property)*)*);
        contract!(on_a_simulated_disk, simulated, $($($topic $property)*)*);
        contract!(on_a_bucket, bucket, $($($topic $property)*)*);
    };
    ($store:ident, $make:ident, $($topic:ident $property:ident)*) => {
        mod $store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $property() {
                super::$topic::$property(super::Fixture::$make()).await;
            })*
        }
    };
}

contract! {
    arriving:
        appending_in_two_requests_at_every_split_equals_one,
        pieces_of_any_size_make_the_same_object,
        bytes_beyond_the_stored_offset_are_dropped,
        a_body_that_breaks_off_leaves_what_arrived,
        a_body_over_the_limit_counts_for_nothing,
        a_progress_that_was_tampered_with_is_refused,
        stalled_clients_do_not_stop_the_others,
        a_dropped_request_does_not_disturb_the_next;
    completing:
        a_wrong_digest_makes_nothing_readable,
        a_copy_of_stored_content_is_dropped_once_its_digest_is_right,
        completing_again_answers_the_same,
        an_upload_whose_bytes_are_gone_must_start_again,
        every_algorithm_verifies_announced_or_not,
        an_empty_object_is_an_object;
    keeping:
        deleting_is_repeatable_and_takes_everything,
        open_readers_outlive_a_deletion,
        an_object_of_another_size_is_never_served,
        all_ways_of_reading_agree,
        every_object_is_listed_once,
        only_unknown_uploads_are_swept,
        readiness_is_probed_by_writing;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any number of requests, of any sizes, in pieces of any sizes, on any replica.
    #[test]
    fn any_sequence_of_requests_makes_the_same_object(
        requests in proptest::collection::vec((0_usize..200_000, 500_usize..150_000), 0..6),
    ) {
        any_requests(Fixture::real, &requests);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_sequence_of_requests_makes_the_same_object_in_a_bucket(
        requests in proptest::collection::vec((0_usize..9_000_000, 50_000_usize..9_000_000), 0..6),
    ) {
        any_requests(Fixture::bucket, &requests);
    }
}

fn any_requests(fixture: fn() -> Fixture, requests: &[(usize, usize)]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let fixture = fixture();
        let whole = content(requests.iter().map(|(len, _)| len).sum());
        let mut progress = fixture.store.begin(key(1), Algorithm::Sha256);
        let mut start = 0;
        for (number, &(len, piece)) in requests.iter().enumerate() {
            let store = if number % 2 == 0 {
                &fixture.store
            } else {
                &fixture.replica
            };
            let part = whole.slice(start..start + len);
            progress = store
                .append(progress, body(&part, piece), NO_LIMIT)
                .await
                .unwrap();
            start += len;
        }
        fixture
            .replica
            .complete(&progress, &Digest::sha256_of(&whole))
            .await
            .unwrap();
        assert_holds(&fixture.store, &key(1), &whole).await;
    });
}
