//! end-7a, end-7b: manifests are stored, and tags point at them.

use serde_json::{Value, json};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::{
    OCI_EMPTY, OCI_MANIFEST, descriptor, image_manifest, sha256, sha512,
};

/// A manifest whose one blob is `{}`, which is pushed with it.
async fn small_manifest(registry: &TestRegistry, text: &str) -> String {
    registry.push_blob(REPOSITORY, "{}").await;
    let mut manifest = image_manifest(&descriptor(OCI_EMPTY, "{}"), &[]);
    manifest["annotations"] = json!({ "text": text });
    manifest.to_string()
}

async fn tags(registry: &TestRegistry) -> Value {
    let list = registry.get(&format!("/v2/{REPOSITORY}/tags/list"));
    list.await.assert_status(200).json()["tags"].clone()
}

async fn put(registry: &TestRegistry, reference: &str, manifest: &str) -> Answer {
    let put = registry.put(&format!("/v2/{REPOSITORY}/manifests/{reference}"));
    put.content_type(OCI_MANIFEST)
        .body(manifest.to_owned())
        .await
}

/// end-7a: A push by tag is answered with 201, the digest, and where the manifest can be pulled.
#[tokio::test]
async fn an_image_is_pushed_under_a_tag() {
    let registry = TestRegistry::start().await;
    let manifest = small_manifest(&registry, "tagged").await;
    let digest = sha256(&manifest);

    let pushed = put(&registry, "1.0", &manifest).await.assert_status(201);
    assert_eq!(pushed.header("docker-content-digest"), digest);
    let pulled = registry.get(&pushed.location()).await;
    pulled.assert_status(200).assert_body(&manifest);
    let pulled = registry.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    pulled.await.assert_status(200).assert_body(&manifest);
    assert_eq!(tags(&registry).await, json!(["1.0"]));
}

/// end-7a: A push by digest makes no tag.
#[tokio::test]
async fn an_image_is_pushed_under_its_digest() {
    let registry = TestRegistry::start().await;
    let manifest = small_manifest(&registry, "untagged").await;
    let digest = sha256(&manifest);

    let pushed = put(&registry, &digest, &manifest).await.assert_status(201);
    assert_eq!(pushed.header("docker-content-digest"), digest);
    let pulled = registry.get(&pushed.location()).await;
    pulled.assert_status(200).assert_body(&manifest);
    assert_eq!(tags(&registry).await, json!([]));
}

/// end-7a, code-4: A push by a digest that the bytes do not have is refused.
#[tokio::test]
async fn a_manifest_with_the_wrong_digest_is_refused() {
    let registry = TestRegistry::start().await;
    let manifest = small_manifest(&registry, "sent").await;

    for digest in [sha256("meant"), sha512("meant")] {
        let answer = put(&registry, &digest, &manifest).await;
        answer.assert_error(400, "DIGEST_INVALID");
        let target = format!("/v2/{REPOSITORY}/manifests/{digest}");
        registry.head(&target).await.assert_status(404);
    }
}

/// end-7a: A manifest pushed under its sha512 digest is served under that digest.
#[tokio::test]
async fn an_image_is_pushed_under_its_sha512_digest() {
    let registry = TestRegistry::start().await;
    let manifest = small_manifest(&registry, "long digest").await;
    let digest = sha512(&manifest);

    let pushed = put(&registry, &digest, &manifest).await.assert_status(201);
    assert_eq!(pushed.header("docker-content-digest"), digest);
    registry
        .get(&pushed.location())
        .await
        .assert_status(200)
        .assert_header("docker-content-digest", &digest)
        .assert_body(&manifest);
}

/// end-7a: A tag that is pushed again moves; what it pointed at stays.
#[tokio::test]
async fn a_tag_moves_to_what_is_pushed_last() {
    let registry = TestRegistry::start().await;
    let first = small_manifest(&registry, "first").await;
    let second = small_manifest(&registry, "second").await;

    for manifest in [&first, &second] {
        put(&registry, "latest", manifest).await.assert_status(201);
    }
    let latest = registry.get(&format!("/v2/{REPOSITORY}/manifests/latest"));
    latest.await.assert_status(200).assert_body(&second);
    let target = format!("/v2/{REPOSITORY}/manifests/{}", sha256(&first));
    let old = registry.get(&target).await;
    old.assert_status(200).assert_body(&first);
    assert_eq!(tags(&registry).await, json!(["latest"]));
}

/// end-7a: Pushing the same manifest again changes nothing.
#[tokio::test]
async fn a_push_that_was_answered_in_vain_is_repeated() {
    let registry = TestRegistry::start().await;
    let manifest = small_manifest(&registry, "same").await;

    for _ in 0..3 {
        let pushed = put(&registry, "1.0", &manifest).await.assert_status(201);
        assert_eq!(pushed.header("docker-content-digest"), sha256(&manifest));
    }
    assert_eq!(tags(&registry).await, json!(["1.0"]));
}

/// end-7a: A manifest of exactly 4 MiB is accepted, and served whole.
#[tokio::test]
async fn a_manifest_of_four_mebibytes_is_accepted() {
    let registry = TestRegistry::start().await;
    let manifest = manifest_of(&registry, 4 << 20).await;

    put(&registry, "big", &manifest).await.assert_status(201);
    let big = registry.get(&format!("/v2/{REPOSITORY}/manifests/big"));
    big.await.assert_status(200).assert_body(&manifest);
}

/// end-7a, code-10: One byte more is refused with 413, whether its length was announced or not.
#[tokio::test]
async fn a_manifest_above_four_mebibytes_is_refused() {
    let registry = TestRegistry::start().await;
    let manifest = manifest_of(&registry, (4 << 20) + 1).await;

    let answer = put(&registry, "big", &manifest).await;
    answer.assert_error(413, "SIZE_INVALID");
    let target = format!("/v2/{REPOSITORY}/manifests/big");
    let streamed = registry.put(&target).content_type(OCI_MANIFEST);
    let streamed = streamed.stream(vec![manifest.into()]).await;
    streamed.assert_error(413, "SIZE_INVALID");
    registry.get(&target).await.assert_status(404);
}

/// A manifest that is exactly so long.
async fn manifest_of(registry: &TestRegistry, length: usize) -> String {
    let frame = small_manifest(registry, "").await;
    let manifest = small_manifest(registry, &"x".repeat(length - frame.len())).await;
    assert_eq!(manifest.len(), length);
    manifest
}

/// end-7b: A push by digest makes the tags of the query, and names each in OCI-Tag.
#[tokio::test]
async fn a_push_by_digest_makes_ten_tags_and_more() {
    let registry = TestRegistry::start().await;
    let manifest = small_manifest(&registry, "many tags").await;

    let wanted: Vec<String> = (10..30).map(|n| format!("v1.{n}")).collect();
    for digest in [sha256(&manifest), sha512(&manifest)] {
        let query: Vec<String> = wanted.iter().map(|tag| format!("tag={tag}")).collect();
        let reference = format!("{digest}?{}", query.join("&"));
        let pushed = put(&registry, &reference, &manifest).await;
        let pushed = pushed.assert_status(201);
        assert_eq!(pushed.header("docker-content-digest"), digest);
        let made = pushed.headers().get_all("oci-tag").iter();
        let made: Vec<&str> = made.filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(made, wanted);
        assert_eq!(tags(&registry).await, json!(wanted));
        for tag in [&wanted[0], &wanted[19]] {
            registry
                .get(&format!("/v2/{REPOSITORY}/manifests/{tag}"))
                .await
                .assert_status(200)
                .assert_header("docker-content-digest", &digest)
                .assert_body(&manifest);
        }
    }
}

/// end-7b: A tag of the query moves away from what it pointed at.
#[tokio::test]
async fn a_tag_of_the_query_may_exist_already() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "latest").await;
    let manifest = small_manifest(&registry, "new").await;
    let digest = sha256(&manifest);

    let pushed = put(
        &registry,
        &format!("{digest}?tag=latest&tag=latest"),
        &manifest,
    )
    .await;
    let pushed = pushed.assert_status(201);
    assert_eq!(pushed.header("oci-tag"), "latest");
    let latest = registry.get(&format!("/v2/{REPOSITORY}/manifests/latest"));
    let latest = latest.await.assert_status(200);
    assert_eq!(latest.header("docker-content-digest"), digest);
}

/// end-7b: One tag that cannot be one, and nothing is pushed.
#[tokio::test]
async fn a_push_with_an_impossible_tag_makes_none() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let manifest = small_manifest(&registry, "new").await;
    let digest = sha256(&manifest);

    let reference = format!("{digest}?tag=good&tag=.bad");
    let answer = put(&registry, &reference, &manifest).await;
    answer.assert_error(400, "MANIFEST_INVALID");
    assert_eq!(tags(&registry).await, json!(["1.0"]));
    let target = format!("/v2/{REPOSITORY}/manifests/{digest}");
    registry.head(&target).await.assert_status(404);
}

/// end-7b: More tags than the limit are refused with 414.
#[tokio::test]
async fn a_push_with_too_many_tags_is_refused() {
    let settings = TestRegistry::builder().setting("LIMITS__TAGS_PER_PUT", 10);
    let registry = settings.start().await;
    let manifest = small_manifest(&registry, "new").await;
    let reference = |count: usize| {
        let query: Vec<String> = (0..count).map(|n| format!("tag=t{n}")).collect();
        format!("{}?{}", sha256(&manifest), query.join("&"))
    };

    let eleven = put(&registry, &reference(11), &manifest).await;
    eleven.assert_error(414, "UNSUPPORTED");
    let ten = put(&registry, &reference(10), &manifest).await;
    ten.assert_status(201);
}
