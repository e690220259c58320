//! One large blob in many chunks, each sent to another replica: what has arrived is not read again, and nobody's memory
//! grows with it.

use sha2::Digest as _;

use super::Replicas;
use crate::registry::TestRegistry;
use crate::registry::content::noise;
use crate::scale;

const REPOSITORY: &str = "library/large";
/// Of an upload to a bucket. What is shorter waits as an object of its own, and is read again once.
const PART_BYTES: u64 = 8 << 20;
/// More than a part, and never a whole number of them.
const CHUNK_BYTES: usize = (10 << 20) + 12_345;
/// Buffers and the allocator's own, after the first half: far less than what each replica takes of the second.
const GROWTH_KIB: u64 = 48 << 10;

/// A number in what Prometheus would read.
async fn reread_bytes(registry: &TestRegistry) -> u64 {
    let metrics = registry.metrics().await;
    let value = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        let name = name.strip_suffix("_total").unwrap_or(name);
        (name == "roadstead_store_reread_bytes").then(|| value.parse::<f64>().ok())?
    };
    let found = metrics.lines().find_map(value).expect("it is counted");
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of bytes"
    )]
    let bytes = found as u64;
    bytes
}

/// The most memory that a process has had, in KiB.
fn peak_memory(registry: &TestRegistry) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", registry.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("the kernel says")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_blob_arrives_in_chunks_at_changing_replicas() {
    let replicas = Replicas::start(3).await;
    let chunks = usize::try_from(scale::count(10)).expect("it fits");
    let mut hash = sha2::Sha256::new();
    let mut location = replicas.replica(0).start_upload(REPOSITORY).await;
    let mut peaks = Vec::new();
    for number in 0..chunks {
        let chunk = noise(number as u64, CHUNK_BYTES);
        hash.update(&chunk);
        let start = number * CHUNK_BYTES;
        let range = format!("{start}-{}", start + CHUNK_BYTES - 1);
        let replica = replicas.replica(number % replicas.count());
        let patch = replica.patch(&location).header("content-range", range);
        let answer = patch.body(chunk).await.assert_status(202);
        location = answer.location();
        if number + 1 == chunks.div_ceil(2).max(2 * replicas.count()) {
            peaks = replicas.each().map(peak_memory).collect();
        }
    }
    let digest = hash.finalize();
    let digest = digest.iter().fold("sha256:".to_owned(), |text, byte| {
        format!("{text}{byte:02x}")
    });
    let put = replicas
        .replica(chunks % replicas.count())
        .put(&format!("{location}?digest={digest}"));
    put.body("").await.assert_status(201);

    let mut reread = 0;
    for registry in replicas.each() {
        reread += reread_bytes(registry).await;
    }
    let most = PART_BYTES * chunks as u64;
    assert!(
        (1..most).contains(&reread),
        "{reread} bytes of {chunks} chunks were read again"
    );
    for (registry, before) in replicas.each().zip(peaks) {
        let now = peak_memory(registry);
        assert!(now < before + GROWTH_KIB, "{before} KiB, then {now} KiB");
    }
    // In ranges, because a test should not hold it whole either.
    for number in [0, chunks / 2, chunks - 1] {
        let start = number * CHUNK_BYTES;
        let range = format!("bytes={start}-{}", start + CHUNK_BYTES - 1);
        let target = format!("/v2/{REPOSITORY}/blobs/{digest}");
        let part = replicas.get(&target).header("range", range).await;
        part.assert_status(206)
            .assert_body(noise(number as u64, CHUNK_BYTES));
    }
}
