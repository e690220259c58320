//! end-7a: what a manifest must be to be accepted.

use serde_json::{Value, json};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::{
    DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest,
    index, sha256,
};

async fn put(registry: &TestRegistry, media_type: &str, body: &str) -> Answer {
    let put = registry.put(&format!("/v2/{REPOSITORY}/manifests/tag"));
    let put = put.content_type(media_type).body(body.to_owned());
    put.await
}

/// A registry whose repository has a configuration `{}` and a layer `layer`.
async fn with_blobs() -> (TestRegistry, Value) {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "{}").await;
    registry.push_blob(REPOSITORY, "layer").await;
    let manifest = image_manifest(
        &descriptor(OCI_CONFIG, "{}"),
        &[descriptor(OCI_LAYER, "layer")],
    );
    (registry, manifest)
}

async fn nothing_was_pushed(registry: &TestRegistry) {
    let tag = registry.get(&format!("/v2/{REPOSITORY}/manifests/tag"));
    tag.await.assert_status(404);
}

/// end-7a, code-6: What is no JSON object of a manifest's form is refused.
#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let (registry, manifest) = with_blobs().await;
    let good = manifest.to_string();
    let truncated = &good[..good.len() - 1];
    let changed = |field: &str, value: Value| {
        let mut manifest = manifest.clone();
        manifest[field] = value;
        manifest.to_string()
    };

    let bad = [
        String::new(),
        "[]".to_owned(),
        "null".to_owned(),
        truncated.to_owned(),
        format!("{good}{good}"),
        changed("schemaVersion", json!(3)),
        changed("schemaVersion", json!("2")),
        changed("config", json!(null)),
        changed("layers", json!("none")),
        changed("layers", json!([{ "mediaType": OCI_LAYER }])),
        changed("annotations", json!({ "number": 1 })),
        changed("subject", json!({ "digest": "sha256:zz" })),
        good.replace("\"config\"", "\"Config\""),
        good.replacen('{', "{\"layers\":[],", 1),
    ];
    for body in &bad {
        let answer = put(&registry, OCI_MANIFEST, body).await;
        answer.assert_error(400, "MANIFEST_INVALID");
    }
    nothing_was_pushed(&registry).await;
    put(&registry, OCI_MANIFEST, &good).await.assert_status(201);
}

/// end-7a, code-6: Header and document must name the same media type.
#[tokio::test]
async fn a_manifest_that_contradicts_its_header_is_refused() {
    let (registry, manifest) = with_blobs().await;
    let manifest = manifest.to_string();

    for media_type in [OCI_INDEX, DOCKER_MANIFEST] {
        let answer = put(&registry, media_type, &manifest).await;
        answer.assert_error(400, "MANIFEST_INVALID");
    }
    nothing_was_pushed(&registry).await;
}

/// end-7a: One of header and document may be silent about the media type.
#[tokio::test]
async fn a_media_type_need_be_said_only_once() {
    let (registry, manifest) = with_blobs().await;
    let mut silent = manifest.clone();
    silent
        .as_object_mut()
        .expect("an object")
        .remove("mediaType");

    let cases = [
        (OCI_MANIFEST, &silent),
        (
            "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
            &manifest,
        ),
    ];
    for (media_type, manifest) in cases {
        let pushed = put(&registry, media_type, &manifest.to_string()).await;
        let location = pushed.assert_status(201).location();
        let pulled = registry.get(&location).await.assert_status(200);
        assert_eq!(pulled.header("content-type"), OCI_MANIFEST);
    }
    let put = registry.put(&format!("/v2/{REPOSITORY}/manifests/tag"));
    let put = put.body(manifest.to_string()).await;
    put.assert_status(201);
    let put = registry.put(&format!("/v2/{REPOSITORY}/manifests/tag"));
    let put = put.body(silent.to_string()).await;
    put.assert_error(400, "MANIFEST_INVALID");
}

/// end-7a, code-6: Docker's schema 1 is refused with a sentence that says what to do.
#[tokio::test]
async fn schema_1_is_refused() {
    let (registry, _) = with_blobs().await;
    let schema1 = json!({
        "schemaVersion": 1,
        "name": REPOSITORY,
        "tag": "tag",
        "architecture": "amd64",
        "fsLayers": [{ "blobSum": sha256("layer") }],
        "history": [{ "v1Compatibility": "{}" }],
    });

    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/json",
        OCI_MANIFEST,
    ] {
        let answer = put(&registry, media_type, &schema1.to_string()).await;
        let answer = answer.assert_error(400, "MANIFEST_INVALID");
        assert!(answer.error_message().contains("schema 2"));
    }
    nothing_was_pushed(&registry).await;
}

/// end-7a, code-6: Other media types are no manifests.
#[tokio::test]
async fn a_manifest_of_an_unknown_type_is_refused() {
    let (registry, manifest) = with_blobs().await;

    for media_type in [
        "application/json",
        "text/plain",
        "application/vnd.example+json",
    ] {
        let mut manifest = manifest.clone();
        manifest["mediaType"] = media_type.into();
        let answer = put(&registry, media_type, &manifest.to_string()).await;
        answer.assert_error(400, "MANIFEST_INVALID");
    }
}

/// end-7a, code-5: A manifest whose configuration or layer is missing is refused, and names what is missing.
#[tokio::test]
async fn an_image_without_its_layers_is_refused() {
    let (registry, _) = with_blobs().await;
    let there = descriptor(OCI_CONFIG, "{}");
    let missing = descriptor(OCI_LAYER, "never pushed");

    let cases = [
        image_manifest(&there, std::slice::from_ref(&missing)),
        image_manifest(&missing, std::slice::from_ref(&there)),
    ];
    for manifest in &cases {
        let answer = put(&registry, OCI_MANIFEST, &manifest.to_string()).await;
        let answer = answer.assert_error(400, "MANIFEST_BLOB_UNKNOWN");
        assert!(answer.error_message().contains(&sha256("never pushed")));
    }
    // What another repository has does not count.
    registry.push_blob("library/other", "never pushed").await;
    let answer = put(&registry, OCI_MANIFEST, &cases[0].to_string()).await;
    answer.assert_error(400, "MANIFEST_BLOB_UNKNOWN");
    nothing_was_pushed(&registry).await;
}

/// end-7a, code-10: A descriptor with another size than the blob has is refused.
#[tokio::test]
async fn a_manifest_that_lies_about_sizes_is_refused() {
    let (registry, mut manifest) = with_blobs().await;
    manifest["layers"][0]["size"] = json!(6);

    let answer = put(&registry, OCI_MANIFEST, &manifest.to_string()).await;
    answer.assert_error(400, "SIZE_INVALID");
    nothing_was_pushed(&registry).await;
}

/// end-7a, code-5: An index of manifests that are missing is refused by default.
#[tokio::test]
async fn a_sparse_index_is_refused() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let there = registry.describe(REPOSITORY, &image).await;
    let sparse = index(&[there.clone(), descriptor(OCI_MANIFEST, "missing")]);

    let answer = put(&registry, OCI_INDEX, &sparse.to_string()).await;
    let answer = answer.assert_error(400, "MANIFEST_BLOB_UNKNOWN");
    assert!(answer.error_message().contains(&sha256("missing")));
    nothing_was_pushed(&registry).await;
    let whole = index(&[there]).to_string();
    put(&registry, OCI_INDEX, &whole).await.assert_status(201);
}

/// end-7a: A setting allows indexes of which only a part was pushed.
#[tokio::test]
async fn a_sparse_index_is_accepted_where_it_is_allowed() {
    let settings = TestRegistry::builder().setting("REGISTRY__ALLOW_SPARSE_INDEXES", true);
    let registry = settings.start().await;
    let sparse = index(&[descriptor(OCI_MANIFEST, "missing")]).to_string();

    put(&registry, OCI_INDEX, &sparse).await.assert_status(201);
    let pulled = registry.get(&format!("/v2/{REPOSITORY}/manifests/tag"));
    pulled.await.assert_status(200).assert_body(&sparse);
    let missing = format!("/v2/{REPOSITORY}/manifests/{}", sha256("missing"));
    let missing = registry.get(&missing).await;
    missing.assert_error(404, "MANIFEST_UNKNOWN");
}

/// end-7a: A layer that lives elsewhere, as its `urls` say, need not be pushed.
#[tokio::test]
async fn a_foreign_layer_need_not_be_pushed() {
    let (registry, mut manifest) = with_blobs().await;
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        let mut layer = descriptor(media_type, "elsewhere");
        manifest["layers"][0] = layer.clone();
        let without = put(&registry, OCI_MANIFEST, &manifest.to_string()).await;
        without.assert_error(400, "MANIFEST_BLOB_UNKNOWN");

        layer["urls"] = json!(["https://example.com/layer.tar.gz"]);
        manifest["layers"][0] = layer;
        let text = manifest.to_string();
        put(&registry, OCI_MANIFEST, &text).await.assert_status(201);
    }
}
