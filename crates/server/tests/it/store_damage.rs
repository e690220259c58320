//! Objects that changed in the bucket: no answer ends well with wrong bytes, scrub and fsck name what is wrong, and whoever
//! pushes again mends it.

use std::collections::BTreeMap;

use bytes::Bytes;
use engines::{Postgres, SeaweedFs};
use serde_json::Value;

use crate::registry::TestRegistry;
use crate::registry::backends::{Backends, database_settings, store_settings};
use crate::registry::content::{noise, sha256};

const BUCKET: &str = "store-damage";
const REPOSITORY: &str = "library/app";
/// More than one part.
const LARGE_BYTES: usize = 9_000_000;

/// A registry, and the bucket behind its back.
struct Stage {
    registry: TestRegistry,
}

impl Stage {
    async fn set() -> Self {
        let settings = tokio::task::block_in_place(|| {
            let mut settings = database_settings(Postgres::shared(), "store_damage");
            settings.extend(store_settings(SeaweedFs::shared(), BUCKET));
            settings
        });
        let setup = TestRegistry::builder().on(Backends::EMBEDDED);
        let setup = settings
            .iter()
            .fold(setup, |setup, (name, value)| setup.setting(name, value));
        Self {
            registry: setup.start().await,
        }
    }

    async fn push(&self, bytes: &Bytes) -> String {
        self.registry.push_blob(REPOSITORY, bytes.clone()).await
    }

    /// The object that holds a blob.
    fn object(&self, digest: &str) -> String {
        let location = format!("SELECT location FROM blobs WHERE digest = '{digest}'");
        let rows = tokio::task::block_in_place(|| self.registry.sql(&location));
        let key = &rows[0][0];
        format!("blobs/{}/{key}", &key[key.len() - 2..])
    }

    fn replace(&self, digest: &str, bytes: &[u8]) {
        let object = self.object(digest);
        let put = || SeaweedFs::shared().put_object(BUCKET, &object, bytes);
        tokio::task::block_in_place(put).expect("the store takes it");
    }

    fn remove(&self, digest: &str) {
        let object = self.object(digest);
        let delete = || SeaweedFs::shared().delete_object(BUCKET, &object);
        tokio::task::block_in_place(delete).expect("the store takes it");
    }

    /// Blobs with their digests: two changed large ones, two changed, two cut, two gone.
    async fn push_and_damage(&self) -> Vec<(String, Bytes)> {
        let mut blobs = Vec::new();
        for seed in 0..8 {
            let length = if seed < 2 { LARGE_BYTES } else { 20_000 };
            let bytes = noise(10 + seed, length);
            let digest = self.push(&bytes).await;
            match seed / 2 {
                0 | 1 => self.replace(&digest, &flipped(&bytes)),
                2 => self.replace(&digest, &bytes[..length / 3]),
                _ => self.remove(&digest),
            }
            blobs.push((digest, bytes));
        }
        blobs
    }

    /// What came of a GET, if it ended well.
    async fn get(&self, digest: &str) -> Option<Bytes> {
        let url = format!("{}/v2/{REPOSITORY}/blobs/{digest}", self.registry.origin());
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let authorization = self.registry.credentials().header().expect("a password");
        let answer = http.get(url).header("authorization", authorization).send();
        let answer = answer.await.expect("an answer");
        if answer.status() != 200 {
            assert!(answer.status().is_server_error(), "{}", answer.status());
            return None;
        }
        answer.bytes().await.ok()
    }

    async fn head(&self, digest: &str) -> u16 {
        let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
        self.registry.head(&target).await.status()
    }

    /// Exit code and findings: what is wrong with how many.
    fn fsck(&self) -> (Option<i32>, BTreeMap<String, Vec<String>>) {
        let ended = tokio::task::block_in_place(|| self.registry.run(&["fsck", "--json"]));
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for finding in ended.json()["findings"].as_array().expect("a list") {
            let text = |name: &str| finding[name].as_str().expect("text").to_owned();
            found
                .entry(text("problem"))
                .or_default()
                .push(text("subject"));
        }
        (ended.code, found)
    }

    fn scrub(&self) -> (Option<i32>, Value) {
        let scrub = ["scrub", "--json", "--mib-per-sec", "1000"];
        let ended = tokio::task::block_in_place(|| self.registry.run(&scrub));
        (ended.code, ended.json())
    }
}

fn flipped(bytes: &Bytes) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

/// T67 in a bucket.
#[tokio::test(flavor = "multi_thread")]
async fn t67_damaged_objects_are_found_named_and_mended() {
    let stage = Stage::set().await;
    let whole = noise(1, 5000);
    stage.push(&whole).await;
    let blobs = stage.push_and_damage().await;
    // Each once for a reader, and once for the scrub to find.
    let (read, unread): (Vec<_>, Vec<_>) = blobs
        .iter()
        .enumerate()
        .partition(|(number, _)| number % 2 == 0);
    for (_, (digest, _)) in &read {
        assert_eq!(stage.head(digest).await, 200, "nobody has looked yet");
        assert!(stage.get(digest).await.is_none(), "an answer ended well");
        assert_eq!(stage.head(digest).await, 404, "so that it is pushed again");
        assert!(stage.get(digest).await.is_none());
    }

    let stray = "01890a5d-ac96-774b-bcce-b302099a80ab";
    let put = || SeaweedFs::shared().put_object(BUCKET, &format!("blobs/ab/{stray}"), b"stray");
    tokio::task::block_in_place(put).expect("the store takes it");
    let (code, found) = stage.fsck();
    assert_eq!(code, Some(1));
    assert_eq!(found["unnamed_object"], [stray]);
    let named = |problem: &str, numbers: &[usize]| {
        for &number in numbers {
            assert!(
                found[problem].contains(&blobs[number].0),
                "{problem}: {found:?}"
            );
        }
    };
    named("missing_object", &[6, 7]);
    named("wrong_length", &[4, 5]);
    named("quarantined", &[0, 2]);

    let (code, scrubbed) = stage.scrub();
    assert_eq!(code, Some(1));
    assert_eq!(scrubbed["damaged"], 8, "{scrubbed}");
    assert_eq!(scrubbed["checked"], 9, "{scrubbed}");
    for (_, (digest, _)) in &unread {
        assert_eq!(stage.head(digest).await, 404);
        assert!(stage.get(digest).await.is_none());
    }
    assert_eq!(stage.get(&sha256(&whole)).await, Some(whole.clone()));

    for (digest, bytes) in &blobs {
        stage.push(bytes).await;
        assert_eq!(stage.head(digest).await, 200);
        assert_eq!(
            stage.get(digest).await.as_ref(),
            Some(bytes),
            "it is mended"
        );
    }
    let (code, scrubbed) = stage.scrub();
    assert_eq!(
        (code, &scrubbed["damaged"]),
        (Some(0), &Value::from(0)),
        "{scrubbed}"
    );
    let delete = || SeaweedFs::shared().delete_object(BUCKET, &format!("blobs/ab/{stray}"));
    tokio::task::block_in_place(delete).expect("the store takes it");
    assert_eq!(stage.fsck(), (Some(0), BTreeMap::new()));
}
