//! The store says that it has too much to do, stands still, refuses, or breaks off what it sends: pulls are right or cut
//! off, pushes are told when to come back, and soon after everything is as it was.

use std::time::{Duration, Instant};

use bytes::Bytes;
use engines::{Postgres, SeaweedFs};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::task::JoinSet;

use crate::registry::backends::{database_settings, store_settings};
use crate::registry::client::{Client, Credentials};
use crate::registry::content::{noise, sha256};
use crate::registry::{PATIENCE, TestRegistry};
use crate::replicas::Replicas;
use crate::scale;
use crate::store_proxy::{Manner, StoreProxy};

const REPOSITORY: &str = "library/app";
/// Full service is promised for so long after the store is back.
const RECOVERY: Duration = Duration::from_secs(5);
/// How much slower than promised a machine may be that runs other tests at the same time.
const ALLOWANCE: u32 = 6;
/// With so many rounds it is a soak, which has the machine to itself.
const ROUNDS_OF_A_SOAK: u64 = 5;
/// Pushes at a time.
const CROWD: u64 = 20;
const PUSHED_BYTES: usize = 4_000_000;
const LARGE_BYTES: usize = 20_000_000;
/// What a crowd may cost beyond the parts in flight: its connections and their pieces.
const MOST_GROWTH_KIB: u64 = 96 * 1024;

/// Two replicas whose way to the store the test rules over.
struct Stage {
    proxy: StoreProxy,
    replicas: Replicas,
    token: String,
    large: Bytes,
}

/// What became of a pull.
#[derive(Debug)]
enum Pulled {
    /// The answer came to its end, with these bytes.
    Whole(Bytes),
    /// 503 with a time to come back.
    Unavailable,
    /// It was cut off after these bytes.
    Broken(Vec<u8>),
}

impl Stage {
    async fn set() -> Self {
        let proxy = StoreProxy::to(SeaweedFs::shared().port()).await;
        let mut settings = tokio::task::block_in_place(|| {
            let mut settings = database_settings(Postgres::shared(), "store_faults");
            settings.extend(store_settings(SeaweedFs::shared(), "store-faults"));
            settings
        });
        settings.retain(|(name, _)| name != "S3__ENDPOINT");
        for (name, value) in [
            ("S3__ENDPOINT", proxy.endpoint().as_str()),
            ("S3__REQUEST_TIMEOUT_SECS", "2"),
            ("S3__RETRY_FOR_SECS", "1"),
            ("S3__PARTS_IN_FLIGHT", "2"),
            ("REGISTRY__TOKEN_LIFETIME_SECS", "3600"),
        ] {
            settings.push((name.to_owned(), value.to_owned()));
        }
        let replicas = Replicas::start_on(2, &settings).await;
        replicas.push_image(REPOSITORY, "1.0").await;
        let large = noise(7, LARGE_BYTES);
        replicas.push_blob(REPOSITORY, large.clone()).await;
        let scope = format!("repository:{REPOSITORY}:pull,push");
        let authorized = replicas.with_token(&[&scope]).await;
        let token = authorized.credentials().header().expect("a token");
        Self {
            proxy,
            replicas,
            token: token.strip_prefix("Bearer ").expect("a token").to_owned(),
            large,
        }
    }

    /// Someone with a token at one replica.
    fn at(&self, replica: usize) -> Client {
        let credentials = Credentials::Bearer(self.token.clone());
        self.replicas.replica(replica).client(credentials)
    }

    async fn is_unready_everywhere(&self) {
        for registry in self.replicas.each() {
            let answer = until(PATIENCE, registry, 503).await;
            assert!(answer.contains("storage"), "{answer}");
            assert!(!answer.contains("database"), "{answer}");
            assert!(!answer.contains("127.0.0.1"), "{answer}");
            registry.get("/livez").await.assert_status(200);
            assert_unhealthy(registry, &["registry"]).await;
        }
    }

    async fn is_well_again(&self, name: &str) {
        let is_soak = scale::count(1) >= ROUNDS_OF_A_SOAK;
        let limit = if is_soak {
            RECOVERY
        } else {
            RECOVERY * ALLOWANCE
        };
        for (number, registry) in self.replicas.each().enumerate() {
            until(limit, registry, 200).await;
            let client = self.at(number);
            client
                .push_image(REPOSITORY, &format!("{name}-{number}"))
                .await;
            let Pulled::Whole(bytes) = pull(&client, &self.large).await else {
                panic!("the store is back, but a pull fails");
            };
            assert!(bytes == self.large);
        }
    }

    fn resident_kib(&self) -> u64 {
        self.replicas
            .each()
            .map(|registry| resident_kib(registry.pid()))
            .sum()
    }
}

/// Harbor's health names the same components.
async fn assert_unhealthy(registry: &TestRegistry, components: &[&str]) {
    let health = registry.get("/api/v2.0/health").await.assert_status(200);
    let health = health.json();
    assert_eq!(health["status"], "unhealthy", "{health}");
    let named = health["components"].as_array().expect("a list");
    let unhealthy = named.iter().filter(|one| one["status"] == "unhealthy");
    let unhealthy: Vec<_> = unhealthy.filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(unhealthy, components, "{health}");
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

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// Pulls a blob, which may fail, but never end well with other bytes.
async fn pull(client: &Client, content: &Bytes) -> Pulled {
    let url = format!(
        "{}/v2/{REPOSITORY}/blobs/{}",
        client.origin(),
        sha256(content)
    );
    let request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .get(url);
    let authorization = client.credentials().header().expect("a token");
    let answer = request
        .header("authorization", authorization)
        .send()
        .await
        .expect("an answer");
    if answer.status() == 503 {
        let seconds = answer
            .headers()
            .get("retry-after")
            .expect("a time to come back");
        let seconds: u64 = seconds.to_str().expect("text").parse().expect("seconds");
        assert!((1..=60).contains(&seconds));
        return Pulled::Unavailable;
    }
    assert_eq!(answer.status(), 200);
    let mut body = answer.bytes_stream();
    let mut got = Vec::new();
    while let Some(piece) = body.next().await {
        let Ok(piece) = piece else {
            assert!(content.starts_with(&got), "wrong bytes");
            return Pulled::Broken(got);
        };
        got.extend_from_slice(&piece);
    }
    assert!(
        got == content[..],
        "it ended well with {} other bytes",
        got.len()
    );
    Pulled::Whole(got.into())
}

/// Pushes a blob in one request. It is there afterwards, or the client is told when to come back.
async fn push(client: Client, seed: u64) -> u16 {
    let bytes = noise(seed, PUSHED_BYTES);
    let target = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={}", sha256(&bytes));
    let answer = client.post(&target).body(bytes).await;
    if answer.status() == 503 {
        answer.header("retry-after");
    } else {
        assert_eq!(answer.status(), 201, "{}", answer.text());
    }
    answer.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_survived() {
    let stage = Stage::set().await;
    for round in 0..scale::count(1) {
        for (number, manner) in [Manner::SlowDown, Manner::Stalled, Manner::Refusing]
            .into_iter()
            .enumerate()
        {
            let seed = round * 1000 + 100 * number as u64;
            the_store_fails_and_comes_back(&stage, manner, seed).await;
        }
        what_breaks_off_goes_on_or_is_seen_to_be_broken(&stage).await;
    }
    let fsck = tokio::task::block_in_place(|| stage.replicas.replica(1).run(&["fsck", "--json"]));
    assert_eq!(fsck.code, Some(0), "{fsck:?}");
    assert_eq!(fsck.json()["findings"], json!([]), "nothing is half-done");
}

async fn the_store_fails_and_comes_back(stage: &Stage, manner: Manner, seed: u64) {
    let location = stage.at(0).start_upload(REPOSITORY).await;
    let bytes = noise(5000 + seed, LARGE_BYTES);
    let half = bytes.len() / 2;
    let patch = stage.at(0).patch(&location).body(bytes.slice(..half));
    patch.await.assert_status(202);
    let before_kib = stage.resident_kib();

    stage.proxy.set(manner);
    stage.is_unready_everywhere().await;
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let client = stage.at(usize::try_from(number % 2).expect("small"));
        crowd.spawn(push(client, 9000 + seed + number));
    }
    let mut most_kib = 0;
    while let Some(answered) = crowd.join_next().await {
        assert_eq!(answered.expect("each is answered"), 503, "{manner:?}");
        most_kib = most_kib.max(stage.resident_kib());
    }
    assert!(
        most_kib < before_kib + MOST_GROWTH_KIB,
        "{manner:?}: from {before_kib} KiB to {most_kib} KiB"
    );
    for replica in 0..stage.replicas.count() {
        let client = stage.at(replica);
        let pulled = pull(&client, &stage.large).await;
        assert!(matches!(pulled, Pulled::Unavailable), "{manner:?}");
        let manifest = client.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
        manifest.await.assert_status(200);
    }

    stage.proxy.set(Manner::Faithful);
    stage
        .is_well_again(&format!("{manner:?}-{seed}").to_lowercase())
        .await;
    let status = stage.at(1).get(&location).await.assert_status(204);
    status.assert_header("range", &format!("0-{}", half - 1));
    let target = format!("{location}?digest={}", sha256(&bytes));
    let put = stage.at(1).put(&target).body(bytes.slice(half..)).await;
    put.assert_status(201);
    assert!(matches!(pull(&stage.at(0), &bytes).await, Pulled::Whole(_)));
    // Who was told to come back does.
    assert_eq!(push(stage.at(1), 9000 + seed).await, 201);
}

async fn what_breaks_off_goes_on_or_is_seen_to_be_broken(stage: &Stage) {
    stage.proxy.set(Manner::CutAfter(6_000_000));
    let before = stage.proxy.requests();
    let pulled = pull(&stage.at(0), &stage.large).await;
    assert!(
        matches!(pulled, Pulled::Whole(_)),
        "the reader notices a pause only"
    );
    assert!(stage.proxy.requests() - before >= 4, "nothing was cut");
    // Nothing more ever comes.
    stage.proxy.set(Manner::CutAfter(0));
    let pulled = pull(&stage.at(1), &stage.large).await;
    let Pulled::Broken(bytes) = pulled else {
        panic!("{pulled:?}");
    };
    assert!(bytes.is_empty());
    stage.proxy.set(Manner::Faithful);
    let pulled = pull(&stage.at(1), &stage.large).await;
    assert!(matches!(pulled, Pulled::Whole(_)));
}
