//! A digest is taken of what passes.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci::Digest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::BlobStream;

async fn pass(
    chunks: &[&'static [u8]],
    digest: &Digest,
) -> (std::io::Result<Vec<Bytes>>, usize, bool) {
    let len = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    let chunks: Vec<_> = chunks
        .iter()
        .map(|chunk| Ok(Bytes::from_static(chunk)))
        .collect();
    let was_told = Arc::new(AtomicBool::new(false));
    let told = was_told.clone();
    let stream = BlobStream::new(stream::iter(chunks).boxed(), len);
    let mut verified = stream.verified(digest, move || async move {
        told.store(true, Ordering::Relaxed);
    });
    assert_eq!(verified.len(), len);
    let mut passed = Vec::new();
    let end = loop {
        match verified.try_next().await {
            Ok(Some(chunk)) => passed.push(chunk),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let bytes = passed.iter().map(Bytes::len).sum();
    (
        end.map(|()| passed),
        bytes,
        was_told.load(Ordering::Relaxed),
    )
}

#[tokio::test]
async fn the_last_bytes_come_only_if_all_are_right() {
    {
        let digest = Digest::sha256_of(b"all of it");
        let (passed, _, was_told) = pass(&[b"all ", b"of", b" it"], &digest).await;
        assert_eq!(passed.unwrap().concat(), b"all of it");
        assert!(!was_told);
        let (passed, bytes, was_told) = pass(&[b"all ", b"oF", b" it"], &digest).await;
        assert_eq!(passed.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
        assert_eq!((bytes, was_told), (6, true));
        let (passed, bytes, _) = pass(&[b"All of it"], &digest).await;
        assert!(passed.is_err() && bytes == 0);
    }
    let (passed, ..) = pass(&[], &Digest::sha256_of(b"")).await;
    assert!(passed.unwrap().is_empty());
}
