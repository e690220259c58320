//! Content to push, and how it is pushed when the pushing itself is not what a test is about.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::client::Client;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// `sha256:…` of some bytes.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex(&sha2::Sha256::digest(bytes)))
}

/// `sha512:…` of some bytes.
pub(crate) fn sha512(bytes: impl AsRef<[u8]>) -> String {
    format!("sha512:{}", hex(&sha2::Sha512::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes that differ from those of every other seed, and do not repeat.
pub(crate) fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(length);
    bytes.into()
}

/// A descriptor of content whose bytes are at hand.
pub(crate) fn descriptor(media_type: &str, bytes: impl AsRef<[u8]>) -> Value {
    let bytes = bytes.as_ref();
    json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() })
}

/// An OCI image manifest with a configuration and layers.
pub(crate) fn image_manifest(config: &Value, layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": layers,
    })
}

/// An OCI index of manifests.
pub(crate) fn index(manifests: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })
}

impl Client {
    /// Pushes a blob in one request; returns its digest.
    pub(crate) async fn push_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = sha256(&bytes);
        self.post(&format!("/v2/{repository}/blobs/uploads/?digest={digest}"))
            .content_type("application/octet-stream")
            .body(bytes)
            .await
            .assert_status(201);
        digest
    }

    /// Pushes a manifest, whose media type it must say itself, under a tag or its digest; returns its digest.
    pub(crate) async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Value,
    ) -> String {
        let media_type = manifest["mediaType"].as_str().expect("a media type");
        let bytes = manifest.to_string();
        let digest = sha256(&bytes);
        self.put(&format!("/v2/{repository}/manifests/{reference}"))
            .content_type(media_type)
            .body(bytes)
            .await
            .assert_status(201)
            .assert_header("docker-content-digest", &digest);
        digest
    }

    /// Pushes an image of a configuration and one layer, which no other repository and tag have; returns its digest.
    pub(crate) async fn push_image(&self, repository: &str, tag: &str) -> String {
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Labels": { "name": format!("{repository}:{tag}") } },
            "rootfs": { "type": "layers", "diff_ids": [] },
        })
        .to_string();
        let layer = format!("the layer of {repository}:{tag}");
        self.push_blob(repository, config.clone()).await;
        self.push_blob(repository, layer.clone()).await;
        let manifest = image_manifest(
            &descriptor(OCI_CONFIG, config),
            &[descriptor(OCI_LAYER, layer)],
        );
        self.push_manifest(repository, tag, &manifest).await
    }

    /// Pushes an index of manifests that the repository has; returns its digest.
    pub(crate) async fn push_index(
        &self,
        repository: &str,
        tag: &str,
        manifests: &[&str],
    ) -> String {
        let mut entries = Vec::new();
        for digest in manifests {
            entries.push(self.describe(repository, digest).await);
        }
        self.push_manifest(repository, tag, &index(&entries)).await
    }

    /// Pushes an artifact without content that refers to a manifest; returns its digest. `annotations` is an object, or null.
    pub(crate) async fn push_referrer(
        &self,
        repository: &str,
        subject: &str,
        artifact_type: &str,
        annotations: &Value,
    ) -> String {
        let subject = self.describe(repository, subject).await;
        self.push_blob(repository, "{}").await;
        let empty = descriptor(OCI_EMPTY, "{}");
        let mut manifest = image_manifest(&empty, std::slice::from_ref(&empty));
        manifest["artifactType"] = artifact_type.into();
        manifest["subject"] = subject;
        if !annotations.is_null() {
            manifest["annotations"] = annotations.clone();
        }
        let digest = sha256(manifest.to_string());
        self.push_manifest(repository, &digest, &manifest).await
    }

    /// The descriptor of a manifest that the repository has.
    pub(crate) async fn describe(&self, repository: &str, reference: &str) -> Value {
        let answer = self
            .head(&format!("/v2/{repository}/manifests/{reference}"))
            .await
            .assert_status(200);
        let size: u64 = answer.header("content-length").parse().expect("a number");
        json!({
            "mediaType": answer.header("content-type"),
            "digest": answer.header("docker-content-digest"),
            "size": size,
        })
    }

    /// Opens an upload; returns its `Location`.
    pub(crate) async fn start_upload(&self, repository: &str) -> String {
        self.post(&format!("/v2/{repository}/blobs/uploads/"))
            .await
            .assert_status(202)
            .location()
    }
}
