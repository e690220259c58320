//! From one machine to a cluster and back.

use serde_json::json;

use super::portrait::portrait;
use super::{LARGE, Place, back_up, done, empty, fill};
use crate::registry::TestRegistry;
use crate::registry::backends::{Backends, Store};

#[tokio::test(flavor = "multi_thread")]
async fn a_team_moves_from_sqlite_and_files_to_postgresql_and_s3() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    fill(&registry).await;
    let member = registry.create_member("library", "somebody", "developer");
    registry.start_upload("library/app").await;
    let before = portrait(&registry).await;
    let place = Place::new(Store::Files);

    let first = back_up(&registry, &place.name);
    assert_eq!(first["is_whole"], true, "{first:#}");
    assert_eq!(first["copied"], first["blobs"]);
    assert_eq!(first["problems"], json!([]));
    assert!(first["blob_bytes"].as_u64() > Some(LARGE as u64));

    // The second one brings only what is new.
    registry.push_image("library/app", "3.0").await;
    let second = back_up(&registry, &place.name);
    assert_eq!(
        second["copied"], 2,
        "a configuration and a layer: {second:#}"
    );
    let stopped = registry.stop();
    let third = done(&mut stopped.command(&["backup", "--json", "--to", &place.name]));
    assert_eq!(third["copied"], 0, "without a running registry: {third:#}");
    assert_eq!(third["blobs"], second["blobs"]);

    let id = first["id"].as_str().expect("an id");
    let there = empty(Backends::PRODUCTION, &stopped.data_dir());
    let restored =
        done(&mut there.command(&["restore", "--json", "--from", &place.name, "--backup", id]));
    assert_eq!(restored["copied"], first["blobs"], "{restored:#}");
    let moved = there.start().await;
    assert_eq!(portrait(&moved).await, before);
    let member = moved.client(member.credentials().clone());
    member.push_image("library/app", "by-a-member").await;
    moved.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn and_back_again_by_way_of_a_bucket() {
    let registry = TestRegistry::builder()
        .on(Backends::PRODUCTION)
        .start()
        .await;
    fill(&registry).await;
    let place = Place::new(Store::S3);
    let made = done(&mut registry.command(&place.with(&["backup", "--to", &place.name])));
    assert_eq!(
        (&made["is_whole"], &made["copied"]),
        (&json!(true), &made["blobs"])
    );
    let before = portrait(&registry).await;
    registry.push_image("library/app", "too-late").await;
    let again = done(&mut registry.command(&place.with(&["backup", "--to", &place.name])));
    assert_eq!(again["copied"], 2, "{again:#}");

    let listed =
        done(&mut registry.command(&place.with(&["backup", "list", "--from", &place.name])));
    let ids: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&again["id"], &made["id"]], "the newest first");
    let verified =
        done(&mut registry.command(&place.with(&["backup", "verify", "--from", &place.name])));
    assert_eq!(verified["whole"], again["blobs"]);

    let id = made["id"].as_str().expect("an id");
    let there = empty(Backends::EMBEDDED, &registry.data_dir());
    let arguments = place.with(&["restore", "--from", &place.name, "--backup", id]);
    assert_eq!(done(&mut there.command(&arguments))["lost"], json!([]));
    let moved = there.start().await;
    assert_eq!(portrait(&moved).await, before);

    // Only what the newer one has more is taken with the older one.
    let pruned = done(&mut registry.command(&place.with(&[
        "backup",
        "prune",
        "--from",
        &place.name,
        "--keep",
        "1",
    ])));
    assert_eq!(
        (&pruned["backups"], &pruned["kept"]),
        (&json!(1), &json!(1)),
        "{pruned:#}"
    );
    assert_eq!(pruned["objects"], 1, "the older snapshot: {pruned:#}");
    let verified =
        done(&mut registry.command(&place.with(&["backup", "verify", "--from", &place.name])));
    assert_eq!(verified["whole"], again["blobs"]);
    let fsck = done(&mut moved.command(&["fsck", "--json"]));
    assert_eq!(fsck["findings"], json!([]), "{fsck:#}");
}
