//! How objects are read, found and removed.

use std::io;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use oci::{Algorithm, Digest};

use super::{Fixture, NO_LIMIT, assert_holds, body, content, key, read_all};
use crate::{AppendError, BlobStore, CheckOutcome, CompleteError, StorageError};

async fn put(store: &BlobStore, number: u32, content: &Bytes) {
    let begun = store.begin(key(number), Algorithm::Sha256);
    let digest = Digest::sha256_of(content);
    store
        .append_and_complete(begun, body(content, 1 << 16), NO_LIMIT, &digest)
        .await
        .unwrap();
}

pub(super) async fn deleting_is_repeatable_and_takes_everything(fixture: Fixture) {
    let (whole, store) = (content(100_000), &fixture.store);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let done = store
        .append(begun, body(&whole, 1000), NO_LIMIT)
        .await
        .unwrap();
    store.delete(&key(1)).await.unwrap();
    assert_eq!(store.list_uploads().await.unwrap(), []);
    // Files notice it at once, a bucket when the bytes are needed.
    let twice = [&whole[..], &whole[..]].concat();
    match store.append(done, body(&whole, 1000), NO_LIMIT).await {
        Err(AppendError::Storage(StorageError::UploadLost { .. })) => {}
        Ok(done) => {
            let completed = store.complete(&done, &Digest::sha256_of(&twice)).await;
            assert!(matches!(
                completed,
                Err(CompleteError::Storage(StorageError::UploadLost { .. }))
            ));
        }
        Err(error) => panic!("{error}"),
    }

    put(store, 2, &whole).await;
    for _ in 0..2 {
        store.delete(&key(2)).await.unwrap();
        let read = read_all(store, &key(2), 100_000).await;
        assert!(matches!(read, Err(StorageError::Missing { .. })));
        let verified = store.verify_length(&key(2), 100_000).await;
        assert!(matches!(verified, Err(StorageError::Missing { .. })));
    }
}

/// Of files only: a body that comes from a bucket may end with an error.
pub(super) async fn open_readers_outlive_a_deletion(fixture: Fixture) {
    let (whole, store) = (content(100_000), &fixture.store);
    put(store, 2, &whole).await;
    let blob = store.read(&key(2), 100_000).await.unwrap();
    let Some(file) = blob.as_file() else {
        return;
    };
    let mapped = file.map(10..99_999).unwrap();
    store.delete(&key(2)).await.unwrap();
    assert!(mapped == whole.slice(10..99_999));
    let mut bytes = [0; 4];
    assert_eq!(file.read_at(&mut bytes, 99_998).unwrap(), 2);
    assert_eq!(bytes[..2], whole[99_998..]);
}

pub(super) async fn an_object_of_another_size_is_never_served(fixture: Fixture) {
    let (whole, store) = (content(50), &fixture.store);
    put(store, 1, &whole).await;
    for claimed in [49, 51, 0, 5000] {
        let mut errors = vec![
            read_all(store, &key(1), claimed).await.unwrap_err(),
            store
                .verify_length(&key(1), claimed as u64)
                .await
                .unwrap_err(),
        ];
        // A part of it, too: in the middle, and beyond the end.
        for range in [
            claimed as u64 / 2..claimed as u64,
            45..claimed.max(46) as u64,
        ] {
            let is_inside = range.end <= claimed as u64 && !range.is_empty();
            if let Ok(blob) = store.read(&key(1), claimed as u64).await
                && is_inside
            {
                errors.push(blob.body(range).await.unwrap_err());
            }
        }
        for error in errors {
            assert!(
                matches!(
                    error,
                    StorageError::Damaged {
                        found_bytes: 50,
                        ..
                    }
                ),
                "{claimed}: {error}"
            );
        }
    }
}

pub(super) async fn all_ways_of_reading_agree(fixture: Fixture) {
    let (whole, store) = (content(300_000), &fixture.store);
    put(store, 1, &whole).await;
    let blob = store.read(&key(1), 300_000).await.unwrap();
    for range in [
        0..1_u64,
        0..300_000,
        4096..8192,
        4097..299_999,
        299_999..300_000,
        300_000..300_000,
    ] {
        let (start, end) = (
            usize::try_from(range.start).unwrap(),
            usize::try_from(range.end).unwrap(),
        );
        let expected = &whole[start..end];
        let body = blob.body(range.clone()).await.unwrap();
        assert_eq!(body.len(), range.end - range.start);
        let chunks = body.into_stream().try_collect::<Vec<_>>().await.unwrap();
        assert!(chunks.concat() == expected);
        let Some(file) = blob.as_file() else {
            continue;
        };
        file.prefetch(range.clone());
        assert!(file.map(range.clone()).unwrap() == expected);
        let mut bytes = vec![0; end - start];
        assert_eq!(file.read_at(&mut bytes, range.start).unwrap(), bytes.len());
        assert!(bytes == expected);
        bytes.fill(0);
        if let Some(read) = file.read_at_cached(&mut bytes, range.start).unwrap() {
            assert!(bytes[..read] == whole[start..start + read]);
        }
    }
    if let Some(file) = blob.as_file() {
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
}

pub(super) async fn every_object_is_listed_once(fixture: Fixture) {
    let store = &fixture.store;
    let open = store.begin(key(0x105), Algorithm::Sha256);
    store
        .append(open, body(&content(9), 9), NO_LIMIT)
        .await
        .unwrap();
    for (number, len) in [(5, 0), (0x205, 77), (6, 9)] {
        put(store, number, &content(len)).await;
    }
    let mut listed = fixture.replica.list_blobs(5).await.unwrap();
    listed.sort();
    assert_eq!(listed, [(key(5), 0), (key(0x205), 77)]);
    assert_eq!(store.list_blobs(6).await.unwrap(), [(key(6), 9)]);
    assert_eq!(store.list_blobs(7).await.unwrap(), []);
}

pub(super) async fn only_unknown_uploads_are_swept(fixture: Fixture) {
    let (whole, store) = (content(50), &fixture.store);
    for number in 0..6 {
        let begun = store.begin(key(number), Algorithm::Sha256);
        store
            .append(begun, body(&whole, 50), NO_LIMIT)
            .await
            .unwrap();
    }
    put(store, 9, &whole).await;
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

pub(super) async fn readiness_is_probed_by_writing(fixture: Fixture) {
    for probe in join_all((0..8).map(|_| fixture.store.probe())).await {
        probe.unwrap();
    }
    assert!(fixture.store.free_space().await.unwrap() > 0);
    for check in fixture.store.check().await {
        assert_eq!(check.outcome, CheckOutcome::Good, "{}", check.what);
    }
}
