//! end-5, end-6, end-13: blobs that are sent in several pieces.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::{noise, sha256};

/// end-5, end-6: Chunks with Content-Range, one after the other, then PUT without a body.
#[tokio::test]
async fn a_blob_is_pushed_in_chunks() {
    let registry = TestRegistry::start().await;
    let bytes = noise(20, 3000);
    let digest = sha256(&bytes);

    let mut location = registry.start_upload(REPOSITORY).await;
    for start in [0, 1000, 2000] {
        let answer = registry
            .patch(&location)
            .header("content-range", format!("{start}-{}", start + 999))
            .content_type("application/octet-stream")
            .body(bytes.slice(start..start + 1000))
            .await
            .assert_status(202)
            .assert_header("range", &format!("0-{}", start + 999));
        location = answer.location();
    }
    let put = registry.put(&format!("{location}?digest={digest}"));
    let done = put.body("").await.assert_status(201);
    let blob = registry.get(&done.location()).await;
    blob.assert_status(200).assert_body(&bytes);
}

/// end-6: PUT may carry the last chunk, with its Content-Range.
#[tokio::test]
async fn the_last_chunk_comes_with_the_put() {
    let registry = TestRegistry::start().await;
    let bytes = noise(21, 3000);
    let digest = sha256(&bytes);

    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).header("content-range", "0-1999");
    let location = patch.body(bytes.slice(..2000)).await.location();
    let put = registry.put(&format!("{location}?digest={digest}"));
    let put = put.header("content-range", "2000-2999");
    put.body(bytes.slice(2000..)).await.assert_status(201);
    let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await.assert_status(200).assert_body(&bytes);
}

/// end-5: A PATCH without Content-Range and without length adds at the end.
#[tokio::test]
async fn a_blob_is_pushed_as_a_stream() {
    let registry = TestRegistry::start().await;
    let bytes = noise(22, 200_000);
    let digest = sha256(&bytes);

    let location = registry.start_upload(REPOSITORY).await;
    let pieces = vec![bytes.slice(..7), bytes.slice(7..150_000)];
    let patch = registry.patch(&location).stream(pieces).await;
    let patch = patch.assert_status(202);
    assert_eq!(patch.header("range"), "0-149999");
    let rest = vec![bytes.slice(150_000..)];
    let patch = registry.patch(&patch.location()).stream(rest).await;
    let location = patch.assert_status(202).location();
    let put = registry.put(&format!("{location}?digest={digest}"));
    put.body("").await.assert_status(201);
    let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await.assert_status(200).assert_body(&bytes);
}

/// end-5, end-13: A first chunk that does not begin at 0 is refused with 416; the status tells where to go on.
#[tokio::test]
async fn a_chunk_that_comes_too_early_is_refused_and_the_client_recovers() {
    let registry = TestRegistry::start().await;
    let bytes = noise(23, 2000);
    let digest = sha256(&bytes);
    let location = registry.start_upload(REPOSITORY).await;

    let early = registry.patch(&location);
    let early = early.header("content-range", "1000-1999");
    let early = early.body(bytes.slice(1000..)).await;
    early.assert_error(416, "BLOB_UPLOAD_INVALID");
    let status = registry.get(&location).await.assert_status(204);
    assert_eq!(status.header("range"), "0-0");

    let first = registry.patch(&status.location());
    let first = first.header("content-range", "0-999");
    first.body(bytes.slice(..1000)).await.assert_status(202);

    // The first chunk again: its answer may have been lost.
    let again = registry.patch(&location).header("content-range", "0-999");
    let again = again.body(bytes.slice(..1000)).await;
    again.assert_error(416, "BLOB_UPLOAD_INVALID");
    let status = registry.get(&location).await.assert_status(204);
    assert_eq!(status.header("range"), "0-999");

    let put = registry.put(&format!("{}?digest={digest}", status.location()));
    let put = put.header("content-range", "1000-1999");
    put.body(bytes.slice(1000..)).await.assert_status(201);
    let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await.assert_status(200).assert_body(&bytes);
}

/// end-6: A last chunk that does not begin where the upload stands is refused with 416, and the upload stays open.
#[tokio::test]
async fn a_put_out_of_order_is_refused_and_repeated_rightly() {
    let registry = TestRegistry::start().await;
    let bytes = noise(24, 2000);
    let digest = sha256(&bytes);
    let location = registry.start_upload(REPOSITORY).await;
    let target = format!("{location}?digest={digest}");
    let first = registry.patch(&location).header("content-range", "0-999");
    first.body(bytes.slice(..1000)).await.assert_status(202);

    let wrong = registry.put(&target).header("content-range", "1500-1999");
    let wrong = wrong.body(bytes.slice(1500..)).await;
    let wrong = wrong.assert_error(416, "BLOB_UPLOAD_INVALID");
    assert_eq!(wrong.header("range"), "0-999");

    let right = registry.put(&target).header("content-range", "1000-1999");
    right.body(bytes.slice(1000..)).await.assert_status(201);
}

/// end-5: A Content-Range may also be written as RFC 9110 writes it.
#[tokio::test]
async fn a_content_range_with_unit_and_total_is_understood() {
    let registry = TestRegistry::start().await;
    let mut location = registry.start_upload(REPOSITORY).await;

    for range in ["bytes 0-3/12", "bytes 4-7/*", "bytes 8-11"] {
        let patch = registry.patch(&location).header("content-range", range);
        location = patch.body("four").await.assert_status(202).location();
    }
    let put = registry.put(&format!("{location}?digest={}", sha256("fourfourfour")));
    put.body("").await.assert_status(201);
}

/// end-5, code-2: A Content-Range that is none is refused.
#[tokio::test]
async fn a_content_range_in_another_form_is_refused() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;

    let forms = [
        "0-3/4",
        "bytes=0-3",
        "lines 0-3",
        "3-0",
        "0-",
        "a-b",
        "-3",
        "",
    ];
    for form in forms {
        let patch = registry.patch(&location).header("content-range", form);
        let patch = patch.body("four").await;
        patch.assert_error(400, "BLOB_UPLOAD_INVALID");
    }
    let status = registry.get(&location).await.assert_status(204);
    assert_eq!(status.header("range"), "0-0");
}

/// end-5, code-10: A chunk that is not as long as its Content-Range says is refused, and nothing of it is kept.
#[tokio::test]
async fn a_chunk_of_another_length_than_its_range_is_refused() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;

    let patch = registry.patch(&location).header("content-range", "0-99");
    let patch = patch.body("not a hundred bytes").await;
    patch.assert_error(400, "SIZE_INVALID");

    let patch = registry.patch(&location).header("content-range", "0-99");
    let patch = patch.stream(vec!["not a hundred bytes".into()]).await;
    patch.assert_error(400, "SIZE_INVALID");

    let put = registry.put(&format!("{location}?digest={}", sha256("right")));
    let put = put.header("content-range", "0-99");
    let put = put.stream(vec!["right".into()]).await;
    put.assert_error(400, "SIZE_INVALID");

    let status = registry.get(&location).await.assert_status(204);
    assert_eq!(status.header("range"), "0-0");
    let put = registry.put(&format!("{location}?digest={}", sha256("right")));
    put.body("right").await.assert_status(201);
}

/// end-5: Chunks may have any size: there is no least length and no alignment.
#[tokio::test]
async fn chunks_of_one_byte_are_chunks() {
    let registry = TestRegistry::start().await;
    let post = registry.post(&format!("/v2/{REPOSITORY}/blobs/uploads/"));
    let post = post.await.assert_status(202);
    assert_eq!(post.find_header("oci-chunk-min-length"), None);

    let mut location = post.location();
    for (at, byte) in ["b", "y", "t", "e", "s"].into_iter().enumerate() {
        let patch = registry.patch(&location);
        let patch = patch.header("content-range", format!("{at}-{at}"));
        location = patch.body(byte).await.assert_status(202).location();
    }
    let put = registry.put(&format!("{location}?digest={}", sha256("bytes")));
    put.body("").await.assert_status(201);
}

/// end-5: An upload goes on after a restart, and after the registry was killed.
#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let registry = TestRegistry::start().await;
    let bytes = noise(25, 3000);
    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body(bytes.slice(..1000));
    patch.await.assert_status(202);

    let registry = registry.stop().start().await;
    let patch = registry.patch(&location);
    let patch = patch.header("content-range", "1000-1999");
    patch.body(bytes.slice(1000..2000)).await.assert_status(202);

    let registry = registry.kill().start().await;
    let put = registry.put(&format!("{location}?digest={}", sha256(&bytes)));
    let put = put.header("content-range", "2000-2999");
    put.body(bytes.slice(2000..)).await.assert_status(201);
}
