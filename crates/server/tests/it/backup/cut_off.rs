//! Backups and restores that are killed, and what the collector does meanwhile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::portrait::portrait;
use super::{LARGE, Place, back_up, digest_of, done, empty, files_of_length, fill};
use crate::registry::backends::{Backends, Store};
use crate::registry::content::{OCI_EMPTY, OCI_LAYER, descriptor, image_manifest, noise};
use crate::registry::{PATIENCE, TestRegistry};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_and_a_restore_that_were_killed_go_on() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    fill(&registry).await;
    for seed in 10..16 {
        registry
            .push_blob("library/large", noise(seed, LARGE))
            .await;
    }
    let before = portrait(&registry).await;
    let place = Place::new(Store::Files);
    let objects = place.path().join("objects/blobs");
    let begin = || registry.command(&["backup", "--json", "--to", &place.name]);
    kill_once(begin(), || {
        objects.is_dir() && !files_of_length(&objects, LARGE as u64).is_empty()
    });
    let there = done(&mut registry.command(&["backup", "list", "--json", "--from", &place.name]));
    assert_eq!(there, json!([]), "half a backup is none");
    let had = files_of_length(&objects, LARGE as u64).len() as u64;
    let made = done(&mut begin());
    assert_eq!(made["is_whole"], true);
    let (blobs, copied) = (made["blobs"].as_u64(), made["copied"].as_u64());
    assert!(
        copied.expect("a number") <= blobs.expect("a number") - had,
        "{made:#}"
    );

    let there = empty(Backends::EMBEDDED, &registry.data_dir());
    let stored = there.data_dir().join("blobs");
    let begin = || there.command(&["restore", "--json", "--from", &place.name]);
    // Two: one is damaged below, the other need not be copied again.
    kill_once(begin(), || {
        stored.is_dir() && files_of_length(&stored, LARGE as u64).len() > 1
    });
    assert!(
        !there.data_dir().join("roadstead.db").exists(),
        "no half of a deployment"
    );
    // A disk that loses what it had: what is there is read again, too.
    let cut_short = files_of_length(&stored, LARGE as u64).remove(0);
    std::fs::write(&cut_short, noise(99, LARGE)).expect("it is ours");
    let restored = done(&mut begin());
    assert!(
        restored["copied"].as_u64() < made["blobs"].as_u64(),
        "{restored:#}"
    );
    let restored = there.start().await;
    assert_eq!(portrait(&restored).await, before);
    let fsck = done(&mut restored.command(&["fsck", "--json"]));
    assert_eq!(fsck["findings"], json!([]), "{fsck:#}");
    let scrub = done(&mut restored.command(&["scrub", "--json"]));
    assert_eq!(scrub["damaged"], 0, "{scrub:#}");
}

/// Kills a command when something has happened.
fn kill_once(mut command: std::process::Command, has_happened: impl Fn() -> bool) {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    tokio::task::block_in_place(|| {
        let mut child = command.spawn().expect("the program runs");
        let deadline = Instant::now() + PATIENCE;
        while !has_happened() {
            assert!(Instant::now() < deadline, "it never happens");
            let ended = child.try_wait().expect("it is our child");
            assert!(ended.is_none(), "it has ended: {ended:?}");
            std::thread::yield_now();
        }
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    });
}

const GOING: &str = "library/going";

/// Four images with a large layer each.
async fn push_images_that_go(registry: &TestRegistry) {
    for seed in 20..24 {
        registry.push_blob(GOING, "{}").await;
        registry.push_blob(GOING, noise(seed, LARGE)).await;
        let layer = descriptor(OCI_LAYER, noise(seed, LARGE));
        let image = image_manifest(&descriptor(OCI_EMPTY, "{}"), &[layer]);
        let tag = format!("tag{seed}");
        registry.push_manifest(GOING, &tag, &image).await;
    }
}

/// What is deleted and collected while a backup goes on stays in the store until it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_from_the_store_while_a_backup_goes_on() {
    let registry = TestRegistry::builder()
        .on(Backends::EMBEDDED)
        .setting("GARBAGE_COLLECTION__RECOVERY_WINDOW_SECS", 0)
        .setting("GARBAGE_COLLECTION__TRASH_PERIOD_SECS", 0)
        // Long enough to push an image on a machine that is busy.
        .setting("GARBAGE_COLLECTION__GRACE_PERIOD_SECS", 6)
        .setting("GARBAGE_COLLECTION__INTERVAL_SECS", 1)
        .setting("UPLOADS__SWEEP_INTERVAL_SECS", 1)
        .start()
        .await;
    fill(&registry).await;
    push_images_that_go(&registry).await;
    let before = portrait(&registry).await;
    let stored = registry.data_dir().join("blobs");
    let place = Place::new(Store::Files);

    // Held still where it has its pin and its snapshot, and has copied hardly anything.
    let mut command = registry.command(&["backup", "--json", "--to", &place.name]);
    let objects = place.path().join("objects");
    let going = tokio::task::block_in_place(|| {
        let child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let deadline = Instant::now() + PATIENCE;
        while !objects.join("blobs").is_dir() || snapshots(&objects).is_empty() {
            assert!(Instant::now() < deadline, "it never takes a snapshot");
            std::thread::yield_now();
        }
        signal(&child, rustix::process::Signal::STOP);
        child
    });
    for seed in 20..24 {
        let digest = digest_of(&registry, GOING, &format!("tag{seed}")).await;
        let path = format!("/v2/{GOING}/manifests/{digest}");
        registry.delete(&path).await.assert_status(202);
    }
    until(|| collected(&registry) >= 4).await;
    assert_eq!(
        files_of_length(&stored, LARGE as u64).len(),
        5,
        "all are there"
    );
    signal(&going, rustix::process::Signal::CONT);
    let output = tokio::task::block_in_place(|| going.wait_with_output().expect("it ends"));
    assert!(output.status.success());

    // The pin has ended, and with it the rest.
    until(|| files_of_length(&stored, LARGE as u64).len() == 1).await;
    let there = empty(Backends::EMBEDDED, &registry.data_dir());
    done(&mut there.command(&["restore", "--json", "--from", &place.name]));
    let restored = there.start().await;
    assert_eq!(portrait(&restored).await, before);
    let again = back_up(&registry, &place.name);
    assert_eq!(
        (&again["is_whole"], &again["copied"]),
        (&json!(true), &json!(0))
    );
}

fn signal(child: &std::process::Child, signal: rustix::process::Signal) {
    let pid = i32::try_from(child.id()).expect("a process id");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("it is our child");
}

/// Objects of a place that are no blobs of the registry: they begin as a snapshot does.
fn snapshots(objects: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for shard in std::fs::read_dir(objects.join("blobs")).expect("it is there") {
        for entry in std::fs::read_dir(shard.expect("it is there").path()).expect("it is there") {
            let path = entry.expect("it is there").path();
            let text = std::fs::read(&path).unwrap_or_default();
            if text.starts_with(b"{\"format\":\"roadstead snapshot") {
                found.push(path);
            }
        }
    }
    found
}

fn collected(registry: &TestRegistry) -> u64 {
    let runs = done(&mut registry.command(&["gc", "--history", "--json"]));
    let runs = runs.as_array().expect("a list");
    runs.iter()
        .filter_map(|run| run["collected"].as_u64())
        .sum()
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never is so");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
