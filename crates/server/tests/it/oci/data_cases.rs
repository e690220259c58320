//! The kinds of content that a registry must carry, each through its whole life: pushed, pulled, listed, deleted.

use serde_json::{Value, json};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{
    DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST,
    descriptor, image_manifest, index, sha256, sha512,
};

fn manifest_path(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

/// Pushes a manifest by digest and by tag, pulls it in every way, and deletes it.
async fn lives(client: &Client, manifest: &Value) {
    let digest = client.push_manifest(REPOSITORY, "life", manifest).await;
    client.push_manifest(REPOSITORY, &digest, manifest).await;
    is_whole(client, manifest, &["life", &digest]).await;
    let list = client.get(&format!("/v2/{REPOSITORY}/tags/list")).await;
    let tags = list.assert_status(200).json()["tags"].clone();
    assert!(tags.as_array().expect("a list").contains(&json!("life")));

    client
        .delete(&manifest_path("life"))
        .await
        .assert_status(202);
    client.head(&manifest_path("life")).await.assert_status(404);
    is_whole(client, manifest, &[&digest]).await;
    client
        .delete(&manifest_path(&digest))
        .await
        .assert_status(202);
    client
        .head(&manifest_path(&digest))
        .await
        .assert_status(404);
}

async fn is_whole(client: &Client, manifest: &Value, references: &[&str]) {
    let media_type = manifest["mediaType"].as_str().expect("a media type");
    let text = manifest.to_string();
    for reference in references {
        let target = manifest_path(reference);
        let head = client.head(&target).await.assert_status(200);
        let get = client.get(&target).await.assert_status(200);
        for answer in [&head, &get] {
            assert_eq!(answer.header("content-type"), media_type);
            assert_eq!(answer.header("content-length"), text.len().to_string());
            assert_eq!(answer.header("docker-content-digest"), sha256(&text));
        }
        get.assert_body(&text);
    }
}

/// An image whose blobs have just been pushed.
async fn image(client: &Client, name: &str) -> Value {
    let config = json!({ "architecture": name, "os": "linux" }).to_string();
    client.push_blob(REPOSITORY, config.clone()).await;
    client.push_blob(REPOSITORY, name.to_owned()).await;
    image_manifest(
        &descriptor(OCI_CONFIG, config),
        &[descriptor(OCI_LAYER, name)],
    )
}

/// An artifact without configuration, whose one layer has just been pushed.
async fn artifact(client: &Client, name: &str) -> Value {
    client.push_blob(REPOSITORY, "{}").await;
    client.push_blob(REPOSITORY, name.to_owned()).await;
    let layer = descriptor("application/vnd.example.file", name);
    let mut manifest = image_manifest(&descriptor(OCI_EMPTY, "{}"), &[layer]);
    manifest["artifactType"] = "application/vnd.example.artifact".into();
    manifest
}

async fn index_of(client: &Client, manifests: &[Value]) -> Value {
    let mut entries = Vec::new();
    for manifest in manifests {
        let digest = sha256(manifest.to_string());
        let pushed = client.push_manifest(REPOSITORY, &digest, manifest);
        let digest = pushed.await;
        entries.push(client.describe(REPOSITORY, &digest).await);
    }
    index(&entries)
}

/// data, end-7a, end-3, end-9: An image, its layer compressed or not.
#[tokio::test]
async fn an_image_lives() {
    let registry = TestRegistry::start().await;
    let mut manifest = image(&registry, "amd64").await;

    lives(&registry, &manifest).await;
    for suffix in ["", "+zstd"] {
        let kind = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
        manifest["layers"][0]["mediaType"] = kind.into();
        lives(&registry, &manifest).await;
    }
}

/// data, end-7a, end-3: A large manifest: 390 annotations of 10,000 bytes.
#[tokio::test]
async fn a_large_manifest_lives() {
    let registry = TestRegistry::start().await;
    let mut manifest = image(&registry, "amd64").await;
    for n in 0..390 {
        manifest["annotations"][format!("org.example.{n}")] = "x".repeat(10_000).into();
    }

    lives(&registry, &manifest).await;
}

/// data, end-7a, end-3: An index of images, and an index of indexes.
#[tokio::test]
async fn an_index_lives_and_so_does_an_index_of_indexes() {
    let registry = TestRegistry::start().await;
    let images = [
        image(&registry, "amd64").await,
        image(&registry, "arm64").await,
    ];

    let index = index_of(&registry, &images).await;
    let nested = index_of(&registry, &[index.clone(), images[0].clone()]).await;
    lives(&registry, &nested).await;
    lives(&registry, &index).await;
}

/// data, end-7a, end-3: An index of nothing.
#[tokio::test]
async fn an_empty_index_lives() {
    let registry = TestRegistry::start().await;

    lives(&registry, &index(&[])).await;
}

/// data, end-7a, end-3: An artifact, an index of artifacts, and an artifact without layers.
#[tokio::test]
async fn an_artifact_lives() {
    let registry = TestRegistry::start().await;
    let artifacts = [
        artifact(&registry, "one").await,
        artifact(&registry, "two").await,
    ];
    let mut index = index_of(&registry, &artifacts).await;
    index["artifactType"] = "application/vnd.example.list".into();
    lives(&registry, &index).await;

    let mut bare = artifacts[0].clone();
    bare["layers"] = json!([]);
    lives(&registry, &bare).await;
    lives(&registry, &artifacts[0]).await;
}

/// data, end-7a, end-12a: Artifacts and indexes with a subject are listed as its referrers while they live.
#[tokio::test]
async fn artifacts_and_indexes_are_attached_to_an_image() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let subject = registry.describe(REPOSITORY, &image).await;
    let mut attached = artifact(&registry, "attached").await;
    let mut list = index_of(&registry, &[artifact(&registry, "listed").await]).await;
    list["artifactType"] = "application/vnd.example.list".into();

    for manifest in [&mut attached, &mut list] {
        manifest["subject"] = subject.clone();
        manifest["annotations"] = json!({ "org.example": "attached" });
        let digest = sha256(manifest.to_string());
        registry.push_manifest(REPOSITORY, &digest, manifest).await;
        let referrers = format!("/v2/{REPOSITORY}/referrers/{image}");
        let listed = registry.get(&referrers).await.assert_status(200).json();
        let entry = &listed["manifests"][0];
        assert_eq!(entry["digest"], digest);
        assert_eq!(entry["mediaType"], manifest["mediaType"]);
        assert_eq!(entry["artifactType"], manifest["artifactType"]);
        assert_eq!(entry["annotations"], manifest["annotations"]);
        assert_eq!(entry["size"], manifest.to_string().len());

        lives(&registry, manifest).await;
        let listed = registry.get(&referrers).await.assert_status(200).json();
        assert_eq!(listed["manifests"], json!([]));
    }
}

/// data, end-7a, end-12a: A subject that is missing is no reason to refuse a manifest.
#[tokio::test]
async fn a_manifest_lives_without_its_subject() {
    let registry = TestRegistry::start().await;
    let mut manifest = artifact(&registry, "orphan").await;
    manifest["subject"] = descriptor(OCI_MANIFEST, "missing");

    lives(&registry, &manifest).await;
}

/// data, end-7a: Descriptors may carry their content in `data`.
#[tokio::test]
async fn descriptors_with_data_live() {
    let registry = TestRegistry::start().await;
    let mut manifest = artifact(&registry, "abc").await;
    manifest["config"]["data"] = "e30=".into();
    manifest["layers"][0]["data"] = "YWJj".into();

    lives(&registry, &manifest).await;
}

/// data, end-7a: Layers that must not be distributed are named and never pushed.
#[tokio::test]
async fn layers_that_are_not_distributed_live() {
    let registry = TestRegistry::start().await;
    let mut manifest = image(&registry, "windows").await;
    for kind in ["", "+gzip", "+zstd"] {
        let kind = format!("application/vnd.oci.image.layer.nondistributable.v1.tar{kind}");
        let mut layer = descriptor(&kind, &kind);
        layer["urls"] = json!(["https://example.com/a", "https://example.com/b"]);
        manifest["layers"]
            .as_array_mut()
            .expect("a list")
            .push(layer);
    }

    lives(&registry, &manifest).await;
}

/// data, end-7a: Fields that nobody knows are kept.
#[tokio::test]
async fn fields_of_ones_own_live() {
    let registry = TestRegistry::start().await;
    let mut manifest = image(&registry, "custom").await;
    manifest["org.example.field"] = json!({ "deep": [1, 2.50, null, "é"] });
    manifest["config"]["org.example"] = json!(true);
    manifest["layers"][0]["platform"] = json!({ "os.version": "1" });

    lives(&registry, &manifest).await;
    let mut index = index_of(&registry, &[manifest]).await;
    index["manifests"][0]["org.example"] = json!("x");
    index["org.example.field"] = json!([]);
    lives(&registry, &index).await;
}

/// data, end-7a: An image of a configuration and nothing else.
#[tokio::test]
async fn an_image_without_layers_lives() {
    let registry = TestRegistry::start().await;
    let mut manifest = image(&registry, "bare").await;
    manifest["layers"] = json!([]);

    lives(&registry, &manifest).await;
}

/// data, end-7a, end-7b: An image that uses sha512 throughout, under its digest and under tags.
#[tokio::test]
async fn an_image_of_sha512_digests_lives() {
    let registry = TestRegistry::start().await;
    let push = async |bytes: &str, media_type: &str| {
        let digest = sha512(bytes);
        let post = registry.post(&format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}"));
        let post = post.body(bytes.to_owned()).await;
        post.assert_status(201);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let config = push("{}", OCI_CONFIG).await;
    let layer = push("a layer", OCI_LAYER).await;
    let text = image_manifest(&config, &[layer]).to_string();
    let digest = sha512(&text);

    let put = registry.put(&format!("{}?tag=long", manifest_path(&digest)));
    let put = put.content_type(OCI_MANIFEST).body(text.clone());
    put.await.assert_status(201);
    for reference in ["long", &digest] {
        registry
            .get(&manifest_path(reference))
            .await
            .assert_status(200)
            .assert_header("docker-content-digest", &digest)
            .assert_body(&text);
    }
    registry
        .delete(&manifest_path(&digest))
        .await
        .assert_status(202);
    registry
        .head(&manifest_path("long"))
        .await
        .assert_status(404);
}

/// data, end-6, end-7a: Blobs and manifests with digests that they do not have are refused.
#[tokio::test]
async fn an_image_with_bad_digests_is_refused() {
    let registry = TestRegistry::start().await;
    let manifest = image(&registry, "bad").await.to_string();

    for wrong in [sha256("wrong"), sha512("wrong")] {
        let put = registry.put(&manifest_path(&wrong));
        let put = put.content_type(OCI_MANIFEST).body(manifest.clone());
        put.await.assert_error(400, "DIGEST_INVALID");
        let post = registry.post(&format!("/v2/{REPOSITORY}/blobs/uploads/?digest={wrong}"));
        let post = post.body("right").await;
        post.assert_error(400, "DIGEST_INVALID");
        registry
            .head(&manifest_path(&wrong))
            .await
            .assert_status(404);
    }
}

/// data, end-6, end-2: The blobs `` and `{}`.
#[tokio::test]
async fn the_smallest_blobs_live() {
    let registry = TestRegistry::start().await;

    for bytes in ["", "{}"] {
        let digest = registry.push_blob(REPOSITORY, bytes).await;
        let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let pulled = registry.get(&target).await.assert_status(200);
        pulled.assert_body(bytes);
        registry.delete(&target).await.assert_status(202);
        registry.head(&target).await.assert_status(404);
    }
}

/// data, end-7a, end-3: Docker's image manifests and lists, byte for byte and with their own types.
#[tokio::test]
async fn docker_images_and_lists_live() {
    let registry = TestRegistry::start().await;
    let oci = image(&registry, "docker").await;
    let mut manifest = oci.clone();
    manifest["mediaType"] = DOCKER_MANIFEST.into();
    manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
    let mut list = index_of(&registry, std::slice::from_ref(&manifest)).await;
    list["mediaType"] = DOCKER_LIST.into();
    list["manifests"][0]["platform"] = json!({ "os": "linux", "architecture": "amd64" });

    // An OCI index may name Docker's manifests, and both formats live side by side.
    let mixed = index_of(&registry, &[manifest.clone(), oci]).await;
    assert_eq!(mixed["mediaType"], OCI_INDEX);
    lives(&registry, &mixed).await;
    lives(&registry, &list).await;
    lives(&registry, &manifest).await;
}
