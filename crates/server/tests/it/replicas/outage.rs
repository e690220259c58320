//! PostgreSQL or the store is gone, stands still, or comes back: the registry says so, keeps what it promised, and is
//! itself again within seconds.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::retrying::Retrying;
use super::{OwnEngines, Replicas};
use crate::registry::client::{Call, Client, Credentials};
use crate::registry::content::{
    OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, noise, sha256,
};
use crate::registry::{PATIENCE, TestRegistry};
use crate::scale;

const REPOSITORY: &str = "library/app";
/// Full service is promised for so long after an engine is back.
const RECOVERY: Duration = Duration::from_secs(5);
/// How much slower than promised a machine may be that runs other tests at the same time.
const ALLOWANCE: u32 = 6;
/// With so many rounds it is a soak, which has the machine to itself.
const ROUNDS_OF_A_SOAK: u64 = 5;

/// Who push at the same time while connections are cut.
const PUSHERS: u64 = 4;
/// Requests that wait at the same time.
const CROWD: usize = 100;
/// One MiB each: connections, what hyper keeps for them, and the threads that wait.
const MEMORY_OF_A_CROWD: u64 = (CROWD as u64) << 20;
/// What `/readyz` says of an engine that neither answers nor refuses.
const TOO_LONG: &str = "took too long";

fn recovery() -> Duration {
    let is_soak = scale::count(1) >= ROUNDS_OF_A_SOAK;
    if is_soak {
        RECOVERY
    } else {
        RECOVERY * ALLOWANCE
    }
}

/// Nothing of the test's own runs out, and a store that is gone is given up on sooner than by default.
const SETTINGS: [(&str, &str); 3] = [
    ("REGISTRY__TOKEN_LIFETIME_SECS", "3600"),
    ("S3__REQUEST_TIMEOUT_SECS", "5"),
    ("S3__RETRY_FOR_SECS", "3"),
];

/// Two replicas on engines that the test may stop, and an image that must survive everything.
struct Stage {
    engines: OwnEngines,
    replicas: Replicas,
    /// The image, by digest.
    image: String,
    /// The administrator's token, so that no request fails because a password could not be looked up.
    token: String,
}

impl Stage {
    async fn set() -> Self {
        let engines = OwnEngines::start().await;
        let mut settings = engines.settings();
        for (name, value) in SETTINGS {
            settings.push((name.to_owned(), value.to_owned()));
        }
        let replicas = Replicas::start_on(2, &settings).await;
        let image = replicas.push_image(REPOSITORY, "1.0").await;
        let scope = format!("repository:{REPOSITORY}:pull,push,delete");
        let authorized = replicas.with_token(&[&scope]).await;
        let token = authorized.credentials().header().expect("a token");
        Self {
            engines,
            replicas,
            image,
            token,
        }
    }

    /// Someone with a token, at one replica, past the balancer.
    fn at(&self, replica: usize) -> Client {
        let token = self.token.strip_prefix("Bearer ").expect("a token");
        let credentials = Credentials::Bearer(token.to_owned());
        self.replicas.replica(replica).client(credentials)
    }

    /// `/readyz` says no, and `because` of what; `/livez` still says yes.
    async fn is_unready_everywhere(&self, because: &[&str]) {
        for registry in self.replicas.each() {
            let answer = until(PATIENCE, registry, 503).await;
            let is_named = because.iter().any(|reason| answer.contains(reason));
            assert!(is_named, "{answer}");
            registry.get("/livez").await.assert_status(200);
            let health = registry.get("/api/v2.0/health").await;
            let health = health.assert_status(200).json();
            assert_eq!(health["status"], "unhealthy", "{health}");
        }
    }

    /// Ready and able within the promised time.
    async fn is_well_again(&self, name: &str) {
        let limit = recovery();
        for (number, registry) in self.replicas.each().enumerate() {
            until(limit, registry, 200).await;
            let client = self.at(number);
            let tag = format!("{name}-{number}");
            let pushed = client.push_image(REPOSITORY, &tag).await;
            for image in [&pushed, &self.image] {
                assert_is_whole(&client, image).await;
            }
        }
        self.replicas.wait_until_all_are_up();
    }
}

/// Asks `/readyz` until it answers so; returns the answer.
async fn until(limit: Duration, registry: &TestRegistry, status: u16) -> String {
    let deadline = Instant::now() + limit;
    loop {
        let answer = registry.get("/readyz").await;
        if answer.status() == status {
            return answer.text();
        }
        assert!(
            Instant::now() < deadline,
            "not {status} within {limit:?}: {}",
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn assert_is_whole(client: &Client, image: &str) {
    let target = format!("/v2/{REPOSITORY}/manifests/{image}");
    let manifest = client.get(&target).await.assert_status(200);
    assert_eq!(sha256(manifest.bytes()), image);
    let manifest = manifest.json();
    for blob in [&manifest["config"], &manifest["layers"][0]] {
        let digest = blob["digest"].as_str().expect("a digest");
        let blob = client
            .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
            .await;
        assert_eq!(sha256(blob.assert_status(200).bytes()), digest);
    }
}

/// 503 with a time to come back: nothing that a client takes for an answer about content.
async fn assert_unavailable(call: Call) {
    let answer = call.await.assert_status(503);
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "Retry-After: {seconds}");
    assert!(!answer.error_message().is_empty());
}

/// One stage for everything that can happen: starting engines takes longer than stopping them.
#[tokio::test(flavor = "multi_thread")]
async fn engines_fail_in_every_way_and_come_back() {
    let mut stage = Stage::set().await;
    for round in 0..scale::count(1) {
        the_database_is_gone_and_comes_back(&mut stage, round).await;
        the_database_cuts_all_connections_and_crashes(&mut stage, round).await;
        connections_cut_in_the_middle_of_pushes_lose_nothing(&stage, round).await;
        a_database_that_stands_still_is_given_up_on(&stage, round).await;
        the_store_is_gone_and_comes_back(&mut stage, round).await;
        a_store_that_stands_still_is_given_up_on(&stage, round).await;
    }
}

async fn the_database_is_gone_and_comes_back(stage: &mut Stage, round: u64) {
    let location = stage.at(0).start_upload(REPOSITORY).await;
    let bytes = noise(round, 3_000_000);
    let patch = stage.at(0).patch(&location).body(bytes.slice(..1_000_000));
    patch.await.assert_status(202);

    tokio::task::block_in_place(|| stage.engines.postgres.stop()).expect("it ends");
    stage.is_unready_everywhere(&["database"]).await;
    for replica in 0..stage.replicas.count() {
        let client = stage.at(replica);
        let manifest = format!("/v2/{REPOSITORY}/manifests/1.0");
        assert_unavailable(client.get(&manifest)).await;
        let head = client.head(&manifest).await.assert_status(503);
        head.header("retry-after");
    }
    let client = stage.at(1);
    assert_unavailable(client.post(&format!("/v2/{REPOSITORY}/blobs/uploads/"))).await;
    assert_unavailable(client.patch(&location).body("more")).await;
    let manifest = image_manifest(&descriptor(OCI_CONFIG, "{}"), &[]);
    let put = client.put(&format!("/v2/{REPOSITORY}/manifests/half-done"));
    let put = put.content_type(OCI_MANIFEST).body(manifest.to_string());
    assert_unavailable(put).await;
    // A password cannot be looked up: that is not the same as being wrong.
    let administrator = stage.replicas.replica(1);
    assert_unavailable(administrator.get(&format!("/v2/{REPOSITORY}/tags/list"))).await;

    tokio::task::block_in_place(|| stage.engines.postgres.restart()).expect("it starts");
    stage.is_well_again(&format!("database-{round}")).await;
    let half_done = format!("/v2/{REPOSITORY}/manifests/half-done");
    stage.at(0).get(&half_done).await.assert_status(404);
    let rest = bytes.slice(1_000_000..);
    let target = format!("{location}?digest={}", sha256(&bytes));
    let put = stage.at(1).put(&target).body(rest).await;
    put.assert_status(201);
}

async fn the_database_cuts_all_connections_and_crashes(stage: &mut Stage, round: u64) {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    tokio::task::block_in_place(|| stage.engines.postgres.psql("postgres", cut))
        .expect("the superuser may");
    // Reading again is always safe, so nobody notices.
    for replica in 0..stage.replicas.count() {
        assert_is_whole(&stage.at(replica), &stage.image).await;
    }
    let mut retrying = Retrying::new(stage.replicas.origin(), &stage.token, round);
    let image = retrying.push_image(REPOSITORY).await;
    tokio::task::block_in_place(|| {
        stage.engines.postgres.kill();
        stage.engines.postgres.restart()
    })
    .expect("it recovers");
    retrying.pull_image(&image).await;
    stage.is_well_again(&format!("crash-{round}")).await;
}

/// For four seconds nobody keeps a connection for longer than a moment.
async fn connections_cut_in_the_middle_of_pushes_lose_nothing(stage: &Stage, round: u64) {
    const CUT: &str = "DO 'BEGIN FOR i IN 1..40 LOOP \
         PERFORM pg_stat_clear_snapshot(); \
         PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE backend_type = ''client backend'' AND pid <> pg_backend_pid(); \
         PERFORM pg_sleep(0.1); END LOOP; END'";
    let mut cutting = stage.engines.postgres.psql_command("postgres", CUT);
    let mut cutting = cutting.spawn().expect("psql starts");
    let mut pushing: JoinSet<_> = (0..PUSHERS)
        .map(|pusher| {
            let seed = 1000 * (round + 1) + pusher;
            let mut retrying = Retrying::new(stage.replicas.origin(), &stage.token, seed);
            async move {
                let mut pushed = Vec::new();
                for _ in 0..5 {
                    pushed.push(retrying.push_image(REPOSITORY).await);
                }
                (retrying, pushed)
            }
        })
        .collect();
    let mut all = Vec::new();
    while let Some(pushed) = pushing.join_next().await {
        all.push(pushed.expect("each succeeds in the end"));
    }
    let cut = tokio::task::block_in_place(|| cutting.wait()).expect("it is our child");
    assert!(cut.success(), "{cut}");
    for (mut retrying, pushed) in all {
        for image in pushed {
            retrying.pull_image(&image).await;
        }
    }
}

async fn a_database_that_stands_still_is_given_up_on(stage: &Stage, round: u64) {
    let client = stage.at(0);
    let location = client.start_upload(REPOSITORY).await;
    let manifest = format!("/v2/{REPOSITORY}/manifests/1.0");
    let memory = || stage.replicas.replica(0).anonymous_memory();
    let before = memory();
    stage.engines.postgres.pause();
    // More than there are connections and threads for them.
    let mut waiting: JoinSet<()> = (0..CROWD)
        .map(|_| {
            let (client, manifest) = (client.clone(), manifest.clone());
            async move { assert_unavailable(client.get(&manifest)).await }
        })
        .collect();
    stage.is_unready_everywhere(&["database", TOO_LONG]).await;
    assert_unavailable(client.patch(&location).body("more")).await;
    while let Some(answered) = waiting.join_next().await {
        answered.expect("each is answered");
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < MEMORY_OF_A_CROWD, "{grown} bytes more");
    assert_unavailable(client.get(&manifest)).await;
    stage.engines.postgres.resume();
    stage
        .is_well_again(&format!("database-went-on-{round}"))
        .await;
    let digest = sha256("all of it");
    let put = client.put(&format!("{location}?digest={digest}"));
    put.body("all of it").await.assert_status(201);
}

async fn the_store_is_gone_and_comes_back(stage: &mut Stage, round: u64) {
    let location = stage.at(0).start_upload(REPOSITORY).await;
    let bytes = noise(100 + round, 20_000_000);
    let half = bytes.len() / 2;
    let patch = stage.at(0).patch(&location).body(bytes.slice(..half));
    patch.await.assert_status(202);
    let layer = format!("the layer of {REPOSITORY}:1.0");

    tokio::task::block_in_place(|| stage.engines.store.kill());
    stage.is_unready_everywhere(&["storage"]).await;
    let client = stage.at(1);
    // What needs no bytes is served.
    let manifest = client.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    manifest.await.assert_status(200);
    let blob = format!("/v2/{REPOSITORY}/blobs/{}", sha256(&layer));
    assert_unavailable(client.get(&blob)).await;
    let config = json!({ "round": round }).to_string();
    let target = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={}", sha256(&config));
    assert_unavailable(client.post(&target).body(config.clone())).await;
    let unfinished = image_manifest(
        &descriptor(OCI_CONFIG, &config),
        &[descriptor(OCI_LAYER, &layer)],
    );
    let put = client.put(&format!("/v2/{REPOSITORY}/manifests/half-done"));
    let put = put.content_type(OCI_MANIFEST).body(unfinished.to_string());
    put.await.assert_error(400, "MANIFEST_BLOB_UNKNOWN");

    tokio::task::block_in_place(|| stage.engines.store.restart()).expect("it starts");
    stage.is_well_again(&format!("store-{round}")).await;
    let status = stage.at(1).get(&location).await.assert_status(204);
    status.assert_header("range", &format!("0-{}", half - 1));
    let target = format!("{location}?digest={}", sha256(&bytes));
    let put = stage.at(1).put(&target).body(bytes.slice(half..)).await;
    let blob = stage.at(0).get(&put.assert_status(201).location()).await;
    blob.assert_status(200).assert_body(&bytes);
}

async fn a_store_that_stands_still_is_given_up_on(stage: &Stage, round: u64) {
    let client = stage.at(0);
    let layer = sha256(format!("the layer of {REPOSITORY}:1.0"));
    stage.engines.store.pause();
    stage.is_unready_everywhere(&["storage", TOO_LONG]).await;
    let manifest = client.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    manifest.await.assert_status(200);
    assert_unavailable(client.get(&format!("/v2/{REPOSITORY}/blobs/{layer}"))).await;
    stage.engines.store.resume();
    stage.is_well_again(&format!("store-went-on-{round}")).await;
}
