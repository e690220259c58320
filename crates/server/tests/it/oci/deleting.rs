//! end-9, end-10: deleting tags, manifests and blobs.

use serde_json::{Value, json};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::sha256;

fn manifest(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

/// end-9: Deleting a tag removes the tag and nothing else.
#[tokio::test]
async fn deleting_a_tag_keeps_its_manifest() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;

    registry.delete(&manifest("1.0")).await.assert_status(202);

    let gone = registry.get(&manifest("1.0")).await;
    gone.assert_error(404, "MANIFEST_UNKNOWN");
    registry.head(&manifest("1.0")).await.assert_status(404);
    registry.get(&manifest(&digest)).await.assert_status(200);
}

/// end-9: Deleting a manifest by digest removes it at once, with every tag that points at it.
#[tokio::test]
async fn deleting_a_manifest_takes_its_tags_with_it() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    let other = registry.push_image(REPOSITORY, "2.0").await;
    let content = registry.get(&manifest(&digest)).await;
    let again = registry.put(&manifest("latest"));
    let again = again.content_type(content.header("content-type"));
    let again = again.body(content.bytes().clone()).await;
    again.assert_status(201);

    registry.delete(&manifest(&digest)).await.assert_status(202);

    for reference in ["1.0", "latest", &digest] {
        let gone = registry.get(&manifest(reference)).await;
        gone.assert_error(404, "MANIFEST_UNKNOWN");
        registry.head(&manifest(reference)).await.assert_status(404);
    }
    let tags = registry.get(&format!("/v2/{REPOSITORY}/tags/list")).await;
    assert_eq!(tags.json()["tags"], json!(["2.0"]));
    registry.get(&manifest(&other)).await.assert_status(200);
}

/// end-9, code-7: What is not there cannot be deleted, and not twice.
#[tokio::test]
async fn a_manifest_is_deleted_once() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    let never = sha256("never");

    for reference in ["2.0", &never] {
        let answer = registry.delete(&manifest(reference)).await;
        answer.assert_error(404, "MANIFEST_UNKNOWN");
    }
    registry.delete(&manifest(&digest)).await.assert_status(202);
    let again = registry.delete(&manifest(&digest)).await;
    again.assert_error(404, "MANIFEST_UNKNOWN");
}

/// end-9: A manifest that was deleted can be pushed again.
#[tokio::test]
async fn a_deleted_image_comes_back_when_it_is_pushed_again() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    registry.delete(&manifest(&digest)).await.assert_status(202);

    assert_eq!(registry.push_image(REPOSITORY, "1.0").await, digest);
    let tag = registry.get(&manifest("1.0")).await.assert_status(200);
    assert_eq!(tag.header("docker-content-digest"), digest);
}

/// end-9: Deleting takes a right of its own.
#[tokio::test]
async fn deleting_takes_more_than_pushing() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    let developer = registry.create_member("library", "dev", "developer");
    let maintainer = registry.create_member("library", "maint", "maintainer");

    let refused = developer.delete(&manifest(&digest)).await;
    refused.assert_error(403, "DENIED");
    let scope = format!("repository:{REPOSITORY}:pull,push");
    let pusher = registry.with_token(&[&scope]).await;
    let refused = pusher.delete(&manifest(&digest)).await;
    let refused = refused.assert_error(401, "UNAUTHORIZED");
    let wanted = format!("scope=\"repository:{REPOSITORY}:delete\"");
    assert!(refused.header("www-authenticate").contains(&wanted));
    registry.get(&manifest("1.0")).await.assert_status(200);

    let deleter = maintainer
        .with_token(&[&format!("repository:{REPOSITORY}:*")])
        .await;
    deleter.delete(&manifest(&digest)).await.assert_status(202);
}

/// end-9: A deleted referrer is no longer listed.
#[tokio::test]
async fn a_deleted_signature_is_no_longer_listed() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    let kind = "application/vnd.example.signature";
    let signature = registry
        .push_referrer(REPOSITORY, &digest, kind, &Value::Null)
        .await;
    let referrers = format!("/v2/{REPOSITORY}/referrers/{digest}");
    let listed = registry.get(&referrers).await.json();
    assert_eq!(listed["manifests"][0]["digest"], signature);

    let deleted = registry.delete(&manifest(&signature)).await;
    deleted.assert_status(202);
    let listed = registry.get(&referrers).await.json();
    assert_eq!(listed["manifests"], json!([]));
}

/// end-10: A blob that no manifest needs is deleted from its repository, at once and alone there.
#[tokio::test]
async fn a_blob_is_deleted_from_one_repository() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob(REPOSITORY, "gone soon").await;
    registry.push_blob("library/other", "gone soon").await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    registry.delete(&target).await.assert_status(202);
    registry.head(&target).await.assert_status(404);
    let gone = registry.get(&target).await;
    gone.assert_error(404, "BLOB_UNKNOWN");
    let again = registry.delete(&target).await;
    again.assert_error(404, "BLOB_UNKNOWN");
    let other = registry.get(&format!("/v2/library/other/blobs/{digest}"));
    other.await.assert_status(200).assert_body("gone soon");

    registry.push_blob(REPOSITORY, "gone soon").await;
    registry.get(&target).await.assert_status(200);
}

/// end-10, code-13: A blob that a manifest needs is not deleted: 405.
#[tokio::test]
async fn a_layer_of_an_image_cannot_be_deleted() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let image = registry.get(&manifest("1.0")).await.json();
    let layer = image["layers"][0]["digest"].as_str().expect("a digest");
    let target = format!("/v2/{REPOSITORY}/blobs/{layer}");

    let refused = registry.delete(&target).await;
    refused.assert_error(405, "UNSUPPORTED");
    registry.get(&target).await.assert_status(200);
}

/// end-10, code-1: A blob that is not there cannot be deleted.
#[tokio::test]
async fn a_missing_blob_cannot_be_deleted() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "x").await;
    let target = format!("/v2/{REPOSITORY}/blobs/{}", sha256("y"));

    let missing = registry.delete(&target).await;
    missing.assert_error(404, "BLOB_UNKNOWN");
}

/// end-9: What is about a deleted manifest goes with it, however much it is.
#[tokio::test]
async fn a_manifest_goes_with_more_referrers_than_one_transaction_takes() {
    let registry = TestRegistry::start().await;
    let subject = registry.push_image("library/app", "1.0").await;
    let mut last = String::new();
    for number in 0..220 {
        let annotations = json!({ "number": number.to_string() });
        last = registry
            .push_referrer(
                "library/app",
                &subject,
                "application/vnd.test",
                &annotations,
            )
            .await;
    }

    registry
        .delete(&format!("/v2/library/app/manifests/{subject}"))
        .await
        .assert_status(202);

    for digest in [&subject, &last] {
        let gone = registry
            .get(&format!("/v2/library/app/manifests/{digest}"))
            .await;
        gone.assert_error(404, "MANIFEST_UNKNOWN");
    }
    let left = registry
        .get(&format!("/v2/library/app/referrers/{subject}"))
        .await
        .json();
    assert_eq!(left["manifests"], json!([]));
}

/// end-9: A referrer that an index names outlives its subject, so that the index stays whole.
#[tokio::test]
async fn a_referrer_that_an_index_names_outlives_its_subject() {
    let registry = TestRegistry::start().await;
    let subject = registry.push_image("library/app", "1.0").await;
    let referrer = registry
        .push_referrer(
            "library/app",
            &subject,
            "application/vnd.test",
            &json!(null),
        )
        .await;
    registry
        .push_index("library/app", "all", &[&referrer])
        .await;

    registry
        .delete(&format!("/v2/library/app/manifests/{subject}"))
        .await
        .assert_status(202);

    registry
        .get(&format!("/v2/library/app/manifests/{referrer}"))
        .await
        .assert_status(200);
}
