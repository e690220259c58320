//! What must not be restored is refused, and nothing is changed; what is damaged is named.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{LARGE, Place, back_up, done, empty, failed, files_of_length, fill};
use crate::registry::backends::{Backends, Store};
use crate::registry::content::{noise, sha256};
use crate::registry::{Setup, TestRegistry};

/// Fails to restore; returns the complaint. Whatever was there of a deployment is there still, and whatever was not is not.
fn refused(there: &Setup, place: &Place) -> String {
    let database = there.data_dir().join("roadstead.db");
    let before = std::fs::read(&database).ok();
    let (_, complaint) = failed(&mut restore(there, place));
    assert_eq!(std::fs::read(&database).ok(), before, "{complaint}");
    complaint
}

fn restore(there: &Setup, place: &Place) -> Command {
    there.command(&["restore", "--json", "--from", &place.name])
}

/// Puts other bytes into a file, as many as there were.
fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).expect("it is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_into_an_empty_deployment_with_the_same_key_only() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    fill(&registry).await;
    let place = Place::new(Store::Files);
    back_up(&registry, &place.name);

    let (_, running) = failed(&mut registry.command(&["restore", "--from", &place.name]));
    assert!(running.contains("a roadstead runs on"), "{running}");
    let stopped = registry.stop();
    let complaint = refused(&stopped, &place);
    assert!(complaint.contains("has blobs in it"), "{complaint}");

    let other = TestRegistry::builder().on(Backends::EMBEDDED);
    let complaint = refused(&other, &place);
    assert!(complaint.contains("put the deployment.key"), "{complaint}");
    let other = other.with_deployment_key(&[3; 32]);
    let complaint = refused(&other, &place);
    assert!(
        complaint.contains("belongs to the deployment key"),
        "{complaint}"
    );

    let occupied = empty(Backends::EMBEDDED, &stopped.data_dir());
    let stranger = occupied
        .data_dir()
        .join("blobs/f4/01890a5d-ac96-774b-bcce-b302099a80f4");
    std::fs::create_dir_all(stranger.parent().expect("a directory")).expect("it is ours");
    std::fs::write(&stranger, "somebody's").expect("it is ours");
    let complaint = refused(&occupied, &place);
    assert!(
        complaint.contains("01890a5d-ac96-774b-bcce-b302099a80f4"),
        "{complaint}"
    );
    assert_eq!(
        files_of_length(&occupied.data_dir().join("blobs"), LARGE as u64).len(),
        0
    );

    let production = empty(Backends::PRODUCTION, &stopped.data_dir());
    done(&mut restore(&production, &place));
    let complaint = refused(&production, &place);
    assert!(complaint.contains("has blobs in it"), "{complaint}");
    production.start().await.stop();

    let nowhere = Place::new(Store::Files);
    let complaint = refused(&empty(Backends::EMBEDDED, &stopped.data_dir()), &nowhere);
    assert!(complaint.contains("holds no backups"), "{complaint}");
    let inside = stopped.data_dir().join("backups").display().to_string();
    let (_, complaint) = failed(&mut stopped.command(&["backup", "--to", &inside]));
    assert!(complaint.contains("belongs to the registry"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_is_named_and_brought_anew() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    fill(&registry).await;
    let place = Place::new(Store::Files);
    back_up(&registry, &place.name);
    let objects = place.path().join("objects/blobs");
    let large = sha256(noise(7, LARGE));
    let there = empty(Backends::EMBEDDED, &registry.data_dir());

    let object = files_of_length(&objects, LARGE as u64).remove(0);
    damage(&object);
    let complaint = refused(&there, &place);
    assert!(
        complaint.contains(&large) && complaint.contains("other bytes"),
        "{complaint}"
    );
    let (printed, complaint) =
        failed(&mut registry.command(&["backup", "verify", "--from", &place.name]));
    assert!(
        printed.contains(&large) && complaint.contains("--remove-damaged"),
        "{printed}{complaint}"
    );
    failed(&mut registry.command(&[
        "backup",
        "verify",
        "--from",
        &place.name,
        "--remove-damaged",
    ]));
    let complaint = refused(&there, &place);
    assert!(
        complaint.contains(&large) && complaint.contains("missing"),
        "{complaint}"
    );
    let mended = back_up(&registry, &place.name);
    assert_eq!(mended["copied"], 1, "{mended:#}");
    done(&mut registry.command(&["backup", "verify", "--from", &place.name, "--json"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_refused_and_what_is_lost_can_be_left_out() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    fill(&registry).await;
    let place = Place::new(Store::Files);
    let made = back_up(&registry, &place.name);
    let newest = back_up(&registry, &place.name);
    let objects = place.path().join("objects/blobs");
    let large = sha256(noise(7, LARGE));
    let there = empty(Backends::EMBEDDED, &registry.data_dir());

    // Both are as long; the newer one has the later key.
    let length = newest["snapshot_bytes"].as_u64().expect("a number");
    let mut snapshots = files_of_length(&objects, length);
    snapshots.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
    damage(snapshots.last().expect("it is there"));
    let complaint = refused(&there, &place);
    assert!(
        complaint.contains("its snapshot holds other bytes"),
        "{complaint}"
    );
    // Nor is anything taken away while it is not known what it names.
    let prune = ["backup", "prune", "--from", &place.name, "--keep", "1"];
    failed(&mut registry.command(&prune));
    let id = made["id"].as_str().expect("an id");
    done(&mut there.command(&["restore", "--json", "--from", &place.name, "--backup", id]));

    // The bytes of one are gone for good.
    std::fs::remove_file(&files_of_length(&objects, LARGE as u64)[0]).expect("it is there");
    let there = empty(Backends::EMBEDDED, &registry.data_dir());
    let arguments = ["restore", "--json", "--from", &place.name, "--backup", id];
    failed(&mut there.command(&arguments));
    let mut despite = there.command(&arguments);
    let restored = done(despite.arg("--despite-damage"));
    assert_eq!(
        restored["lost"][0]["digest"],
        large.as_str(),
        "{restored:#}"
    );
    let restored = there.start().await;
    let path = format!("/v2/library/one/blobs/{large}");
    restored.get(&path).await.assert_status(500);
    restored.push_blob("library/one", noise(7, LARGE)).await;
    restored
        .get(&path)
        .await
        .assert_status(200)
        .assert_body(noise(7, LARGE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_cannot_be_read_is_named_and_all_others_are_there() {
    let registry = TestRegistry::builder().on(Backends::EMBEDDED).start().await;
    fill(&registry).await;
    let large = sha256(noise(7, LARGE));
    let stored = registry.data_dir().join("blobs");
    damage(&files_of_length(&stored, LARGE as u64)[0]);
    let place = Place::new(Store::Files);
    let (printed, complaint) = failed(&mut registry.command(&["backup", "--to", &place.name]));
    assert!(printed.contains(&large), "{printed}");
    assert!(
        complaint.contains("1 blobs could not be read"),
        "{complaint}"
    );
    let listed = done(&mut registry.command(&["backup", "list", "--json", "--from", &place.name]));
    assert_eq!(listed[0]["is_whole"], false);
    assert_eq!(listed[0]["problems"][0]["digest"], large.as_str());
    let verified =
        done(&mut registry.command(&["backup", "verify", "--json", "--from", &place.name]));
    assert_eq!(
        verified["problems"],
        json!([]),
        "what was never in it is not damaged"
    );

    let there = empty(Backends::EMBEDDED, &registry.data_dir());
    let restored = done(&mut restore(&there, &place));
    assert_eq!(
        restored["lost"][0]["digest"],
        large.as_str(),
        "{restored:#}"
    );
    let restored = there.start().await;
    restored
        .get(&format!("/v2/library/one/blobs/{large}"))
        .await
        .assert_status(500);
    let manifest = restored.get("/v2/library/one/manifests/latest").await;
    manifest.assert_status(200);
    let image = restored.get("/v2/library/app/manifests/1.0").await;
    image.assert_status(200);
}
