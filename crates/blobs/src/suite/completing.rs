//! How uploads become objects.

use bytes::Bytes;
use oci::{Algorithm, Digest};

use super::{Fixture, NO_LIMIT, assert_holds, body, content, key, read_all};
use crate::{AppendError, CompleteError, Expected, PutError, StorageError};

pub(super) async fn a_wrong_digest_makes_nothing_readable(fixture: Fixture) {
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
        let error = read_all(store, &key(1), 5000).await.unwrap_err();
        assert!(matches!(error, StorageError::Missing { .. }), "{error}");
    }
    store.complete(&done, &right).await.unwrap();
    assert_holds(store, &key(1), &whole).await;
}

pub(super) async fn a_copy_of_stored_content_is_dropped_once_its_digest_is_right(fixture: Fixture) {
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
        read_all(store, &key(1), 5000).await,
        Err(StorageError::Missing { .. })
    ));
    assert_eq!(store.list_uploads().await.unwrap(), []);
}

pub(super) async fn completing_again_answers_the_same(fixture: Fixture) {
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

    // The request that brought all bytes, repeated because its commit never came: with the same bytes, and with
    // others, which either replace the first or are refused.
    let put = store.append_and_complete(begun.clone(), body(&whole, 9000), NO_LIMIT, &digest);
    assert_eq!(put.await.unwrap(), first);
    assert_holds(store, &key(1), &whole).await;
    let other = content(80_000).slice(10_000..);
    let other_digest = Digest::sha256_of(&other);
    let put = store.append_and_complete(begun, body(&other, 9000), NO_LIMIT, &other_digest);
    assert_replaces_or_refuses(&put.await, fixture.is_remote);
    let now = if fixture.is_remote { &whole } else { &other };
    assert_holds(store, &key(1), now).await;
}

pub(super) async fn an_upload_whose_bytes_are_gone_must_start_again(fixture: Fixture) {
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
    let digest = Digest::sha256_of(&first);
    let put = store.append_and_complete(begun, body(&first, 7), NO_LIMIT, &digest);
    assert_replaces_or_refuses(&put.await, fixture.is_remote);
    let now = if fixture.is_remote {
        &whole[..]
    } else {
        &first
    };
    assert_holds(store, &key(1), now).await;
}

/// An object that nobody committed is in the way. A file is replaced at once; an object is never replaced, since who
/// made it may commit it yet on another replica.
fn assert_replaces_or_refuses(
    put: &Result<crate::Completed, PutError<std::convert::Infallible>>,
    is_refused: bool,
) {
    let is_lost = matches!(
        put,
        Err(PutError::Append(AppendError::Storage(
            StorageError::UploadLost { .. }
        )))
    );
    assert!(if is_refused { is_lost } else { put.is_ok() });
}

pub(super) async fn every_algorithm_verifies_announced_or_not(fixture: Fixture) {
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

pub(super) async fn an_empty_object_is_an_object(fixture: Fixture) {
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
    let blob = store.read(&put.key, 0).await.unwrap();
    assert!(blob.is_empty() && blob.body(0..0).await.unwrap().is_empty());
    assert_holds(store, &put.key, b"").await;
    let missing = store.read(&key(2), 0).await;
    let missing = match missing {
        Ok(blob) => blob.body(0..0).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(missing, Err(StorageError::Missing { .. })));
}
