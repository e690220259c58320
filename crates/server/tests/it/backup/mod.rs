//! Backups: made beside a running registry, restored on another database and another store, and everything is there.

mod clients;
mod cut_off;
mod moving;
mod portrait;
mod refusals;

use std::path::Path;
use std::process::{Command, Output};

use engines::SeaweedFs;
use serde_json::Value;
use tempfile::TempDir;

use crate::registry::backends::{Backends, Store};
use crate::registry::client::Client;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise};
use crate::registry::{Setup, TestRegistry};

/// Larger than a part of an S3 upload.
const LARGE: usize = 9_000_000;

/// Runs a command that must succeed; returns the JSON that it prints.
fn done(command: &mut Command) -> Value {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// Runs a command that must fail with 1; returns what it printed, and its complaint.
fn failed(command: &mut Command) -> (String, String) {
    let output = run(command);
    let texts =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert_eq!(output.status.code(), Some(1), "{command:?}: {texts:?}");
    let [printed, complaint] = texts;
    (printed, complaint)
}

fn run(command: &mut Command) -> Output {
    tokio::task::block_in_place(|| command.output().expect("the program runs"))
}

/// `roadstead backup` of a registry to a place.
fn back_up(registry: &TestRegistry, place: &str) -> Value {
    done(&mut registry.command(&["backup", "--json", "--to", place]))
}

/// A registry that is yet to be made, on these, with the deployment key of another.
fn empty(backends: Backends, like: &Path) -> Setup {
    let mut setup = TestRegistry::builder().on(Backends::EMBEDDED);
    for (name, value) in tokio::task::block_in_place(|| backends.provide()) {
        setup = setup.setting(&name, value);
    }
    let key = std::fs::read(like.join("deployment.key")).expect("a deployment has a key");
    setup.with_deployment_key(&key.try_into().expect("32 bytes"))
}

/// A place for backups: a directory, or a bucket with the settings that reach it.
struct Place {
    name: String,
    directory: TempDir,
    arguments: Vec<String>,
}

impl Place {
    fn new(store: Store) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        match store {
            Store::Files => Self {
                name: directory.path().join("backups").display().to_string(),
                directory,
                arguments: Vec::new(),
            },
            Store::S3 => Self::bucket(directory),
        }
    }

    fn bucket(directory: TempDir) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let bucket = format!("backups-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let store = tokio::task::block_in_place(SeaweedFs::shared);
        store.create_bucket(&bucket).expect("the store takes it");
        let settings = directory.path().join("bucket.toml");
        let text = format!(
            "[s3]\nendpoint = {:?}\nregion = {:?}\naccess_key = {:?}\nsecret_key = {:?}\n",
            store.endpoint(),
            store.region(),
            store.access_key(),
            store.secret_key()
        );
        std::fs::write(&settings, text).expect("the directory is ours");
        Self {
            name: format!("s3://{bucket}/of/a/registry"),
            arguments: vec![
                "--bucket-settings".to_owned(),
                settings.display().to_string(),
            ],
            directory,
        }
    }

    /// Arguments of a command on this place.
    fn with<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let all = arguments
            .iter()
            .copied()
            .chain(self.arguments.iter().map(String::as_str));
        all.chain(["--json"]).collect()
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("backups")
    }
}

/// Pushes images that share layers, a large one and an empty one among them, an index, and something that refers to an
/// image.
async fn fill(client: &Client) {
    for tag in ["1.0", "2.0"] {
        client.push_image("library/app", tag).await;
    }
    let first = digest_of(client, "library/app", "1.0").await;
    let second = digest_of(client, "library/app", "2.0").await;
    client
        .push_index("library/app", "all", &[&first, &second])
        .await;
    let annotations = serde_json::json!({ "with": "annotations, \"quotes\"\nand\tmore \\ ü" });
    client
        .push_referrer(
            "library/app",
            &first,
            "application/vnd.example.signature",
            &annotations,
        )
        .await;
    let config = "{\"architecture\":\"amd64\",\"os\":\"linux\"}";
    let layers = [noise(7, LARGE), "".into(), "shared by all".into()];
    for repository in ["library/one", "library/deep/er/two"] {
        client.push_blob(repository, config).await;
        for layer in &layers {
            client.push_blob(repository, layer.clone()).await;
        }
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| descriptor(OCI_LAYER, layer))
            .collect();
        let manifest = image_manifest(&descriptor(OCI_CONFIG, config), &layers);
        client.push_manifest(repository, "latest", &manifest).await;
    }
}

async fn digest_of(client: &Client, repository: &str, tag: &str) -> String {
    let described = client.describe(repository, tag).await;
    described["digest"].as_str().expect("a digest").to_owned()
}

/// Files under a directory of a store that are as long as this.
fn files_of_length(directory: &Path, length: u64) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut due = vec![directory.to_owned()];
    while let Some(directory) = due.pop() {
        for entry in std::fs::read_dir(directory).expect("it is there") {
            let entry = entry.expect("it is there");
            let metadata = entry.metadata().expect("it is there");
            if metadata.is_dir() {
                due.push(entry.path());
            } else if metadata.len() == length {
                found.push(entry.path());
            }
        }
    }
    found
}
