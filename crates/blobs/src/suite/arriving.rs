//! How bytes arrive.

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, stream};
use oci::{Algorithm, Digest};

use super::{Fixture, NO_LIMIT, assert_holds, body, content, key};
use crate::{AppendError, PutError, StorageError, UploadProgress};

pub(super) async fn appending_in_two_requests_at_every_split_equals_one(fixture: Fixture) {
    let whole = content(300);
    let digest = Digest::sha256_of(&whole);
    let step = if fixture.is_remote { 20 } else { 1 };
    for split in (0..=whole.len()).step_by(step) {
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
pub(super) async fn pieces_of_any_size_make_the_same_object(fixture: Fixture) {
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

pub(super) async fn bytes_beyond_the_stored_offset_are_dropped(fixture: Fixture) {
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

pub(super) async fn a_body_that_breaks_off_leaves_what_arrived(fixture: Fixture) {
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

pub(super) async fn a_body_over_the_limit_counts_for_nothing(fixture: Fixture) {
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

pub(super) async fn a_progress_that_was_tampered_with_is_refused(fixture: Fixture) {
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
pub(super) async fn stalled_clients_do_not_stop_the_others(fixture: Fixture) {
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

pub(super) async fn a_dropped_request_does_not_disturb_the_next(fixture: Fixture) {
    let (whole, store) = (content(500_000), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    for _ in 0..20 {
        let other = content(400_000).slice(1..);
        let never_ending = body(&other, 70_000).chain(stream::pending());
        let mut dropped = Box::pin(store.append(begun.clone(), never_ending, NO_LIMIT));
        // Far enough for a batch to be on its way.
        let mut polls = 0;
        while (&mut dropped).now_or_never().is_none()
            && polls < 50
            && store.list_uploads().await.unwrap().is_empty()
        {
            polls += 1;
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
