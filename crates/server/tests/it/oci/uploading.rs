//! end-4a, end-4b, end-4c, end-6: blobs that are sent in one piece.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::{noise, sha256, sha512};

fn uploads() -> String {
    format!("/v2/{REPOSITORY}/blobs/uploads/")
}

/// end-4a: POST opens an upload and says where.
#[tokio::test]
async fn an_upload_is_opened_with_a_location_of_its_own() {
    let registry = TestRegistry::start().await;

    let first = registry.post(&uploads()).await.assert_status(202);
    let second = registry.post(&uploads()).await.assert_status(202);
    assert_ne!(first.location(), second.location());
    assert!(first.location().starts_with(&uploads()), "it is relative");
    assert!(!first.location().contains('?'), "all of it is in the path");
    assert!(
        first
            .location()
            .ends_with(first.header("docker-upload-uuid"))
    );
    assert_eq!(first.header("range"), "0-0");
}

/// end-4a, end-6: POST, then PUT with the whole blob.
#[tokio::test]
async fn a_blob_is_pushed_with_post_and_put() {
    let registry = TestRegistry::start().await;
    let bytes = noise(10, 70_000);
    let digest = sha256(&bytes);

    let location = registry.start_upload(REPOSITORY).await;
    let done = registry
        .put(&format!("{location}?digest={digest}"))
        .content_type("application/octet-stream")
        .body(bytes.clone())
        .await
        .assert_status(201)
        .assert_header("docker-content-digest", &digest);

    let blob = registry.get(&done.location()).await;
    blob.assert_status(200).assert_body(&bytes);
}

/// end-4b: A single POST with the digest and the whole blob is enough.
#[tokio::test]
async fn a_blob_is_pushed_with_a_single_post() {
    let registry = TestRegistry::start().await;
    let bytes = noise(11, 70_000);
    let digest = sha256(&bytes);

    let done = registry
        .post(&format!("{}?digest={digest}", uploads()))
        .content_type("application/octet-stream")
        .body(bytes.clone())
        .await
        .assert_status(201)
        .assert_header("docker-content-digest", &digest);
    assert_eq!(done.location(), format!("/v2/{REPOSITORY}/blobs/{digest}"));
    let blob = registry.get(&done.location()).await;
    blob.assert_status(200).assert_body(&bytes);
}

/// end-4b: A single POST whose length is not announced.
#[tokio::test]
async fn a_blob_is_pushed_with_a_streamed_post() {
    let registry = TestRegistry::start().await;
    let bytes = noise(12, 5000);
    let digest = sha256(&bytes);

    let pieces = vec![bytes.slice(..1), bytes.slice(1..4000), bytes.slice(4000..)];
    let call = registry.request(
        http::Method::POST,
        &format!("{}?digest={digest}", uploads()),
    );
    let done = call.stream(pieces).await.assert_status(201);
    let blob = registry.get(&done.location()).await;
    blob.assert_status(200).assert_body(&bytes);
}

/// end-4b, code-4: A single POST whose bytes have another digest is refused, and leaves no upload behind.
#[tokio::test]
async fn a_single_post_with_the_wrong_digest_leaves_nothing() {
    let settings = TestRegistry::builder().setting("LIMITS__UPLOADS_OPEN_PER_ACCOUNT", 1);
    let registry = settings.start().await;
    let digest = sha256("what was meant");

    for _ in 0..3 {
        // With an upload left behind, the second would exceed the limit.
        let call = registry.post(&format!("{}?digest={digest}", uploads()));
        let answer = call.body("what was sent").await;
        answer.assert_error(400, "DIGEST_INVALID");
    }
    let blob = registry.head(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await.assert_status(404);
}

/// end-4c, end-6: An upload that announces sha512 is finished with a sha512 digest.
#[tokio::test]
async fn a_blob_is_pushed_under_its_sha512_digest() {
    let registry = TestRegistry::start().await;
    let bytes = noise(13, 70_000);
    let digest = sha512(&bytes);

    let location = registry
        .post(&format!("{}?digest-algorithm=sha512", uploads()))
        .await
        .assert_status(202)
        .location();
    registry
        .put(&format!("{location}?digest={digest}"))
        .body(bytes.clone())
        .await
        .assert_status(201)
        .assert_header("docker-content-digest", &digest);
    let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await
        .assert_status(200)
        .assert_header("docker-content-digest", &digest)
        .assert_body(&bytes);
}

/// end-4c: An algorithm that is not supported is refused at once.
#[tokio::test]
async fn an_upload_with_an_unknown_algorithm_is_not_opened() {
    let registry = TestRegistry::start().await;

    for algorithm in ["md5", "sha1", "SHA256", ""] {
        registry
            .post(&format!("{}?digest-algorithm={algorithm}", uploads()))
            .await
            .assert_error(400, "DIGEST_INVALID");
    }
}

/// end-4a, end-5, end-6: A sha512 digest may come as a surprise, however the bytes were sent.
#[tokio::test]
async fn a_sha512_digest_need_not_be_announced() {
    let registry = TestRegistry::start().await;
    let bytes = noise(14, 70_000);
    let digest = sha512(&bytes);

    let location = registry.start_upload(REPOSITORY).await;
    let put = registry.put(&format!("{location}?digest={digest}"));
    put.body(bytes.clone()).await.assert_status(201);

    let location = registry.start_upload("library/chunked").await;
    let patch = registry.patch(&location).body(bytes.slice(..40_000)).await;
    let patch = registry
        .patch(&patch.location())
        .body(bytes.slice(40_000..));
    let location = patch.await.assert_status(202).location();
    let put = registry.put(&format!("{location}?digest={digest}"));
    put.body("").await.assert_status(201);

    let post = registry.post(&format!("{}?digest={digest}", uploads()));
    post.body(bytes.clone()).await.assert_status(201);

    for repository in [REPOSITORY, "library/chunked"] {
        let blob = registry.get(&format!("/v2/{repository}/blobs/{digest}"));
        blob.await.assert_status(200).assert_body(&bytes);
    }
}

/// end-6: An upload that announced one algorithm may be finished with another.
#[tokio::test]
async fn an_announced_algorithm_binds_nobody() {
    let registry = TestRegistry::start().await;
    let digest = sha256("changed my mind");

    let post = registry.post(&format!("{}?digest-algorithm=sha512", uploads()));
    let location = post.await.assert_status(202).location();
    let put = registry.put(&format!("{location}?digest={digest}"));
    put.body("changed my mind").await.assert_status(201);
}

/// end-6: The empty blob is a blob.
#[tokio::test]
async fn an_empty_blob_is_pushed_and_pulled() {
    let registry = TestRegistry::start().await;
    let digest = sha256("");

    let location = registry.start_upload(REPOSITORY).await;
    let put = registry.put(&format!("{location}?digest={digest}"));
    put.body("").await.assert_status(201);
    registry
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .await
        .assert_status(200)
        .assert_header("content-length", "0")
        .assert_body("");
}

/// end-6, code-4: Bytes with another digest than announced never become a blob.
#[tokio::test]
async fn a_blob_with_the_wrong_digest_is_refused() {
    let registry = TestRegistry::start().await;
    let meant = sha256("meant");

    for digest in [&meant, &sha512("meant")] {
        let location = registry.start_upload(REPOSITORY).await;
        let put = registry.put(&format!("{location}?digest={digest}"));
        let refused = put.body("sent").await.assert_error(400, "DIGEST_INVALID");
        assert!(refused.error_message().contains(&sha256("sent")) || digest != &meant);
        let blob = registry.head(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
        blob.await.assert_status(404);
    }
}

/// end-6, code-4: A PUT without a digest, or with none that could be one, is refused.
#[tokio::test]
async fn an_upload_cannot_be_finished_without_a_digest() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;

    let queries = ["", "?digest=", "?digest=sha256:abc", "?digest=md5:00"];
    for query in queries {
        let put = registry.put(&format!("{location}{query}")).body("bytes");
        put.await.assert_error(400, "DIGEST_INVALID");
    }
    // It is still open, and empty.
    let put = registry.put(&format!("{location}?digest={}", sha256("bytes")));
    put.body("bytes").await.assert_status(201);
}

/// end-6: The same blob may be pushed again, to the same repository and to others.
#[tokio::test]
async fn a_blob_may_be_pushed_twice() {
    let registry = TestRegistry::start().await;

    let digest = registry.push_blob(REPOSITORY, "again").await;
    registry.push_blob(REPOSITORY, "again").await;
    registry.push_blob("library/other", "again").await;
    for repository in [REPOSITORY, "library/other"] {
        let blob = registry.get(&format!("/v2/{repository}/blobs/{digest}"));
        blob.await.assert_status(200).assert_body("again");
    }
}

/// end-6: A PUT whose answer was lost is repeated with the same result.
#[tokio::test]
async fn finishing_an_upload_twice_answers_the_same() {
    let registry = TestRegistry::start().await;
    let digest = sha256("once");
    let location = registry.start_upload(REPOSITORY).await;
    let target = format!("{location}?digest={digest}");

    let first = registry.put(&target).body("once").await.assert_status(201);
    let second = registry.put(&target).body("once").await.assert_status(201);
    assert_eq!(first.location(), second.location());
}

/// end-4b, end-5, end-6, code-10: A blob beyond the limit is refused with 413, however it is sent.
#[tokio::test]
async fn a_blob_beyond_the_limit_is_refused() {
    let settings = TestRegistry::builder().setting("LIMITS__BLOB_BYTES", 1000);
    let registry = settings.start().await;
    registry.push_blob(REPOSITORY, noise(15, 1000)).await;
    let bytes = noise(16, 1001);
    let digest = sha256(&bytes);

    let post = registry.post(&format!("{}?digest={digest}", uploads()));
    let post = post.body(bytes.clone()).await;
    post.assert_error(413, "SIZE_INVALID");

    let location = registry.start_upload(REPOSITORY).await;
    let put = registry.put(&format!("{location}?digest={digest}"));
    let put = put.stream(vec![bytes.clone()]).await;
    put.assert_error(413, "SIZE_INVALID");

    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body(bytes.slice(..600)).await;
    let location = patch.assert_status(202).location();
    let patch = registry.patch(&location).body(bytes.slice(600..)).await;
    patch.assert_error(413, "SIZE_INVALID");

    let blob = registry.head(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await.assert_status(404);
}
