//! Each call of the disk fails in turn. The client is told, nothing is promised that is not kept, and it can try again.

use super::pushes::{Client, SHAPES, Shape, image, image_digests};
use super::registry::Registry;
use crate::Error;
use blobs::fault::Fault;

async fn calls(shape: Shape) -> usize {
    let registry = Registry::start().await;
    let before = registry.disk.calls().len();
    let mut client = Client::default();
    client.push_image(&registry, "app", shape).await.unwrap();
    registry.disk.calls().len() - before
}

async fn push_with_a_failing_call(shape: Shape, call: usize, fault: Fault) {
    let registry = Registry::start().await;
    let mut client = Client::default();
    registry.disk.fail_after(call, fault);
    let pushed = client.push_image(&registry, "app", shape).await;
    match (&pushed, fault) {
        (Ok(()), _)
        | (Err(Error::Unavailable), Fault::Io)
        | (Err(Error::StorageFull), Fault::NoSpace) => {}
        (Err(error), _) => panic!("{fault:?} was told as: {error}"),
    }
    if fault == Fault::ShortWrite {
        assert!(pushed.is_ok(), "a short write is an ordinary one");
    }
    client.assert_promises_are_kept(&registry).await;
    if let Some((repository, id)) = client.open.clone() {
        go_on(&registry, &mut client, &repository, &id).await;
    }
    client.push_image(&registry, "app", shape).await.unwrap();
    client.assert_promises_are_kept(&registry).await;

    // What the failing flush should have flushed is lost; nothing that was promised since may lean on it.
    let registry = registry.cut_power(call as u64, None).await;
    client.assert_promises_are_kept(&registry).await;
    registry.expire_everything().await;
    client.assert_promises_are_kept(&registry).await;
    registry.assert_nothing_left_over(image_digests().iter());
}

/// The upload goes on where its status says, or is gone.
async fn go_on(registry: &Registry, client: &mut Client, repository: &str, id: &oci::UploadId) {
    let (uploads, access) = (&registry.services.uploads, registry.push(repository).await);
    registry
        .until(|registry| {
            let found = registry
                .services
                .core
                .metadata
                .read_blocking(|reader| reader.find_upload(id, 0));
            found.unwrap().is_none_or(|upload| !upload.is_leased)
        })
        .await;
    let Ok(status) = uploads.status(&access, id).await else {
        return;
    };
    // The configuration is pushed first; if it was promised, the upload is the layer's.
    let (config, layer) = image();
    let bytes = if client.blobs.is_empty() {
        config
    } else {
        layer
    };
    let digest = oci::Digest::sha256_of(&bytes);
    let rest = bytes.slice(usize::try_from(status.offset).unwrap()..);
    let last = crate::Chunk {
        range: None,
        body: super::pushes::body(&rest),
    };
    match uploads.complete(&access, id, Some(last), &digest).await {
        Ok(()) => client.blobs.push((repository.to_owned(), digest)),
        Err(Error::UploadUnknown) => {}
        Err(error) => panic!("going on at {}: {error}", status.offset),
    }
}

#[tokio::test]
async fn a_failing_call_is_told_and_can_be_tried_again() {
    for shape in SHAPES {
        for call in 0..calls(shape).await {
            for fault in [Fault::Io, Fault::NoSpace, Fault::ShortWrite] {
                eprintln!("{shape:?}: {fault:?} at call {call}");
                Box::pin(push_with_a_failing_call(shape, call, fault)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_uploads_and_still_serves_and_deletes() {
    let registry = Registry::start().await;
    let mut client = Client::default();
    let pushed = client.push_image(&registry, "app", Shape::Monolithic);
    pushed.await.unwrap();
    registry.disk.set_full(true);
    for shape in SHAPES {
        let mut late = Client::default();
        let refused = late.push_image(&registry, "other", shape).await;
        assert!(matches!(refused, Err(Error::StorageFull)), "{refused:?}");
        assert!(late.blobs.is_empty());
    }
    client.assert_promises_are_kept(&registry).await;
    let (_, content, _) = client.manifests.remove(0);
    let reference = oci::Reference::Digest(oci::Digest::sha256_of(&content));
    let delete = registry.delete("app").await;
    let manifests = &registry.services.manifests;
    manifests.delete(&delete, &reference).await.unwrap();

    registry.disk.set_full(false);
    let again = client.push_image(&registry, "other", Shape::Chunked);
    again.await.unwrap();
    client.assert_promises_are_kept(&registry).await;
    registry.expire_everything().await;
    registry.assert_nothing_left_over(image_digests().iter());
}
