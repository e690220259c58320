//! How often the store is asked.

use oci::{Algorithm, Digest};

use super::proxy::{Fault, Proxy};
use super::{MIB, NO_LIMIT, append, assert_holds, body, bucket, key, long, open, put};
use crate::{CheckOutcome, S3Encryption, S3Options};

async fn through_proxy() -> (Proxy, S3Options) {
    let proxy = Proxy::to(engines::SeaweedFs::shared().port()).await;
    let options = S3Options {
        endpoint: Some(proxy.endpoint.clone()),
        ..bucket::options()
    };
    (proxy, options)
}

#[tokio::test]
async fn a_small_object_is_written_with_one_call_and_read_with_one() {
    let (proxy, options) = through_proxy().await;
    let (store, whole) = (open(&options), long(500_000));
    put(&store, 1, &whole).await;
    let lines = proxy.lines();
    assert!(
        lines.len() == 1 && lines[0].starts_with("PUT "),
        "{lines:?}"
    );
    assert_holds(&store, 1, &whole).await;
    assert_eq!(proxy.lines().len(), 1);
    let blob = store.read(&key(1), 500_000).await.unwrap();
    assert_eq!(proxy.lines().len(), 0);
    let part = blob.body(10..20).await.unwrap();
    assert_eq!((part.len(), proxy.lines().len()), (10, 1));
    assert_eq!(store.timings().requests(), 3);
    assert_eq!(store.timings().reread_bytes(), 0);
}

#[tokio::test]
async fn a_large_object_is_written_in_parts_that_are_never_read_again() {
    let (proxy, options) = through_proxy().await;
    let (store, whole) = (open(&options), long(20 * MIB));
    put(&store, 1, &whole).await;
    let lines = proxy.lines();
    // Begin, three parts, seal, complete, remove the seal.
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        (count("partNumber="), count("/seal"), lines.len()),
        (3, 1, 7),
        "{lines:?}"
    );
    assert_eq!(store.timings().reread_bytes(), 0);
    assert_holds(&store, 1, &whole).await;
}

/// Every chunk by another replica.
#[tokio::test]
async fn only_rests_shorter_than_a_part_are_read_again() {
    // Small chunks: each becomes a piece, read once when its part is full. Large ones leave a rest.
    for (chunk, count, most_reread) in [(335_544, 100, 32 * MIB), (10 * MIB, 5, 20 * MIB)] {
        let options = bucket::options();
        let whole = long(chunk * count);
        let mut progress = open(&options).begin(key(1), Algorithm::Sha256);
        let mut reread = 0;
        for number in 0..count {
            let replica = open(&options);
            let arrived = whole.slice(number * chunk..(number + 1) * chunk);
            progress = append(&replica, progress, &arrived).await;
            let here = replica.timings().reread_bytes();
            assert!(here < 8 * MIB as u64, "chunk {number}: {here} bytes");
            reread += here;
        }
        assert!(progress.parts.len() < 8 * 1024);
        let replica = open(&options);
        replica
            .complete(&progress, &Digest::sha256_of(&whole))
            .await
            .unwrap();
        reread += replica.timings().reread_bytes();
        assert!(reread <= most_reread as u64, "{reread} of {}", whole.len());
        assert_holds(&replica, 1, &whole).await;
        assert_eq!(replica.list_uploads().await.unwrap(), []);
    }
}

#[tokio::test]
async fn the_store_that_tests_use_does_everything_that_is_counted_on() {
    let options = S3Options {
        endpoint: bucket::options()
            .endpoint
            .map(|url| url.replace("127.0.0.1", "localhost")),
        redirect_for: Some(std::time::Duration::from_mins(5)),
        ..bucket::options()
    };
    let store = open(&options);
    let checks = store.check_thoroughly().await;
    let names: Vec<_> = checks.iter().map(|check| check.what).collect();
    assert!(
        names.contains(&"uploads in parts") && names.contains(&"signed URLs"),
        "{names:?}"
    );
    for check in checks {
        // Its buckets have no rules unless somebody makes one.
        let is_rule = check.what.contains("rule");
        let is_right = match &check.outcome {
            CheckOutcome::Good => !is_rule,
            CheckOutcome::Doubtful(_) => is_rule,
            CheckOutcome::Bad(..) => false,
        };
        assert!(is_right, "{check:?}");
    }
    put(&store, 1, &long(10)).await;
    let blob = store.read(&key(1), 10).await.unwrap();
    let url = blob.signed_url().await.unwrap().unwrap();
    assert!(
        url.starts_with("http://localhost:") && url.contains("X-Amz-Signature="),
        "{url}"
    );
    let S3Options { credentials, .. } = &options;
    let crate::S3Credentials::Keys {
        secret_access_key, ..
    } = credentials
    else {
        panic!("tests use keys");
    };
    assert!(!url.contains(secret_access_key.as_str()));
    // Nobody is sent to a number.
    let numbered = S3Options {
        redirect_for: options.redirect_for,
        ..bucket::options()
    };
    let blob = open(&numbered).read(&key(1), 10).await.unwrap();
    assert_eq!(blob.signed_url().await.unwrap(), None);
}

/// Whatever the store makes of it: the one of these tests has no keys.
#[tokio::test]
async fn the_store_is_asked_to_encrypt_what_it_keeps() {
    for (encryption, headers) in [
        (S3Encryption::BucketDefault, &[][..]),
        (
            S3Encryption::StoreKey,
            &["x-amz-server-side-encryption: aes256"],
        ),
        (
            S3Encryption::Kms("key-7".to_owned()),
            &[
                "x-amz-server-side-encryption: aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id: key-7",
            ],
        ),
    ] {
        let (proxy, mut options) = through_proxy().await;
        options.encryption = encryption;
        let store = open(&options);
        proxy.all(Some(Fault::Answer(403, "AccessDenied")));
        let large = long(9 * MIB);
        for content in [&large.slice(..10), &large] {
            let begun = store.begin(key(1), Algorithm::Sha256);
            let digest = Digest::sha256_of(content);
            let put = store.append_and_complete(begun, body(content, 1 << 16), NO_LIMIT, &digest);
            assert!(put.await.is_err());
            let head = proxy.last_head();
            let count = head.matches("x-amz-server-side").count();
            assert!(
                head.starts_with("put ") || head.contains("?uploads="),
                "{head}"
            );
            for header in headers {
                assert!(head.contains(header), "{header}: {head}");
            }
            assert_eq!(count == 0, headers.is_empty(), "{head}");
        }
    }
}
