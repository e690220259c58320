//! From one release to the next and back: the previous release's program goes on working on the schema that this one has
//! made, beside it and under load, so that replicas can be replaced one by one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engines::{Haproxy, Ports};
use serde_json::Value;

use crate::account_api::AccountApi as _;
use crate::faults::pusher::Random;
use crate::registry::backends::Backends;
use crate::registry::client::Client;
use crate::registry::content::{OCI_MANIFEST, noise, sha256};
use crate::registry::{PATIENCE, PROGRAM, Setup, TestRegistry, administrator};
use crate::replicas::load::Load;
use crate::scale;

/// Which commit the previous release is; read by `cargo xtask test` too, which builds it.
const PREVIOUS_RELEASE: &str = include_str!("previous_release.txt");

/// Clients that push, and as many that pull.
const CLIENTS: usize = 4;
/// Images after which a change counts as survived.
const IMAGES: usize = 2 * CLIENTS;
/// An upload to a bucket has parts of 8 MiB: this is more than one, in chunks that are less.
const LARGE: usize = 12_000_000;
/// Longer than a client needs from a blob to its manifest on a busy machine, shorter than a test may wait.
const GRACE_SECS: u64 = 30;
/// Everything that every release does in the background.
const UPKEEP: [&str; 6] = [
    "expire_uploads",
    "collect_garbage",
    "delete_objects",
    "prove_usage",
    "purge_trash",
    "expire_tokens",
];

/// The previous release's program.
fn previous_program() -> PathBuf {
    let mut lines = PREVIOUS_RELEASE.lines();
    let commit = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let kept = workspace.join("target/previous");
    let program = kept.join(commit.expect("a commit")).join("roadstead");
    assert!(
        program.exists(),
        "there is no {}; `cargo xtask test` builds it (or leaves these tests out, with --without upgrade)",
        program.display()
    );
    program
}

/// Places for replicas of one deployment, all behind one balancer.
struct Deployment {
    settings: Vec<(String, String)>,
    ports: Ports,
}

impl Deployment {
    async fn new(places: usize) -> Self {
        let provided = tokio::task::spawn_blocking(|| Backends::PRODUCTION.provide());
        let mut settings = provided.await.expect("the engines run");
        let own = [
            ("REGISTRY__TOKEN_LIFETIME_SECS", "3600".to_owned()),
            ("NETWORK__TRUSTED_PROXIES", r#"["127.0.0.1"]"#.to_owned()),
            (
                "GARBAGE_COLLECTION__GRACE_PERIOD_SECS",
                GRACE_SECS.to_string(),
            ),
            ("GARBAGE_COLLECTION__INTERVAL_SECS", "1".to_owned()),
            // Time for the balancer to look elsewhere.
            ("LIMITS__DRAIN_ANNOUNCE_SECS", "2".to_owned()),
        ];
        settings.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Self {
            settings,
            ports: Ports::take(places).expect("free ports"),
        }
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let ports = self.ports.numbers().iter();
        ports
            .map(|&port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect()
    }

    /// A replica for one of the places, with a data directory of its own.
    fn replica(&self, place: usize, program: &Path) -> Setup {
        let replica = TestRegistry::builder()
            .running(program)
            .on(Backends::EMBEDDED)
            .listening_on(self.addresses()[place])
            .with_deployment_key(&[7; 32]);
        let settings = self.settings.iter();
        settings.fold(replica, |replica, (name, value)| {
            replica.setting(name, value)
        })
    }

    /// The balancer before all places, and its administrator.
    async fn balancer(&self) -> (Haproxy, Client) {
        let addresses = self.addresses();
        let started = tokio::task::spawn_blocking(move || Haproxy::start(&addresses));
        let balancer = started.await.expect("no panic").expect("HAProxy starts");
        let origin = format!("http://{}", balancer.address());
        (balancer, Client::new(origin, administrator()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_replaced_one_by_one_under_load() {
    let (previous, current) = (previous_program(), PathBuf::from(PROGRAM));
    let mut random = Random::new(scale::seed());
    let deployment = Deployment::new(3).await;
    let first = deployment.replica(0, &previous).start().await;
    let second = deployment.replica(1, &previous).start().await;
    let (_balancer, administrator) = deployment.balancer().await;
    let load = Load::start(&administrator, CLIENTS, &mut random).await;
    load.goes_on(IMAGES).await;

    // The new release changes the schema under both.
    let third = deployment.replica(2, &current).start().await;
    load.goes_on(IMAGES).await;
    for (number, old) in [&first, &second].into_iter().enumerate() {
        work_together(old, &third, &format!("library/from{number}")).await;
        work_together(&third, old, &format!("library/to{number}")).await;
    }

    // It is taken back: the old ones have everything to themselves, on the new schema.
    let third = third.stop();
    load.goes_on(IMAGES).await;
    let unneeded = first.push_blob("library/unneeded", "x").await;
    // One of them even starts on it, the hard way.
    let first = first.kill().start().await;
    work_together(&first, &second, "library/old").await;
    do_upkeep(&first).await;
    is_collected(&second, "library/unneeded", &unneeded).await;

    // And then all are replaced.
    let third = third.start().await;
    drop(first.stop());
    let first = deployment.replica(0, &current).start().await;
    load.goes_on(IMAGES).await;
    work_together(&first, &second, "library/mixed").await;
    drop(second.stop());
    let second = deployment.replica(1, &current).start().await;
    load.goes_on(IMAGES).await;

    let ended = load.end().await;
    eprintln!("{} images, {} retries", ended.images(), ended.retries);
    ended.everything_is_there(administrator.origin()).await;
    for replica in [&first, &second, &third] {
        do_upkeep(replica).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_on_sqlite_is_upgraded_and_taken_back() {
    const REPOSITORY: &str = "library/app";
    let (previous, current) = (previous_program(), PathBuf::from(PROGRAM));
    let large = noise(1, 3_000_000);
    let (begun, rest) = (large.slice(..1_000_000), large.slice(1_000_000..));
    let mut registry = TestRegistry::builder()
        .running(&previous)
        .on(Backends::EMBEDDED)
        .setting("GARBAGE_COLLECTION__GRACE_PERIOD_SECS", GRACE_SECS)
        .setting("GARBAGE_COLLECTION__INTERVAL_SECS", 1)
        .start()
        .await;
    let mut pushed: Vec<(String, String)> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut deleted: Vec<(&str, String)> = Vec::new();
    let releases = [&previous, &current, &previous, &current];
    for (round, program) in releases.into_iter().enumerate() {
        if round > 0 {
            registry = registry.stop().running(program).start().await;
        }
        for (tag, digest) in &pushed {
            is_pulled(&registry, REPOSITORY, tag, digest).await;
        }
        for location in open.drain(..) {
            let target = format!("{location}?digest={}", sha256(&large));
            let put = registry.put(&target).body(rest.clone()).await;
            put.assert_status(201);
        }
        let location = registry.start_upload(REPOSITORY).await;
        let patch = registry.patch(&location).body(begun.clone()).await;
        open.push(patch.assert_status(202).location());
        work_together(&registry, &registry, &format!("library/round{round}")).await;
        do_upkeep(&registry).await;
        let tag = format!("v{round}");
        let digest = registry.push_image(REPOSITORY, &tag).await;
        pushed.push((tag, digest));
        match round {
            1 => deleted.push(push_and_delete(&registry, "library/gone").await),
            // An older program puts something into the trash as it knows it.
            2 => deleted.push(push_and_delete(&registry, "library/late").await),
            _ => {}
        }
        if round == 2 {
            let unneeded = registry.push_blob(REPOSITORY, "x").await;
            is_collected(&registry, REPOSITORY, &unneeded).await;
        }
    }
    for (repository, digest) in &deleted {
        is_restored(&registry, repository, digest).await;
    }
}

async fn push_and_delete<'a>(registry: &TestRegistry, repository: &'a str) -> (&'a str, String) {
    let digest = registry.push_image(repository, "v1").await;
    let target = format!("/v2/{repository}/manifests/{digest}");
    registry.delete(&target).await.assert_status(202);
    (repository, digest)
}

/// What either release deleted comes back.
async fn is_restored(registry: &TestRegistry, repository: &str, digest: &str) {
    let wanted = serde_json::json!({ "repository": repository, "digest": digest });
    let path = "/accounts/default/trash/manifests";
    registry.v1_post(path, &wanted).await.assert_status(200);
    is_pulled(registry, repository, "v1", digest).await;
}

/// What is done at one is known to the other at once, and either goes on with what the other began.
async fn work_together(one: &TestRegistry, other: &TestRegistry, repository: &str) {
    a_push_is_seen_and_a_deletion_too(one, other, repository).await;
    an_upload_goes_on(one, other, repository).await;
    rights_are_the_same(one, other, repository).await;
}

async fn a_push_is_seen_and_a_deletion_too(
    one: &TestRegistry,
    other: &TestRegistry,
    repository: &str,
) {
    let digest = one.push_image(repository, "1.0").await;
    is_pulled(other, repository, "1.0", &digest).await;
    let signature = "application/vnd.example.signature";
    let referrer = one
        .push_referrer(repository, &digest, signature, &Value::Null)
        .await;
    let list = other.get(&format!("/v2/{repository}/referrers/{digest}"));
    let list = list.await.assert_status(200).json();
    assert_eq!(list["manifests"][0]["digest"], *referrer, "{list}");
    let tags = other.get(&format!("/v2/{repository}/tags/list")).await;
    assert_eq!(tags.assert_status(200).json()["tags"][0], "1.0");

    let moved = other.push_image(repository, "2.0").await;
    let bytes = other.get(&format!("/v2/{repository}/manifests/2.0")).await;
    let tag = format!("/v2/{repository}/manifests/1.0");
    let put = other.put(&tag).content_type(OCI_MANIFEST);
    let put = put.body(bytes.bytes().clone()).await;
    put.assert_status(201);
    is_pulled(one, repository, "1.0", &moved).await;

    for (registry, digest) in [(one, &digest), (other, &moved)] {
        let target = format!("/v2/{repository}/manifests/{digest}");
        registry.delete(&target).await.assert_status(202);
        for asked in [one, other] {
            let gone = asked.get(&target).await;
            gone.assert_error(404, "MANIFEST_UNKNOWN");
        }
    }
    one.get(&tag).await.assert_error(404, "MANIFEST_UNKNOWN");
}

async fn an_upload_goes_on(one: &TestRegistry, other: &TestRegistry, repository: &str) {
    for (seed, size) in [(1, 3000), (2, LARGE)] {
        let bytes = noise(seed, size);
        let third = size / 3;
        let mut location = one.start_upload(repository).await;
        for (registry, start) in [(other, 0), (one, third)] {
            let end = start + third;
            let patch = registry
                .patch(&location)
                .header("content-range", format!("{start}-{}", end - 1))
                .body(bytes.slice(start..end))
                .await
                .assert_status(202)
                .assert_header("range", &format!("0-{}", end - 1));
            location = patch.location();
        }
        let put = other.put(&format!("{location}?digest={}", sha256(&bytes)));
        let put = put.body(bytes.slice(2 * third..)).await.assert_status(201);
        let blob = one.get(&put.location()).await;
        blob.assert_status(200).assert_body(&bytes);
        let mount = format!(
            "/v2/{repository}-mounted/blobs/uploads/?mount={}&from={repository}",
            sha256(&bytes)
        );
        other.post(&mount).await.assert_status(201);
    }
    let cancelled = one.start_upload(repository).await;
    other.delete(&cancelled).await.assert_status(204);
    let status = one.get(&cancelled).await;
    status.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

async fn rights_are_the_same(one: &TestRegistry, other: &TestRegistry, repository: &str) {
    let digest = one.push_image(repository, "rights").await;
    let scope = format!("repository:{repository}:pull,push");
    let holder = one.with_token(&[&scope]).await;
    let elsewhere = other.client(holder.credentials().clone());
    let tag = elsewhere.head(&format!("/v2/{repository}/manifests/rights"));
    tag.await
        .assert_status(200)
        .assert_header("docker-content-digest", &digest);
    elsewhere.push_blob(repository, "with a token").await;

    let name = repository.replace("library/", "");
    let made = one.create_member("library", &name, "maintainer");
    let user = other.client(made.credentials().clone());
    user.push_image(repository, "by-a-user").await;
}

async fn is_pulled(registry: &TestRegistry, repository: &str, tag: &str, digest: &str) {
    let by_tag = registry.get(&format!("/v2/{repository}/manifests/{tag}"));
    let manifest = by_tag.await.assert_status(200);
    assert_eq!(sha256(manifest.bytes()), digest);
    for blob in [&manifest.json()["config"], &manifest.json()["layers"][0]] {
        let expected = blob["digest"].as_str().expect("a digest");
        let got = registry.get(&format!("/v2/{repository}/blobs/{expected}"));
        assert_eq!(sha256(got.await.assert_status(200).bytes()), expected);
    }
}

/// Each kind is asked for, and ends well; whoever does it.
async fn do_upkeep(registry: &TestRegistry) {
    for kind in UPKEEP {
        let asked = registry.admin(&["jobs", "run", kind]);
        let id = asked["id"].as_str().expect("an id").to_owned();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let job = registry.admin(&["jobs", "show", &id]);
            match job["state"].as_str() {
                Some("done") => break,
                Some("queued" | "running") => {}
                _ => panic!("{kind}: {job:#}"),
            }
            assert!(Instant::now() < deadline, "{kind}: still {job:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let failed = registry.admin(&["jobs", "list", "--state", "failed"]);
    assert_eq!(failed, Value::Array(vec![]));
}

/// Waits until the collector has taken a blob away that nothing refers to.
async fn is_collected(registry: &TestRegistry, repository: &str, digest: &str) {
    let deadline = Instant::now() + PATIENCE;
    let target = format!("/v2/{repository}/blobs/{digest}");
    // HEAD would tell a client that it need not push the blob, and so keep it.
    while registry.get(&target).await.status() != 404 {
        assert!(Instant::now() < deadline, "{digest} is never collected");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
