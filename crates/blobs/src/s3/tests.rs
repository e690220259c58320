//! What the store over a bucket owes to a network and a store that fail, and to memory.

mod calls;
mod faults;
mod identity;
mod late;
mod memory;
mod proxy;
mod verified;

use bytes::Bytes;
use oci::{Algorithm, Digest};

use crate::suite::{body, bucket, key, read_all};
use crate::{BlobStore, S3Options, UploadProgress};

const NO_LIMIT: u64 = u64::MAX;
const MIB: usize = 1 << 20;

fn open(options: &S3Options) -> BlobStore {
    BlobStore::open_s3(options).unwrap()
}

/// Bytes of which no two MiB are equal.
fn long(len: usize) -> Bytes {
    let pattern: Vec<u8> = (0..=250).cycle().take(len.min(MIB)).collect();
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        bytes.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&pattern);
    }
    bytes.truncate(len);
    bytes.into()
}

async fn append(store: &BlobStore, progress: UploadProgress, bytes: &Bytes) -> UploadProgress {
    let appended = store.append(progress, body(bytes, 100_000), NO_LIMIT).await;
    appended.unwrap()
}

async fn put(store: &BlobStore, number: u32, bytes: &Bytes) {
    let begun = store.begin(key(number), Algorithm::Sha256);
    let digest = Digest::sha256_of(bytes);
    let put = store.append_and_complete(begun, body(bytes, 100_000), NO_LIMIT, &digest);
    put.await.unwrap();
}

async fn assert_holds(store: &BlobStore, number: u32, bytes: &Bytes) {
    let read = read_all(store, &key(number), bytes.len()).await.unwrap();
    assert!(read == *bytes, "content differs");
}
