//! Two writers with one row, of which one has lost its lease and does not know it; and requests that are repeated.

use bytes::Bytes;
use oci::{Algorithm, Digest};

use super::{MIB, NO_LIMIT, append, assert_holds, body, bucket, key, long, open, read_all};
use crate::{
    AppendError, BlobStore, CompleteError, Completed, Expected, PutError, S3Options, StorageError,
    UploadProgress,
};

type Put = Result<Completed, PutError<std::convert::Infallible>>;

async fn finish(store: &BlobStore, row: UploadProgress, whole: &Bytes, from: usize) -> Put {
    let rest = body(&whole.slice(from..), 100_000);
    let digest = Digest::sha256_of(whole);
    store
        .append_and_complete(row, rest, NO_LIMIT, &digest)
        .await
}

fn is_lost(put: &Put) -> bool {
    matches!(
        put,
        Err(PutError::Append(AppendError::Storage(
            StorageError::UploadLost { .. }
        )))
    )
}

/// Contents that begin alike and end differently, at equal length.
fn variants(len: usize, common: usize) -> (Bytes, Bytes) {
    let first = long(len);
    let second = [&first[..common], &vec![0xaa; len - common][..]].concat();
    (first, second.into())
}

#[tokio::test]
async fn a_late_writer_never_replaces_an_object() {
    for (number, len, common) in [
        (1, 1000, 0),
        (2, 1000, 500),
        (3, 10 * MIB, 0),
        (4, 18 * MIB, 9 * MIB),
    ] {
        let options = bucket::options();
        let (first, late) = (open(&options), open(&options));
        let (content, other) = variants(len, common);
        let begun = first.begin(key(number), Algorithm::Sha256);
        let row = append(&first, begun, &content.slice(..common)).await;
        assert!(
            finish(&first, row.clone(), &content, common)
                .await
                .unwrap()
                .is_kept
        );
        let too_late = finish(&late, row.clone(), &other, common).await;
        assert!(is_lost(&too_late), "{number}: {too_late:?}");
        assert_holds(&late, number, &content).await;
        // With the same bytes it is no matter, as long as they are not gone.
        if common == 0 {
            assert!(finish(&late, row, &content, common).await.unwrap().is_kept);
            assert_holds(&late, number, &content).await;
        }
    }
}

/// The late one has sent everything but the last word before the other completes.
#[tokio::test]
async fn writers_that_overlap_leave_one_object_that_is_whole() {
    for (number, len) in [(1, 1000), (2, 20 * MIB)] {
        for common in [0, len / 2] {
            let options = bucket::options();
            let stores = [open(&options), open(&options)];
            let (content, other) = variants(len, common);
            let begun = stores[0].begin(key(number), Algorithm::Sha256);
            let row = append(&stores[0], begun, &content.slice(..common)).await;
            let (a, b) = tokio::join!(
                finish(&stores[0], row.clone(), &content, common),
                finish(&stores[1], row, &other, common)
            );
            let winner = match (&a, &b) {
                (Ok(_), Err(_)) => &content,
                (Err(_), Ok(_)) => &other,
                // Each can spoil the other's upload, never its object.
                (Err(_), Err(_)) => continue,
                (Ok(_), Ok(_)) => panic!("both were acknowledged"),
            };
            assert_holds(&stores[1], number, winner).await;
        }
    }
}

#[tokio::test]
async fn completing_a_large_upload_again_answers_the_same() {
    let options = bucket::options();
    let (store, replica, whole) = (open(&options), open(&options), long(18 * MIB));
    let begun = store.begin(key(1), Algorithm::Sha256);
    let half = append(&store, begun, &whole.slice(..9 * MIB)).await;
    let done = append(&replica, half.clone(), &whole.slice(9 * MIB..)).await;
    let digest = Digest::sha256_of(&whole);
    let wrong = Digest::sha256_of(b"else");
    let mismatch = store.complete(&done, &wrong).await;
    assert!(matches!(
        mismatch,
        Err(CompleteError::DigestMismatch { .. })
    ));
    let missing = read_all(&store, &key(1), whole.len()).await;
    assert!(matches!(missing, Err(StorageError::Missing { .. })));
    let first = store.complete(&done, &digest).await.unwrap();
    assert_eq!(replica.complete(&done, &digest).await.unwrap(), first);
    let sha512 = Digest::of(Algorithm::Sha512, &whole);
    assert_eq!(
        replica.complete(&done, &sha512).await.unwrap().digest,
        sha512
    );
    // An older row is another object.
    let half_digest = Digest::sha256_of(&whole[..9 * MIB]);
    let lost = store.complete(&half, &half_digest).await;
    assert!(matches!(
        lost,
        Err(CompleteError::Storage(StorageError::UploadLost { .. }))
    ));
    assert_holds(&store, 1, &whole).await;
}

#[tokio::test]
async fn an_unannounced_algorithm_is_verified_before_anything_is_promised() {
    let (store, whole) = (open(&bucket::options()), long(9 * MIB));
    let begun = store.begin(key(1), Algorithm::Sha256);
    let wrong = Digest::of(Algorithm::Sha512, b"else");
    let rest = || body(&whole, 100_000);
    let put = store
        .append_and_complete(begun.clone(), rest(), NO_LIMIT, &wrong)
        .await;
    let actual = Digest::of(Algorithm::Sha512, &whole);
    assert!(
        matches!(&put, Err(PutError::Complete(CompleteError::DigestMismatch { actual: a })) if *a == actual),
        "{put:?}"
    );
    let missing = read_all(&store, &key(1), whole.len()).await;
    assert!(matches!(missing, Err(StorageError::Missing { .. })));
    assert_eq!(store.timings().reread_bytes(), whole.len() as u64);
    let put = store
        .append_and_complete(begun, rest(), NO_LIMIT, &actual)
        .await;
    assert_eq!(put.unwrap().digest, actual);
    assert_holds(&store, 1, &whole).await;
}

#[tokio::test]
async fn a_large_copy_of_stored_content_is_dropped() {
    let (store, whole) = (open(&bucket::options()), long(9 * MIB));
    let begun = store.begin(key(1), Algorithm::Sha256);
    let half = append(&store, begun, &whole.slice(..8 * MIB + 5)).await;
    let digest = Digest::sha256_of(&whole);
    let expected = Expected::unless_stored(&digest, || true);
    let rest = body(&whole.slice(8 * MIB + 5..), 100_000);
    let put = store
        .append_and_complete(half, rest, NO_LIMIT, expected)
        .await;
    assert!(!put.unwrap().is_kept);
    assert_eq!(store.list_uploads().await.unwrap(), []);
    let missing = read_all(&store, &key(1), whole.len()).await;
    assert!(matches!(missing, Err(StorageError::Missing { .. })));
}

#[tokio::test]
async fn what_a_dead_request_left_is_swept_once_it_is_old_enough() {
    let options = bucket::options();
    let patient = open(&S3Options {
        orphans_after: std::time::Duration::from_hours(1),
        ..options.clone()
    });
    let (store, whole) = (open(&options), long(9 * MIB));
    let begun = store.begin(key(1), Algorithm::Sha256);
    let row = append(&store, begun, &whole).await;
    let begun = store.begin(key(2), Algorithm::Sha256);
    append(&store, begun, &whole).await;
    assert_eq!(patient.sweep_uploads(|_| false).await.unwrap().kept, 2);
    let sweep = store.sweep_uploads(|known| *known == key(1)).await.unwrap();
    assert_eq!((sweep.kept, sweep.removed), (1, 1));
    assert_eq!(store.list_uploads().await.unwrap(), [key(1)]);
    store
        .complete(&row, &Digest::sha256_of(&whole))
        .await
        .unwrap();
    assert_holds(&store, 1, &whole).await;

    let begun = store.begin(key(3), Algorithm::Sha256);
    append(&store, begun, &whole).await;
    store.delete(&key(3)).await.unwrap();
    assert_eq!(store.list_uploads().await.unwrap(), []);
}
