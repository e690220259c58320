//! The contract as tests: one function for each property, run against each implementation.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use oci::{Algorithm, Digest};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::disk::{Disk, RealDisk};
use crate::fault::FaultyDisk;
use crate::{
    AppendError, BlobStore, CompleteError, Expected, FilesystemOptions, ObjectKey, PutError,
    StorageError, UploadProgress,
};

const NO_LIMIT: u64 = u64::MAX;

/// A store, and a second replica over the same bytes.
pub(crate) struct Fixture {
    pub(crate) store: BlobStore,
    pub(crate) replica: BlobStore,
    _directory: TempDir,
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
            _directory: directory,
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
    let file = store.read(key, len as u64).await?;
    let mut bytes = vec![0; len];
    let mut at = 0;
    while at < len {
        match file
            .read_at(&mut bytes[at..], at as u64)
            .map_err(StorageError::Io)?
        {
            0 => break,
            read => at += read,
        }
    }
    bytes.truncate(at);
    Ok(bytes)
}

async fn assert_holds(store: &BlobStore, key: &ObjectKey, content: &[u8]) {
    assert!(
        read_all(store, key, content.len()).await.unwrap() == content,
        "content differs"
    );
}

async fn appending_in_two_requests_at_every_split_equals_one(fixture: Fixture) {
    let whole = content(300);
    let digest = Digest::sha256_of(&whole);
    for split in 0..=whole.len() {
        let key = key(u32::try_from(split).unwrap());
        let begun = fixture.store.begin(key.clone(), Algorithm::Sha256);
        let (head, tail) = (whole.slice(..split), whole.slice(split..));
        let half = fixture
            .store
            .append(begun, body(&head, 100), NO_LIMIT)
            .await
            .unwrap();
        assert_eq!(half.offset, split as u64);
        let done = fixture
            .replica
            .append(half, body(&tail, 64), NO_LIMIT)
            .await
            .unwrap();
        let completed = fixture.store.complete(&done, &digest).await.unwrap();
        assert_eq!((completed.key, completed.size_bytes), (key.clone(), 300));
        assert_eq!(completed.digest, digest);
        assert_holds(&fixture.replica, &key, &whole).await;
    }
}

/// Sizes around everything that batches: tiny pieces, small batches, full batches.
async fn pieces_of_any_size_make_the_same_object(fixture: Fixture) {
    let mut number = 0;
    for len in [
        1, 4095, 4096, 65_535, 65_536, 65_537, 262_144, 262_145, 900_001,
    ] {
        for piece in [997, 4096, 65_536, 300_000, 1_000_000] {
            let whole = content(len);
            number += 1;
            let begun = fixture.store.begin(key(number), Algorithm::Sha256);
            let digest = Digest::sha256_of(&whole);
            let put =
                fixture
                    .store
                    .append_and_complete(begun, body(&whole, piece), len as u64, &digest);
            assert_eq!(put.await.unwrap().size_bytes, len as u64);
            assert_holds(&fixture.store, &key(number), &whole).await;
        }
    }
}

async fn bytes_beyond_the_stored_offset_are_dropped(fixture: Fixture) {
    let (first, lost, last) = (content(1000), content(5000), content(10));
    let store = &fixture.store;
    let begun = store.begin(key(1), Algorithm::Sha256);
    let stored = store
        .append(begun, body(&first, 999), NO_LIMIT)
        .await
        .unwrap();
    // The row with this progress was never written.
    store
        .append(stored.clone(), body(&lost, 999), NO_LIMIT)
        .await
        .unwrap();
    let done = store
        .append(stored.clone(), body(&last, 3), NO_LIMIT)
        .await
        .unwrap();
    let whole = [&first[..], &last[..]].concat();
    store
        .complete(&done, &Digest::sha256_of(&whole))
        .await
        .unwrap();
    assert_holds(store, &key(1), &whole).await;

    // The same when the upload is completed where it stood.
    let begun = store.begin(key(2), Algorithm::Sha256);
    let stored = store
        .append(begun, body(&first, 999), NO_LIMIT)
        .await
        .unwrap();
    store
        .append(stored.clone(), body(&lost, 999), NO_LIMIT)
        .await
        .unwrap();
    store
        .complete(&stored, &Digest::sha256_of(&first))
        .await
        .unwrap();
    assert_holds(store, &key(2), &first).await;
}

async fn a_wrong_digest_makes_nothing_readable(fixture: Fixture) {
    let (whole, store) = (content(5000), &fixture.store);
    let (right, wrong) = (Digest::sha256_of(&whole), Digest::sha256_of(b"else"));
    let wrong_512 = Digest::of(Algorithm::Sha512, b"else");
    let begun = store.begin(key(1), Algorithm::Sha256);
    let done = store
        .append(begun.clone(), body(&whole, 100), NO_LIMIT)
        .await
        .unwrap();
    for expected in [&wrong, &wrong_512] {
        let error = store.complete(&done, expected).await.unwrap_err();
        let actual = Digest::of(expected.algorithm(), &whole);
        assert!(
            matches!(&error, CompleteError::DigestMismatch { actual: a } if *a == actual),
            "{error}"
        );
        let put = store.append_and_complete(begun.clone(), body(&whole, 100), NO_LIMIT, expected);
        assert!(matches!(
            put.await.unwrap_err(),
            PutError::Complete(CompleteError::DigestMismatch { .. })
        ));
        let error = store.read(&key(1), 5000).await.unwrap_err();
        assert!(matches!(error, StorageError::Missing { .. }), "{error}");
    }
    store.complete(&done, &right).await.unwrap();
    assert_holds(store, &key(1), &whole).await;
}

async fn a_copy_of_stored_content_is_dropped_once_its_digest_is_right(fixture: Fixture) {
    let (whole, store) = (content(5000), &fixture.store);
    let (right, wrong) = (Digest::sha256_of(&whole), Digest::sha256_of(b"else"));
    let begun = store.begin(key(1), Algorithm::Sha256);
    let never = Expected::unless_stored(&wrong, || panic!("asked before the digest was right"));
    let put = store.append_and_complete(begun.clone(), body(&whole, 100), NO_LIMIT, never);
    assert!(matches!(
        put.await,
        Err(PutError::Complete(CompleteError::DigestMismatch { .. }))
    ));

    let other = store.begin(key(2), Algorithm::Sha256);
    let expected = Expected::unless_stored(&right, || false);
    let put = store.append_and_complete(other, body(&whole, 100), NO_LIMIT, expected);
    assert!(put.await.unwrap().is_kept);
    assert_holds(store, &key(2), &whole).await;

    let expected = Expected::unless_stored(&right, || true);
    let put = store.append_and_complete(begun, body(&whole, 100), NO_LIMIT, expected);
    let completed = put.await.unwrap();
    assert!(!completed.is_kept);
    assert_eq!((completed.size_bytes, completed.digest), (5000, right));
    assert!(matches!(
        store.read(&key(1), 5000).await,
        Err(StorageError::Missing { .. })
    ));
    assert_eq!(store.list_uploads().await.unwrap(), []);
}

async fn completing_again_answers_the_same(fixture: Fixture) {
    let (whole, store) = (content(70_000), &fixture.store);
    let digest = Digest::sha256_of(&whole);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let done = store
        .append(begun.clone(), body(&whole, 5000), NO_LIMIT)
        .await
        .unwrap();
    let first = store.complete(&done, &digest).await.unwrap();
    assert_eq!(
        fixture.replica.complete(&done, &digest).await.unwrap(),
        first
    );
    // Even then the digest is verified.
    let wrong = store.complete(&done, &Digest::sha256_of(b"else")).await;
    assert!(matches!(wrong, Err(CompleteError::DigestMismatch { .. })));
    let sha512 = Digest::of(Algorithm::Sha512, &whole);
    assert_eq!(store.complete(&done, &sha512).await.unwrap().digest, sha512);

    // The request that brought all bytes, repeated because its commit never came: with the same bytes,
    // and with others.
    for again in [whole.clone(), content(80_000).slice(10_000..)] {
        let digest = Digest::sha256_of(&again);
        let put = store.append_and_complete(begun.clone(), body(&again, 9000), NO_LIMIT, &digest);
        assert_eq!(put.await.unwrap().digest, digest);
        assert_holds(store, &key(1), &again).await;
    }
}

async fn an_upload_whose_bytes_are_gone_must_start_again(fixture: Fixture) {
    let (first, last, store) = (content(1000), content(50), &fixture.store);
    let whole = [&first[..], &last[..]].concat();
    let digest = Digest::sha256_of(&whole);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let stored = store
        .append(begun.clone(), body(&first, 100), NO_LIMIT)
        .await
        .unwrap();
    let put = || store.append_and_complete(stored.clone(), body(&last, 50), NO_LIMIT, &digest);
    put().await.unwrap();
    let error = put().await.unwrap_err();
    assert!(
        matches!(
            error,
            PutError::Append(AppendError::Storage(StorageError::UploadLost { .. }))
        ),
        "{error}"
    );
    let error = store
        .complete(&stored, &Digest::sha256_of(&first))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CompleteError::Storage(StorageError::UploadLost { .. })
        ),
        "{error}"
    );
    // Refusing changed nothing.
    assert_holds(store, &key(1), &whole).await;
    store
        .append_and_complete(begun, body(&first, 7), NO_LIMIT, &Digest::sha256_of(&first))
        .await
        .unwrap();
    assert_holds(store, &key(1), &first).await;
}

async fn a_body_that_breaks_off_leaves_what_arrived(fixture: Fixture) {
    let store = &fixture.store;
    for (number, len) in [(1, 0), (2, 10), (3, 70_000), (4, 700_000)] {
        let whole = content(len + 20);
        let head = whole.slice(..len);
        let broken = || {
            body(&head, 3000)
                .map(|piece| piece.map_err(|never| match never {}))
                .chain(stream::iter([Err("cable")]))
        };
        let begun = store.begin(key(number), Algorithm::Sha256);
        let error = store
            .append(begun.clone(), broken(), NO_LIMIT)
            .await
            .unwrap_err();
        let AppendError::SourceFailed {
            error: "cable",
            progress,
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(progress.offset, len as u64);
        let digest = Digest::sha256_of(&whole);
        let put = store.append_and_complete(begun, broken(), NO_LIMIT, &digest);
        let error = put.await.unwrap_err();
        let PutError::Append(AppendError::SourceFailed {
            progress: again, ..
        }) = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(again, progress);
        let rest = body(&whole.slice(len..), 20);
        let done = fixture
            .replica
            .append(progress, rest, NO_LIMIT)
            .await
            .unwrap();
        store
            .complete(&done, &Digest::sha256_of(&whole))
            .await
            .unwrap();
        assert_holds(store, &key(number), &whole).await;
    }
}

async fn a_body_over_the_limit_counts_for_nothing(fixture: Fixture) {
    let (whole, store) = (content(100_000), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let half = store
        .append(begun, body(&whole.slice(..50_000), 1000), 50_000)
        .await
        .unwrap();
    let too_large = store
        .append(half.clone(), body(&whole.slice(50_000..), 1000), 99_999)
        .await;
    assert!(matches!(
        too_large,
        Err(AppendError::TooLarge {
            limit_bytes: 99_999
        })
    ));
    let done = store
        .append(half, body(&whole.slice(50_000..), 1000), 100_000)
        .await
        .unwrap();
    store
        .complete(&done, &Digest::sha256_of(&whole))
        .await
        .unwrap();
    assert_holds(store, &key(1), &whole).await;
}

async fn deleting_is_repeatable_and_spares_open_readers(fixture: Fixture) {
    let (whole, store) = (content(100_000), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let done = store
        .append(begun, body(&whole, 1000), NO_LIMIT)
        .await
        .unwrap();
    store.delete(&key(1)).await.unwrap();
    let error = store
        .append(done.clone(), body(&whole, 1000), NO_LIMIT)
        .await
        .unwrap_err();
    assert!(
        matches!(error, AppendError::Storage(StorageError::UploadLost { .. })),
        "{error}"
    );

    let begun = store.begin(key(2), Algorithm::Sha256);
    let digest = Digest::sha256_of(&whole);
    store
        .append_and_complete(begun, body(&whole, 1000), NO_LIMIT, &digest)
        .await
        .unwrap();
    let file = store.read(&key(2), 100_000).await.unwrap();
    let mapped = file.map(10..99_999).unwrap();
    for _ in 0..2 {
        store.delete(&key(2)).await.unwrap();
        assert!(matches!(
            store.read(&key(2), 100_000).await,
            Err(StorageError::Missing { .. })
        ));
    }
    assert!(mapped == whole.slice(10..99_999));
    let mut bytes = [0; 4];
    assert_eq!(file.read_at(&mut bytes, 99_998).unwrap(), 2);
    assert_eq!(bytes[..2], whole[99_998..]);
}

async fn every_algorithm_verifies_announced_or_not(fixture: Fixture) {
    let (whole, store) = (content(600_000), &fixture.store);
    let mut number = 0;
    for announced in [Algorithm::Sha256, Algorithm::Sha512] {
        for asked in [Algorithm::Sha256, Algorithm::Sha512] {
            number += 1;
            let begun = store.begin(key(number), announced);
            let half = store
                .append(begun, body(&whole.slice(..9), 9), NO_LIMIT)
                .await
                .unwrap();
            let rest = body(&whole.slice(9..), 50_000);
            let digest = Digest::of(asked, &whole);
            let put = store
                .append_and_complete(half, rest, NO_LIMIT, &digest)
                .await
                .unwrap();
            assert_eq!(put.digest, digest);
            assert_holds(store, &key(number), &whole).await;
        }
    }
}

async fn an_empty_object_is_an_object(fixture: Fixture) {
    let (empty, store) = (Digest::sha256_of(b""), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let still = store
        .append(begun.clone(), body(&Bytes::new(), 1), NO_LIMIT)
        .await
        .unwrap();
    assert_eq!(still, begun);
    for _ in 0..2 {
        assert_eq!(store.complete(&begun, &empty).await.unwrap().size_bytes, 0);
    }
    let put = store
        .append_and_complete(begun, body(&Bytes::new(), 1), 0, &empty)
        .await
        .unwrap();
    let file = store.read(&put.key, 0).await.unwrap();
    assert!(file.is_empty() && file.map(0..0).unwrap().is_empty());
    assert!(file.into_body().is_empty());
}

async fn an_object_of_another_size_is_never_served(fixture: Fixture) {
    let (whole, store) = (content(50), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let digest = Digest::sha256_of(&whole);
    store
        .append_and_complete(begun, body(&whole, 50), NO_LIMIT, &digest)
        .await
        .unwrap();
    for claimed in [49, 51, 0] {
        let error = store.read(&key(1), claimed).await.unwrap_err();
        assert!(
            matches!(
                error,
                StorageError::Damaged {
                    found_bytes: 50,
                    ..
                }
            ),
            "{error}"
        );
    }
}

async fn all_ways_of_reading_agree(fixture: Fixture) {
    let (whole, store) = (content(300_000), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let digest = Digest::sha256_of(&whole);
    store
        .append_and_complete(begun, body(&whole, 1 << 16), NO_LIMIT, &digest)
        .await
        .unwrap();
    let file = store.read(&key(1), 300_000).await.unwrap();
    file.prefetch(0..300_000);
    for range in [
        0..1_u64,
        0..300_000,
        4096..8192,
        4097..299_999,
        300_000..300_000,
    ] {
        let (start, end) = (
            usize::try_from(range.start).unwrap(),
            usize::try_from(range.end).unwrap(),
        );
        assert!(file.map(range.clone()).unwrap() == whole[start..end]);
        let mut bytes = vec![0; end - start];
        assert_eq!(file.read_at(&mut bytes, range.start).unwrap(), bytes.len());
        assert!(bytes == whole[start..end]);
        bytes.fill(0);
        if let Some(read) = file.read_at_cached(&mut bytes, range.start).unwrap() {
            assert!(bytes[..read] == whole[start..start + read]);
        }
    }
    assert_eq!(file.read_at(&mut [0; 9], 300_000).unwrap(), 0);
    #[expect(
        clippy::reversed_empty_ranges,
        reason = "as a faulty caller may pass it"
    )]
    for outside in [0..300_001, 300_001..300_002, 5..4] {
        assert_eq!(
            file.map(outside).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}

async fn only_unknown_uploads_are_swept(fixture: Fixture) {
    let (whole, store) = (content(50), &fixture.store);
    for number in 0..6 {
        let begun = store.begin(key(number), Algorithm::Sha256);
        store
            .append(begun, body(&whole, 50), NO_LIMIT)
            .await
            .unwrap();
    }
    let digest = Digest::sha256_of(&whole);
    let begun = store.begin(key(9), Algorithm::Sha256);
    store
        .append_and_complete(begun, body(&whole, 50), NO_LIMIT, &digest)
        .await
        .unwrap();
    let known = [key(1), key(4)];
    let sweep = store
        .sweep_uploads(move |key| known.contains(key))
        .await
        .unwrap();
    assert_eq!((sweep.removed, sweep.kept), (4, 2));
    let mut left = store.list_uploads().await.unwrap();
    left.sort();
    assert_eq!(left, [key(1), key(4)]);
    assert_holds(store, &key(9), &whole).await;
}

async fn a_progress_that_was_tampered_with_is_refused(fixture: Fixture) {
    let (whole, store) = (content(50), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let half = store
        .append(begun, body(&whole, 50), NO_LIMIT)
        .await
        .unwrap();
    let shifted = UploadProgress {
        offset: 49,
        ..half.clone()
    };
    let unreadable = UploadProgress {
        hash: vec![1, 2, 3],
        ..half
    };
    for progress in [shifted, unreadable] {
        let error = store
            .append(progress, body(&whole, 50), NO_LIMIT)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                AppendError::Storage(StorageError::InvalidProgress { .. })
            ),
            "{error}"
        );
    }
}

/// Clients that stall after any amount of bytes do not stop the others, however many they are.
async fn stalled_clients_do_not_stop_the_others(fixture: Fixture) {
    let whole = content(200_000);
    let mut stalled = Vec::new();
    for number in 0..500 {
        let store = fixture.store.clone();
        let arrived = whole.slice(..1000 + usize::try_from(number).unwrap() * 390);
        let begun = store.begin(key(number), Algorithm::Sha256);
        let never_ending = body(&arrived, 30_000).chain(stream::pending());
        stalled.push(tokio::spawn(async move {
            store.append(begun, never_ending, NO_LIMIT).await
        }));
    }
    let digest = Digest::sha256_of(&whole);
    let puts = (500..600).map(|number| {
        let begun = fixture.store.begin(key(number), Algorithm::Sha256);
        fixture
            .store
            .append_and_complete(begun, body(&whole, 30_000), NO_LIMIT, &digest)
    });
    for put in join_all(puts).await {
        assert_holds(&fixture.store, &put.unwrap().key, &whole).await;
    }
    assert!(stalled.iter().all(|task| !task.is_finished()));
    for task in stalled {
        task.abort();
    }
}

async fn a_dropped_request_does_not_disturb_the_next(fixture: Fixture) {
    let (whole, store) = (content(500_000), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    for _ in 0..20 {
        let other = content(400_000).slice(1..);
        let never_ending = body(&other, 70_000).chain(stream::pending());
        let mut dropped = Box::pin(store.append(begun.clone(), never_ending, NO_LIMIT));
        // Far enough for a batch to be on its way.
        while (&mut dropped).now_or_never().is_none()
            && store.list_uploads().await.unwrap().is_empty()
        {
            tokio::task::yield_now().await;
        }
        drop(dropped);
        let half = whole.slice(..250_000);
        let half = store
            .append(begun.clone(), body(&half, 20_000), NO_LIMIT)
            .await
            .unwrap();
        let rest = body(&whole.slice(250_000..), 20_000);
        let digest = Digest::sha256_of(&whole);
        store
            .append_and_complete(half, rest, NO_LIMIT, &digest)
            .await
            .unwrap();
        assert_holds(store, &key(1), &whole).await;
        store.delete(&key(1)).await.unwrap();
    }
}

async fn readiness_is_probed_by_writing(fixture: Fixture) {
    for probe in join_all((0..8).map(|_| fixture.store.probe())).await {
        probe.unwrap();
    }
    assert!(fixture.store.free_space().await.unwrap() > 0);
}

macro_rules! contract {
    ($($property:ident),* $(,)?) => {
        mod on_a_real_disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $property() {
                super::$property(super::Fixture::real()).await;
            })*
        }
        mod on_a_simulated_disk {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $property() {
                super::$property(super::Fixture::simulated()).await;
            })*
        }
    };
}

contract!(
    appending_in_two_requests_at_every_split_equals_one,
    pieces_of_any_size_make_the_same_object,
    bytes_beyond_the_stored_offset_are_dropped,
    a_wrong_digest_makes_nothing_readable,
    a_copy_of_stored_content_is_dropped_once_its_digest_is_right,
    completing_again_answers_the_same,
    an_upload_whose_bytes_are_gone_must_start_again,
    a_body_that_breaks_off_leaves_what_arrived,
    a_body_over_the_limit_counts_for_nothing,
    deleting_is_repeatable_and_spares_open_readers,
    every_algorithm_verifies_announced_or_not,
    an_empty_object_is_an_object,
    an_object_of_another_size_is_never_served,
    all_ways_of_reading_agree,
    only_unknown_uploads_are_swept,
    a_progress_that_was_tampered_with_is_refused,
    stalled_clients_do_not_stop_the_others,
    a_dropped_request_does_not_disturb_the_next,
    readiness_is_probed_by_writing,
);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any number of requests, of any sizes, in pieces of any sizes, on any replica.
    #[test]
    fn any_sequence_of_requests_makes_the_same_object(
        requests in proptest::collection::vec((0_usize..200_000, 500_usize..150_000), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::real();
            let whole = content(requests.iter().map(|(len, _)| len).sum());
            let mut progress = fixture.store.begin(key(1), Algorithm::Sha256);
            let mut start = 0;
            for (number, (len, piece)) in requests.into_iter().enumerate() {
                let store = if number % 2 == 0 { &fixture.store } else { &fixture.replica };
                let part = whole.slice(start..start + len);
                progress = store.append(progress, body(&part, piece), NO_LIMIT).await.unwrap();
                start += len;
            }
            fixture.replica.complete(&progress, &Digest::sha256_of(&whole)).await.unwrap();
            assert_holds(&fixture.store, &key(1), &whole).await;
        });
    }
}
