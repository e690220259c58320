//! What a registry on SQLite and files is tested for in full, in one story each on the other three combinations.

use serde_json::json;

use crate::registry::TestRegistry;
use crate::registry::backends::{Backends, Database, Store};
use crate::registry::content::{
    OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, noise, sha256,
};

/// Larger than a part of an S3 upload, so that a blob of this size needs several.
const LARGE: usize = 13_000_000;

async fn on(backends: Backends) -> TestRegistry {
    TestRegistry::builder().on(backends).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_s3_serve_the_protocol() {
    serves_the_protocol(&on(Backends::PRODUCTION).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_files_serve_the_protocol() {
    let backends = Backends {
        database: Database::Postgres,
        store: Store::Files,
    };
    serves_the_protocol(&on(backends).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_s3_serve_the_protocol() {
    let backends = Backends {
        database: Database::Sqlite,
        store: Store::S3,
    };
    serves_the_protocol(&on(backends).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_s3_keep_everything_over_a_kill() {
    let registry = on(Backends::PRODUCTION).await;
    let digest = registry.push_image("library/kept", "1.0").await;
    let large = noise(1, LARGE);
    let location = registry.start_upload("library/kept").await;
    let patch = registry.patch(&location).body(large.slice(..LARGE / 2));
    let location = patch.await.assert_status(202).location();
    let registry = registry.kill().start().await;
    let tag = registry.head("/v2/library/kept/manifests/1.0").await;
    tag.assert_status(200)
        .assert_header("docker-content-digest", &digest);
    let put = registry.put(&format!("{location}?digest={}", sha256(&large)));
    let put = put.body(large.slice(LARGE / 2..)).await.assert_status(201);
    let blob = registry.get(&put.location()).await;
    blob.assert_status(200).assert_body(&large);
    registry.stop();
}

async fn serves_the_protocol(registry: &TestRegistry) {
    blobs_are_pushed_in_every_way(registry).await;
    blobs_are_pulled_in_parts(registry).await;
    blobs_are_mounted_and_deleted(registry).await;
    uploads_are_asked_about_cancelled_and_refused(registry).await;
    manifests_and_tags_come_and_go(registry).await;
    referrers_are_found_and_filtered(registry).await;
    lists_come_in_pages(registry).await;
}

async fn blobs_are_pushed_in_every_way(registry: &TestRegistry) {
    const REPOSITORY: &str = "library/pushed";
    for (seed, size) in [(1, 0), (2, 1), (3, 300_000), (4, LARGE)] {
        let bytes = noise(seed, size);
        let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;
        let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let head = registry.head(&target).await.assert_status(200);
        head.assert_header("content-length", &size.to_string());
        let blob = registry.get(&target).await;
        blob.assert_status(200).assert_body(&bytes);
    }
    for (seed, sizes) in [
        (10, vec![1000, 1000, 1000]),
        // Shorter than a part, longer than one, and one that ends with the request that completes it.
        (11, vec![100, LARGE, 7_000_000, 5]),
        (12, vec![LARGE, 0]),
    ] {
        let bytes = noise(seed, sizes.iter().sum());
        let digest = sha256(&bytes);
        let mut location = registry.start_upload(REPOSITORY).await;
        let (last, chunks) = sizes.split_last().expect("there are some");
        let mut start = 0;
        for size in chunks {
            let end = start + size;
            let answer = registry
                .patch(&location)
                .header("content-range", format!("{start}-{}", end - 1))
                .body(bytes.slice(start..end))
                .await
                .assert_status(202)
                .assert_header("range", &format!("0-{}", end - 1));
            location = answer.location();
            start = end;
        }
        let put = registry.put(&format!("{location}?digest={digest}"));
        let put = put.body(bytes.slice(start..start + last)).await;
        let put = put.assert_status(201);
        let blob = registry.get(&put.location()).await;
        blob.assert_status(200).assert_body(&bytes);
    }
    // In pieces of no announced length.
    let bytes = noise(13, LARGE);
    let pieces = bytes.chunks(50_000).map(bytes::Bytes::copy_from_slice);
    let location = registry.start_upload(REPOSITORY).await;
    let put = registry.put(&format!("{location}?digest={}", sha256(&bytes)));
    let put = put.stream(pieces.collect()).await.assert_status(201);
    let blob = registry.get(&put.location()).await;
    blob.assert_status(200).assert_body(&bytes);
}

async fn blobs_are_pulled_in_parts(registry: &TestRegistry) {
    const REPOSITORY: &str = "library/ranges";
    let bytes = noise(20, LARGE);
    let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let last = LARGE - 1;
    for (asked, start, end) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=500-1499".to_owned(), 500, 1499),
        (format!("bytes={}-", LARGE / 2), LARGE / 2, last),
        ("bytes=-500".to_owned(), LARGE - 500, last),
    ] {
        let answer = registry.get(&target).header("range", asked).await;
        answer
            .assert_status(206)
            .assert_header("content-range", &format!("bytes {start}-{end}/{LARGE}"))
            .assert_body(&bytes[start..=end]);
    }
    let beyond = format!("bytes={LARGE}-");
    let answer = registry.get(&target).header("range", beyond).await;
    answer.assert_error(416, "RANGE_INVALID");
    let several = registry
        .get(&target)
        .header("range", "bytes=9000000-9000009,10-19");
    let several = several.await.assert_status(206);
    let body = several.bytes();
    for part in [&bytes[9_000_000..9_000_010], &bytes[10..20]] {
        assert!(body.windows(10).any(|window| window == part));
    }
}

async fn blobs_are_mounted_and_deleted(registry: &TestRegistry) {
    let digest = registry.push_blob("library/from", "shared").await;
    let mount = format!("/v2/library/to/blobs/uploads/?mount={digest}&from=library/from");
    registry.post(&mount).await.assert_status(201);
    let [from, to] = ["from", "to"].map(|name| format!("/v2/library/{name}/blobs/{digest}"));
    registry.delete(&from).await.assert_status(202);
    registry.get(&from).await.assert_error(404, "BLOB_UNKNOWN");
    registry
        .get(&to)
        .await
        .assert_status(200)
        .assert_body("shared");
    let missing = format!("/v2/library/to/blobs/uploads/?mount={}", sha256("missing"));
    registry.post(&missing).await.assert_status(202);
}

async fn uploads_are_asked_about_cancelled_and_refused(registry: &TestRegistry) {
    const REPOSITORY: &str = "library/uploads";
    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body(noise(30, 6_000_000));
    patch.await.assert_status(202);
    let status = registry.get(&location).await.assert_status(204);
    status.assert_header("range", "0-5999999");
    let early = registry
        .patch(&location)
        .header("content-range", "7000000-7000000");
    let early = early.body("x").await;
    early.assert_error(416, "BLOB_UPLOAD_INVALID");
    let wrong = registry.put(&format!("{location}?digest={}", sha256("other")));
    wrong.body("").await.assert_error(400, "DIGEST_INVALID");

    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body(noise(31, 6_000_000));
    patch.await.assert_status(202);
    registry.delete(&location).await.assert_status(204);
    let status = registry.get(&location).await;
    status.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

async fn manifests_and_tags_come_and_go(registry: &TestRegistry) {
    const REPOSITORY: &str = "library/manifests";
    let of = |name: &str| format!("/v2/{REPOSITORY}/manifests/{name}");
    let missing = image_manifest(
        &descriptor(OCI_CONFIG, "never pushed"),
        &[descriptor(OCI_LAYER, "nor this")],
    );
    let put = registry.put(&of("broken")).content_type(OCI_MANIFEST);
    let put = put.body(missing.to_string()).await;
    put.assert_error(400, "MANIFEST_BLOB_UNKNOWN");

    let first = registry.push_image(REPOSITORY, "1.0").await;
    let second = registry.push_image(REPOSITORY, "2.0").await;
    registry
        .push_index(REPOSITORY, "all", &[&first, &second])
        .await;
    let manifest = registry.get(&of(&first)).await.assert_status(200);
    let move_tag = registry.put(&of("2.0")).content_type(OCI_MANIFEST);
    move_tag
        .body(manifest.bytes().clone())
        .await
        .assert_status(201);
    let moved = registry.head(&of("2.0")).await.assert_status(200);
    moved.assert_header("docker-content-digest", &first);
    registry.get(&of(&second)).await.assert_status(200);
    registry.delete(&of("2.0")).await.assert_status(202);
    registry
        .get(&of("2.0"))
        .await
        .assert_error(404, "MANIFEST_UNKNOWN");
    registry.delete(&of(&first)).await.assert_status(202);
    registry
        .get(&of("1.0"))
        .await
        .assert_error(404, "MANIFEST_UNKNOWN");
    // A second push of the same content is a push like any other.
    assert_eq!(registry.push_image(REPOSITORY, "1.0").await, first);
    registry.get(&of("1.0")).await.assert_status(200);
}

async fn referrers_are_found_and_filtered(registry: &TestRegistry) {
    const REPOSITORY: &str = "library/referrers";
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let annotations = json!({ "é": "ü" });
    let mut pushed = Vec::new();
    for kind in [
        "application/vnd.example.sbom",
        "application/vnd.example.signature",
    ] {
        pushed.push(
            registry
                .push_referrer(REPOSITORY, &image, kind, &annotations)
                .await,
        );
    }
    let target = format!("/v2/{REPOSITORY}/referrers/{image}");
    let list = registry.get(&target).await.assert_status(200).json();
    assert_eq!(list["manifests"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["manifests"][0]["annotations"], annotations);
    let filter = format!("{target}?artifactType=application/vnd.example.sbom");
    let list = registry.get(&filter).await.assert_status(200).json();
    assert_eq!(list["manifests"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["manifests"][0]["digest"], *pushed[0]);
    let gone = format!("/v2/{REPOSITORY}/manifests/{image}");
    registry.delete(&gone).await.assert_status(202);
}

async fn lists_come_in_pages(registry: &TestRegistry) {
    const REPOSITORY: &str = "library/lists";
    // In the order of their bytes, which no language's order is.
    const TAGS: [&str; 6] = ["10", "9", "B", "_x", "a", "a.b"];
    for tag in TAGS.iter().rev() {
        registry.push_image(REPOSITORY, tag).await;
    }
    let mut seen = Vec::new();
    let mut next = Some(format!("/v2/{REPOSITORY}/tags/list?n=4"));
    while let Some(target) = next {
        let page = registry.get(&target).await.assert_status(200);
        let tags = page.json()["tags"].as_array().expect("a list").clone();
        seen.extend(tags);
        next = page.next_page();
    }
    assert_eq!(json!(seen), json!(TAGS));
    let catalog = registry.get("/v2/_catalog").await.assert_status(200).json();
    let names = catalog["repositories"].as_array().expect("a list").clone();
    assert!(names.contains(&json!(REPOSITORY)), "{names:?}");
    assert!(names.is_sorted_by_key(|name| name.as_str().map(str::as_bytes)));
}
