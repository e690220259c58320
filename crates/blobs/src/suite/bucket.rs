//! Buckets of the real store that the tests share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use engines::SeaweedFs;

use crate::{S3Credentials, S3Encryption, S3Options};

const BUCKET: &str = "blobs";

/// Options for a place of one's own in the bucket that all tests share.
pub(crate) fn options() -> S3Options {
    static STORE: OnceLock<&'static SeaweedFs> = OnceLock::new();
    static PLACES: AtomicU32 = AtomicU32::new(0);
    let store = STORE.get_or_init(|| {
        let store = SeaweedFs::shared();
        store.create_bucket(BUCKET).unwrap();
        store
    });
    let place = PLACES.fetch_add(1, Ordering::Relaxed);
    S3Options {
        prefix: format!("place-{place}"),
        ..options_at(&store.endpoint(), store)
    }
}

/// Options for the same bucket of a store, reached at another address.
pub(crate) fn options_at(endpoint: &str, store: &SeaweedFs) -> S3Options {
    S3Options {
        endpoint: Some(endpoint.to_owned()),
        region: store.region().to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: String::new(),
        is_path_style: true,
        credentials: S3Credentials::Keys {
            access_key_id: store.access_key().to_owned(),
            secret_access_key: store.secret_key().to_owned(),
            session_token: None,
        },
        encryption: S3Encryption::BucketDefault,
        ca_certificates: None,
        allows_plain_http: false,
        parts_in_flight: 16,
        largest_object_bytes: 1 << 40,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(30),
        retry_for: Duration::from_secs(30),
        redirect_for: None,
        orphans_after: Duration::ZERO,
        instance: "test".to_owned(),
    }
}
