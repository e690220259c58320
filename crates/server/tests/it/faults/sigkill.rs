//! The registry is killed at random moments while clients push. Whatever it acknowledged is there when it serves again,
//! and in the end nothing else is.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};

use super::pusher::{Begun, Image, Pusher, Random};
use super::stored::Stored;
use crate::registry::client::{Client, Credentials};
use crate::registry::content::sha256;
use crate::registry::{PATIENCE, TestRegistry};
use crate::scale;

/// Clients that push at the same time, each to a repository of its own.
const CLIENTS: usize = 4;
/// The registry dies within this time of the first request.
const LONGEST_LIFE_MS: u64 = 150;
const UPLOADS_EXPIRE_AFTER: Duration = Duration::from_secs(3);

fn repository(client: usize) -> String {
    format!("library/app{client}")
}

/// A client whose token outlives the test.
async fn authorized(registry: &TestRegistry) -> (Client, String) {
    let scopes: Vec<String> = (0..CLIENTS)
        .map(|client| format!("repository:{}:pull,push", repository(client)))
        .collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let client = registry.with_token(&scopes).await;
    let header = client.credentials().header().expect("a token");
    (client, header)
}

async fn assert_blob_is_whole(client: &Client, repository: &str, digest: &str) {
    let blob = client
        .get(&format!("/v2/{repository}/blobs/{digest}"))
        .await
        .assert_status(200);
    assert_eq!(sha256(blob.bytes()), digest, "in {repository}");
}

async fn assert_image_is_whole(client: &Client, image: &Image) {
    let (repository, manifest) = (&image.repository, image.manifest.to_string());
    let digest = sha256(&manifest);
    client
        .get(&format!("/v2/{repository}/manifests/{digest}"))
        .await
        .assert_status(200)
        .assert_body(&manifest);
    for blob in [&image.manifest["config"], &image.manifest["layers"][0]] {
        let digest = blob["digest"].as_str().expect("a digest");
        assert_blob_is_whole(client, repository, digest).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_image_survives_sigkill() {
    let kills = scale::count(50);
    let seed = scale::seed();
    let mut random = Random::new(seed);
    let mut registry = TestRegistry::builder()
        .setting("UPLOADS__EXPIRE_AFTER_SECS", UPLOADS_EXPIRE_AFTER.as_secs())
        .setting("UPLOADS__SWEEP_INTERVAL_SECS", 1)
        .setting("REGISTRY__TOKEN_LIFETIME_SECS", 3600)
        .start()
        .await;
    let (_, mut authorization) = authorized(&registry).await;
    let mut images: Vec<Image> = Vec::new();
    let mut blobs: Vec<(String, String)> = Vec::new();
    let mut begun: Vec<Option<Begun>> = (0..CLIENTS).map(|_| None).collect();
    for kill in 0..kills {
        if kill % 500 == 499 {
            authorization = authorized(&registry).await.1;
        }
        let pushing: Vec<_> = begun
            .drain(..)
            .enumerate()
            .map(|(client, begun)| {
                let repository = repository(client);
                let pusher = Pusher::new(&registry, &authorization, &repository, random.next());
                tokio::spawn(pusher.run(begun))
            })
            .collect();
        // Not waiting for anything: the moment is what is random here.
        tokio::time::sleep(Duration::from_millis(random.below(LONGEST_LIFE_MS))).await;
        registry = registry.kill().start().await;
        let token = authorization.strip_prefix("Bearer ").expect("a token");
        let client = registry.client(Credentials::Bearer(token.to_owned()));
        for promises in pushing {
            let promises = promises.await.expect("a client does not fail");
            // Of each client's promises the last are those that a crash could break; all are looked at in the end.
            for (repository, digest) in promises.blobs.iter().rev().take(4) {
                assert_blob_is_whole(&client, repository, digest).await;
            }
            for image in promises.images.iter().rev().take(2) {
                assert_image_is_whole(&client, image).await;
            }
            blobs.extend(promises.blobs);
            images.extend(promises.images);
            begun.push(promises.begun);
        }
    }
    assert!(
        images.len() as u64 >= kills,
        "only {} images in {kills} lives (seed {seed}): the test tests nothing",
        images.len()
    );
    let (client, _) = authorized(&registry).await;
    let checks = stream::iter(&images).map(|image| assert_image_is_whole(&client, image));
    checks.buffer_unordered(8).collect::<()>().await;
    let checks = stream::iter(&blobs)
        .map(|(repository, digest)| assert_blob_is_whole(&client, repository, digest));
    checks.buffer_unordered(8).collect::<()>().await;
    assert_nothing_is_left_over(registry).await;
}

async fn assert_nothing_is_left_over(registry: TestRegistry) {
    let data = registry.data_dir();
    let deadline = Instant::now() + PATIENCE;
    while !Stored::read(&data).is_clean() {
        let stored = Stored::read(&data);
        assert!(Instant::now() < deadline, "{}", stored.leftovers());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stopped = registry.stop();
    let stored = Stored::read(&stopped.data_dir());
    assert!(stored.is_clean(), "{}", stored.leftovers());
    assert!(!stored.locations.is_empty());
}
