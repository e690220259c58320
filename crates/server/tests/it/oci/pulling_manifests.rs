//! end-3: manifests, by tag and by digest.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_MANIFEST, sha256};

/// end-3: A manifest is served by its tag and by its digest, byte for byte, with its own media type.
#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte() {
    let registry = TestRegistry::start().await;
    let config = registry.push_blob(REPOSITORY, "{}").await;
    // No serializer would write it like this.
    let text = format!(
        "{{ \"layers\":[ ],\n\t\"config\": {{\"size\":2,\"digest\":\"{config}\",\"mediaType\":\"application/vnd.oci.empty.v1+json\"}},\r\n  \"schemaVersion\" : 2 , \"caf\\u00e9\": 1.50e+0 }}\n"
    );
    let digest = sha256(&text);
    let pushed = registry
        .put(&format!("/v2/{REPOSITORY}/manifests/odd"))
        .content_type(OCI_MANIFEST)
        .body(text.clone());
    pushed.await.assert_status(201);

    for reference in ["odd", &digest] {
        registry
            .get(&format!("/v2/{REPOSITORY}/manifests/{reference}"))
            .await
            .assert_status(200)
            .assert_header("content-type", OCI_MANIFEST)
            .assert_header("content-length", &text.len().to_string())
            .assert_header("docker-content-digest", &digest)
            .assert_header("etag", &format!("\"{digest}\""))
            .assert_body(&text);
    }
}

/// end-3: HEAD answers with type, length and digest, and no body.
#[tokio::test]
async fn a_client_asks_what_a_tag_points_at() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    let whole = registry.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    let length = whole.await.assert_status(200).bytes().len();

    for reference in ["1.0", &digest] {
        registry
            .head(&format!("/v2/{REPOSITORY}/manifests/{reference}"))
            .await
            .assert_status(200)
            .assert_header("content-type", OCI_MANIFEST)
            .assert_header("content-length", &length.to_string())
            .assert_header("docker-content-digest", &digest)
            .assert_body("");
    }
}

/// end-3: A tag or digest that the repository does not have is 404.
#[tokio::test]
async fn a_manifest_that_was_never_pushed_is_not_found() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let elsewhere = registry.push_image("library/other", "2.0").await;

    for reference in ["2.0", &elsewhere, &sha256("never")] {
        let target = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let answer = registry.get(&target).await;
        answer.assert_error(404, "MANIFEST_UNKNOWN");
        registry.head(&target).await.assert_status(404);
    }
}

/// end-3: A digest that is no digest is refused.
#[tokio::test]
async fn a_malformed_digest_names_no_manifest() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;

    for reference in ["sha256:0", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"] {
        registry
            .get(&format!("/v2/{REPOSITORY}/manifests/{reference}"))
            .await
            .assert_error(400, "DIGEST_INVALID");
    }
}

/// end-3: If-None-Match is answered with 304 while the tag points at that manifest, and not afterwards.
#[tokio::test]
async fn a_cache_learns_whether_a_tag_has_moved() {
    let registry = TestRegistry::start().await;
    let first = registry.push_image(REPOSITORY, "latest").await;
    let target = format!("/v2/{REPOSITORY}/manifests/latest");
    let ask = || {
        registry
            .get(&target)
            .header("if-none-match", format!("\"{first}\""))
    };

    let same = ask().await.assert_status(304).assert_body("");
    assert_eq!(same.header("docker-content-digest"), first);

    let other = registry.push_image(REPOSITORY, "other").await;
    let manifest = registry.get(&format!("/v2/{REPOSITORY}/manifests/{other}"));
    let manifest = manifest.await.assert_status(200);
    let moved = registry.put(&target).content_type(OCI_MANIFEST);
    let moved = moved.body(manifest.bytes().clone()).await;
    moved.assert_status(201);
    let moved = ask().await.assert_status(200);
    assert_eq!(moved.header("docker-content-digest"), other);
}

/// end-3: The stored type is served whatever Accept says: no manifest is ever rewritten.
#[tokio::test]
async fn what_a_client_accepts_changes_nothing() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;

    for accept in ["application/json", "text/html", "*/*", ""] {
        registry
            .get(&format!("/v2/{REPOSITORY}/manifests/1.0"))
            .header("accept", accept)
            .await
            .assert_status(200)
            .assert_header("content-type", OCI_MANIFEST)
            .assert_header("docker-content-digest", &digest);
    }
}

/// end-3: A manifest survives a restart.
#[tokio::test]
async fn an_image_is_there_after_a_restart() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;

    let registry = registry.stop().start().await;
    let answer = registry.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    let answer = answer.await.assert_status(200);
    assert_eq!(answer.header("docker-content-digest"), digest);
    for descriptor in [&answer.json()["config"], &answer.json()["layers"][0]] {
        let digest = descriptor["digest"].as_str().expect("a digest");
        let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
        assert_eq!(sha256(blob.await.assert_status(200).bytes()), digest);
    }
}
