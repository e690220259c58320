//! The store fails, and comes back.

use std::error::Error as _;
use std::time::{Duration, Instant};

use engines::SeaweedFs;
use futures_util::TryStreamExt;
use oci::{Algorithm, Digest};

use super::proxy::{Fault, Proxy};
use super::{MIB, NO_LIMIT, append, assert_holds, body, bucket, key, long, open, put};
use crate::{AppendError, BlobStore, PutError, S3Credentials, S3Options, StorageError};

async fn unreliable(change: impl FnOnce(&mut S3Options)) -> (Proxy, BlobStore) {
    let proxy = Proxy::to(SeaweedFs::shared().port()).await;
    let mut options = S3Options {
        endpoint: Some(proxy.endpoint.clone()),
        ..bucket::options()
    };
    change(&mut options);
    let store = open(&options);
    (proxy, store)
}

#[tokio::test]
async fn what_a_store_cannot_do_just_now_is_asked_again() {
    let (proxy, store) = unreliable(|_| ()).await;
    let whole = long(9 * MIB);
    for (text, fault) in [
        ("PUT ", Fault::Answer(503, "SlowDown")),
        ("PUT ", Fault::Answer(429, "TooManyRequests")),
        ("PUT ", Fault::Refuse),
        ("PUT ", Fault::LoseAnswer),
        ("POST ", Fault::Answer(500, "InternalError")),
        ("uploadId=", Fault::LoseAnswer),
        ("GET ", Fault::Answer(503, "SlowDown")),
        ("GET ", Fault::Refuse),
        ("DELETE ", Fault::Answer(502, "")),
        ("uploads=", Fault::Answer(503, "SlowDown")),
    ] {
        proxy.next(text, fault);
    }
    let begun = store.begin(key(1), Algorithm::Sha256);
    let row = append(&store, begun, &whole).await;
    store
        .complete(&row, &Digest::sha256_of(&whole))
        .await
        .unwrap();
    assert_holds(&store, 1, &whole).await;
    store.delete(&key(1)).await.unwrap();
    assert_eq!(store.list_uploads().await.unwrap(), []);
}

/// The last call of an upload was done, and nobody was told.
#[tokio::test]
async fn a_lost_answer_to_the_last_call_is_no_loss() {
    for (number, len, text) in [(1, 1000, "PUT "), (2, 9 * MIB, "?uploadId=")] {
        let (proxy, store) = unreliable(|_| ()).await;
        let whole = long(len);
        proxy.next(text, Fault::LoseAnswer);
        let begun = store.begin(key(number), Algorithm::Sha256);
        let digest = Digest::sha256_of(&whole);
        let put =
            store.append_and_complete(begun.clone(), body(&whole, 100_000), NO_LIMIT, &digest);
        if put.await.is_err() {
            // Not every call may be repeated by itself; the client's request may.
            let put = store.append_and_complete(begun, body(&whole, 100_000), NO_LIMIT, &digest);
            assert!(put.await.unwrap().is_kept);
        }
        assert_holds(&store, number, &whole).await;
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_goes_on_where_it_broke() {
    let (proxy, store) =
        unreliable(|options| options.request_timeout = Duration::from_secs(3)).await;
    let whole = long(3 * MIB);
    put(&store, 1, &whole).await;
    let blob = store.read(&key(1), whole.len() as u64).await.unwrap();
    for range in [0..whole.len(), 100..2 * MIB] {
        proxy.lines();
        for fault in [
            Fault::CutAfter(500_000),
            Fault::SilentAfter(300_000),
            Fault::Answer(503, "SlowDown"),
            Fault::CutAfter(1),
            Fault::Refuse,
        ] {
            proxy.next("GET ", fault);
        }
        let body = blob
            .body(range.start as u64..range.end as u64)
            .await
            .unwrap();
        let chunks = body.into_stream().try_collect::<Vec<_>>().await.unwrap();
        assert!(chunks.concat() == whole[range]);
        assert!(proxy.lines().len() > 5);
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_continued_ends_with_an_error_not_short() {
    let (proxy, store) = unreliable(|options| options.retry_for = Duration::ZERO).await;
    let whole = long(3 * MIB);
    put(&store, 1, &whole).await;
    let blob = store.read(&key(1), whole.len() as u64).await.unwrap();
    proxy.next("GET ", Fault::CutAfter(100_000));
    let mut body = blob
        .body(0..whole.len() as u64)
        .await
        .unwrap()
        .into_stream();
    body.try_next().await.unwrap().unwrap();
    proxy.all(Some(Fault::Answer(403, "AccessDenied")));
    let rest = body.try_collect::<Vec<_>>().await;
    assert!(rest.is_err());
}

#[tokio::test]
async fn a_store_that_is_down_is_told_at_once_after_a_while_and_asked_again_later() {
    let (proxy, store) = unreliable(|options| options.retry_for = Duration::from_millis(300)).await;
    let whole = long(1000);
    put(&store, 1, &whole).await;
    let blob = store.read(&key(1), 1000).await.unwrap();
    proxy.all(Some(Fault::Answer(503, "SlowDown")));
    loop {
        let error = blob.body(0..1000).await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
        let source = error.source().unwrap().to_string();
        if source.contains("not asked") {
            break;
        }
        assert!(source.contains("503 SlowDown"), "{source}");
    }
    // Of very many requests one a second is sent.
    proxy.lines();
    let begun = Instant::now();
    for _ in 0..200 {
        blob.body(0..1000).await.unwrap_err();
    }
    let (sent, seconds) = (proxy.lines().len() as u64, begun.elapsed().as_secs());
    assert!(sent <= seconds + 2, "{sent} in {seconds} s");
    proxy.all(None);
    // One of the next seconds lets a request through; its success lets all through.
    while blob.body(0..1000).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_holds(&store, 1, &whole).await;
}

#[tokio::test]
async fn a_store_that_never_answers_is_unavailable() {
    let (proxy, store) = unreliable(|options| {
        options.request_timeout = Duration::from_millis(100);
        options.retry_for = Duration::from_millis(200);
    })
    .await;
    proxy.all(Some(Fault::Stall));
    let whole = long(1000);
    let begun = store.begin(key(1), Algorithm::Sha256);
    let append = store.append(begun, body(&whole, 1000), NO_LIMIT).await;
    let unavailable = matches!(
        append,
        Err(AppendError::Storage(StorageError::Unavailable(_)))
    );
    assert!(unavailable, "{append:?}");
    let probe = store.probe().await;
    assert!(
        matches!(probe, Err(StorageError::Unavailable(_))),
        "{probe:?}"
    );
}

#[tokio::test]
async fn a_full_store_keeps_what_the_row_says() {
    for (status, code) in [(507, ""), (403, "QuotaExceeded")] {
        let (proxy, store) = unreliable(|_| ()).await;
        let whole = long(2000);
        let begun = store.begin(key(1), Algorithm::Sha256);
        let half = append(&store, begun, &whole.slice(..1000)).await;
        proxy.all(Some(Fault::Answer(status, code)));
        let rest = || body(&whole.slice(1000..), 100);
        let full = store.append(half.clone(), rest(), NO_LIMIT).await;
        let AppendError::StorageFull { progress } = full.unwrap_err() else {
            panic!("not full");
        };
        assert_eq!(progress, half);
        let digest = Digest::sha256_of(&whole);
        proxy.all(None);
        proxy.next("PUT ", Fault::Answer(status, code));
        let full = store
            .append_and_complete(half.clone(), rest(), NO_LIMIT, &digest)
            .await;
        assert!(
            matches!(full, Err(PutError::Append(AppendError::StorageFull { .. }))),
            "{full:?}"
        );
        let put = store
            .append_and_complete(half, rest(), NO_LIMIT, &digest)
            .await;
        assert!(put.unwrap().is_kept);
        assert_holds(&store, 1, &whole).await;
    }
}

#[tokio::test]
async fn wrong_credentials_and_buckets_are_named_without_secrets() {
    let key = |secret: &str| S3Credentials::Keys {
        access_key_id: SeaweedFs::shared().access_key().to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: None,
    };
    let (_proxy, stranger) =
        unreliable(|options| options.credentials = key("guessed-secret")).await;
    let (proxy, elsewhere) = unreliable(|_| ()).await;
    proxy.all(Some(Fault::Answer(404, "NoSuchBucket")));
    for (store, named) in [(stranger, "403"), (elsewhere, "NoSuchBucket")] {
        let StorageError::Io(error) = store.probe().await.unwrap_err() else {
            panic!("another error");
        };
        let shown = format!("{error} {error:?} {store:?}");
        assert!(shown.contains(named), "{shown}");
        assert!(!shown.contains("guessed-secret"), "{shown}");
    }
}
