//! What clients rely on beyond the specification, in the requests that they really send.

use serde_json::{Value, json};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Credentials;
use crate::registry::content::{
    OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, index,
    noise, sha256,
};

/// client, end-5: docker sends a layer as one PATCH of unknown length, and wants `Range` and `Docker-Upload-UUID`.
#[tokio::test]
async fn docker_pushes_a_layer() {
    let registry = TestRegistry::start().await;
    let bytes = noise(30, 100_000);
    let digest = sha256(&bytes);
    let target = format!("/v2/{REPOSITORY}/blobs/uploads/");

    // A mount that fails leaves an upload, which docker cancels.
    let mount = format!("{target}?mount={digest}&from=library/other");
    let mount = registry.post(&mount).await.assert_status(202);
    registry.delete(&mount.location()).await.assert_status(204);

    let post = registry.post(&target).await.assert_status(202);
    assert!(!post.header("docker-upload-uuid").is_empty());
    let patch = registry.patch(&post.location());
    let patch = patch.stream(vec![bytes.slice(..50_000), bytes.slice(50_000..)]);
    let patch = patch.await.assert_status(202);
    assert_eq!(patch.header("range"), "0-99999");
    assert!(!patch.header("docker-upload-uuid").is_empty());
    let put = registry.put(&format!("{}?digest={digest}", patch.location()));
    put.body("").await.assert_status(201);
    let head = registry.head(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    let head = head.await.assert_status(200);
    assert_eq!(head.header("content-length"), "100000");
}

/// client, end-5: A token that ends in the middle of an upload is renewed, and the upload goes on.
#[tokio::test]
async fn an_upload_outlives_the_token_it_began_with() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body("first ").await;
    let location = patch.assert_status(202).location();

    let ended = registry.client(Credentials::Bearer("ended".to_owned()));
    let refused = ended.patch(&location).body("second").await;
    let refused = refused.assert_error(401, "UNAUTHORIZED");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains(&format!("scope=\"repository:{REPOSITORY}:pull,push\"")));

    let renewed = registry
        .with_token(&[&format!("repository:{REPOSITORY}:pull,push")])
        .await;
    let patch = renewed.patch(&location).body("second").await;
    let location = patch.assert_status(202).location();
    let put = renewed.put(&format!("{location}?digest={}", sha256("first second")));
    put.body("").await.assert_status(201);
}

/// client, end-5: An empty PATCH is answered with a range that can be parsed.
#[tokio::test]
async fn an_empty_patch_changes_nothing() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;

    let patch = registry.patch(&location).body("").await;
    let patch = patch.assert_status(202);
    assert_eq!(patch.header("range"), "0-0");
    let patch = registry.patch(&location).stream(vec![]).await;
    let patch = patch.assert_status(202);
    assert_eq!(patch.header("range"), "0-0");
}

/// client, end-6: containerd sends a layer as one PUT; it re-encodes and sorts the query, and offers compressions for pulls.
#[tokio::test]
async fn containerd_pushes_and_pulls_a_layer() {
    let registry = TestRegistry::start().await;
    let bytes = noise(31, 100_000);
    let digest = sha256(&bytes);
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let head = registry
        .head(&target)
        .header("accept", format!("{OCI_LAYER}, */*"));
    head.await.assert_status(404);

    let location = registry.start_upload(REPOSITORY).await;
    let escaped = digest.replace(':', "%3A");
    let put = registry.put(&format!("{location}?a=b&digest={escaped}&z="));
    put.body(bytes.clone()).await.assert_status(201);

    let pull = registry.get(&format!("{target}?ns=registry.example.com"));
    let pull = pull.header("accept-encoding", "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5");
    let pull = pull.header("accept", format!("{OCI_LAYER}, */*"));
    let pull = pull.await.assert_status(200).assert_body(&bytes);
    assert_eq!(pull.find_header("content-encoding"), None);
    assert_eq!(pull.header("content-length"), "100000");
    let part = registry.get(&target).header("range", "bytes=99990-");
    part.await.assert_status(206).assert_body(&bytes[99_990..]);
}

/// client, end-3: No answer is ever compressed or depends on Accept-Encoding, manifests included.
#[tokio::test]
async fn manifests_are_never_compressed() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;

    let target = format!("/v2/{REPOSITORY}/manifests/1.0");
    let plain = registry.get(&target).await.assert_status(200);
    let offered = registry
        .get(&target)
        .header("accept-encoding", "gzip, br, zstd");
    let offered = offered.await.assert_status(200).assert_body(plain.bytes());
    assert_eq!(offered.find_header("content-encoding"), None);
    assert_eq!(offered.find_header("vary"), None);
}

/// client, end-11: go-containerregistry adds `origin` to a mount; kaniko opens an upload and cancels it, to see whether it may push.
#[tokio::test]
async fn kaniko_checks_whether_it_may_push() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob("library/base", "base").await;
    let target = format!("/v2/{REPOSITORY}/blobs/uploads/");

    let probe = registry.start_upload(REPOSITORY).await;
    registry.delete(&probe).await.assert_status(204);
    let mount = format!("{target}?from=library/base&mount={digest}&origin=localhost");
    registry.post(&mount).await.assert_status(201);
}

/// client, end-12a: oras asks for the referrers of a digest of zeros, to see whether there is a referrers API.
#[tokio::test]
async fn oras_finds_the_referrers_api() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let zeros = format!("sha256:{}", "0".repeat(64));

    for repository in [REPOSITORY, "library/not-yet-there"] {
        let ping = registry.get(&format!("/v2/{repository}/referrers/{zeros}"));
        let ping = ping.await.assert_status(200);
        assert_eq!(ping.header("content-type"), OCI_INDEX);
        assert_eq!(ping.json()["manifests"], json!([]));
    }
}

/// client, end-7a: Helm pushes a chart with its own types, and a tag in which `+` became `_`.
#[tokio::test]
async fn helm_pushes_a_chart() {
    let registry = TestRegistry::start().await;
    let config = json!({ "name": "chart", "version": "1.0.0+build" }).to_string();
    registry.push_blob("library/chart", config.clone()).await;
    registry.push_blob("library/chart", "the chart").await;
    let manifest = image_manifest(
        &descriptor("application/vnd.cncf.helm.config.v1+json", config),
        &[descriptor(
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "the chart",
        )],
    );

    let digest = registry
        .push_manifest("library/chart", "1.0.0_build", &manifest)
        .await;
    let pulled = registry.get("/v2/library/chart/manifests/1.0.0_build");
    let pulled = pulled.await.assert_status(200);
    assert_eq!(pulled.header("docker-content-digest"), digest);
}

/// client, end-7a: cosign keeps signatures under tags made of the image's digest, or as referrers.
#[tokio::test]
async fn cosign_signs_an_image_in_both_ways() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let tag = format!("{}.sig", image.replace(':', "-"));

    registry.push_image(REPOSITORY, &tag).await;
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let referrer = registry
        .push_referrer(REPOSITORY, &image, bundle, &Value::Null)
        .await;

    let legacy = registry.get(&format!("/v2/{REPOSITORY}/manifests/{tag}"));
    legacy.await.assert_status(200);
    let escaped = bundle.replace('+', "%2B");
    let target = format!("/v2/{REPOSITORY}/referrers/{image}?artifactType={escaped}");
    let found = registry.get(&target).await.assert_status(200).json();
    assert_eq!(found["manifests"][0]["digest"], referrer);
}

/// client, end-7a: buildkit's older cache is an index whose entries are layers.
#[tokio::test]
async fn buildkit_keeps_its_cache_in_an_index_of_layers() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "cached layer").await;
    registry.push_blob(REPOSITORY, "cache config").await;
    let config = "application/vnd.buildkit.cacheconfig.v0";
    let cache = index(&[
        descriptor(OCI_LAYER, "cached layer"),
        descriptor(config, "cache config"),
    ]);

    registry.push_manifest(REPOSITORY, "cache", &cache).await;
    // The layers are needed now.
    let layer = format!("/v2/{REPOSITORY}/blobs/{}", sha256("cached layer"));
    let refused = registry.delete(&layer).await;
    refused.assert_error(405, "UNSUPPORTED");
    let incomplete = index(&[descriptor(OCI_LAYER, "never pushed")]);
    let put = registry.put(&format!("/v2/{REPOSITORY}/manifests/cache2"));
    let put = put.content_type(OCI_INDEX).body(incomplete.to_string());
    put.await.assert_error(400, "MANIFEST_BLOB_UNKNOWN");
}

/// client, end-7a: buildx pushes an index with attestations for the platform unknown/unknown.
#[tokio::test]
async fn buildx_attaches_attestations_to_an_index() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "linux").await;
    let attestation = registry.push_image(REPOSITORY, "attestation").await;
    let mut entries = Vec::new();
    for (digest, platform) in [
        (&image, json!({ "os": "linux", "architecture": "amd64" })),
        (
            &attestation,
            json!({ "os": "unknown", "architecture": "unknown" }),
        ),
    ] {
        let mut entry = registry.describe(REPOSITORY, digest).await;
        entry["platform"] = platform;
        entries.push(entry);
    }
    entries[1]["annotations"] = json!({
        "vnd.docker.reference.digest": image,
        "vnd.docker.reference.type": "attestation-manifest",
    });

    let all = index(&entries);
    registry.push_manifest(REPOSITORY, "1.0", &all).await;
    let pulled = registry.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    pulled.await.assert_status(200).assert_body(all.to_string());
}

/// client, end-2: Lazy pulling asks for the end of a layer, then for many small parts at once.
#[tokio::test]
async fn a_lazy_client_reads_a_layer_in_many_small_parts() {
    let registry = TestRegistry::start().await;
    let bytes = noise(32, 200_000);
    let digest = registry.push_blob(REPOSITORY, bytes.clone()).await;
    let target = format!("/v2/{REPOSITORY}/blobs/{digest}");

    let footer = registry.get(&target).header("range", "bytes=-51").await;
    let footer = footer.assert_status(206);
    footer.assert_body(&bytes[199_949..]);
    let parts = (0..20).map(|n| {
        let range = format!("bytes={}-{}", n * 10_000, n * 10_000 + 9_999);
        let part = registry.get(&target).header("range", range);
        async move { part.await.assert_status(206).bytes().clone() }
    });
    let parts = futures_util::future::join_all(parts).await;
    assert!(parts.concat() == bytes);
}

/// client, end-2: containers/image fetches the parts of a zstd:chunked layer with hundreds of ranges.
#[tokio::test]
async fn a_partial_pull_asks_for_hundreds_of_ranges() {
    let registry = TestRegistry::start().await;
    let bytes = noise(33, 100_000);
    let digest = registry.push_blob(REPOSITORY, bytes).await;
    let ranges: Vec<String> = (0..500)
        .map(|n| format!("{}-{}", n * 200, n * 200 + 99))
        .collect();

    let answer = registry
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .header("range", format!("bytes={}", ranges.join(",")))
        .await
        .assert_status(206);
    let kind = answer.header("content-type");
    assert!(
        kind.starts_with("multipart/byteranges; boundary="),
        "{kind}"
    );
    let text = answer.text();
    assert_eq!(text.matches("Content-Range: bytes ").count(), 500);
}

/// client, end-9: containers/image reads a manifest, then deletes it by digest, and wants 202.
#[tokio::test]
async fn skopeo_deletes_an_image() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let scope = format!("repository:{REPOSITORY}:*");
    let skopeo = registry.with_token(&[&scope]).await;

    let manifest = skopeo.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    let manifest = manifest.header("accept", OCI_MANIFEST).await;
    let digest = manifest.assert_status(200);
    let digest = digest.header("docker-content-digest").to_owned();
    let deleted = skopeo.delete(&format!("/v2/{REPOSITORY}/manifests/{digest}"));
    deleted.await.assert_status(202);
}

/// client, end-6: A client that drops the query of a Location loses nothing, because all of it is in the path.
#[tokio::test]
async fn zb_drops_the_query_of_a_location() {
    let registry = TestRegistry::start().await;
    let bytes = noise(34, 1000);

    let location = registry.start_upload(REPOSITORY).await;
    let path = location.split('?').next().expect("a path");
    let patch = registry.patch(path).body(bytes.clone()).await;
    let location = patch.assert_status(202).location();
    let path = location.split('?').next().expect("a path");
    let put = registry.put(&format!("{path}?digest={}", sha256(&bytes)));
    put.body("").await.assert_status(201);
}

/// client, end-3: Some clients escape the colon of a digest in the path.
#[tokio::test]
async fn a_digest_may_be_escaped_in_the_path() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let blob = registry.push_blob(REPOSITORY, "blob").await;

    for colon in ["%3A", "%3a"] {
        let (image, blob) = (image.replace(':', colon), blob.replace(':', colon));
        let target = format!("/v2/{REPOSITORY}/manifests/{image}");
        registry.get(&target).await.assert_status(200);
        let target = format!("/v2/{REPOSITORY}/blobs/{blob}");
        registry.get(&target).await.assert_status(200);
    }
}

/// client, end-7a: An artifact of `{}` blobs, as oras writes it without files.
#[tokio::test]
async fn oras_attaches_annotations_only() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "{}").await;
    let mut empty = descriptor(OCI_EMPTY, "{}");
    empty["data"] = "e30=".into();
    let mut manifest = image_manifest(&empty, std::slice::from_ref(&empty));
    manifest["artifactType"] = "application/vnd.example.thing".into();
    manifest["annotations"] = json!({ "org.opencontainers.image.created": "2026-11-21T12:00:00Z" });

    registry.push_manifest(REPOSITORY, "thing", &manifest).await;
    let config = image_manifest(&descriptor(OCI_CONFIG, "{}"), &[]);
    registry.push_manifest(REPOSITORY, "plain", &config).await;
}
