//! What one replica has answered, every other one knows.

use super::Replicas;
use crate::registry::client::Credentials;
use crate::registry::content::{noise, sha256};
use crate::scale;

const REPOSITORY: &str = "library/app";

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_at_any_replica() {
    let replicas = Replicas::start(3).await;
    for (round, size) in [3000, 700_000, 12_000_000].into_iter().enumerate() {
        let bytes = noise(round as u64, size);
        let digest = sha256(&bytes);
        let mut location = replicas.replica(0).start_upload(REPOSITORY).await;
        let third = size / 3;
        for (index, start) in [(1, 0), (2, third)] {
            let status = replicas.replica(index).get(&location).await;
            let status = status.assert_status(204);
            assert_eq!(status.location(), location);
            let chunk = bytes.slice(start..start + third);
            let answer = replicas
                .replica(index)
                .patch(&location)
                .header("content-range", format!("{start}-{}", start + third - 1))
                .content_type("application/octet-stream")
                .body(chunk)
                .await
                .assert_status(202)
                .assert_header("range", &format!("0-{}", start + third - 1));
            location = answer.location();
        }
        let put = replicas
            .replica(0)
            .put(&format!("{location}?digest={digest}"));
        put.content_type("application/octet-stream")
            .body(bytes.slice(2 * third..))
            .await
            .assert_status(201);
        for registry in replicas.each() {
            let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
            blob.await.assert_status(200).assert_body(&bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_is_gone_everywhere() {
    let replicas = Replicas::start(2).await;
    let location = replicas.replica(0).start_upload(REPOSITORY).await;
    let cancelled = replicas.replica(1).delete(&location).await;
    cancelled.assert_status(204);
    let status = replicas.replica(0).get(&location).await;
    status.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_the_same_on_all_replicas_once_it_is_answered() {
    let replicas = Replicas::start(3).await;
    let images = [
        replicas.push_image(REPOSITORY, "one").await,
        replicas.push_image(REPOSITORY, "two").await,
    ];
    let manifests = [
        replicas
            .get(&format!("/v2/{REPOSITORY}/manifests/one"))
            .await
            .text(),
        replicas
            .get(&format!("/v2/{REPOSITORY}/manifests/two"))
            .await
            .text(),
    ];
    let moving = format!("/v2/{REPOSITORY}/manifests/moving");
    for round in 0..usize::try_from(scale::count(20)).expect("it fits") {
        let (writer, image) = (round % replicas.count(), round % images.len());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let put = replicas
            .replica(writer)
            .put(&moving)
            .content_type(media_type);
        put.body(manifests[image].clone()).await.assert_status(201);
        for registry in replicas.each() {
            let head = registry.head(&moving).await.assert_status(200);
            head.assert_header("docker-content-digest", &images[image]);
        }
        if round % 3 == 2 {
            let deleted = replicas.replica(writer).delete(&moving).await;
            deleted.assert_status(202);
            for registry in replicas.each() {
                registry.head(&moving).await.assert_status(404);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_manifest_is_gone_from_all_replicas_once_it_is_answered() {
    let replicas = Replicas::start(3).await;
    for round in 0..replicas.count() {
        let digest = replicas.push_image(REPOSITORY, "gone").await;
        let by_digest = format!("/v2/{REPOSITORY}/manifests/{digest}");
        for registry in replicas.each() {
            // Whatever remembers manifests remembers this one now.
            registry.get(&by_digest).await.assert_status(200);
        }
        let deleted = replicas.replica(round).delete(&by_digest).await;
        deleted.assert_status(202);
        for registry in replicas.each() {
            registry
                .get(&by_digest)
                .await
                .assert_error(404, "MANIFEST_UNKNOWN");
            let by_tag = registry.get(&format!("/v2/{REPOSITORY}/manifests/gone"));
            by_tag.await.assert_error(404, "MANIFEST_UNKNOWN");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_blob_is_gone_from_all_replicas_once_it_is_answered() {
    let replicas = Replicas::start(3).await;
    for round in 0..replicas.count() {
        let bytes = noise(round as u64, 5000);
        let digest = replicas.push_blob(REPOSITORY, bytes.clone()).await;
        let blob = format!("/v2/{REPOSITORY}/blobs/{digest}");
        for registry in replicas.each() {
            let got = registry.get(&blob).await.assert_status(200);
            got.assert_body(&bytes);
        }
        let deleted = replicas.replica(round).delete(&blob).await;
        deleted.assert_status(202);
        for registry in replicas.each() {
            let got = registry.get(&blob).await;
            got.assert_error(404, "BLOB_UNKNOWN");
            registry.head(&blob).await.assert_status(404);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_replica_is_good_at_the_others() {
    let replicas = Replicas::start(3).await;
    replicas.push_image(REPOSITORY, "latest").await;
    let scope = format!("repository:{REPOSITORY}:pull");
    let holder = replicas.replica(0).with_token(&[&scope]).await;
    for registry in replicas.each() {
        let client = registry.client(holder.credentials().clone());
        let got = client.get(&format!("/v2/{REPOSITORY}/manifests/latest"));
        got.await.assert_status(200);
        let forged = registry.client(Credentials::Bearer("forged".to_owned()));
        let got = forged.get(&format!("/v2/{REPOSITORY}/manifests/latest"));
        got.await.assert_status(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_made_at_one_replica_signs_in_at_the_others() {
    let replicas = Replicas::start(2).await;
    let made = replicas
        .replica(0)
        .create_member("library", "ann", "maintainer");
    let ann = replicas.replica(1).client(made.credentials().clone());
    ann.push_image(REPOSITORY, "by-ann").await;
    let seen = replicas
        .replica(0)
        .head(&format!("/v2/{REPOSITORY}/manifests/by-ann"));
    seen.await.assert_status(200);
}
