//! end-2: blobs, whole and in parts.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::{noise, sha256};

/// end-2: GET answers with the bytes, their length and their digest.
#[tokio::test]
async fn a_blob_comes_back_as_it_was_pushed() {
    let registry = TestRegistry::start().await;
    let bytes = noise(1, 300_000);
    let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;

    registry
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .await
        .assert_status(200)
        .assert_header("content-length", "300000")
        .assert_header("content-type", "application/octet-stream")
        .assert_header("docker-content-digest", &digest)
        .assert_header("accept-ranges", "bytes")
        .assert_header("etag", &format!("\"{digest}\""))
        .assert_body(&bytes);
}

/// end-2: HEAD answers with the headers of GET and no body.
#[tokio::test]
async fn a_client_asks_for_a_blob_without_fetching_it() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob(REPOSITORY, noise(2, 1234)).await;

    registry
        .head(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .await
        .assert_status(200)
        .assert_header("content-length", "1234")
        .assert_header("docker-content-digest", &digest)
        .assert_header("accept-ranges", "bytes")
        .assert_body("");
}

/// end-2: A blob that the repository does not have is 404, also when another repository has it.
#[tokio::test]
async fn a_blob_of_another_repository_is_not_here() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob("library/other", "theirs").await;
    registry.push_blob(REPOSITORY, "ours").await;

    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let answer = registry.get(&target).await;
    answer.assert_error(404, "BLOB_UNKNOWN");
    registry.head(&target).await.assert_status(404);
}

/// end-2: A range is answered with 206 and says which bytes of how many these are.
#[tokio::test]
async fn a_pull_that_broke_off_goes_on_where_it_was() {
    let registry = TestRegistry::start().await;
    let bytes = noise(3, 4000);
    let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    for (asked, sent, part) in [
        ("bytes=500-1499", "bytes 500-1499/4000", &bytes[500..1500]),
        ("bytes=500-", "bytes 500-3999/4000", &bytes[500..]),
        ("bytes=-500", "bytes 3500-3999/4000", &bytes[3500..]),
        ("bytes=2000-5000", "bytes 2000-3999/4000", &bytes[2000..]),
        ("bytes=0-0", "bytes 0-0/4000", &bytes[..1]),
        ("bytes=-9000", "bytes 0-3999/4000", &bytes[..]),
    ] {
        let answer = registry.get(&target).header("range", asked).await;
        answer
            .assert_status(206)
            .assert_header("content-range", sent)
            .assert_header("content-length", &part.len().to_string())
            .assert_header("docker-content-digest", &digest)
            .assert_body(part);
    }
}

/// end-2: A range outside the blob, or one that ends before it begins, is answered with 416 and the blob's size.
#[tokio::test]
async fn a_range_that_the_blob_does_not_have_is_refused() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob(REPOSITORY, noise(4, 4000)).await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    for asked in ["bytes=5000-10000", "bytes=4000-", "bytes=500-0"] {
        let answer = registry.get(&target).header("range", asked).await;
        answer
            .assert_error(416, "RANGE_INVALID")
            .assert_header("content-range", "bytes */4000");
    }
}

/// end-2: A range that cannot be understood is ignored, as RFC 9110 wants it.
#[tokio::test]
async fn a_range_in_other_units_gets_the_whole_blob() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob(REPOSITORY, "all of it").await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    for asked in ["lines=1-2", "bytes=one-two", "bytes", "bytes=1-2-3"] {
        let answer = registry.get(&target).header("range", asked).await;
        answer.assert_status(200).assert_body("all of it");
    }
}

/// end-2: Several ranges are answered with 206 and one part for each, in the order asked for.
#[tokio::test]
async fn several_ranges_come_in_parts_in_the_order_asked_for() {
    let registry = TestRegistry::start().await;
    let bytes = noise(5, 4000);
    let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;

    let answer = registry
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .header("range", "bytes=3000-3009,10-19,-1")
        .await
        .assert_status(206);
    let boundary = answer
        .header("content-type")
        .strip_prefix("multipart/byteranges; boundary=")
        .expect("several parts");
    let mut expected = Vec::new();
    for (range, part) in [
        ("3000-3009", &bytes[3000..3010]),
        ("10-19", &bytes[10..20]),
        ("3999-3999", &bytes[3999..]),
    ] {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/4000\r\n\r\n"
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(part);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    // A line end before the first boundary is allowed, and may be left out.
    let body = answer.bytes();
    let body = body.strip_prefix(b"\r\n").unwrap_or(body);
    assert_eq!(
        String::from_utf8_lossy(body),
        String::from_utf8_lossy(&expected[2..])
    );
    assert_eq!(
        answer.header("content-length"),
        answer.bytes().len().to_string()
    );
}

/// end-2: Ranges that overlap never make the answer larger than the blob.
#[tokio::test]
async fn overlapping_ranges_are_sent_once() {
    let registry = TestRegistry::start().await;
    let bytes = noise(6, 1000);
    let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;

    registry
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .header("range", "bytes=0-599,400-999,0-")
        .await
        .assert_status(206)
        .assert_header("content-range", "bytes 0-999/1000")
        .assert_body(&bytes);
}

/// end-2: More ranges than the limit get the whole blob.
#[tokio::test]
async fn too_many_ranges_get_the_whole_blob() {
    let settings = TestRegistry::builder().setting("LIMITS__RANGES_PER_REQUEST", 3);
    let registry = settings.start().await;
    let digest = registry.push_blob(REPOSITORY, "0123456789").await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    let three = registry.get(&target).header("range", "bytes=0-0,2-2,4-4");
    three.await.assert_status(206);
    let four = registry
        .get(&target)
        .header("range", "bytes=0-0,2-2,4-4,6-6");
    four.await.assert_status(200).assert_body("0123456789");
}

/// end-2: If-None-Match with the blob's entity tag is answered with 304.
#[tokio::test]
async fn a_cache_that_has_the_blob_is_told_so() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob(REPOSITORY, "cached").await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    let matching = format!("\"{digest}\"");
    let answer = registry.get(&target).header("if-none-match", &matching);
    let answer = answer.await.assert_status(304).assert_body("");
    assert_eq!(answer.header("etag"), matching);

    let other = format!("\"{}\"", sha256("other"));
    let answer = registry.get(&target).header("if-none-match", other);
    answer.await.assert_status(200).assert_body("cached");
}

/// end-2: If-Range with another entity tag gets the whole blob.
#[tokio::test]
async fn a_range_of_other_content_gets_the_whole_blob() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob(REPOSITORY, "0123456789").await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let part = || registry.get(&target).header("range", "bytes=2-3");

    let same = part().header("if-range", format!("\"{digest}\""));
    same.await.assert_status(206).assert_body("23");
    let other = part().header("if-range", "\"something else\"");
    other.await.assert_status(200).assert_body("0123456789");
}

/// end-2: A digest in the path that is malformed or of an algorithm that is not supported is refused.
#[tokio::test]
async fn a_malformed_digest_names_no_blob() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "x").await;

    for digest in ["sha256:short", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        registry
            .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
            .await
            .assert_error(400, "DIGEST_INVALID");
    }
}
