//! An image on disk, with every digest computed again from its bytes.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What an image consists of; two equal ones have the same bytes everywhere.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Content {
    /// Digest of the manifest's bytes.
    pub(crate) manifest: String,
    /// Digests of the configuration and the layers.
    pub(crate) blobs: BTreeSet<String>,
}

impl Content {
    /// Reads an OCI image layout with one image.
    pub(crate) fn of_layout(layout: &Path) -> Self {
        let index = parse(&layout.join("index.json"));
        let digest = text(&index["manifests"][0]["digest"]);
        let blob = |digest: &str| layout.join("blobs").join(digest.replace(':', "/"));
        Self::check(&blob(&digest), |digest| blob(digest))
    }

    /// Reads what skopeo's `dir:` wrote: the manifest as it was sent, and one file per blob.
    pub(crate) fn of_dir(dir: &Path) -> Self {
        let blob = |digest: &str| dir.join(digest.trim_start_matches("sha256:"));
        Self::check(&dir.join("manifest.json"), blob)
    }

    fn check(manifest: &Path, blob: impl Fn(&str) -> std::path::PathBuf) -> Self {
        let document = parse(manifest);
        let layers = document["layers"].as_array().expect("an image manifest");
        let descriptors = layers.iter().chain([&document["config"]]);
        let digests = descriptors.map(|descriptor| {
            let digest = text(&descriptor["digest"]);
            let file = blob(&digest);
            assert_eq!(digest_of(&file), digest, "the bytes of a blob");
            let size = file.metadata().expect("it was just read").len();
            assert_eq!(
                Some(size),
                descriptor["size"].as_u64(),
                "the size of {digest}"
            );
            digest
        });
        Self {
            blobs: digests.collect(),
            manifest: digest_of(manifest),
        }
    }
}

/// The SHA-256 digest of a file, as in `sha256:…`.
pub(crate) fn digest_of(file: &Path) -> String {
    use std::fmt::Write;
    let mut hasher = Sha256::new();
    let mut reader = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).expect("a file can be read") {
            0 => break,
            length => hasher.update(&buffer[..length]),
        }
    }
    hasher
        .finalize()
        .iter()
        .fold("sha256:".to_owned(), |mut digest, byte| {
            write!(digest, "{byte:02x}").expect("a string takes all");
            digest
        })
}

pub(crate) fn parse(file: &Path) -> Value {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).expect("it is JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
